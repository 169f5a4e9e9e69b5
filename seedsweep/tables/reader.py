"""The population in a table: its rows in order, and what follows from their values alone."""

from __future__ import annotations

import glob
import math
import os
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any, Final, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seedsweep.criterion import Criterion
from seedsweep.errors import InputError, listed
from seedsweep.population import (
    ALL_ROWS,
    Bools,
    Curves,
    FinalTable,
    Floats,
    Ints,
    Origin,
    Population,
    Taken,
    Unfinished,
    observed_metric,
)
from seedsweep.tables.choosing import choose
from seedsweep.tables.columns import ranked
from seedsweep.tables.distinct import merged, refuse_repeated
from seedsweep.tables.evaluations import Evaluations, read_evaluations
from seedsweep.tables.finding import open_tables
from seedsweep.tables.lattice import lattices_of
from seedsweep.tables.meant import complete
from seedsweep.tables.roles import Roles
from seedsweep.tables.spelling import scale_of
from seedsweep.tables.understood import understood, without_rows

NEARLY: Final = 0.01
"""Share of a step by which a seed's last value may come before it: runs do not log at the very same steps."""


def read_table(
    path: str | os.PathLike[str],
    *,
    scale: str | None = None,
    seed: str | None = None,
    metric: str | Sequence[str] | None = None,
    step: str | None = None,
    threshold: float | None = None,
    higher_is_better: bool = True,
    where: Mapping[str, object] | None = None,
    unfinished: Taken = "dropped",
    pattern: str | None = None,
    format: str | None = None,
) -> Population:
    """The population in anyone's table of many seeds.

    Parameters
    ----------
    path : str or path
        A .csv, .tsv, .jsonl, .ndjson, .json or .parquet file (.gz too, but for Parquet), a directory of such, or a
        pattern such as ``runs/*/metrics.parquet``.
    scale, seed : str
        Columns. A scale is a number, 70m, 1.5B, or a name with one number such as pythia-70m; a seed is anything
        that names the run.
    metric : str or sequence of str
        Columns of numbers; the first decides about success. NaN is a diverged seed.
    step : str, optional
        Column of the training step, written as scales are, for learning curves; without it every (scale, seed) has
        one row. Where the metric is empty it was not measured then, in a row of its own as in a column per run.
    threshold : float, optional
        From which value of the first metric on a seed is a success; by default the analysis chooses one.
    higher_is_better : bool
        False for a loss: success is then a value of at most the threshold.
    where : mapping of column to value, optional
        Which rows to take: ``{"split": "test"}``.
    unfinished : {"dropped", "failed", "last"}
        What becomes of a seed that ends before the others of its scale: it is left out, it counts as a failure
        without a value, as a diverged one does, or its last value stands for its final one.

    Returns
    -------
    Population
        Named as the file without its endings, or as the folder before the first wildcard of a pattern. The bounds
        of a metric are 0 and 1 if all final values are in there, else those observed.

    Raises
    ------
    InputError
        In one line with file, column and row: a missing column (with the nearest name), text in a column of
        numbers, an infinite value, an empty table, a (scale, seed, step) with several rows, an unreadable file.

    Notes
    -----
    *The step of comparison* of a scale is the latest that at least half of its seeds reach; of seeds that go on,
    the value then is taken. A seed is unfinished if its last value is more than 1 % of that step before it, and
    no NaN: a seed whose last value is NaN diverged, and so did one that never has a value. pandas writes NaN as
    an empty field; ``to_csv(..., na_rep="NaN")`` keeps the two apart.

    *A column per run.* Where no column has the name of `scale`, `seed` or `metric`, the columns `RUN - METRIC` (as
    Weights & Biases exports them; `__MIN` and `__MAX` are ignored), or just `RUN`, are the runs. Scale and seed
    are the numbers after their words in RUN: with ``scale="depth", seed="seed"``, `depth=2,seed=7` and
    `sweep-3_depth-2_seed-7` are seed 7 of depth 2.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> table = "depth,run,accuracy\\n1,a,0.1\\n1,b,0.2\\n2,a,0.1\\n2,b,0.9\\n"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "study.csv")
    ...     _ = file.write_text(table)
    ...     population = read_table(file, scale="depth", seed="run", metric="accuracy")
    >>> population.final("accuracy").at(2)
    array([0.1, 0.9])
    """
    metrics = (metric,) if isinstance(metric, str) else tuple(metric or ())
    if metric is not None and not metrics:
        raise InputError("metric: give at least one column")
    if threshold is not None and not math.isfinite(threshold):
        raise InputError(f"threshold: {threshold} is not a finite number")
    if unfinished not in get_args(Taken):
        raise InputError(f"unfinished: {unfinished!r} is not one of {listed(get_args(Taken))}")
    chosen = {column: str(value) for column, value in (where or {}).items()}
    place = os.fspath(path)
    scale, fixed = _fixed(scale)
    found = open_tables(place, pattern, format, fixed)
    scale, seed, metrics = complete(place, found, scale, seed, metrics, [*chosen, *([step] if step else [])])
    roles = Roles(scale, seed, metrics, step, chosen)
    _refuse_two_roles(roles)
    tables = choose(place, found, roles)
    rows = read_evaluations(tables.files, roles)
    evaluations = merged(rows)
    refuse_repeated(tables.files, roles, evaluations)

    rows_read = ", ".join(f"{column}={value}" for column, value in chosen.items()) or ALL_ROWS
    facts = {"table": place, "scale": scale, "seed": seed, "metric": listed(metrics)}
    if step is not None:
        facts["step"] = step
    reader = TableReader(roles, rows_read, evaluations, unfinished)
    told = understood(without_rows(tables, rows, roles), roles, evaluations, reader.present)
    return Population(
        name=_name(place),
        path=place,
        scale_name=scale,
        scales=reader.scales,
        seeds=tuple(reader.seeds.tolist()),
        cells=int(reader.present.sum()),
        splits={},
        metrics={name: observed_metric(reader.final(name, rows_read)) for name in metrics},
        criterion=Criterion(metrics[0], rows_read, threshold, higher_is_better),
        origin=Origin(facts | {"rows": rows_read} | told),
        reader=reader,
    )


