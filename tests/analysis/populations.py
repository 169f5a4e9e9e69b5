"""Populations whose answer is known, as tables; and the shipped ones, studied once."""

from __future__ import annotations

import csv
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

import seedsweep
from seedsweep import analysis
from seedsweep.criterion import Criterion
from seedsweep.population import Population

SHIPPED = Path(__file__).parents[2] / "populations"

DEPTHS = (1, 2, 3, 4, 5)

ACCURACY = Criterion("accuracy", split="test", threshold=0.5)


def around(*means: float, seeds: int = 100, spread: float = 0.04) -> dict[float, np.ndarray]:
    """At each depth seeds that lie around one mean."""
    random = np.random.default_rng(0)
    return {
        depth: random.normal(mean, spread, seeds).clip(0, 1) for depth, mean in zip(DEPTHS, means, strict=False)
    }


def chance(*shares: float, seeds: int = 100) -> dict[float, np.ndarray]:
    """At each depth a share of the seeds around 0.9 and the others around 0.1."""
    random = np.random.default_rng(0)
    found: dict[float, np.ndarray] = {}
    for depth, share in zip(DEPTHS, shares, strict=False):
        succeeds = random.permutation(seeds) < share * seeds
        found[depth] = np.where(succeeds, random.normal(0.9, 0.03, seeds), random.normal(0.1, 0.03, seeds)).clip(
            0, 1
        )
    return found


def as_curves(ends: np.ndarray, begin: Sequence[float] | np.ndarray, steps: int = 12) -> np.ndarray:
    """Curves that jump at their own step from 0.1 to their end, shape (seeds, steps), with a little noise."""
    noise = np.random.default_rng(1).normal(0, 0.005, (len(ends), steps))
    jumped = np.arange(steps) >= np.asarray(begin)[:, None]
    curves = np.where(jumped, np.asarray(ends)[:, None], 0.1) + noise
    curves[:, -1] = ends
    return curves


def write(
    path: Path,
    metrics: Mapping[str, Mapping[float, Sequence[float] | np.ndarray]],
    names: Sequence[str] = ("depth", "run"),
) -> Path:
    """A CSV with a row per seed, or where the values have two axes, per seed and step."""
    first = next(iter(metrics.values()))
    stepped = np.ndim(next(iter(first.values()))) == 2
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow([*names, *(["step"] if stepped else []), *metrics])
        for depth, values in first.items():
            for seed in range(len(values)):
                columns = [np.atleast_1d(metric[depth][seed]) for metric in metrics.values()]
                for step, row in enumerate(zip(*columns, strict=True)):
                    out.writerow([depth, seed, *([step] if stepped else []), *(float(value) for value in row)])
    return path


def table(
    folder: Path,
    metrics: Mapping[str, Mapping[float, Sequence[float] | np.ndarray]],
    threshold: float | None = 0.5,
    higher_is_better: bool = True,
) -> Population:
    """The population of `write`."""
    stepped = np.ndim(next(iter(next(iter(metrics.values())).values()))) == 2
    return seedsweep.read_table(
        write(folder / "known.csv", metrics),
        scale="depth",
        seed="run",
        metric=list(metrics),
        step="step" if stepped else None,
        threshold=threshold,
        higher_is_better=higher_is_better,
    )


@functools.cache
def studied(name: str) -> analysis.Study:
    """The study of a shipped population: tests that ask for the same one are run by one process."""
    return analysis.study(seedsweep.load(SHIPPED / name))
