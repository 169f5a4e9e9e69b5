"""The files of a table: which there are, what columns they have, and the columns that are asked for."""

from __future__ import annotations

import glob
import gzip
import json
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet as pq

from seedsweep.errors import InputError


class TableFile(ABC):
    """One file. Making the object reads the names of its columns only, or raises InputError."""

    first_row = 1
    """Number of the first row of data, as a reader of the file counts."""
    kind = ""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.names = self._read_names()
        except InputError:
            raise
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self._unreadable(error) from None

    def read(self, columns: Sequence[str], labels: Sequence[str] = ()) -> pa.Table:
        """These columns, all rows.

        Parameters
        ----------
        columns : sequence of str
            Names, which the file has.
        labels : sequence of str, optional
            In a file that does not know types these are left as text: 007 and 1e5 may be names of runs.

        Raises
        ------
        InputError
            If the file is damaged, or has several columns of one of the names.
        """
        for column in columns:
            if self.names.count(column) > 1:
                raise InputError(f"{self.path}: has {self.names.count(column)} columns {column!r}; rename one")
        try:
            return self._read(list(columns), labels)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self._unreadable(error) from None

    def row(self, index: int) -> str:
        """How a message names a row."""
        return f"{self.path}: row {index + self.first_row}"

    def _unreadable(self, error: Exception) -> InputError:
        if isinstance(error, OSError) and error.strerror:
            return InputError(f"{self.path}: cannot be read: {error.strerror}")
        reason = str(error).partition("\n")[0]
        return InputError(f"{self.path}: cannot be read as {self.kind}: {reason}")

    @abstractmethod
    def _read_names(self) -> list[str]: ...

    @abstractmethod
    def _read(self, columns: list[str], labels: Sequence[str]) -> pa.Table: ...


class CsvFile(TableFile):
    """Comma, semicolon or tab between the fields, the first row the names. An empty field is no value."""

    first_row = 2  # as a spreadsheet counts; the line of a text editor unless a field holds a line break
    kind = "CSV"

    def _read_names(self) -> list[str]:
        with pa.input_stream(str(self.path)) as stream:
            head = stream.read(1 << 20).decode("utf-8-sig", errors="replace")
        if not head.strip():
            raise InputError(f"{self.path}: is empty")
        line = re.sub(r'"[^"]*"', "", head).partition("\n")[0]
        self._delimiter = max(",;\t", key=line.count)
        with pyarrow.csv.open_csv(str(self.path), parse_options=self._parse()) as reader:
            return list(reader.schema.names)

    def _read(self, columns: list[str], labels: Sequence[str]) -> pa.Table:
        # "nan" is a value, a diverged seed's; what pandas, R and databases write for "nothing here" is null.
        convert = pyarrow.csv.ConvertOptions(
            include_columns=columns,
            column_types=dict.fromkeys(labels, pa.string()),
            null_values=["", "NA", "N/A", "NULL", "null", "None"],
            strings_can_be_null=True,
        )
        return pyarrow.csv.read_csv(str(self.path), parse_options=self._parse(), convert_options=convert)

    def _parse(self) -> pyarrow.csv.ParseOptions:
        return pyarrow.csv.ParseOptions(delimiter=self._delimiter, newlines_in_values=True)


class JsonFile(TableFile):
    """A JSON object per line, or one array of objects. A key that is missing or null is no value."""

    kind = "JSON lines"

    def _read_names(self) -> list[str]:
        self._table = self._parse()
        return list(self._table.column_names)

    def _read(self, columns: list[str], labels: Sequence[str]) -> pa.Table:
        return self._table.select(columns)

    def _parse(self) -> pa.Table:
        try:
            return pyarrow.json.read_json(str(self.path))
        except pa.ArrowInvalid:  # an array, numbers mixed with text such as "NaN", or an error that names no line
            return _columns_of(self._objects())

    def _objects(self) -> list[dict[str, Any]]:
        with (gzip.open if self.path.suffix == ".gz" else open)(self.path, "rt", encoding="utf-8") as file:
            text = file.read()
        if not text.strip():
            raise InputError(f"{self.path}: is empty")
        if text.lstrip().startswith("["):
            rows: list[dict[str, Any]] = json.loads(text)
        else:
            rows = []
            for number, line in enumerate(text.splitlines(), start=1):
                if line.strip():
                    try:
                        rows.append(json.loads(line))
                    except ValueError as error:
                        raise InputError(f"{self.path}: line {number} is not JSON: {error}") from None
        for number, row in enumerate(rows, start=1):
            if not isinstance(row, dict):
                raise InputError(f'{self.path}: row {number} is not a JSON object; a row is {{"column": value}}')
        return rows


