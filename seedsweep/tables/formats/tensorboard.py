"""TensorBoard's event files: a folder of them is a run, a tag a metric."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa

from seedsweep.tables.formats.events import events_in, number_of, scalars_of
from seedsweep.tables.formats.format import Format
from seedsweep.tables.formats.series import STEP, by_step
from seedsweep.tables.tablefile import NoRowsError, TableFile


class TensorBoard(Format):
    """By the name, which has `tfevents` in it."""

    title = "TensorBoard's events"

    def find(self, files: Sequence[Path]) -> Sequence[TableFile]:
        """A table per folder, whose files go on where those before them ended."""
        events = [path for path in files if "tfevents" in path.name]
        return [
            EventFiles(folder, list(of_run)) for folder, of_run in groupby(events, key=lambda path: path.parent)
        ]


class EventFiles(TableFile):
    """The scalars of a run. Hyperparameters are those that `add_hparams` wrote, here or in a folder below."""

    first_row = 0
    kind = "TensorBoard's events"

    def __init__(self, folder: Path, files: Sequence[Path]) -> None:
        super().__init__(folder)
        self._files = sorted(files, key=_order)

    @property
    def claims(self) -> Sequence[Path]:
        return self._files

    def own_parameters(self) -> Mapping[str, Any]:
        return self._contents[1]

    def _read_names(self) -> list[str]:
        tags, _ = self._contents
        if not tags:
            raise NoRowsError(f"{self.path}: no scalar was logged")
        return [STEP, *tags]

    @cached_property
    def _contents(self) -> tuple[list[str], Mapping[str, Any]]:
        """The tags of scalars, and the hyperparameters: both may stand anywhere."""
        tags: dict[str, None] = {}
        hyperparameters: dict[str, Any] = {}
        below = [path for path in self.path.glob("*/*tfevents*") if path.is_file()]
        for files in (self._files, below):
            for event in _events(files):
                for value in event.summary.value:
                    if value.tag in tags:
                        continue
                    if value.metadata.plugin_data.plugin_name == "hparams":
                        hyperparameters |= _hyperparameters(value.metadata.plugin_data.content)
                    elif files is self._files and number_of(value) is not None:
                        tags[value.tag] = None
        return list(tags), hyperparameters

    def _read(self, columns: list[str], labels: Sequence[str]) -> pa.Table:
        wanted = set(columns)
        return by_step(columns, (point for point in self._scalars() if point[0] in wanted or wanted == {STEP}))

    def _scalars(self) -> Iterator[tuple[str, int, float]]:
        for event in _events(self._files):
            for tag, number in scalars_of(event):
                yield tag, event.step, number


def _order(path: Path) -> list[tuple[int, str]]:
    """The name, in which time and number of the writer stand, by these as numbers."""
    return [(int(digits or 0), text) for text, digits in re.findall(r"(\D*)(\d*)", path.name)]


def _events(files: Sequence[Path]) -> Iterator[Any]:
    for path in files:
        try:
            for event, _ in events_in(path.read_bytes()):
                yield event
        except ValueError as error:
            raise ValueError(f"{path.name} {error}") from None


def _hyperparameters(content: bytes) -> dict[str, Any]:
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    start = HParamsPluginData.FromString(content).session_start_info
    values = {
        name: getattr(value, kind) for name, value in start.hparams.items() if (kind := value.WhichOneof("kind"))
    }
    return {name: value for name, value in values.items() if isinstance(value, str | float | bool)}
