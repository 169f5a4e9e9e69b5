"""Columns as numbers and labels. What does not fit is an InputError that names file, row and column."""

from __future__ import annotations

import math
import re
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seedsweep.errors import InputError
from seedsweep.population import Bools, Floats, Ints, Labels
from seedsweep.tables.spelling import MISSING, float_of, number_in, plain, scale_of


class Source(Protocol):
    """Where a column comes from, and how a message names a row of it."""

    @property
    def decimal(self) -> str:
        """What stands before the decimals of its numbers: a point or a comma."""

    def row(self, index: int) -> str: ...


def numbers(source: Source, name: str, column: pa.ChunkedArray) -> tuple[Floats, Bools]:
    """A column as float64, shape (n,), and where it has a value; NaN where it has none.

    Numbers, booleans (0 and 1) and text that spells numbers will do; NaN and infinity are values, the words of
    `spelling.MISSING` are none.
    """
    original = column
    column = _decoded(column)
    try:
        if is_text(column.type):
            column = _spelled(source, column)
        elif pa.types.is_boolean(column.type):
            column = pc.cast(column, pa.int8())
        elif not (_is_number(column.type) or pa.types.is_null(column.type)):
            raise pa.ArrowInvalid(f"{column.type}")
        column = pc.cast(column, pa.float64(), safe=False)
    except pa.ArrowException:
        index, value = _first_that_is_no_number(source, original)
        raise InputError(f"{source.row(index)}: {name} is {value!r}; a number is needed") from None
    return pc.fill_null(column, math.nan).to_numpy(), pc.is_valid(column).to_numpy()


def spells_numbers(source: Source, column: pa.ChunkedArray) -> bool:
    """Whether text can be read as `numbers`."""
    try:
        _spelled(source, column)
    except pa.ArrowInvalid:
        return False
    return True


def _spelled(source: Source, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text as float64; raises ArrowInvalid where it spells no number."""
    if source.decimal == ".":
        try:
            return pc.cast(pc.if_else(pc.equal(column, ""), None, column), pa.float64())
        except pa.ArrowInvalid:
            pass  # a blank of several spaces, a word for "missing", a thousands separator, or no number
    encoded = _encoded(column)
    known: list[float | None] = []
    for text in encoded.dictionary.to_pylist():
        number = None if is_missing(text) else float_of(text, source.decimal)
        if number is None and not is_missing(text):
            raise pa.ArrowInvalid(text)
        known.append(number)
    return pa.chunked_array([pa.array(known, pa.float64()).take(encoded.indices)])


def scales(source: Source, name: str, column: pa.ChunkedArray, what: str = "scale") -> Floats:
    """A column of scales as float64, shape (n,): numbers, 70m, 1.5B, or names with one, such as pythia-70m."""
    encoded = _encoded(column)
    texts = encoded.dictionary.to_pylist()
    known: list[float] = []
    named: dict[float, str] = {}
    for text in texts:
        number = scale_of(plain(text, source.decimal)) if isinstance(text, str) else _float(text)
        if number is None and isinstance(text, str) and (number := number_in(text)) is not None:
            other = named.setdefault(number, text)
            if other != text:
                first = encoded.indices.index(texts.index(text)).as_py()
                raise InputError(
                    f"{source.row(first)}: {name} is {text!r}, and elsewhere {other!r} with the same number; "
                    f"choose one with --where, or give each {what} a number of its own"
                )
        known.append(math.nan if number is None else number)
    values = _take(np.array([*known, math.nan]), encoded)
    for index in np.flatnonzero(~np.isfinite(values))[:1].tolist():
        raise InputError(
            f"{source.row(index)}: {name} is {_shown(column[index].as_py())}; "
            f"a {what} is a number such as 4, 0.25, 70m, 1.5B or 0.5x, or a name with one number"
        )
    return values


def labels(source: Source, name: str, column: pa.ChunkedArray) -> Labels:
    """A column of seeds, shape (n,): int64 if all are whole numbers, else text (object)."""
    if is_text(column.type):
        column = pc.utf8_trim_whitespace(column)
        column = pc.if_else(pc.is_in(pc.utf8_lower(column), pa.array(sorted(MISSING))), None, column)
    if column.null_count:
        index = int(np.flatnonzero(pc.is_null(column).to_numpy())[0])
        raise InputError(
            f"{source.row(index)}: {name} is empty; every row needs the seed or the run it belongs to"
        )
    if pa.types.is_integer(column.type):
        return np.asarray(column.to_numpy(), dtype=np.int64)
    encoded = _encoded(column)
    names = encoded.dictionary.to_pylist()
    if all(_whole(label) for label in names):
        return _take(np.array([*(int(float(label)) for label in names), 0], dtype=np.int64), encoded)
    return _take(np.array([*map(str, names), ""], dtype=object), encoded)


def ranked(seeds: Labels) -> tuple[Labels, Ints]:
    """The different labels in order, and the rank of each row's: `np.unique`, which is slow on text."""
    if seeds.dtype != object:
        names, ranks = np.unique(seeds, return_inverse=True)
        return names, ranks
    encoded = pa.array(seeds, pa.string()).dictionary_encode()
    names = encoded.dictionary.to_numpy(zero_copy_only=False)
    order = np.argsort(names)
    return names[order], np.argsort(order)[encoded.indices.to_numpy()]


def equal_to(source: Source, column: pa.ChunkedArray, value: str) -> Bools:
    """Where a column has a value, given as text; of numbers and booleans, the number that it spells."""
    if _is_number(column.type):
        return np.asarray(numbers(source, "", column)[0] == _float(value), dtype=bool)
    encoded = _encoded(column)
    texts = map(str, encoded.dictionary.to_pylist())
    number = float_of(value)
    equal = [
        text.strip() == value or (number is not None and float_of(text, source.decimal) == number)
        for text in texts
    ]
    return _take(np.array([*equal, False]), encoded)


def _decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values themselves of a column that holds each once and where it occurs."""
    return pc.cast(column, column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _encoded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """The values that occur, and where each does."""
    encoded = _decoded(column).combine_chunks().dictionary_encode()  # no values of rows that were not chosen
    return encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded


def _take(values: npt.NDArray[Any], encoded: pa.DictionaryArray) -> npt.NDArray[Any]:
    """The last of `values` stands for null."""
    taken: npt.NDArray[Any] = values[pc.fill_null(encoded.indices, len(values) - 1).to_numpy(zero_copy_only=False)]
    return taken


def is_text(kind: pa.DataType) -> bool:
    """Whether a column of this type holds text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _first_that_is_no_number(source: Source, column: pa.ChunkedArray) -> tuple[int, Any]:
    for index, value in enumerate(column.to_pylist()):
        number = float_of(value, source.decimal) if isinstance(value, str) else _float(value)
        if value is not None and not is_missing(value) and number is None:
            return index, value
    raise AssertionError("every value is a number")


def is_missing(value: Any) -> bool:
    """Whether a text says that there is nothing."""
    return isinstance(value, str) and value.strip().lower() in MISSING


def _float(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _whole(label: Any) -> bool:
    if isinstance(label, str):  # 007 and 1e5 are names of runs, not numbers
        return re.fullmatch(r"(0|-?[1-9]\d{0,14})(\.0+)?", label) is not None
    return isinstance(label, float) and label.is_integer() and abs(label) < 2**53


def _shown(value: Any) -> str:
    return "empty" if value is None or is_missing(value) else repr(value)
