"""The evaluations that a table holds of a population: scale, seed, step and the metrics, as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seedsweep.errors import InputError, did_you_mean, listed
from seedsweep.population import Bools, Floats, Ints
from seedsweep.tables import columns
from seedsweep.tables.files import TableFile
from seedsweep.tables.wide import is_wide, runs_of

SHOWN_NAMES = 12
"""How many columns a message names."""


@dataclass(frozen=True)
class Roles:
    """Which column is what."""

    scale: str
    seed: str
    metrics: tuple[str, ...]
    """The first decides about success."""
    step: str | None
    where: Mapping[str, str]
    """Columns and the value that the rows of interest have there, as text."""


@dataclass(frozen=True)
class Evaluations:
    """R evaluations of seeds, each a row of a table of one or several files, in the order of the rows."""

    scale: Floats
    """(R,)"""
    seed: npt.NDArray[Any]
    """(R,) integers, or text."""
    step: Floats
    """(R,); zeros if the table has no steps."""
    values: dict[str, Floats]
    """(R,) by metric; NaN where there is none."""
    has_value: dict[str, Bools]
    """(R,) by metric: NaN as a value is a diverged seed, an empty field no value."""
    file: Ints
    """(R,) number of the file."""
    index: Ints
    """(R,) number of the row in its file."""

    def __len__(self) -> int:
        return len(self.scale)


def read_evaluations(files: Sequence[TableFile], roles: Roles) -> Evaluations:
    """Read the columns of all files, and keep the rows of interest.

    Parameters
    ----------
    files : sequence of TableFile
        The table; all files have the columns of `roles`.
    roles : Roles
        Which column is what, and which rows are of interest.

    Returns
    -------
    Evaluations

    Raises
    ------
    InputError
        Naming file, column and row: a column is missing or holds what its role does not allow, or no row is left.
    """
    read = _read_wide if is_wide(files[0], roles.scale, roles.seed, roles.metrics) else _read_long
    evaluations = _joined([read(file, number, roles) for number, file in enumerate(files)])
    if not len(evaluations):
        raise InputError(f"{_place(files)}: {_why_empty(files, roles.where)}")
    for metric, values in evaluations.values.items():
        if np.isnan(values).all():
            raise InputError(f"{_place(files)}: {metric} has no value in any row; there is nothing to analyse")
    return evaluations


def _read_long(file: TableFile, number: int, roles: Roles) -> Evaluations:
    step = roles.step
    needed = dict.fromkeys([roles.scale, roles.seed, *roles.metrics, *([step] if step else []), *roles.where])
    for column in needed:
        _require(column, file)
    table = file.read(list(needed), labels=[roles.seed])
    kept = np.ones(table.num_rows, dtype=bool)
    for column, value in roles.where.items():
        kept &= columns.equal_to(file, table[column], value)
    index = np.flatnonzero(kept)
    table = table.filter(pa.array(kept))
    chosen = _Chosen(file, index)
    numbers = {metric: columns.numbers(chosen, metric, table[metric]) for metric in roles.metrics}
    return Evaluations(
        scale=columns.scales(chosen, roles.scale, table[roles.scale]),
        seed=columns.labels(chosen, roles.seed, table[roles.seed]),
        step=_steps(chosen, step, table[step]) if step else np.zeros(len(index)),
        values={metric: values for metric, (values, _) in numbers.items()},
        has_value={metric: has_value for metric, (_, has_value) in numbers.items()},
        file=np.full(len(index), number),
        index=index,
    )


def _read_wide(file: TableFile, number: int, roles: Roles) -> Evaluations:
    if roles.where:
        raise InputError(f"{file.path}: a table with a column per run has no rows to choose by a value")
    if step := roles.step:
        _require(step, file)
    by_metric = {metric: runs_of(file, roles.scale, roles.seed, metric) for metric in roles.metrics}
    runs = by_metric[roles.metrics[0]]
    for metric, names in by_metric.items():
        if names.keys() != runs.keys():
            raise InputError(f"{file.path}: not the same runs have {roles.metrics[0]!r} and {metric!r}")
    needed = [name for names in by_metric.values() for name in names.values()]
    table = file.read([*needed, step] if step else needed)
    steps = _steps(file, step, table[step]) if step else np.zeros(table.num_rows)
    parts = []
    for of_scale, of_seed in runs:
        of_run = {metric: names[of_scale, of_seed] for metric, names in by_metric.items()}
        numbers = {metric: columns.numbers(file, name, table[name]) for metric, name in of_run.items()}
        # A row stands for a step of any run: where this one has nothing, it was not measured. A run without any
        # value keeps its rows: it is a seed all the same.
        kept = np.logical_or.reduce([has_value for _, has_value in numbers.values()])
        if not kept.any():
            kept[:] = True
        index = np.flatnonzero(kept)
        value = columns.scale_of(of_scale)
        parts.append(
            Evaluations(
                scale=np.full(len(index), value),
                seed=np.full(len(index), int(of_seed) if of_seed.isdigit() else of_seed, dtype=object),
                step=steps[index],
                values={metric: values[index] for metric, (values, _) in numbers.items()},
                has_value={metric: has_value[index] for metric, (_, has_value) in numbers.items()},
                file=np.full(len(index), number),
                index=index,
            )
        )
    return _joined(parts)


@dataclass(frozen=True)
class _Chosen:
    """Some rows of a file."""

    file: TableFile
    index: Ints

    def row(self, index: int) -> str:
        return self.file.row(int(self.index[index]))


def _steps(source: columns.Source, name: str, column: pa.ChunkedArray) -> Floats:
    if columns.is_text(column.type):  # step1000
        return columns.scales(source, name, column, "step")
    steps, has_value = columns.numbers(source, name, column)
    for index in np.flatnonzero(~has_value | np.isnan(steps))[:1]:
        raise InputError(f"{source.row(index)}: {name} is empty; every row needs its step")
    return steps


def _joined(parts: Sequence[Evaluations]) -> Evaluations:
    seeds = [part.seed for part in parts]
    if any(seed.dtype == object for seed in seeds):
        whole = all(isinstance(label, int) for seed in seeds for label in dict.fromkeys(seed.tolist()))
        seeds = [seed.astype(np.int64) if whole else seed.astype(str).astype(object) for seed in seeds]
    return Evaluations(
        scale=np.concatenate([part.scale for part in parts]),
        seed=np.concatenate(seeds),
        step=np.concatenate([part.step for part in parts]),
        values={name: np.concatenate([part.values[name] for part in parts]) for name in parts[0].values},
        has_value={name: np.concatenate([part.has_value[name] for part in parts]) for name in parts[0].values},
        file=np.concatenate([part.file for part in parts]),
        index=np.concatenate([part.index for part in parts]),
    )


def _why_empty(files: Sequence[TableFile], where: Mapping[str, str]) -> str:
    for column, value in where.items():
        known = [str(cell) for file in files for cell in file.read([column])[column].unique().to_pylist()]
        known = list(dict.fromkeys(known))
        if known and value not in known:
            return f"no row has {column}={value}{did_you_mean(value, known)}; there are {_some(known)}"
    if where:
        return f"no row has {' and '.join(f'{column}={value}' for column, value in where.items())}"
    return "it has no rows"


def _place(files: Sequence[TableFile]) -> str:
    return str(files[0].path) + (f" and {len(files) - 1} more files" if len(files) > 1 else "")


def _require(column: str, file: TableFile) -> None:
    if column not in file.names:
        near = did_you_mean(column, file.names)
        raise InputError(f"{file.path}: no column {column!r}{near}; it has {_some(file.names)}")


def _some(names: Sequence[str]) -> str:
    more = f", … ({len(names)} in all)" if len(names) > SHOWN_NAMES else ""
    return listed(names[:SHOWN_NAMES]) + more
