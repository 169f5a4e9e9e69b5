"""The time that is left: told as a range that does not jump."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from seedsweep.cli.timeleft import FEWEST, TimeLeft

RECORDED = Path(__file__).with_name("time-left.csv")
"""Every event of a run of pocket/count-depth (4 x 6 seeds, 1200 steps, packs of 4, two workers) on two cores that
other work kept busy: `seedsweep.sweep.run.run(..., on_progress=...)`, the status's `seconds_left`."""


def recorded() -> Iterator[tuple[float, float | None]]:
    with RECORDED.open() as file:
        for row in csv.DictReader(file):
            yield float(row["seconds"]), float(row["left"]) if row["left"] else None


def told(series: Iterable[tuple[float, float | None]]) -> Iterator[tuple[float, str | None]]:
    """What is said after each estimate."""
    now = 0.0
    left = TimeLeft(lambda: now)
    for now, estimate in series:
        yield now, left.after(estimate)


def ends(words: str) -> tuple[float, float]:
    """The range, in seconds."""
    match = re.fullmatch(r"(?:under |([\d.]+)–)?([\d.]+) (s|min|h) left", words)
    assert match is not None, words
    unit = {"s": 1.0, "min": 60.0, "h": 3600.0}[match[3]]
    low = 0.0 if words.startswith("under") else float(match[1] or match[2])
    return low * unit, float(match[2]) * unit


def jumps(numbers: list[float]) -> float:
    """The largest factor between neighbours."""
    return max(max(a, b) / min(a, b) for a, b in pairwise(numbers))


def test_a_recorded_run_is_told_without_jumps() -> None:
    raw = [(at, estimate) for at, estimate in recorded() if estimate and estimate > 20]
    assert jumps([estimate for _, estimate in raw]) > 1.9, "the estimates themselves do jump"
    said = [(at, *ends(words)) for at, words in told(recorded()) if words is not None]
    assert len(said) > 100
    assert jumps([high for _, _, high in said if high > 20]) <= 1.5 + 1e-9  # from 3 to 2 minutes
    for (_, low, high), (_, next_low, next_high) in pairwise(said):
        assert next_low <= high
        assert low <= next_high
    last, _ = list(recorded())[-1]
    held = [low <= last - at <= high for at, low, high in said if last - at < 120]
    assert sum(held) > 0.6 * len(held), "near the end the range holds what is really left"


def test_one_estimate_that_is_far_off_is_not_told() -> None:
    """3:18, 11:12 and 4:50 were told one after the other by a run whose packs came and went."""
    steady = [(2.0 * tick, 300 - 2.0 * tick) for tick in range(40)]
    steady[20] = (40.0, 672.0)
    said = [words for _, words in told(steady) if words is not None]
    assert all(ends(words)[1] <= 360 for words in said)
    assert "4–6 min left" in said


def test_little_is_known_at_first() -> None:
    said = [words for _, words in told((2.0 * tick, 100.0) for tick in range(FEWEST))]
    assert said[:-1] == [None] * (FEWEST - 1)
    assert said[-1] is not None
    assert [words for _, words in told([(0.0, None), (2.0, None)])] == [None, None]


def test_what_is_long_past_does_not_count() -> None:
    """Workers that are gone for an hour leave no estimate behind."""
    series = [(2.0 * tick, 100.0) for tick in range(FEWEST)] + [(3600.0, None)]
    assert list(told(series))[-1] == (3600.0, None)


@pytest.mark.parametrize(("seconds", "words"), [(30.0, "20–40 s left"), (36_000.0, "9–11 h left")])
def test_the_range_is_never_narrower_than_a_tenth(seconds: float, words: str) -> None:
    now = 0.0
    left = TimeLeft(lambda: now)
    assert [left.after(seconds) for _ in range(FEWEST)][-1] == words
