"""A table's population: its rows in order, one value per seed and step, and what follows from the values alone."""

from __future__ import annotations

import glob
import math
import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np

from seedsweep.criterion import Criterion
from seedsweep.errors import InputError, did_you_mean, listed
from seedsweep.measures import Metric, Split, scale_text
from seedsweep.population import (
    ALL_ROWS,
    Bools,
    Curves,
    FinalTable,
    Floats,
    Ints,
    Origin,
    Population,
)
from seedsweep.tables.columns import ranked
from seedsweep.tables.distinct import refuse_repeated
from seedsweep.tables.evaluations import Evaluations, Roles, read_evaluations
from seedsweep.tables.files import open_table
from seedsweep.tables.lattice import lattice_of


def read_table(
    path: str | os.PathLike[str],
    *,
    scale: str,
    seed: str,
    metric: str | Sequence[str],
    step: str | None = None,
    threshold: float | None = None,
    higher_is_better: bool = True,
    where: Mapping[str, object] | None = None,
) -> TablePopulation:
    """The population in anyone's table of many seeds, with the interface of `load`.

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
        one row. A row in which the metric is empty belongs to a diverged seed if another seed of the scale has a
        value at that step; else the metric was not measured then.
    threshold : float, optional
        From which value of the first metric on a seed is a success; by default the analysis chooses one.
    higher_is_better : bool
        False for a loss: success is then a value of at most the threshold.
    where : mapping of column to value, optional
        Which rows to take: ``{"split": "test"}``.

    Returns
    -------
    TablePopulation

    Raises
    ------
    InputError
        In one line with file, column and row: a missing column (with the nearest name), text in a column of
        numbers, an infinite value, an empty table, a (scale, seed, step) with several rows, an unreadable file.

    Notes
    -----
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
    metrics = (metric,) if isinstance(metric, str) else tuple(metric)
    if not metrics:
        raise InputError("metric: give at least one column")
    if threshold is not None and not math.isfinite(threshold):
        raise InputError(f"threshold: {threshold} is not a finite number")
    chosen = {column: str(value) for column, value in (where or {}).items()}
    roles = Roles(scale, seed, metrics, step, chosen)
    _refuse_two_roles(roles)
    files = open_table(path)
    evaluations = read_evaluations(files, roles)
    refuse_repeated(files, roles, evaluations)
    return TablePopulation(os.fspath(path), roles, evaluations, threshold, higher_is_better)


class TablePopulation(Population):
    """The seeds of a table. Made by `read_table`."""

    def __init__(
        self, path: str, roles: Roles, evaluations: Evaluations, threshold: float | None, higher_is_better: bool
    ) -> None:
        self._path = path
        self._roles = roles
        split = ", ".join(f"{column}={value}" for column, value in roles.where.items()) or ALL_ROWS
        self._criterion = Criterion(roles.metrics[0], split, threshold, higher_is_better)
        scales, row = np.unique(evaluations.scale, return_inverse=True)
        self._seeds, column = ranked(evaluations.seed)
        self._scales = tuple(scales.tolist())
        steps, moment = np.unique(evaluations.step, return_inverse=True)
        self._steps: Ints | Floats = steps.astype(np.int64) if (steps == np.rint(steps)).all() else steps
        # In the order of scale, seed and step; 32 bits each, since a table may have many rows.
        order = np.lexsort((moment, column, row))
        self._row = row[order].astype(np.int32)
        self._column = column[order].astype(np.int32)
        self._moment = moment[order].astype(np.int32)
        self._values = {name: values[order] for name, values in evaluations.values.items()}
        self._has_value = {name: given[order] for name, given in evaluations.has_value.items()}

    def __repr__(self) -> str:
        cells = int(self._present().sum())
        scales = ", ".join(map(scale_text, self.scales))
        return f"<Population {self.name}: {cells} seeds of {self.scale_name} {scales} in {self.path}>"

    @property
    def path(self) -> str:
        """As given to `read_table`."""
        return self._path

    @property
    def name(self) -> str:
        """Of the file without its endings; of the folder before the first wildcard of a pattern."""
        name = list(takewhile(lambda part: not glob.has_magic(part), Path(self._path).absolute().parts))[-1]
        return name.partition(".")[0] or name

    @property
    def scale_name(self) -> str:
        """The column of the scale."""
        return self._roles.scale

    @property
    def scales(self) -> tuple[float, ...]:
        """Scales in the table, ascending."""
        return self._scales

    @property
    def seeds(self) -> tuple[Any, ...]:
        """Labels of the seeds in the table, ascending."""
        return tuple(self._seeds.tolist())

    @property
    def splits(self) -> dict[str, Split]:
        """Empty: a table does not tell the role of its rows."""
        return {}

    @property
    def metrics(self) -> dict[str, Metric]:
        """The columns read. Bounds are 0 and 1 if all final values are in there, else those observed."""
        return self._metrics

    @cached_property
    def _metrics(self) -> dict[str, Metric]:
        return {name: Metric(name=name, bounds=self._bounds(name)) for name in self._roles.metrics}

    @property
    def criterion(self) -> Criterion:
        """What counts as success; its split says which rows were chosen."""
        return self._criterion

    @property
    def origin(self) -> Origin:
        """The file, and which column is what."""
        roles = self._roles
        facts = {"table": self.path, "scale": roles.scale, "seed": roles.seed, "metric": listed(roles.metrics)}
        if roles.step is not None:
            facts["step"] = roles.step
        return Origin(facts | {"rows": self._criterion.split})

    def figures_directory(self) -> Path:
        """`NAME-analysis/figures` here."""
        return Path(f"{self.name}-analysis") / "figures"

    def final(self, metric: str, split: str | None = None) -> FinalTable:
        """A metric of every seed at its last step."""
        self._check(metric, split)
        kept = np.flatnonzero(self._evaluated(metric))
        cell = self._row[kept].astype(np.int64) * len(self._seeds) + self._column[kept]
        last = kept[np.append(np.diff(cell) != 0, True)] if kept.size else kept
        values = np.full((len(self._scales), len(self._seeds)), np.nan)
        values[self._row[last], self._column[last]] = self._values[metric][last]
        return FinalTable(
            metric=metric,
            split=self._criterion.split,
            scale_name=self.scale_name,
            scales=self._scales,
            seeds=self._seeds,
            init_seeds=self._seeds,
            data_seeds=self._seeds,
            values=values,
            present=self._present(),
        )

    def curves(self, metric: str, split: str | None = None) -> dict[float, Curves]:
        """A metric over the steps of every seed, by scale; empty if the table was read without steps."""
        self._check(metric, split)
        if self._roles.step is None:
            return {}
        present = self._present()
        evaluated = self._evaluated(metric)
        found = {}
        for index, scale in enumerate(self._scales):
            here = slice(*np.searchsorted(self._row, [index, index + 1]))
            kept = np.arange(here.start, here.stop)[evaluated[here]]
            columns = np.flatnonzero(present[index])
            moments = np.unique(self._moment[kept])
            values = np.full((len(columns), len(moments)), np.nan)
            places = np.searchsorted(columns, self._column[kept]), np.searchsorted(moments, self._moment[kept])
            values[places] = self._values[metric][kept]
            if len(moments):
                steps, seeds = self._steps[moments], self._seeds[columns]
                found[scale] = Curves(metric, self._criterion.split, scale, steps, seeds, values)
        return found

    def lattice(self, metric: str, split: str | None = None) -> float | None:
        """As the final values let it be seen; see `seedsweep.tables.lattice`."""
        return lattice_of(self.final(metric, split).values)

    def _bounds(self, metric: str) -> tuple[float, float | None]:
        values = self.final(metric).values
        values = values[~np.isnan(values)]
        if ((values >= 0) & (values <= 1)).all():
            return 0.0, 1.0
        low, high = float(values.min()), float(values.max())
        return low, high if high > low else None

    def _check(self, metric: str, split: str | None) -> None:
        known = self._roles.metrics
        if metric not in known:
            near = did_you_mean(metric, known)
            raise InputError(f"metric {metric!r}: was not read{near}; there are {listed(known)}")
        if split not in (None, self._criterion.split):
            raise InputError(f"split {split!r}: unknown; the rows read are {self._criterion.split!r}")

    def _evaluated(self, metric: str) -> Bools:
        """Rows at steps at which some seed of their scale has the metric; the others were not measured."""
        moment = self._row.astype(np.int64) * len(self._steps) + self._moment
        measured = np.zeros(len(self._scales) * len(self._steps), dtype=bool)
        measured[moment[self._has_value[metric]]] = True
        found: Bools = measured[moment]
        return found

    def _present(self) -> Bools:
        present = np.zeros((len(self._scales), len(self._seeds)), dtype=bool)
        present[self._row, self._column] = True
        return present


def _refuse_two_roles(roles: Roles) -> None:
    named = {"scale": roles.scale, "seed": roles.seed, "step": roles.step}
    named |= {f"metric {number}" if number else "metric": name for number, name in enumerate(roles.metrics)}
    taken: dict[str, str] = {}
    for role, name in named.items():
        if name is not None and (other := taken.setdefault(name, role)) != role:
            raise InputError(f"column {name!r} is named as {other} and as {role}; they are different columns")
