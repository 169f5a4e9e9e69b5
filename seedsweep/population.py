"""A population of seeds as a researcher reads it: final tables (scale × seed) and learning curves.

    population = seedsweep.load("runs/count-depth")                            # a sweep of ours
    population = seedsweep.read_table("study.csv", scale="depth", seed="run", metric="accuracy")    # any table
    final = population.final("accuracy")
    final.at(2)                               # one number per seed of scale 2

The analysis takes any `Population`. Where one comes from: `seedsweep.sweep.reader` and `seedsweep.tables`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from seedsweep.criterion import Criterion
from seedsweep.errors import InputError, listed
from seedsweep.measures import Metric, Split, scale_text

if TYPE_CHECKING:
    import pandas

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Labels = npt.NDArray[Any]
"""Ids of seeds: integers, or text in a table whose runs have names."""

ALL_ROWS = "all rows"
"""Name of the split of a table of which no rows were chosen."""


@dataclass(frozen=True, eq=False)
class FinalTable:
    """One metric of every finished seed at the end of its training."""

    metric: str
    split: str
    scale_name: str
    """Dotted name of the swept field, or the name of a table's column."""
    scales: tuple[float, ...]
    """N scales, ascending: those that have finished seeds."""
    seeds: Labels
    """(S,) ids of the seeds that are finished at some scale, ascending."""
    init_seeds: Labels
    """(S,) seed of the initial weights of each; differs from `data_seeds` only in crossed sweeps."""
    data_seeds: Labels
    """(S,) seed of the training data of each."""
    values: Floats
    """(N, S); NaN where the cell is missing, and where the seed diverged."""
    present: Bools
    """(N, S) whether the cell is finished; a NaN in a present cell is a seed that diverged."""

    def at(self, scale: float) -> Floats:
        """The values of the finished seeds of one scale, in the order of their ids; NaN where one diverged.

        Raises InputError if the sweep has no such scale.
        """
        row = self._row(scale)
        values: Floats = self.values[row, self.present[row]]
        return values

    def seeds_at(self, scale: float) -> Ints:
        """The ids of the seeds of `at(scale)`, in the same order."""
        seeds: Ints = self.seeds[self.present[self._row(scale)]]
        return seeds

    def _row(self, scale: float) -> int:
        if scale not in self.scales:
            known = listed(map(scale_text, self.scales))
            raise InputError(f"scale {scale:g}: no seed of it is finished; there are seeds of {known}")
        return self.scales.index(scale)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: NaN becomes null; `present` tells a missing cell from a diverged seed."""
        return {
            "metric": self.metric,
            "split": self.split,
            "scale_name": self.scale_name,
            "scales": list(self.scales),
            "seeds": self.seeds.tolist(),
            "init_seeds": self.init_seeds.tolist(),
            "data_seeds": self.data_seeds.tolist(),
            "values": [[None if math.isnan(value) else value for value in row] for row in self.values.tolist()],
            "present": self.present.tolist(),
        }

    def to_pandas(self) -> pandas.DataFrame:
        """A frame with the scales as rows and the seeds as columns. Needs pandas."""
        import pandas

        return pandas.DataFrame(
            self.values,
            index=pandas.Index(self.scales, name=self.scale_name),
            columns=pandas.Index(self.seeds, name="seed"),
        )


@dataclass(frozen=True, eq=False)
class Curves:
    """One metric of the finished seeds of one scale over their training."""

    metric: str
    split: str
    scale: float
    steps: Ints | Floats
    """(T,) optimiser steps of the evaluations, ascending; of a table, whatever it counts by."""
    seeds: Labels
    """(S,) ids, ascending."""
    values: Floats
    """(S, T); NaN from where a seed diverged, and where there is no value (train loss at step 0)."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON: NaN becomes null."""
        return {
            "metric": self.metric,
            "split": self.split,
            "scale": self.scale,
            "steps": self.steps.tolist(),
            "seeds": self.seeds.tolist(),
            "values": [[None if math.isnan(value) else value for value in row] for row in self.values.tolist()],
        }


@dataclass(frozen=True)
class Origin:
    """Where the numbers of a population come from, for people to read."""

    facts: Mapping[str, str]
    """What it is, a few words each."""
    runs: tuple[Mapping[str, str], ...] = ()
    """What was done, in order: when, the command, versions, devices, packs."""
    spec: Mapping[str, Any] | None = None
    """The spec that `seedsweep run` reads; None for a table."""
    extend: str | None = None
    """The command that trains more seeds, to which ``--seeds A:B`` is to be added; None if none is known."""


class Population(ABC):
    """The seeds of a ladder of scales that have been trained, wherever their numbers are kept."""

    @property
    @abstractmethod
    def path(self) -> str:
        """Where the numbers are kept: a path or URL."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What the population is called."""

    @property
    @abstractmethod
    def scale_name(self) -> str:
        """What is scaled: the dotted name of a field, or the name of a column."""

    @property
    @abstractmethod
    def scales(self) -> tuple[float, ...]:
        """Scales that have finished seeds, ascending; empty while there are none."""

    @property
    @abstractmethod
    def seeds(self) -> tuple[Any, ...]:
        """Ids of the seeds that are finished at some scale, ascending."""

    @property
    @abstractmethod
    def splits(self) -> Mapping[str, Split]:
        """Evaluation sets whose role is known, by name; empty for a table, which does not tell roles."""

    @property
    @abstractmethod
    def metrics(self) -> Mapping[str, Metric]:
        """What every seed is measured by."""

    @property
    @abstractmethod
    def criterion(self) -> Criterion:
        """What counts as success."""

    @property
    @abstractmethod
    def origin(self) -> Origin:
        """Where the numbers come from."""

    @abstractmethod
    def figures_directory(self) -> Path:
        """Where figures of this population go."""

    @abstractmethod
    def final(self, metric: str, split: str | None = None) -> FinalTable:
        """A metric of every finished seed at its last evaluation, on the split of `criterion` if none is named.

        Raises InputError, with the nearest name, on an unknown metric or split.
        """

    @abstractmethod
    def curves(self, metric: str, split: str | None = None) -> dict[float, Curves]:
        """A metric over the training of every finished seed, by scale; empty if only final values are known.

        `split` and errors as in `final`.
        """

    @abstractmethod
    def lattice(self, metric: str, split: str | None = None) -> float | None:
        """Step between the values that the metric can take, if it can only take multiples of one.

        `split` and errors as in `final`.
        """
