"""Which scale, seed and metric are meant, where they are not named and only one of each can be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from seedsweep.errors import InputError, listed
from seedsweep.tables.choosing import LOOKED_AT, some, varying
from seedsweep.tables.columns import is_missing
from seedsweep.tables.finding import Found
from seedsweep.tables.spelling import float_of, number_in
from seedsweep.tables.tablefile import NoRowsError, TableFile

_SEED = re.compile(r"(.*[./_])?seed(_?id)?", re.IGNORECASE)
_NUMBERED = re.compile(r"(.*?)[-_ =:]*\d+")
_NO_METRIC = re.compile(
    r"(.*[./_ ])?(steps?|epoch|iter|iteration|time|time_.*|timestamp|date|duration|runtime|index|id|done)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Meant:
    """What the results at a place have, of which one may be meant."""

    metrics: Sequence[str]
    """Columns of numbers; those among them of few different values may be parameters too."""
    seeds: Sequence[str]
    """Columns and parameters that are called so."""
    parameters: Sequence[str]
    """Columns, and parameters of runs, that differ and are the same in many rows."""


def complete(
    place: str,
    found: Found,
    scale: str | None,
    seed: str | None,
    metrics: tuple[str, ...],
    others: Sequence[str],
) -> tuple[str, str, tuple[str, ...]]:
    """Scale, seed and metrics as they were named, or the only ones that can be meant.

    Parameters
    ----------
    place : str
        For messages.
    found : Found
        The tables.
    scale, seed : str or None
        As named.
    metrics : tuple of str
        As named; may be empty.
    others : sequence of str
        Columns that are something else.

    Raises
    ------
    InputError
        Listing what can be chosen, if several can be meant, or none.
    """
    if scale is not None and seed is not None and metrics:
        return scale, seed, metrics
    (_, tables), *more = found.by_format.items()
    if more:
        names = listed(f"--format {found.names[other]}" for other in found.by_format)
        raise InputError(f"{place}: holds tables of several formats; choose one: {names}")
    meant = _meant(tables)
    used = {name for name in (scale, seed, *metrics, *others) if name is not None}
    parameters = [name for name in meant.parameters if name not in used]
    if seed is None:
        seeds = [name for name in meant.seeds if name not in used]
        seed = _only(place, "--seed", seeds, parameters or meant.metrics, _side_by_side(tables[0].names))
    parameters = [name for name in parameters if name != seed]
    if not metrics:
        taken = {*used, seed, *(parameters if scale is None else ())}
        possible = [name for name in meant.metrics if name not in taken]
        metrics = (_only(place, "--metric", possible, possible),)
    if scale is None:
        possible = [name for name in parameters if name not in metrics]
        scale = _only(place, "--scale", possible, possible)
    return scale, seed, metrics


def _only(place: str, option: str, possible: Sequence[str], known: Sequence[str], hint: str = "") -> str:
    if len(possible) == 1:
        return possible[0]
    choice = (
        f"choose one of {some(possible or known)}" if possible or known else "nothing there differs between runs"
    )
    raise InputError(f"{place}: {option} is missing; {choice}{hint}")


def _side_by_side(names: Sequence[str]) -> str:
    """What to say of a table with a column per seed, if these may be the names of one: `seed_0`, `seed_1`, …"""
    words: dict[str, list[str]] = {}
    for name in names:
        if match := _NUMBERED.fullmatch(name):
            before = re.findall("[A-Za-z]+", match[1])
            words.setdefault(before[-1] if before else "seed", []).append(name)
    word, columns = max(words.items(), key=lambda item: len(item[1]), default=("", []))
    if len(columns) < 2:
        return ""
    return f"; or, if {columns[0]}, {columns[1]}, … are a column per seed, --seed {word} --metric NAME"


def _meant(tables: Sequence[TableFile]) -> Meant:
    """By the first tables that have rows."""
    read: list[pa.Table] = []
    looked_at: list[TableFile] = []
    for table in tables[:LOOKED_AT]:
        try:
            names = [name for name in dict.fromkeys(table.names) if name and table.names.count(name) == 1]
            read.append(table.read(names))
        except NoRowsError:
            continue
        looked_at.append(table)
    columns: dict[str, dict[object, None]] = {}
    rows = sum(table.num_rows for table in read)
    if not rows:
        raise NoRowsError(f"{tables[0].path}: it has no rows")
    for file, table in zip(looked_at, read, strict=True):
        for name in table.column_names:
            values = (_plain(value, file.decimal) for value in table[name].to_pylist())
            columns.setdefault(name, {}).update(dict.fromkeys(values))
    parameters = [name for name, values in varying(looked_at).items() if _SEED.fullmatch(name) or _numbers(values)]
    metrics = []
    for name, differing in columns.items():
        held = [value for value in differing if value is not None and not is_missing(value)]
        if _NO_METRIC.fullmatch(name) or name in parameters:
            continue
        if 1 < len(held) <= rows / 2 and (_numbers(held) or _SEED.fullmatch(name)) and len(read) == 1:
            parameters.append(name)
        if held and all(_number(value) for value in held):
            metrics.append(name)
    known = dict.fromkeys([*columns, *(name for file in looked_at for name in file.parameters.known())])
    return Meant(metrics, [name for name in known if _SEED.fullmatch(name)], parameters)


def _plain(value: object, decimal: str) -> object:
    number = float_of(value, decimal) if isinstance(value, str) else None
    return value if number is None else number


def _numbers(values: Sequence[object]) -> bool:
    return all(_number(value) or (isinstance(value, str) and number_in(value) is not None) for value in values)


def _number(value: object) -> bool:
    return isinstance(value, int | float) or (isinstance(value, str) and float_of(value) is not None)
