"""A population of seeds as a researcher reads it: final tables (scale × seed) and learning curves.

    population = seedsweep.load("runs/count-depth")                            # a sweep of ours
    population = seedsweep.read_table("study.csv", scale="depth", seed="run", metric="accuracy")    # any table
    final = population.final("accuracy")
    final.at(2)                               # one number per seed of scale 2

A `Population` says what is there; its `Reader` gets the numbers when they are asked for. There are two readers, of
a sweep's store (`seedsweep.sweep.storereader`) and of anyone's table (`seedsweep.tables.reader`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from seedsweep import formats
from seedsweep.criterion import Criterion
from seedsweep.errors import InputError, did_you_mean, listed
from seedsweep.htmltable import html_table
from seedsweep.measures import Metric, Split, in_ranges, scale_text
from seedsweep.plotted import Plotted
from seedsweep.sequential import Aims

if TYPE_CHECKING:
    import pandas
    import pyarrow as pa

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Labels = npt.NDArray[Any]
"""Ids of seeds: integers, or text in a table whose runs have names."""

ALL_ROWS = "all rows"
"""Name of the split of a table of which no rows were chosen."""


def of_split(split: str) -> str:
    """How a sentence goes on after a metric: `" on test"`, or nothing where rows are of no split."""
    return "" if split == ALL_ROWS else f" on {split}"


ROLES = {
    "id": "in-distribution",
    "in-distribution": "in-distribution",
    "ood": "out-of-distribution",
    "out-of-distribution": "out-of-distribution",
}
"""Names by which a split may be called instead of its own, where only one is meant."""


Taken: TypeAlias = Literal["dropped", "failed", "last"]
"""What becomes of a seed that ends before its scale is compared: it is left out, it has no value and fails as a
diverged one does, or its last value stands for its final one."""


@dataclass(frozen=True, repr=False)
class Unfinished:
    """Seeds that end before the step at which those of their scale are compared."""

    ends: Mapping[float, Mapping[Any, float]]
    """By scale, for each of these seeds the step of its last value; without the scales that have none."""
    taken: Taken
    """What became of them."""

    @property
    def count(self) -> int:
        """Of all scales."""
        return sum(map(len, self.ends.values()))

    def __repr__(self) -> str:
        return f"<Unfinished: {formats.seeds(self.count)}, {self.taken}>"

    def to_dict(self) -> dict[str, Any]:
        """For JSON, where keys are text and seeds may be numbers: a row per seed."""
        rows = [(scale, seed, step) for scale, ends in self.ends.items() for seed, step in ends.items()]
        return {
            "taken": self.taken,
            "ends": [dict(zip(("scale", "seed", "step"), row, strict=True)) for row in rows],
        }


@dataclass(frozen=True, eq=False)
class FinalTable(Plotted):
    """One metric of every finished seed at the step at which those of its scale are compared."""

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
    steps: tuple[float, ...] = ()
    """(N,) the step at which the seeds of each scale are compared; empty if only final values are known."""
    unfinished: Unfinished | None = None
    """Seeds that end earlier; None if there are none."""

    def at(self, scale: float) -> Floats:
        """The values of the finished seeds of one scale, in the order of their ids; NaN where one diverged.

        Raises
        ------
        InputError
            If no seed of this scale is finished.
        """
        row = self._row(scale)
        values: Floats = self.values[row, self.present[row]]
        return values

    def seeds_at(self, scale: float) -> Ints:
        """The ids of the seeds of `at(scale)`, in the same order."""
        seeds: Ints = self.seeds[self.present[self._row(scale)]]
        return seeds

    def __repr__(self) -> str:
        return f"<FinalTable {self._title()}>"

    def _repr_html_(self) -> str:
        rows = []
        for scale in self.scales:
            values = self.at(scale)
            known = values[~np.isnan(values)]
            lowest, median, highest = np.quantile(known, [0, 0.5, 1]) if known.size else [math.nan] * 3
            numbers = [lowest, median, known.mean() if known.size else math.nan, highest]
            diverged = values.size - known.size
            count = formats.count(values.size) + (f" ({formats.count(diverged)} diverged)" if diverged else "")
            rows.append([formats.scale(scale), count, *map(formats.number, map(float, numbers))])
        columns = [self.scale_name, "seeds", "lowest", "median", "mean", "highest"]
        return html_table(self._title(), columns, rows)

    def _title(self) -> str:
        scales = ", ".join(map(formats.scale, self.scales))
        seeds = formats.seeds(int(self.present.sum()))
        return f"{self.metric}{of_split(self.split)}: {seeds} at {self.scale_name} {scales}"

    def _row(self, scale: float) -> int:
        if scale not in self.scales:
            known = listed(map(scale_text, self.scales))
            raise InputError(f"scale {scale_text(scale)}: no seed of it is finished; there are seeds of {known}")
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
            "steps": list(self.steps),
            "unfinished": self.unfinished and self.unfinished.to_dict(),
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

    def to_pandas(self) -> pandas.DataFrame:
        """A frame with the steps as rows and the seeds as columns. Needs pandas."""
        import pandas

        return pandas.DataFrame(
            self.values.T,
            index=pandas.Index(self.steps, name="step"),
            columns=pandas.Index(self.seeds, name="seed"),
        )

    def __repr__(self) -> str:
        steps = f"{len(self.steps)} evaluations"
        where = f"{self.metric} on {self.split} at scale {formats.scale(self.scale)}"
        return f"<Curves {where}: {formats.seeds(len(self.seeds))}, {steps}>"

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


class ObservedMetric(Metric):
    """A metric of which nobody has said what values it may have: its bounds are guessed from those it has."""


def observed_metric(final: FinalTable) -> ObservedMetric:
    """A metric of which nothing is known but its values: bounded by 0 and 1 if all are in there, else by the
    smallest and the largest."""
    values = final.values[~np.isnan(final.values)]
    if ((values >= 0) & (values <= 1)).all():
        return ObservedMetric(name=final.metric, bounds=(0.0, 1.0))
    low, high = float(values.min()), float(values.max())
    return ObservedMetric(name=final.metric, bounds=(low, high if high > low else None))


@dataclass(frozen=True, repr=False)
class Origin:
    """Where the numbers of a population come from, for people to read."""

    facts: Mapping[str, str]
    """What it is, a few words each."""
    runs: tuple[Mapping[str, str], ...] = ()
    """What was done, in order: when, the command, versions, devices, packs."""
    spec: Mapping[str, Any] | None = None
    """The spec that `seedsweep run` reads; None for a table."""
    notes: tuple[str, ...] = ()
    """What to know of the numbers, a sentence each."""
    aims: Aims | None = None
    """What seeds were added for, if they were: intervals must then hold whenever one stops."""

    def __repr__(self) -> str:
        return f"<Origin: {', '.join(self.facts)}, {formats.counted(len(self.runs), 'run')}>"


class Reader(Protocol):
    """Gets the numbers of a population from where they are kept, when they are asked for.

    `Population` checks names before it hands them to a reader: `final`, `curves` and `lattices` are only asked for
    what `measured` holds.
    """

    @property
    def measured(self) -> Mapping[str, Sequence[str]]:
        """The metrics of every split, by the split's name."""

    def final(self, metric: str, split: str) -> FinalTable:
        """A metric of every finished seed at the step at which its scale is compared."""

    def curves(self, metric: str, split: str) -> dict[float, Curves]:
        """A metric over the training of every finished seed, by scale; empty if only final values are known."""

    def lattices(self, metric: str, split: str) -> dict[float, float]:
        """Step between the values that the metric can take, of every scale at which they lie evenly."""

    def rows(self, metric: str | None, split: str | None) -> pa.Table:
        """The long table, a row per value, in those columns of `seedsweep.schema.METRICS` that are known.

        None stands for all metrics and all splits. A metric that nothing is measured by has no rows.
        """


