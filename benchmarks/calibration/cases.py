"""A population with its truth written beside it, and the table through which the analysis gets to see it."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

import seedsweep
from seedsweep import Population

FloatArray: TypeAlias = npt.NDArray[np.float64]
Drawn: TypeAlias = Mapping[str, Mapping[float, FloatArray]]
"""Metric, scale, and one value per seed or, with learning curves, a row; `nan` is a row that the table lacks. The
first metric decides about success."""

DIVERGED: Final = -math.inf
"""In what is drawn, a seed whose value is not a number: the table has a NaN."""

Draw: TypeAlias = Callable[[np.random.Generator, int], Drawn]
Ask: TypeAlias = Literal[
    "groups", "intervals", "claims", "capacity", "metric", "budget", "duplicates", "inside", "transience"
]

METRIC: Final = "value"
REFERENCE: Final = 200_000
"""Seeds per scale in the draw from which true means, shares and distances are taken."""
ALL: Final = (1.0, 2.0, 3.0)
"""The scales below the largest of a ladder of four."""


@dataclass(frozen=True)
class Truth:
    """What is true of a population by its construction; what is not asked of it keeps its default.

    Attributes
    ----------
    groups : mapping of scale to float
        Where the seeds form separate groups: the share of the smaller one. Empty: one group at every scale.
    chance : bool
        Whether at some scale these groups are the successes and the failures.
    visible : bool
        Whether a good test would see groups of this size, this far apart, nearly always.
    mode : mapping of scale to float
        Where the density is highest.
    rise : str
        "even", "step" (one scale makes all of it), or not asked.
    as_largest : tuple of float
        Scales with exactly the distribution of the largest.
    capacity : float or None
        Where the largest step of the ladder is; None where no step stands out, `nan` where that is not asked.
    in_continuous : bool
        Whether the continuous metric has the groups too.
    doubled : float or None
        Share of the failing seeds that would succeed in as many steps again.
    twice : bool or None
        Whether one run is in the table under two names.
    """

    groups: Mapping[float, float] = field(default_factory=dict)
    chance: bool = False
    visible: bool = False
    mode: Mapping[float, float] = field(default_factory=dict)
    rise: Literal["even", "step", ""] = ""
    as_largest: tuple[float, ...] = ()
    capacity: float | None = math.nan
    in_continuous: bool = False
    doubled: float | None = None
    twice: bool | None = None


@dataclass(frozen=True)
class Case:
    """A named population.

    Attributes
    ----------
    name : str
        Ends with the number of seeds per scale.
    seeds : int
        Per scale, where the population does not itself say how many.
    draw : callable
        From a generator and a number of seeds per scale.
    threshold : float
        Of success; higher is better throughout.
    truth : Truth
    asks : tuple of str
        The statistics that are called directly.
    whole : int
        How many whole studies this case gets where others get one; 0 where the sentences are not asked.
    """

    name: str
    seeds: int
    draw: Draw
    threshold: float
    truth: Truth
    asks: tuple[Ask, ...] = ("groups",)
    whole: int = 1

    def generator(self, seed: int, repetition: int) -> np.random.Generator:
        """Counter-based, and the same whatever else is run, in whatever order and process."""
        key = np.random.SeedSequence((seed, zlib.crc32(self.name.encode()), repetition))
        return np.random.Generator(np.random.Philox(key))

    def population(self, seed: int, repetition: int, folder: Path) -> Population:
        """One of its populations, read from a table that is written to the folder."""
        return read(self, self.draw(self.generator(seed, repetition), self.seeds), folder)


@dataclass(frozen=True)
class Numbers:
    """True values by scale, of a reference draw."""

    mean: Mapping[float, float]
    success: Mapping[float, float]
    given_success: Mapping[float, float]
    to_largest: Mapping[float, float]
    """Wasserstein-2, of the reference draws."""


def read(case: Case, drawn: Drawn, folder: Path) -> Population:
    """Write the table, and read it as a user would."""
    curves = next(iter(drawn[METRIC].values())).ndim == 2
    columns: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in ("scale", "seed", "step", *drawn)}
    for scale in drawn[METRIC]:
        values = {name: np.atleast_2d(by_scale[scale].T).T for name, by_scale in drawn.items()}
        seeds, steps = map(np.asarray, np.indices(values[METRIC].shape))
        kept = ~np.isnan(values[METRIC])
        columns["scale"].append(np.full(int(kept.sum()), scale))
        columns["seed"].append(seeds[kept])
        columns["step"].append(100 * steps[kept])
        for name, array in values.items():
            columns[name].append(np.where(array[kept] == DIVERGED, math.nan, array[kept]))
    table = pa.table({name: np.concatenate(parts) for name, parts in columns.items()})
    path = folder / "table.csv"
    pyarrow.csv.write_csv(table if curves else table.drop_columns(["step"]), path)
    step = "step" if curves else None
    return seedsweep.read_table(
        path, scale="scale", seed="seed", metric=list(drawn), step=step, threshold=case.threshold
    )


@cache
def numbers_of(draw: Draw, threshold: float) -> Numbers:
    """From many seeds; of final values, not of curves."""
    ladder = draw(np.random.Generator(np.random.Philox(0)), REFERENCE)[METRIC]
    levels = np.linspace(0, 1, REFERENCE)
    ended = {scale: sample[sample > DIVERGED] for scale, sample in ladder.items()}
    quantiles = {
        scale: np.interp(levels, np.linspace(0, 1, sample.size), np.sort(sample))
        for scale, sample in ended.items()
    }
    apart = {s: float(np.sqrt(np.mean((q - quantiles[max(ladder)]) ** 2))) for s, q in quantiles.items()}
    good = {scale: sample[sample >= threshold] for scale, sample in ladder.items()}
    return Numbers(
        mean={scale: float(sample.mean()) for scale, sample in ended.items()},
        success={scale: good[scale].size / sample.size for scale, sample in ladder.items()},
        given_success={scale: float(sample.mean()) for scale, sample in good.items() if sample.size},
        to_largest=apart,
    )


def one_metric(draw: Callable[[np.random.Generator, int], Mapping[float, FloatArray]]) -> Draw:
    """Of a function that draws the values of the only metric."""
    return lambda random, n: {METRIC: draw(random, n)}


def at_every(sample: Callable[[np.random.Generator, int], npt.ArrayLike], scales: int = 4) -> Draw:
    """The same distribution at every scale."""
    return one_metric(
        lambda random, n: {float(s): np.asarray(sample(random, n), float) for s in range(1, scales + 1)}
    )
