"""What TensorBoard's page lets one download: `run-width128_seed0-tag-acc.csv`, one file a run and tag."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from seedsweep.tables.formats.csv_table import CsvFile
from seedsweep.tables.formats.format import Format
from seedsweep.tables.tablefile import TableFile

_NAME = re.compile(r"run[-_](?P<run>.*)[-,]tag[-_](?P<tag>.+)\.csv")


class TensorBoardCsv(Format):
    """By the name, and the columns `Wall time,Step,Value`."""

    title = "TensorBoard's CSV"

    def find(self, files: Sequence[Path]) -> Sequence[TableFile]:
        """A table per run and tag."""
        named = [(path, match) for path in files if (match := _NAME.fullmatch(path.name))]
        return [_Tag(path, match["run"], match["tag"]) for path, match in named if _has_its_columns(path)]


class _Tag(CsvFile):
    """The tag names the column of values too."""

    def __init__(self, path: Path, run: str, tag: str) -> None:
        super().__init__(path)
        self._run, self._tag = run, tag

    @property
    def run(self) -> str:
        return self._run

    def own_parameters(self) -> Mapping[str, Any]:
        return {"tag": self._tag}

    def _read_names(self) -> list[str]:
        return [*super()._read_names(), self._tag]

    def _read(self, columns: list[str], labels: Sequence[str]) -> pa.Table:
        values = {"Value" if name == self._tag else name for name in columns}
        table = super()._read(sorted(values), labels)
        return pa.table({name: table["Value" if name == self._tag else name] for name in columns})


def _has_its_columns(path: Path) -> bool:
    with path.open("rb") as file:
        return file.readline().strip() == b"Wall time,Step,Value"
