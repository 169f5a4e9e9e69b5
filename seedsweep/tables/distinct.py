"""One row per scale, seed and step: where there are several, which column tells them apart?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NoReturn

import numpy as np
import pyarrow as pa

from seedsweep.errors import InputError
from seedsweep.measures import scale_text
from seedsweep.population import Bools, Floats
from seedsweep.tables.columns import ranked
from seedsweep.tables.evaluations import Evaluations
from seedsweep.tables.roles import Roles
from seedsweep.tables.spelling import scale_of
from seedsweep.tables.tablefile import TableFile

_STEP_LIKE = re.compile(r"step|epoch|iter|token|update|examples", re.IGNORECASE)


def merged(evaluations: Evaluations) -> Evaluations:
    """Rows of one scale, seed and step as one, where no metric has a value in two of them.

    Loggers write what they measure in training and in validation in rows of their own, with blanks for the other.
    """
    _, seed = ranked(evaluations.seed)
    order = np.lexsort((evaluations.step, seed, evaluations.scale))
    keys = np.stack([evaluations.scale[order], seed[order].astype(float), evaluations.step[order]])
    starts = np.flatnonzero(np.append(True, (np.diff(keys) != 0).any(axis=0)))
    if len(starts) == len(order):
        return evaluations
    group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(order))))
    has_value = {metric: has[order] for metric, has in evaluations.has_value.items()}
    fits = np.logical_and.reduce([np.add.reduceat(has.astype(int), starts) <= 1 for has in has_value.values()])
    any_value = np.logical_or.reduce(list(has_value.values()))
    # Of a group that does not fit, the rows with a value stay as they are, to be told of.
    first = np.zeros(len(order), dtype=bool)
    first[starts] = True
    kept = np.where(fits[group], first, any_value)
    values: dict[str, Floats] = {}
    has: dict[str, Bools] = {}
    for metric, of_metric in has_value.items():
        holder = np.maximum.reduceat(np.where(of_metric, np.arange(len(order)), -1), starts)[group]
        source = np.where(fits[group] & (holder >= 0), holder, np.arange(len(order)))[kept]
        values[metric] = evaluations.values[metric][order][source]
        has[metric] = of_metric[source]
    rows = order[kept]
    infinite = np.where(
        fits[group],
        np.logical_or.reduceat(evaluations.infinite[order], starts)[group],
        evaluations.infinite[order],
    )
    back = np.argsort(rows, kind="stable")  # in the order of the rows again
    rows = rows[back]
    return Evaluations(
        scale=evaluations.scale[rows],
        seed=evaluations.seed[rows],
        step=evaluations.step[rows],
        values={metric: of_metric[back] for metric, of_metric in values.items()},
        has_value={metric: of_metric[back] for metric, of_metric in has.items()},
        file=evaluations.file[rows],
        index=evaluations.index[rows],
        infinite=infinite[kept][back],
    )


def refuse_repeated(files: Sequence[TableFile], roles: Roles, evaluations: Evaluations) -> None:
    """Check that every (scale, seed, step) has one row.

    Raises
    ------
    InputError
        Naming the first that has several, and the column by which its rows differ.
    """
    _, seed = ranked(evaluations.seed)
    order = np.lexsort((evaluations.step, seed, evaluations.scale))
    same = np.ones(max(len(order) - 1, 0), dtype=bool)
    for key in (evaluations.scale, seed, evaluations.step):
        same &= np.diff(key[order]) == 0
    if same.any():
        repeated = np.flatnonzero(same)
        first = repeated[np.argmin(order[repeated])]
        _refuse(files, roles, evaluations, *sorted(order[[first, first + 1]].tolist()))


def _refuse(
    files: Sequence[TableFile], roles: Roles, evaluations: Evaluations, first: int, second: int
) -> NoReturn:
    key = f"{roles.scale} {scale_text(evaluations.scale[first])}, {roles.seed} {evaluations.seed[first]}"
    if roles.step is not None:
        key += f", {roles.step} {scale_text(evaluations.step[first])}"
    places = [(files[evaluations.file[row]], int(evaluations.index[row])) for row in (first, second)]
    (file, index), (other_file, other_index) = places
    other_row = f"row {other_index + file.first_row}" if other_file is file else other_file.row(other_index)
    start = f"{file.row(index)} and {other_row} both have {key}"
    used = {roles.scale, roles.seed, roles.step, *roles.metrics, *roles.where}
    known = dict.fromkeys([*file.names, *file.parameters.known()])
    columns = [name for name in known if name not in used and file.names.count(name) < 2 and other_file.has(name)]
    cells = [_row(at, columns, number) for at, number in places]
    differing = [name for name in columns if cells[0][name] != cells[1][name]]
    steps = [name for name in differing if _STEP_LIKE.search(name) and roles.step is None]
    texts = [name for name in differing if isinstance(cells[0][name], bool) or _is_word(cells[0][name])]
    if steps:
        raise InputError(f"{start}; they differ in {steps[0]!r}: add --step {steps[0]}")
    for name in [*texts, *differing]:
        values = f"{cells[0][name]!r} and {cells[1][name]!r}"
        raise InputError(f"{start}; they differ in {name!r} ({values}): add --where {name}={cells[0][name]}")
    raise InputError(f"{start}; a seed has one row{'' if roles.step is None else ' per step'}: remove the others")


def _is_word(cell: object) -> bool:
    return isinstance(cell, str) and scale_of(cell) is None


def _row(file: TableFile, columns: list[str], index: int) -> dict[str, object]:
    cells: pa.Table = file.read(columns).slice(index, 1)
    return {name: cells[name][0].as_py() for name in columns}
