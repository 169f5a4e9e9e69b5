"""Metrics as one JSON document, written anew each time: Hugging Face's `trainer_state.json`, a list of records, or
one record of final results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seedsweep import jsontext
from seedsweep.workers.programs.reading import MetricsReader, Version
from seedsweep.workers.programs.rows import Columns, MetricsError, Row

_HISTORY = "log_history"


class DocumentReader(MetricsReader):
    """Reads the whole document whenever it has changed; as earlier attempts left it, it has nothing to say."""

    def __init__(self, path: Path, shown: str, columns: Columns, begin: Version) -> None:
        super().__init__(path, shown, columns, begin)
        self._seen = begin

    def read(self, *, ended: bool) -> None:
        version = Version.of(self.path)
        if version == self._seen:
            return
        text = self.path.read_text(encoding="utf-8", errors="replace")
        try:
            content = jsontext.loads(text)
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
