"""The evaluations that a table holds of a population: scale, seed, step and the metrics, as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seedsweep.errors import InputError, did_you_mean
from seedsweep.population import Bools, Floats, Ints
from seedsweep.tables import columns
from seedsweep.tables.choosing import some
from seedsweep.tables.roles import Roles
from seedsweep.tables.tablefile import TableFile
from seedsweep.tables.wide import is_wide, runs_of


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
    infinite: Bools
    """(R,) where a value was infinite: taken for NaN, a diverged seed's."""

    def __len__(self) -> int:
        return len(self.scale)


def read_evaluations(files: Sequence[TableFile], roles: Roles) -> Evaluations:
    """Read the columns of all files, and keep the rows of interest.

    Parameters
    ----------
    files : sequence of TableFile
        The table; all files have what `roles` names, but for some that may lack a metric.
    roles : Roles
        Which column is what, and which rows are of interest.

    Returns
    -------
    Evaluations

    Raises
    ------
    InputError
        Naming file, column and row: a column holds what its role does not allow, or no row is left.
    """
    parts = [
        (_read_wide if is_wide(file, roles) else _read_long)(file, number, roles)
        for number, file in enumerate(files)
    ]
    evaluations = _joined(parts)
    if not len(evaluations):
        raise InputError(f"{_place(files)}: {_why_empty(files, roles.where)}")
    for metric, values in evaluations.values.items():
        if np.isnan(values).all():
            raise InputError(f"{_place(files)}: {metric} has no value in any row; there is nothing to analyse")
    return evaluations


def _read_long(file: TableFile, number: int, roles: Roles) -> Evaluations:
    step = roles.step
    measured = [metric for metric in roles.metrics if file.has(metric)]
    table, index = _rows(file, [*roles.beside_metrics, *measured], roles)
    chosen = _Chosen(file, index)
    numbers = {metric: columns.numbers(chosen, metric, table[metric]) for metric in measured}
    nothing = np.full(len(index), np.nan), np.zeros(len(index), dtype=bool)
    return _evaluations(
        scale=columns.scales(chosen, roles.scale, table[roles.scale]),
        seed=columns.labels(chosen, roles.seed, table[roles.seed]),
        step=_steps(chosen, step, table[step]) if step else np.zeros(len(index)),
        numbers={metric: numbers.get(metric, nothing) for metric in roles.metrics},
        file=number,
        index=index,
    )


def _read_wide(file: TableFile, number: int, roles: Roles) -> Evaluations:
    by_row = [name for name in (roles.scale, roles.seed) if name in file.names]
    if roles.where and not by_row:
        raise InputError(f"{file.path}: a table with a column per run has no rows to choose by a value")
    step = roles.step
    by_metric = {metric: runs_of(file, roles, metric) for metric in roles.metrics}
    runs = by_metric[roles.metrics[0]]
    for metric, names in by_metric.items():
        if names.keys() != runs.keys():
            raise InputError(f"{file.path}: not the same runs have {roles.metrics[0]!r} and {metric!r}")
    beside = [name for name in roles.beside_metrics if file.has(name)]
    of_runs = dict.fromkeys(name for names in by_metric.values() for name in names.values())
    table, rows = _rows(file, [*beside, *of_runs], roles)
    source = _Chosen(file, rows)
    steps = _steps(source, step, table[step]) if step else np.zeros(len(rows))
    parts = []
    for run in runs:
        of_run = {metric: names[run] for metric, names in by_metric.items()}
        numbers = {metric: columns.numbers(source, name, table[name]) for metric, name in of_run.items()}
        # A row stands for a step of any run: where this one has nothing, it was not measured. A run without any
        # value keeps its rows: it is a seed all the same.
        kept = np.logical_or.reduce([has_value for _, has_value in numbers.values()])
        if not kept.any() and not by_row:
            kept[:] = True
        of_scale, of_seed = (
            table[name] if text is None else pa.chunked_array([pa.repeat(text, len(rows))])
            for name, text in zip((roles.scale, roles.seed), run, strict=True)
        )
        parts.append(
            _evaluations(
                scale=columns.scales(source, roles.scale, of_scale)[kept],
                seed=columns.labels(source, roles.seed, of_seed)[kept],
                step=steps[kept],
                numbers={metric: (values[kept], has[kept]) for metric, (values, has) in numbers.items()},
                file=number,
                index=rows[kept],
            )
        )
    return _joined(parts)


def _rows(file: TableFile, names: Sequence[str], roles: Roles) -> tuple[pa.Table, Ints]:
    """The rows of interest, and their numbers in the file."""
    table = file.read(list(dict.fromkeys(names)), labels=[roles.seed])
    if not roles.where:
        return table, np.arange(table.num_rows)
    kept = np.ones(table.num_rows, dtype=bool)
    for column, value in roles.where.items():
        kept &= columns.equal_to(file, table[column], value)
    return table.filter(pa.array(kept)), np.flatnonzero(kept)


def _evaluations(
    scale: Floats,
    seed: npt.NDArray[Any],
    step: Floats,
    numbers: Mapping[str, tuple[Floats, Bools]],
    file: int,
    index: Ints,
) -> Evaluations:
    infinite = np.zeros(len(index), dtype=bool)
    for values, _ in numbers.values():
        infinite |= np.isinf(values)
    return Evaluations(
        scale=scale,
        seed=seed,
        step=step,
        values={metric: np.where(np.isinf(values), np.nan, values) for metric, (values, _) in numbers.items()},
        has_value={metric: has_value for metric, (_, has_value) in numbers.items()},
        file=np.full(len(index), file),
        index=index,
        infinite=infinite,
    )


@dataclass(frozen=True)
class _Chosen:
    """Some rows of a file."""

    file: TableFile
    index: Ints

    @property
    def decimal(self) -> str:
        return self.file.decimal

    def row(self, index: int) -> str:
        return self.file.row(int(self.index[index]))


def _steps(source: columns.Source, name: str, column: pa.ChunkedArray) -> Floats:
    if columns.is_text(column.type) and not columns.spells_numbers(source, column):  # step1000
        return columns.scales(source, name, column, "step")
    steps, has_value = columns.numbers(source, name, column)
    for index in np.flatnonzero(~has_value | ~np.isfinite(steps))[:1].tolist():
        why = "infinite" if np.isinf(steps[index]) else "empty"
        raise InputError(f"{source.row(index)}: {name} is {why}; every row needs its step")
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
        infinite=np.concatenate([part.infinite for part in parts]),
    )


def _why_empty(files: Sequence[TableFile], where: Mapping[str, str]) -> str:
    for column, value in where.items():
        known = [str(cell) for file in files for cell in file.read([column])[column].unique().to_pylist()]
        known = list(dict.fromkeys(known))
        if known and value not in known:
            return f"no row has {column}={value}{did_you_mean(value, known)}; there are {some(known)}"
    if where:
        return f"no row has {' and '.join(f'{column}={value}' for column, value in where.items())}"
    return "it has no rows"


def _place(files: Sequence[TableFile]) -> str:
    more = len(files) - 1
    return str(files[0].path) + (f" and {more} more {'file' if more == 1 else 'files'}" if more else "")
