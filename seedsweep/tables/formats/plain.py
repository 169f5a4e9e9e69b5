"""Tables as they are: CSV, JSON and Parquet, by the ending of the name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from seedsweep.tables.formats.csv_table import CsvFile
from seedsweep.tables.formats.format import Format
from seedsweep.tables.formats.json_table import JsonFile
from seedsweep.tables.formats.parquet_table import ParquetFile
from seedsweep.tables.tablefile import TableFile


class _ByEnding(Format):
    endings: ClassVar[frozenset[str]]
    table: ClassVar[type[TableFile]]

    def find(self, files: Sequence[Path]) -> Sequence[TableFile]:
        """By the ending of the name."""
        return [self.table(path) for path in files if ending(path) in self.endings]


class Csv(_ByEnding):
    """Comma, semicolon or tab between the fields."""

    title = "CSV"
    endings = frozenset([".csv", ".tsv", ".txt", ".log"])
    table = CsvFile

    def find(self, files: Sequence[Path]) -> Sequence[TableFile]:
        """By the ending; a text that begins as JSON does is left to that."""
        return [table for table in super().find(files) if not _is_text_of_json(table.path)]


class Json(_ByEnding):
    """Lines, arrays or one object."""

    title = "JSON"
    endings = frozenset([".json", ".jsonl", ".ndjson", ".txt", ".log"])
    table = JsonFile


class Parquet(_ByEnding):
    """Parquet."""

    title = "Parquet"
    endings = frozenset([".parquet", ".pq"])
    table = ParquetFile


def _is_text_of_json(path: Path) -> bool:
    if ending(path) not in (".txt", ".log") or path.suffix == ".gz":
        return False
    with path.open("rb") as file:
        return file.read(64).lstrip()[:1] in (b"{", b"[")


def ending(path: Path) -> str:
    """Of a name, in small letters and without .gz."""
    return Path(path.name.lower().removesuffix(".gz")).suffix