class TableReader:
    """Holds the evaluations in a table, in the order of scale, seed and step. Made by `read_table`."""

    def __init__(self, roles: Roles, split: str, evaluations: Evaluations, taken: Taken) -> None:
        self._roles = roles
        self._split = split
        self._taken: Taken = taken
        scales, row = np.unique(evaluations.scale, return_inverse=True)
        self.scales: tuple[float, ...] = tuple(scales.tolist())
        """N scales, ascending."""
        self.seeds, column = ranked(evaluations.seed)
        """(S,) labels of the seeds, ascending."""
        steps, moment = np.unique(evaluations.step, return_inverse=True)
        self._steps: Ints | Floats = steps.astype(np.int64) if (steps == np.rint(steps)).all() else steps
        # 32 bits each, since a table may have many rows.
        order = np.lexsort((moment, column, row))
        self._row = row[order].astype(np.int32)
        self._column = column[order].astype(np.int32)
        self._moment = moment[order].astype(np.int32)
        self._values = {name: values[order] for name, values in evaluations.values.items()}
        self._has_value = {name: has_value[order] for name, has_value in evaluations.has_value.items()}
        self.present: Bools = np.zeros((len(self.scales), len(self.seeds)), dtype=bool)
        """(N, S) whether the table has the seed at the scale."""
        self.present[self._row, self._column] = True

    @property
    def taken(self) -> Taken:
        """What becomes of seeds that end early."""
        return self._taken

    @property
    def measured(self) -> Mapping[str, Sequence[str]]:
        """The columns that were read, of the rows that were chosen."""
        return {self._split: self._roles.metrics}

    def final(self, metric: str, split: str) -> FinalTable:
        """From the step at which the seeds of a scale are compared; see `read_table`."""
        kept = self._evaluated(metric)
        values, present = np.full(self.present.shape, np.nan), self.present.copy()
        without = np.zeros_like(present)
        steps: tuple[float, ...] = ()
        ends: dict[float, dict[Any, float]] = {}
        if self._roles.step is not None:
            last, diverged = self._last_steps(metric, kept)
            steps = tuple(map(_reached_by_half, last, diverged))
            for index, (row, step) in enumerate(zip(last, steps, strict=True)):
                early = np.flatnonzero((row < step - NEARLY * abs(step)) & ~diverged[index])
                if early.size:
                    names = self.seeds[early].tolist()
                    ends[self.scales[index]] = dict(zip(names, row[early].tolist(), strict=True))
                    present[index, early] = self._taken != "dropped"
                    without[index, early] = self._taken != "last"
            kept = kept[self._steps[self._moment[kept]] <= np.array(steps)[self._row[kept]]]
        rows = self._last_rows(kept)
        values[self._row[rows], self._column[rows]] = self._values[metric][rows]
        values[without] = np.nan
        return FinalTable(
            metric=metric,
            split=split,
            scale_name=self._roles.scale,
            scales=self.scales,
            seeds=self.seeds,
            init_seeds=self.seeds,
            data_seeds=self.seeds,
            values=values,
            present=present,
            steps=steps,
            unfinished=Unfinished(ends, self._taken) if ends else None,
        )

    def _last_rows(self, kept: Ints) -> Ints:
        """Of the rows `kept`, the last of every seed."""
        cell = self._row[kept].astype(np.int64) * len(self.seeds) + self._column[kept]
        return kept[np.append(np.diff(cell) != 0, True)] if kept.size else kept

    def _last_steps(self, metric: str, kept: Ints) -> tuple[Floats, Bools]:
        """(N, S) the step of every seed's last value, NaN for a seed without any; whether that value is NaN."""
        rows = self._last_rows(kept)
        steps, diverged = np.full(self.present.shape, np.nan), np.zeros(self.present.shape, dtype=bool)
        cells = self._row[rows], self._column[rows]
        steps[cells] = self._steps[self._moment[rows]]
        diverged[cells] = np.isnan(self._values[metric][rows])
        return steps, diverged

    def curves(self, metric: str, split: str) -> dict[float, Curves]:
        """Empty if the table was read without steps."""
        if self._roles.step is None:
            return {}
        evaluated = self._evaluated(metric)
        parts = np.searchsorted(self._row[evaluated], np.arange(len(self.scales) + 1))
        curves = {}
        for index, scale in enumerate(self.scales):
            kept = evaluated[parts[index] : parts[index + 1]]
            columns = np.flatnonzero(self.present[index])
            moments = np.unique(self._moment[kept])
            values = np.full((len(columns), len(moments)), np.nan)
            places = np.searchsorted(columns, self._column[kept]), np.searchsorted(moments, self._moment[kept])
            values[places] = self._values[metric][kept]
            if len(moments):
                curves[scale] = Curves(metric, split, scale, self._steps[moments], self.seeds[columns], values)
        return curves

    def lattices(self, metric: str, split: str) -> dict[float, float]:
        """As the final values let them be seen; see `seedsweep.tables.lattice`."""
        final = self.final(metric, split)
        return lattices_of({scale: final.at(scale) for scale in final.scales})

    def rows(self, metric: str | None, split: str | None) -> pa.Table:
        """The rows that have the metric; NaN where a seed had diverged."""
        rows = pa.concat_tables([self._rows_of(name) for name in self._roles.metrics])
        return rows if metric is None else rows.filter(pc.field("metric") == metric)

    def _rows_of(self, metric: str) -> pa.Table:
        kept = self._evaluated(metric)
        columns = {
            "scale_name": pa.repeat(self._roles.scale, len(kept)),
            "scale": np.array(self.scales)[self._row[kept]],
            "seed": self.seeds[self._column[kept]],
            "step": self._steps[self._moment[kept]],
            "split": pa.repeat(self._split, len(kept)),
            "metric": pa.repeat(metric, len(kept)),
            "value": self._values[metric][kept],
        }
        if self._roles.step is None:
            del columns["step"]
        return pa.table(columns)

    def _evaluated(self, metric: str) -> Ints:
        """The rows in which the metric was measured; without steps a seed's only row, whatever it holds."""
        if self._roles.step is not None:
            return np.flatnonzero(self._has_value[metric])
        moment = self._row.astype(np.int64) * len(self._steps) + self._moment
        measured = np.zeros(len(self.scales) * len(self._steps), dtype=bool)
        measured[moment[self._has_value[metric]]] = True
        return np.flatnonzero(measured[moment])