def _columns_of(rows: list[dict[str, Any]]) -> pa.Table:
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {}
    for name in names:
        values = [row.get(name) for row in rows]
        try:
            columns[name] = pa.array(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            columns[name] = pa.array([None if value is None else str(value) for value in values])
    return pa.table(columns)


class ParquetFile(TableFile):
    """A Parquet file; folders named `column=value` above it are columns too."""

    kind = "Parquet"

    def _read_names(self) -> list[str]:
        parts = (part.partition("=") for part in self.path.parts[:-1])
        self._folders = {name: value for name, equals, value in parts if equals}
        own = pq.read_schema(self.path).names
        return [*own, *(name for name in self._folders if name not in own)]

    def _read(self, columns: list[str], labels: Sequence[str]) -> pa.Table:
        own = set(pq.read_schema(self.path).names)
        table = pq.read_table(
            self.path, columns=[name for name in columns if name in own], partitioning=None, use_threads=True
        )
        for name in columns:
            if name not in own:
                table = table.append_column(name, pa.repeat(self._folders[name], table.num_rows))
        return table.select(columns)


_KINDS: dict[str, type[TableFile]] = {
    ".csv": CsvFile,
    ".tsv": CsvFile,
    ".txt": CsvFile,
    ".jsonl": JsonFile,
    ".ndjson": JsonFile,
    ".json": JsonFile,
    ".parquet": ParquetFile,
    ".pq": ParquetFile,
}


def open_table(place: str | os.PathLike[str]) -> list[TableFile]:
    """The files at a path, below a directory, or of a pattern such as `runs/*/metrics.parquet`.

    Raises
    ------
    InputError
        If there is no file, they are of several formats, or a file cannot be read.
    """
    shown = os.fspath(place)
    path = Path(shown)
    if (path / "sweep.json").exists():
        raise InputError(f"{shown}: the directory of a sweep, not a table; its rows are in {path / 'metrics'}")
    if path.is_dir():
        paths = sorted(file for file in path.rglob("*") if _kind(file) and not _hidden(file.relative_to(path)))
    elif path.exists() or not glob.has_magic(shown):
        paths = [path]
    else:
        paths = sorted(Path(name) for name in glob.glob(shown, recursive=True) if Path(name).is_file())
    known = "a .csv, .tsv, .jsonl, .ndjson, .json or .parquet file, a directory of such, or a pattern"
    if not paths:
        raise InputError(f"{shown}: no table there; give {known}")
    if not paths[0].exists():
        raise InputError(f"{shown}: no such file; give {known}")
    kinds = {}
    for file in paths:
        kind = _kind(file)
        if kind is None:
            raise InputError(f"{file}: not a kind of table known here by its name; give {known}")
        kinds[kind] = file
    if len(kinds) > 1:
        first, second = list(kinds.values())[:2]
        raise InputError(
            f"{shown}: holds tables of several formats ({first} and {second}); give a pattern for one"
        )
    return [kind(file) for file in paths for kind in kinds]


def _kind(file: Path) -> type[TableFile] | None:
    suffixes = [suffix for suffix in file.suffixes if suffix != ".gz"]
    return _KINDS.get(suffixes[-1].lower()) if suffixes else None


def _hidden(file: Path) -> bool:
    return any(part.startswith((".", "_")) for part in file.parts)
