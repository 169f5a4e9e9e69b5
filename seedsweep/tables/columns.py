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

SUFFIXES = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12}
"""Of a scale, as in 70m, 1.5B; in either case, since names of models have both."""

_SCALE = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*([kmbgt]?)", re.IGNORECASE)
_NUMBER = r"(\d+(?:\.\d+)?(?:e[+-]?\d+)?[kmbgt]?)(?![A-Za-z0-9])"


class Source(Protocol):
    """Where a column comes from, and how a message names a row of it."""

    def row(self, index: int) -> str: ...


def scale_of(text: str) -> float | None:
    """The number that a text such as `512`, `0.25`, `70m` or `1.5B` stands for; None if it is none.

    Examples
    --------
    >>> scale_of("70m"), scale_of("1.5B"), scale_of("2e-3"), scale_of("large")
    (70000000.0, 1500000000.0, 0.002, None)
    """
    match = _SCALE.fullmatch(text.strip())
    if match is None:
        return None
    # Decimal shifts in text, not products: 1.1M is 1100000 and not 1100000.0000000002.
    number, zeros = match[1], round(math.log10(SUFFIXES[match[2].lower()]))
    return float(number) if "e" in number.lower() else float(f"{number}e{zeros}")


def number_in(name: str) -> float | None:
    """The number in a name, if there is exactly one that stands alone, or else exactly one at all.

    Examples
    --------
    >>> number_in("pythia-1.4b-deduped"), number_in("gpt2-124M"), number_in("step1000"), number_in("qwen2.5-0.5b")
    (1400000000.0, 124000000.0, 1000.0, 500000000.0)
    >>> number_in("large") is number_in("olmo-2-1b") is None
    True
    """
    for before in (r"(?<![A-Za-z0-9.])", r"(?<![0-9.])"):
        matches = re.findall(before + _NUMBER, name, re.IGNORECASE)
        if matches:
            return scale_of(matches[0]) if len(matches) == 1 else None
    return None


def numbers(source: Source, name: str, column: pa.ChunkedArray) -> tuple[Floats, Bools]:
    """A column as float64, shape (n,), and where it has a value; NaN where it has none.

    Numbers, booleans (0 and 1) and text that spells numbers will do; NaN is a value, infinity is not.
    """
    original = column
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    try:
        if is_text(column.type):
            column = pc.utf8_trim_whitespace(column)
            column = pc.if_else(pc.equal(column, ""), None, column)
        elif pa.types.is_boolean(column.type):
            column = pc.cast(column, pa.int8())
        elif not (_is_number(column.type) or pa.types.is_null(column.type)):
            raise pa.ArrowInvalid(f"{column.type}")
        column = pc.cast(column, pa.float64(), safe=False)
    except pa.ArrowException:
        index, value = _first_that_is_no_number(original)
        raise InputError(f"{source.row(index)}: {name} is {value!r}; a number is needed") from None
    has_value = pc.is_valid(column).to_numpy()
    values = pc.fill_null(column, math.nan).to_numpy()
    for index in np.flatnonzero(np.isinf(values))[:1]:
        raise InputError(f"{source.row(index)}: {name} is {values[index]}; a seed that diverged is written as NaN")
    return values, has_value


def scales(source: Source, name: str, column: pa.ChunkedArray, what: str = "scale") -> Floats:
    """A column of scales as float64, shape (n,): numbers, 70m, 1.5B, or names with one, such as pythia-70m."""
    encoded = _encoded(column)
    texts = encoded.dictionary.to_pylist()
    known: list[float] = []
    named: dict[float, str] = {}
    for text in texts:
        number = scale_of(text) if isinstance(text, str) else _float(text)
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
    for index in np.flatnonzero(~np.isfinite(values))[:1]:
        raise InputError(
            f"{source.row(index)}: {name} is {_shown(column[index].as_py())}; "
            f"a {what} is a number such as 4, 0.25, 70m or 1.5B, or a name with one number"
        )
    return values


def labels(source: Source, name: str, column: pa.ChunkedArray) -> Labels:
    """A column of seeds, shape (n,): int64 if all are whole numbers, else text (object)."""
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
    if pa.types.is_boolean(column.type):
        column, value = pc.cast(column, pa.string()), value.lower()
    else:
        column = pc.cast(column, pa.string())
    return np.asarray(pc.fill_null(pc.equal(column, value), False).to_numpy(), dtype=bool)


def _encoded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """The values that occur, and where each does."""
    if pa.types.is_dictionary(column.type):  # may hold values of rows that were not chosen
        column = pc.cast(column, column.type.value_type)
    encoded = column.combine_chunks().dictionary_encode()
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


def _first_that_is_no_number(column: pa.ChunkedArray) -> tuple[int, Any]:
    for index, value in enumerate(column.to_pylist()):
        if value is not None and not (isinstance(value, str) and not value.strip()) and _float(value) is None:
            return index, value
    raise AssertionError("every value is a number")


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
    return "empty" if value is None else repr(value)