def _reached_by_half(last: Floats, diverged: Bools) -> float:
    """The latest step that at least half of the seeds reach, of those that have not diverged, if any has not."""
    ended = ~np.isnan(last)
    steps = np.sort(last[ended & ~diverged] if (ended & ~diverged).any() else last[ended])[::-1]
    return float(steps[(steps.size - 1) // 2]) if steps.size else 0.0


def _name(path: str) -> str:
    """Of the file without its endings; of the folder before the first wildcard of a pattern."""
    name = list(takewhile(lambda part: not glob.has_magic(part), Path(path).absolute().parts))[-1]
    return name.partition(".")[0] or name


def _fixed(scale: str | None) -> tuple[str | None, dict[str, str]]:
    """The name of a scale, and its value if all runs have the same: `width=64`."""
    if scale is None:
        return None, {}
    name, equals, value = scale.partition("=")
    return (name, {name: value}) if equals and name and scale_of(value) is not None else (scale, {})


def _refuse_two_roles(roles: Roles) -> None:
    named = {"scale": roles.scale, "seed": roles.seed, "step": roles.step}
    named |= {f"metric {number}" if number else "metric": name for number, name in enumerate(roles.metrics)}
    taken: dict[str, str] = {}
    for role, name in named.items():
        if name is not None and (other := taken.setdefault(name, role)) != role:
            raise InputError(f"column {name!r} is named as {other} and as {role}; they are different columns")
