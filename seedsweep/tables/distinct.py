"""One row per scale, seed and step: where there are several, which column tells them apart?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NoReturn

import numpy as np
import pyarrow as pa

from seedsweep.errors import InputError
from seedsweep.measures import scale_text
from seedsweep.tables.columns import ranked
from seedsweep.tables.evaluations import Evaluations, Roles
from seedsweep.tables.files import TableFile

_STEP_LIKE = re.compile(r"step|epoch|iter|token|update|examples", re.IGNORECASE)


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
    columns = [name for name in dict.fromkeys(file.names) if name not in used and name in other_file.names]
    cells = [_row(at, columns, number) for at, number in places]
    differing = [name for name in columns if cells[0][name] != cells[1][name]]
    steps = [name for name in differing if _STEP_LIKE.search(name) and roles.step is None]
    texts = [name for name in differing if isinstance(cells[0][name], str | bool)]
    if steps:
        raise InputError(f"{start}; they differ in {steps[0]!r}: add --step {steps[0]}")
    for name in [*texts, *differing]:
        values = f"{cells[0][name]!r} and {cells[1][name]!r}"
        raise InputError(f"{start}; they differ in {name!r} ({values}): add --where {name}={cells[0][name]}")
    raise InputError(f"{start}; a seed has one row{'' if roles.step is None else ' per step'}: remove the others")


def _row(file: TableFile, columns: list[str], index: int) -> dict[str, object]:
    cells: pa.Table = file.read(columns).slice(index, 1)
    return {name: cells[name][0].as_py() for name in columns}