@dataclass(frozen=True, eq=False, repr=False)
class Population(Plotted):
    """The seeds of a ladder of scales that have been trained, wherever their numbers are kept."""

    name: str
    """What the population is called."""
    path: str
    """Where the numbers are kept: a path or URL."""
    scale_name: str
    """What is scaled: the dotted name of a field, or the name of a column."""
    scales: tuple[float, ...]
    """Scales that have finished seeds, ascending; empty while there are none."""
    seeds: tuple[Any, ...]
    """Ids of the seeds that are finished at some scale, ascending."""
    cells: int
    """How many (scale, seed) are finished."""
    splits: Mapping[str, Split]
    """Evaluation sets with a role, by name; empty for a table, of which no roles are known."""
    metrics: Mapping[str, Metric]
    """What every seed is measured by."""
    criterion: Criterion
    """What counts as success."""
    origin: Origin
    """Where the numbers come from."""
    reader: Reader
    """Gets the numbers."""

    def __repr__(self) -> str:
        seeds, scales = formats.seeds(self.cells), ", ".join(map(formats.scale, self.scales))
        return f"<Population {self.name}: {seeds} of {self.scale_name} {scales} in {self.path}>"

    def _repr_html_(self) -> str:
        criterion = self.criterion
        side = "≥" if criterion.higher_is_better else "≤"
        least = "" if criterion.threshold is None else f" {side} {formats.given(criterion.threshold)}"
        rows = [
            ["kept in", self.path],
            [self.scale_name, ", ".join(map(formats.scale, self.scales)) or "none"],
            ["seeds", f"{formats.count(len(self.seeds))}, {formats.count(self.cells)} at all scales"],
            *self._measured_rows(),
            ["success", f"{criterion.metric}{of_split(criterion.split)}{least}"],
        ]
        return html_table(self.name, ["", ""], rows)

    def _measured_rows(self) -> list[list[str]]:
        """Splits and what they are measured by; numbered ones in a row that are measured alike as one."""
        alike: list[tuple[list[str], str]] = []
        for split, metrics in self.reader.measured.items():
            words = ", ".join(metrics)
            if not alike or alike[-1][1] != words:
                alike.append(([], words))
            alike[-1][0].append(split)
        return [[name, words] for splits, words in alike for name in in_ranges(splits)]

    @property
    def spec(self) -> Mapping[str, Any] | None:
        """A sweep's latest spec, with all defaults; `SweepSpec.model_validate` reads it. None for a table."""
        return self.origin.spec

    @property
    def fingerprint(self) -> str | None:
        """Hash of the settings that all cells of a sweep share; None for a table."""
        return self.origin.facts.get("fingerprint")

    def metric(self, name: str, split: str | None = None) -> Metric:
        """What is known of a metric: what its task says, or of what a stream has read, what its values show.

        Parameters and errors are those of `final`.
        """
        return self.metrics[name] if name in self.metrics else observed_metric(self.final(name, split))

    def final(self, metric: str, split: str | None = None) -> FinalTable:
        """A metric of every finished seed at the step at which its scale is compared.

        Parameters
        ----------
        metric : str
            One that the split is measured by.
        split : str, optional
            A split's name, or its role: `id` or `ood`. Where several have the role, the one that decides about
            success is meant. Without a split that one is meant in any case.

        Returns
        -------
        FinalTable

        Raises
        ------
        InputError
            On an unknown metric or split, with the nearest name; and if the numbers cannot be read any more.
        """
        return self.reader.final(metric, self._measured(metric, split))

    def curves(self, metric: str, split: str | None = None) -> dict[float, Curves]:
        """A metric over the training of every finished seed, by scale; empty if only final values are known.

        Parameters and errors are those of `final`.
        """
        return self.reader.curves(metric, self._measured(metric, split))

    def lattices(self, metric: str, split: str | None = None) -> dict[float, float]:
        """Step between the values that the metric can take, by scale; without the scales that have no such step.

        A share of right answers among n examples has steps of 1/n. Parameters and errors are those of `final`.
        """
        return self.reader.lattices(metric, self._measured(metric, split))

    def to_arrow(self, metric: str | None = None, split: str | None = None) -> pa.Table:
        """The long table of the population: one row per value, also those of seeds that are still in training.

        Parameters
        ----------
        metric, split : str, optional
            Only the rows of this metric, or of this split by its name or role; by default all.

        Returns
        -------
        pyarrow.Table
            A sweep has the columns of `seedsweep.schema.METRICS`; a table those of them that it knows, which are
            `scale_name`, `scale`, `seed`, `step` if it was read with steps, `split`, `metric` and `value`.

        Raises
        ------
        InputError
            On an unknown split, with the nearest name; and if the numbers cannot be read any more.
        """
        return self.reader.rows(metric, None if split is None else self._split(split))

    def to_pandas(self, metric: str | None = None, split: str | None = None) -> pandas.DataFrame:
        """`to_arrow` as a pandas frame. Needs pandas."""
        frame: pandas.DataFrame = self.to_arrow(metric, split).to_pandas()
        return frame

    def _measured(self, metric: str, split: str | None) -> str:
        """The name of the split that is meant. Raises InputError if it is not measured by this metric."""
        name = self._split(split)
        known = self.reader.measured.get(name, ())
        if metric in known:
            return name
        near = did_you_mean(metric, known)
        if elsewhere := [split for split, names in self.reader.measured.items() if metric in names]:
            raise InputError(
                f"metric {metric!r}: not measured{of_split(name)}, but on {listed(elsewhere)}: name the split"
            )
        if not self.splits:
            raise InputError(f"metric {metric!r}: was not read{near}; there are {listed(known)}")
        raise InputError(f"metric {metric!r}: unknown for the split {name}{near}; it has {listed(known)}")

    def _split(self, split: str | None) -> str:
        """The name of the split that is meant by a name, by a role, or by None. Raises InputError if none is."""
        if split is None:
            return self.criterion.split
        names = self.reader.measured
        if split in names:
            return split
        if not self.splits and len(names) < 2:
            raise InputError(f"split {split!r}: unknown; the rows read are {self.criterion.split!r}")
        if split not in ROLES:
            raise InputError(f"split {split!r}: unknown{did_you_mean(split, names)}; there are {listed(names)}")
        meant = [known.name for known in self.splits.values() if known.role == ROLES[split]]
        if self.criterion.split in meant:
            return self.criterion.split
        if len(meant) != 1:
            raise InputError(f"split {split!r}: {len(meant)} splits have this role; name one: {listed(meant)}")
        return meant[0]
