"""Metrics as lines: JSON lines, and CSV with a header, to which a program adds while it runs."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from seedsweep import jsontext
from seedsweep.workers.programs.reading import MetricsReader, Version
from seedsweep.workers.programs.rows import Columns, MetricsError

_MARK_BYTES = 256
"""So much before the place where reading goes on must be as it was, or the file has been begun anew."""


class LinesReader(MetricsReader):
    """Reads only what was added, line by line."""

    def __init__(self, path: Path, shown: str, columns: Columns, begin: Version) -> None:
        super().__init__(path, shown, columns, begin)
        self._place = begin.size
        self._mark = self._before(begin.size)
        self._line = self._lines_before(begin.size)
        self._header: list[str] | None = None
        self._delimiter = ","

    def read(self, *, ended: bool) -> None:
        size = Version.of(self.path).size
        if size < self._place or self._before(self._place) != self._mark:
            self._place, self._mark, self._line, self._header, self.rows = 0, b"", 0, None, []
        if size == self._place:
            return
        with self.path.open("rb") as file:
            file.seek(self._place)
            data = file.read(size - self._place)
        whole = len(data) if ended else data.rfind(b"\n") + 1
        for line in data[:whole].split(b"\n")[: None if ended else -1]:
            self._line += 1
            self._take(line.decode(errors="replace").strip("\r\ufeff"))
        self._place += whole
        self._mark = self._before(self._place)

    def end_cut_line(self) -> None:
        """End the line in which the writer was killed, so that the next one begins at a line of its own.

        Else a file that is written anew, with the same beginning, would look as if it had been added to in the
        middle of that line.
        """
        if self.path.read_bytes()[-1:] not in (b"", b"\n"):
            with self.path.open("ab") as file:
                file.write(b"\n")

    def _take(self, line: str) -> None:
        if not line.strip():
            return
        where = f"{self.shown} line {self._line}"
        record = self._json(line, where) if self._is_json(line) else self._csv(line, where)
        if record is not None:
            self.rows += self.columns.rows(record, where)

    def _is_json(self, line: str) -> bool:
        return self._header is None and (
            line.lstrip().startswith("{") or self.path.suffix in (".jsonl", ".ndjson")
        )

    def _json(self, line: str, where: str) -> dict[str, Any]:
        try:
            record = jsontext.loads(line)
        except ValueError:
            raise MetricsError(f"{where}: is not JSON: {line[:60]}") from None
        if not isinstance(record, dict):
            raise MetricsError(f'{where}: is no JSON object such as {{"step": 1, "accuracy": 0.5}}')
        return record

    def _csv(self, line: str, where: str) -> dict[str, Any] | None:
        if self._header is None:
            first = line if self._place == 0 else self._first_line()
            self._delimiter = next((mark for mark in "\t;," if mark in first), ",")
            self._header = self._fields(first)
        fields = self._fields(line)
        again = fields[0] != "" and fields[0] == self._header[0]  # by a program that was started again
        if again or fields == self._header:
            self._header = fields
            return None
        if len(fields) != len(self._header):
            raise MetricsError(f"{where}: has {len(fields)} fields, but the header has {len(self._header)}")
        return dict(zip(self._header, fields, strict=True))

    def _fields(self, line: str) -> list[str]:
        return [field.strip() for field in next(csv.reader([line], delimiter=self._delimiter))]

    def _first_line(self) -> str:
        with self.path.open("rb") as file:
            return file.readline().decode(errors="replace").strip("\r\n\ufeff")

    def _before(self, place: int) -> bytes:
        try:
            with self.path.open("rb") as file:
                start = max(0, place - _MARK_BYTES)
                file.seek(start)
                return file.read(place - start)
        except FileNotFoundError:
            return b""

    def _lines_before(self, place: int) -> int:
        try:
            with self.path.open("rb") as file:
                return file.read(place).count(b"\n")
        except FileNotFoundError:
            return 0
