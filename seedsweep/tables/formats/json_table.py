"""JSON as tables: an object per line, an array of objects, an object of columns, or one object that is a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.json

from seedsweep import jsontext
from seedsweep.errors import InputError
from seedsweep.tables.formats.nested import flat_row, flat_table
from seedsweep.tables.spelling import scale_of
from seedsweep.tables.tablefile import NoRowsError, TableFile
from seedsweep.tables.text import encoding_of, read_bytes

LARGE = 1 << 20
"""Bytes from which on Arrow's reader is tried first."""


class JsonFile(TableFile):
    """Rows of JSON. A key that is missing or null is no value; what lies in an object has a dotted name."""

    kind = "JSON lines"

    def _read_names(self) -> list[str]:
        return list(self._parsed().column_names)

    def _read(self, columns: list[str], labels: Sequence[str]) -> pa.Table:
        return self._parsed().select(columns)

    def _parsed(self) -> pa.Table:
        if self.path.suffix == ".gz" or self.path.stat().st_size >= LARGE:
            try:
                return flat_table(pyarrow.json.read_json(str(self.path)))
            except pa.ArrowInvalid:
                pass  # no lines, numbers mixed with text such as "NaN", or an error that names no line
        data = read_bytes(self.path)
        text = data.decode(encoding_of(data)).removeprefix("\ufeff")
        if not text.strip():
            raise NoRowsError(f"{self.path}: is empty")
        return columns_of(self._rows(text))

    def _rows(self, text: str) -> list[Mapping[str, Any]]:
        try:
            content = jsontext.loads(text)
        except ValueError as error:
            if text.lstrip().startswith("["):
                raise InputError(f"{self.path}: is not JSON: {error}") from None
            content = self._lines(text)
        rows: list[Any] = rows_of(content)
        for number, row in enumerate(rows, start=1):
            if not isinstance(row, dict):
                raise InputError(f'{self.path}: row {number} is not a JSON object; a row is {{"column": value}}')
        return rows

    def _lines(self, text: str) -> list[Any]:
        rows = []
        lines = text.split("\n")
        for number, line in enumerate(lines, start=1):
            if line.strip():
                try:
                    rows.append(jsontext.loads(line))
                except ValueError as error:
                    if number == len(lines) > 1 and rows:
                        self.cut = True  # no end of line: the writer was killed
                        continue
                    raise InputError(f"{self.path}: line {number} is not JSON: {error}") from None
        return rows


def rows_of(content: Any) -> list[Any]:
    """Rows, of what a JSON file holds; pandas' orients `records`, `columns`, `list` and `split` among it.

    Examples
    --------
    >>> rows_of({"seed": [0, 1], "acc": [0.5, 0.25]})
    [{'seed': 0, 'acc': 0.5}, {'seed': 1, 'acc': 0.25}]
    >>> rows_of({"seed": 3, "history": [{"step": 1, "acc": 0.5}, {"step": 2, "acc": 0.75}]})
    [{'seed': 3, 'step': 1, 'acc': 0.5}, {'seed': 3, 'step': 2, 'acc': 0.75}]
    """
    if not isinstance(content, dict):
        return content if isinstance(content, list) else [content]
    if {"columns", "data"} <= content.keys() and isinstance(content["data"], list):
        return [dict(zip(content["columns"], row, strict=False)) for row in content["data"]]
    columns = list(content.values())
    if len(columns) > 1 and all(
        isinstance(column, dict) and column.keys() == columns[0].keys() for column in columns
    ):
        index = {} if "index" in content else {"index": list(columns[0])}
        return _side_by_side({**index, **{name: list(column.values()) for name, column in content.items()}}, {})
    if not any(isinstance(value, list) for value in columns):
        content = flat_row(content)  # lists may lie in an object: {"acc": {"steps": …, "values": …}}
    lists = {name: value for name, value in content.items() if isinstance(value, list) and value}
    others = {name: value for name, value in content.items() if name not in lists}
    of_rows = [name for name, value in lists.items() if all(isinstance(row, dict) for row in value)]
    if len(of_rows) == 1:
        also = {name: value for name, value in content.items() if name != of_rows[0]}
        return [{**also, **row} for row in lists[of_rows[0]]]
    if lists and len({len(value) for value in lists.values()}) == 1 and (not others or len(lists) > 1):
        numbered = all(scale_of(name) is not None for name in content)  # scales, say, of lists of seeds
        index = {"index": list(range(len(next(iter(lists.values())))))} if numbered else {}
        return _side_by_side({**index, **lists}, others)
    return [content]


def _side_by_side(columns: Mapping[str, list[Any]], others: Mapping[str, Any]) -> list[Any]:
    """Rows of columns, and of what is the same in all of them."""
    return [{**others, **dict(zip(columns, row, strict=True))} for row in zip(*columns.values(), strict=True)]


def columns_of(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows as a table; a column of several types is text."""
    flat = [flat_row(row) for row in rows]
    names = dict.fromkeys(name for row in flat for name in row)
    columns = {}
    for name in names:
        values = [row.get(name) for row in flat]
        try:
            columns[name] = pa.array(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            columns[name] = pa.array([None if value is None else str(value) for value in values])
    return pa.table(columns)
