"""Runs of Hugging Face's Trainer: `trainer_state.json`, which holds all that was logged."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from seedsweep import jsontext
from seedsweep.tables.formats.format import Format
from seedsweep.tables.formats.json_table import columns_of
from seedsweep.tables.tablefile import NoRowsError, TableFile

_CHECKPOINT = re.compile(r"checkpoint-(\d+)")


class TrainerState(Format):
    """By the name and the field `log_history`. Every checkpoint has the log up to it, and the latest counts."""

    title = "Hugging Face's Trainer"

    def find(self, files: Sequence[Path]) -> Sequence[TableFile]:
        """A table per run, which is the folder of its checkpoints."""
        runs: dict[Path, list[Path]] = {}
        for path in files:
            if path.name == "trainer_state.json" and b'"log_history"' in path.read_bytes():
                folder = path.parent
                runs.setdefault(folder.parent if _CHECKPOINT.fullmatch(folder.name) else folder, []).append(path)
        return [_Log(folder, sorted(states, key=_reached)) for folder, states in runs.items()]


class _Log(TableFile):
    kind = "Hugging Face's Trainer's state"

    def __init__(self, folder: Path, states: Sequence[Path]) -> None:
        super().__init__(states[-1])
        self._folder, self._states = folder, states

    @property
    def claims(self) -> Sequence[Path]:
        return self._states

    def _read_names(self) -> list[str]:
        return list(self._log().column_names)

    def _read(self, columns: list[str], labels: Sequence[str]) -> pa.Table:
        return self._log().select(columns)

    def _log(self) -> pa.Table:
        rows = jsontext.loads(self.path.read_bytes())["log_history"]
        if not rows:
            raise NoRowsError(f"{self.path}: nothing was logged")
        return columns_of(rows)


def _reached(state: Path) -> float:
    """The step of a checkpoint; the state in the run's own folder is written at the end."""
    match = _CHECKPOINT.fullmatch(state.parent.name)
    return int(match[1]) if match else float("inf")
