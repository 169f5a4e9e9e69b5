"""Trials of Ray Tune: `result.json`, an object per report, beside `params.json`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seedsweep.tables.formats.format import Format
from seedsweep.tables.formats.json_table import JsonFile
from seedsweep.tables.tablefile import TableFile


class RayTune(Format):
    """By the name `result.json` and the field `training_iteration`."""

    title = "Ray Tune"

    def find(self, files: Sequence[Path]) -> Sequence[TableFile]:
        """A table per trial."""
        return [_Trial(path) for path in files if path.name == "result.json" and _is_report(path)]


class _Trial(JsonFile):
    kind = "Ray Tune's reports"

    @property
    def claims(self) -> Sequence[Path]:
        """All that lies beside: Ray writes the same as CSV and as TensorBoard's events."""
        beside = ("progress.csv", "events.out.tfevents*", "params.json")
        return [self.path, *(path for pattern in beside for path in self.path.parent.glob(pattern))]


def _is_report(path: Path) -> bool:
    with path.open("rb") as file:
        return b'"training_iteration"' in file.read(1 << 16)
