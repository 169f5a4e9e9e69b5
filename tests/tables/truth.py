"""What the runs in `data/trackers` measured."""

from __future__ import annotations

from collections.abc import Iterator

STEPS = (10, 20, 30)


def runs() -> Iterator[tuple[int, int]]:
    """Width and seed of each."""
    for width in (8, 16):
        for seed in (0, 1, 2):
            yield width, seed


def accuracy(width: int, seed: int, step: int) -> float:
    """Of a run at a step."""
    return round(step / 30 * (0.2 * (seed + 1) + width / 100), 6)
