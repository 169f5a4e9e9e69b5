"""Metrics as one JSON document, written anew each time: Hugging Face's `trainer_state.json`, a list of records, or
one record of final results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from seedsweep.workers.programs.reading import MetricsReader
from seedsweep.workers.programs.rows import Columns, MetricsError, Row

_HISTORY = "log_history"


class DocumentReader(MetricsReader):
    """Reads the whole document whenever it has changed; as earlier attempts left it, it has nothing to say."""

    def __init__(self, path: Path, shown: str, columns: Columns, begin: int) -> None:
        super().__init__(path, shown, columns, begin)
        self._seen = self._version() if begin else None

    def read(self, *, ended: bool) -> None:
        version = self._version()
        if version is None or version == self._seen:
            return
        text = self.path.read_text(encoding="utf-8", errors="replace")
        try:
            content = json.loads(text)
        except ValueError:
            if ended:
                raise MetricsError(f"{self.shown}: is not JSON") from None
            return  # half written
        self._seen = version
        self.rows = self._rows_of(content)

    def _rows_of(self, content: Any) -> list[Row]:
        columns = self.columns
        if isinstance(content, dict) and isinstance(content.get(_HISTORY), list):
            content = content[_HISTORY]
        rows: list[Row] = []
        for number, record in enumerate(content if isinstance(content, list) else [content], start=1):
            where = f"{self.shown} record {number}"
            if not isinstance(record, dict):
                raise MetricsError(f'{where}: is no JSON object such as {{"step": 1, "accuracy": 0.5}}')
            rows += columns.rows(record, where)
        return rows

    def _version(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        return found.st_size, found.st_mtime_ns
