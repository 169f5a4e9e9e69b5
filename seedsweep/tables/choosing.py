"""Of the tables at a place those that have what is asked for, why the others are left out, what could be asked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NoReturn

from seedsweep.errors import InputError, did_you_mean, listed
from seedsweep.tables.configs import ConfigError
from seedsweep.tables.finding import Found
from seedsweep.tables.roles import Roles
from seedsweep.tables.spelling import float_of
from seedsweep.tables.tablefile import NoRowsError, TableFile
from seedsweep.tables.wide import is_wide

SHOWN_NAMES = 12
"""How many columns a message names."""

LOOKED_AT = 100
"""How many runs are looked at for what could be asked for."""

WITHOUT_ROWS = "without rows"
UNREADABLE = "that cannot be read"


@dataclass(frozen=True)
class Chosen:
    """Tables to read."""

    title: str
    """Of their format."""
    files: Sequence[TableFile]
    left_out: Mapping[str, Sequence[Path]]
    """Files that are not read, by why not."""


def choose(place: str, found: Found, roles: Roles) -> Chosen:
    """The tables that have what the roles name.

    Where several formats have it, the same runs may have been written twice, and the user is to say which counts.

    Raises
    ------
    InputError
        If no table has it, naming what there is; or if tables of several formats have.
    """
    chosen = {title: _fitting(tables, roles) for title, tables in found.by_format.items()}
    fitting = {title: files for title, (files, _) in chosen.items() if files}
    if not fitting:
        _refuse(place, found, roles)
    if len(fitting) > 1:
        (first, second), names = list(fitting)[:2], found.names
        raise InputError(
            f"{place}: holds tables of several formats ({first}: {fitting[first][0].path} and {second}: "
            f"{fitting[second][0].path}); choose one with --format {names[first]} or --format {names[second]}"
        )
    (title,) = fitting
    left_out: dict[str, list[Path]] = {why: list(paths) for why, paths in found.left_out.items()}
    for _, reasons in chosen.values():
        for why, paths in reasons.items():
            left_out.setdefault(why, []).extend(paths)
    return Chosen(title, fitting[title], left_out)


def _fitting(tables: Sequence[TableFile], roles: Roles) -> tuple[list[TableFile], dict[str, list[Path]]]:
    """Those that have what is asked for, and the others by what they lack.

    Of runs that log alike some may have ended before the metric was measured: they are seeds without a value.
    """
    fitting: list[TableFile] = []
    left_out: dict[str, list[Path]] = {}
    unmeasured: list[TableFile] = []
    measured = set()
    for table in tables:
        try:
            why = _lacks(table, roles) if table.names else WITHOUT_ROWS
        except ConfigError:
            raise
        except InputError as error:
            if len(tables) == 1:
                raise
            why = WITHOUT_ROWS if isinstance(error, NoRowsError) else UNREADABLE
        if why is None:
            fitting.append(table)
            measured.add(_family(table))
        elif why in roles.metrics:
            unmeasured.append(table)
        else:
            reason = why if why in (WITHOUT_ROWS, UNREADABLE) else f"without {why}"
            left_out.setdefault(reason, []).append(table.path)
    for table in unmeasured:
        metric = next(metric for metric in roles.metrics if not table.has(metric))
        if _family(table) in measured:
            fitting.append(table)
        elif fitting and {roles.scale, roles.seed} <= set(table.names) and did_you_mean(metric, table.names):
            require(metric, table)
        else:
            left_out.setdefault(f"without {metric}", []).append(table.path)
    if unmeasured:
        place = {id(table): number for number, table in enumerate(tables)}
        fitting.sort(key=lambda table: place[id(table)])
    return fitting, left_out


def _lacks(table: TableFile, roles: Roles) -> str | None:
    """What a table lacks, a metric last."""
    if is_wide(table, roles):
        return next((name for name in [roles.step] if name and not table.has(name)), None)
    return next((name for name in [*roles.beside_metrics, *roles.metrics] if not table.has(name)), None)


def _family(table: TableFile) -> str:
    """What the names of files of one kind have in common, in whatever run they lie."""
    return re.sub(r"\d+", "0", table.path.name) if table.path.is_file() else ""


def require(name: str, file: TableFile, others: Sequence[TableFile] = ()) -> None:
    """Raise InputError, saying what there is, unless a file has a column or parameter.

    Parameters
    ----------
    name : str
        Of the column.
    file : TableFile
        That is to have it.
    others : sequence of TableFile, optional
        Further runs, of which the parameters are told that differ.
    """
    if file.has(name):
        return
    parameters = varying([file, *others])
    near = did_you_mean(name, [*file.names, *parameters])
    numbers = all(float_of(column) is not None for column in file.names)
    if numbers:
        raise InputError(
            f"{file.path}: its first row is numbers; it needs a row before them that names the columns"
        )
    runs = f"; its runs differ in {some(list(parameters))}" if parameters else ""
    raise InputError(f"{file.path}: no column {name!r}{near}; it has {some(file.names)}{runs}")


def varying(files: Sequence[TableFile]) -> dict[str, list[str]]:
    """The parameters in which runs differ, and their values as texts."""
    values: dict[str, dict[str, None]] = {}
    for file in islice(files, LOOKED_AT):
        for name, value in file.parameters.known().items():
            values.setdefault(name, {})[str(value)] = None
    return {name: list(texts) for name, texts in values.items() if len(texts) > 1}


def _refuse(place: str, found: Found, roles: Roles) -> NoReturn:
    """Say what the nearest tables lack."""
    tables = max(
        found.by_format.values(), key=lambda tables: max(_fit(table, roles) for table in tables[:LOOKED_AT])
    )
    with_names = [table for table in tables if _fit(table, roles) >= 0]
    if not with_names:
        for table in tables[:LOOKED_AT]:
            with suppress(NoRowsError):
                assert table.names  # what is wrong with the first that cannot be read
        raise InputError(
            f"{place}: {'the table has' if len(tables) == 1 else f'{len(tables)} tables have'} no rows"
        )
    best = max(with_names[:LOOKED_AT], key=lambda table: _fit(table, roles))
    lacking = _lacks(best, roles)
    assert lacking is not None, place
    require(lacking, best, [table for table in with_names if table is not best])
    raise AssertionError(f"{place}: has {lacking}")


def _fit(table: TableFile, roles: Roles) -> int:
    try:
        return sum(map(table.has, [*roles.beside_metrics, *roles.metrics]))
    except ConfigError:
        raise
    except InputError:
        return -1


def some(names: Sequence[str]) -> str:
    """The first names, as a message lists them."""
    more = f", … ({len(names)} in all)" if len(names) > SHOWN_NAMES else ""
    return listed(names[:SHOWN_NAMES]) + more
