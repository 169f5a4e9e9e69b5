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


def one_row_each(files: Sequence[TableFile], roles: Roles, evaluations: Evaluations) -> Evaluations:
    """Every (scale, seed, step) as one row.

    Rows are joined where no metric has a value in two of them: loggers write what they measure in training and in
    validation in rows of their own, with blanks for the other.

    Raises
    ------
    InputError
        Naming the first that has two values of a metric, and the column by which its rows differ.
    """
    _, seed = ranked(evaluations.seed)
    order = np.lexsort((evaluations.step, seed, evaluations.scale))
    new = np.zeros(max(len(order) - 1, 0), dtype=bool)
    for key in (evaluations.scale, seed, evaluations.step):
        new |= np.diff(key[order]) != 0
    starts = np.flatnonzero(np.append(True, new))
    if len(starts) == len(order):
        return evaluations
    values: dict[str, Floats] = {}
    has_value: dict[str, Bools] = {}
    for metric, has in evaluations.has_value.items():
        places = np.where(has[order], np.arange(len(order)), -1)
        last = np.maximum.reduceat(places, starts)
        twice = np.flatnonzero(np.add.reduceat(has[order].astype(np.int64), starts) > 1)
        if twice.size:
            ends = np.append(starts, len(order))
            held = [
                order[ends[group] : ends[group + 1]][has[order[ends[group] : ends[group + 1]]]][:2]
                for group in twice
            ]
            _refuse(files, roles, evaluations, *min(sorted(rows.tolist()) for rows in held))
        values[metric] = np.where(last >= 0, evaluations.values[metric][order[last]], np.nan)
        has_value[metric] = last >= 0
    rows = order[starts]
    return Evaluations(
        scale=evaluations.scale[rows],
        seed=evaluations.seed[rows],
        step=evaluations.step[rows],
        values=values,
        has_value=has_value,
        file=evaluations.file[rows],
        index=evaluations.index[rows],
        infinite=np.logical_or.reduceat(evaluations.infinite[order], starts),
    )


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
    steps.sort(key=lambda name: "step" not in name.lower())
    texts = [name for name in differing if isinstance(cells[0][name], bool) or _is_word(cells[0][name])]
    if steps:
        raise InputError(f"{start}; they differ in {steps[0]!r}: add --step {steps[0]}")
    for name in [*texts, *differing]:
        values = f"{cells[0][name]!r} and {cells[1][name]!r}"
        raise InputError(f"{start}; they differ in {name!r} ({values}): add --where {name}={cells[0][name]}")
    tell = "" if other_file is file else ", or tell them apart by a field of --from and choose with --where"
    raise InputError(
        f"{start}; a seed has one row{'' if roles.step is None else ' per step'}: remove the others{tell}"
    )


def _is_word(cell: object) -> bool:
    return isinstance(cell, str) and scale_of(cell) is None


def _row(file: TableFile, columns: list[str], index: int) -> dict[str, object]:
    cells: pa.Table = file.read(columns).slice(index, 1)
    return {name: cells[name][0].as_py() for name in columns}
