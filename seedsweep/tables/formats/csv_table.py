"""CSV as loggers, spreadsheets and people write it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv

from seedsweep.errors import InputError
from seedsweep.tables.spelling import decimal_sign
from seedsweep.tables.tablefile import NoRowsError, TableFile
from seedsweep.tables.text import encoding_of, read_bytes

if TYPE_CHECKING:
    from _csv import Reader as _CsvReader

SNIFFED = 1 << 20
"""Bytes from which encoding, delimiter and names are told; a file of no more is read by Python at once."""

LARGE = 1 << 16
"""Bytes from which on Arrow's reader is the faster one."""


class CsvFile(TableFile):
    """Comma, semicolon, tab, bar or spaces between the fields, the first row the names. A blank is no value.

    Lines that start with `#` are comments. In whatever of UTF-8, UTF-16 and Windows' Latin-1 it is written; with
    decimal commas where commas do not part the fields.
    """

    first_row = 2  # as a spreadsheet counts; the line of a text editor unless a field holds a line break
    kind = "CSV"

    def _read_names(self) -> list[str]:
        head = read_bytes(self.path, SNIFFED)
        self._whole = len(head) < SNIFFED
        self._encoding = encoding_of(head)
        text = head.decode(self._encoding, errors="strict" if self._whole else "replace").removeprefix("\ufeff")
        lines = list(io.StringIO(text, newline=""))
        self._skipped = next((number for number, line in enumerate(lines) if _counts(line)), len(lines))
        if self._skipped == len(lines):
            raise NoRowsError(f"{self.path}: is empty")
        first = lines[self._skipped]
        self._delimiter = max(",;\t|", key=_outside_quotes(first).count)
        self._spaced = self._delimiter not in first and len(first.split()) > 1
        if self._spaced:
            self._delimiter = "\t"
        rows = self._reader(lines[self._skipped :])
        try:
            names = [name.strip() for name in next(rows)]
            self._header_lines = rows.line_num
            some = list(islice(rows, 200))
        except csv.Error as error:
            raise self.unreadable(error) from None
        if self._delimiter != ",":
            self.decimal = decimal_sign([field for row in some for field in row])
        while len(names) > 1 and not names[-1] and all(len(row) < len(names) or not row[-1] for row in some):
            del names[-1]  # a delimiter at the end of every row
        self._by_arrow = (
            len(head) >= LARGE
            and not self._spaced
            and self.decimal == "."
            and self._encoding in ("utf-8", "utf-8-sig")
            and all(len(row) == len(names) for row in some[: -1 if some else None])
        )
        self._fields = names
        return list(names)

    def _read(self, columns: list[str], labels: Sequence[str]) -> pa.Table:
        if self._by_arrow:
            try:
                return self._read_by_arrow(columns, labels)
            except pa.ArrowInvalid:
                pass  # rows of other lengths, or other than UTF-8 further down: read them as they are
        rows = self._rows()
        places = [self._fields.index(name) for name in columns]
        return pa.table(
            [pa.array([row[place] for row in rows], pa.string()) for place in places], names=list(columns)
        )

    def _reader(self, lines: Iterable[str]) -> _CsvReader:
        if self._spaced:
            lines = ("\t".join(line.split()) + "\n" for line in lines)
        return csv.reader(lines, delimiter=self._delimiter)

    def _read_by_arrow(self, columns: list[str], labels: Sequence[str]) -> pa.Table:
        fields = enumerate(self._fields)
        unique = [name if name not in self._fields[:place] else f"{name}\0{place}" for place, name in fields]
        read = pyarrow.csv.ReadOptions(skip_rows=self._skipped + self._header_lines, column_names=unique)
        parse = pyarrow.csv.ParseOptions(
            delimiter=self._delimiter,
            newlines_in_values=True,
            invalid_row_handler=lambda row: "skip" if row.text.startswith("#") else "error",
        )
        # "nan" is a value, a diverged seed's; what pandas, R and databases write for "nothing here" is null.
        convert = pyarrow.csv.ConvertOptions(
            include_columns=columns,
            column_types=dict.fromkeys(labels, pa.string()),
            null_values=["", "NA", "N/A", "NULL", "null", "None"],
            strings_can_be_null=True,
        )
        table = pyarrow.csv.read_csv(str(self.path), read, parse, convert)
        if any(pa.types.is_binary(field.type) for field in table.schema):
            raise pa.ArrowInvalid("a column holds other text than UTF-8")
        return table

    def _rows(self) -> list[list[str]]:
        """The fields of every row, as many as there are names."""
        data = read_bytes(self.path)
        try:
            text = data.decode(self._encoding)
        except UnicodeDecodeError:
            text = data.decode("latin-1")
        text = text.removeprefix("\ufeff").replace("\0", "")
        lines = list(io.StringIO(text, newline=""))[self._skipped + self._header_lines :]
        if any(map(_is_comment, lines)):
            lines = [line for line in lines if not _is_comment(line)]
        try:
            rows = [row for row in self._reader(lines) if row]
        except csv.Error as error:
            raise self.unreadable(error) from None
        width = len(self._fields)
        for number, row in enumerate(rows):
            if len(row) > width and not any(row[width:]):
                del row[width:]  # a delimiter at the end
            elif len(row) < width and number == len(rows) - 1 and not text.endswith(("\n", "\r")):
                self.cut = True
                del rows[number]
            elif len(row) != width:
                raise InputError(
                    f"{self.row(number)} has {len(row)} fields, and the first row names {width} columns"
                    + ("; a field that holds a delimiter stands in quotes" if len(row) > width else "")
                )
        return rows


def _counts(line: str) -> bool:
    return bool(line.strip()) and not _is_comment(line)


def _is_comment(line: str) -> bool:
    return line.startswith("#") and not line.startswith("#N/A")  # which is a spreadsheet's word for nothing


def _outside_quotes(line: str) -> str:
    return "".join(line.split('"')[::2])
