"""TensorBoard's event files: a folder of them is a run, a tag a metric."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from seedsweep.errors import MissingPackageError
from seedsweep.tables.formats.format import Format
from seedsweep.tables.formats.series import STEP, by_step
from seedsweep.tables.tablefile import TableFile

_FRAME = struct.Struct("<QI")
"""Before every record: its length, and a checksum of that; after it a checksum of four bytes."""

_NUMBERS = {1: np.float32, 2: np.float64, 3: np.int32, 9: np.int64, 19: np.float16}
"""Types of tensors by TensorFlow's number."""


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
        return [STEP, *self._contents[0]]

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
                    elif files is self._files and _number(value) is not None:
                        tags[value.tag] = None
        return list(tags), hyperparameters

    def _read(self, columns: list[str], labels: Sequence[str]) -> pa.Table:
        wanted = set(columns)
        return by_step(columns, (point for point in self._scalars() if point[0] in wanted or wanted == {STEP}))

    def _scalars(self) -> Iterator[tuple[str, int, float]]:
        for event in _events(self._files):
            for value in event.summary.value:
                if (number := _number(value)) is not None:
                    yield value.tag, event.step, number


def _order(path: Path) -> list[tuple[int, str]]:
    """The name, in which time and number of the writer stand, by these as numbers."""
    return [(int(digits or 0), text) for text, digits in re.findall(r"(\D*)(\d*)", path.name)]


def _events(files: Sequence[Path]) -> Iterator[Any]:
    """Every event; the last record of a file may have been cut off, as its writer was killed."""
    try:
        from tensorboard.compat.proto.event_pb2 import Event
    except ModuleNotFoundError:
        raise MissingPackageError(
            "TensorBoard's event files are read by tensorboard: pip install 'seedsweep[trackers]'"
        ) from None
    from google.protobuf.message import DecodeError

    for path in files:
        data = path.read_bytes()
        start = 0
        while start + _FRAME.size <= len(data):
            length, _ = _FRAME.unpack_from(data, start)
            end = start + _FRAME.size + length
            if end > len(data):
                break
            try:
                yield Event.FromString(data[start + _FRAME.size : end])
            except DecodeError:
                raise ValueError(f"{path.name} is damaged at byte {start}") from None
            start = end + 4


def _number(value: Any) -> float | None:
    return value.simple_value if value.HasField("simple_value") else _scalar(value.tensor)


def _scalar(tensor: Any) -> float | None:
    """The number that a tensor of one element is, as TensorFlow 2 and JAX's writers keep scalars."""
    if tensor.dtype not in _NUMBERS or any(dim.size != 1 for dim in tensor.tensor_shape.dim):
        return None
    for values in (tensor.float_val, tensor.double_val, tensor.int_val, tensor.int64_val):
        if values:
            return float(values[0])
    held = np.frombuffer(tensor.tensor_content, _NUMBERS[tensor.dtype])
    return float(held[0]) if len(held) == 1 else None


def _hyperparameters(content: bytes) -> dict[str, Any]:
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    start = HParamsPluginData.FromString(content).session_start_info
    values = {
        name: getattr(value, kind) for name, value in start.hparams.items() if (kind := value.WhichOneof("kind"))
    }
    return {name: value for name, value in values.items() if isinstance(value, str | float | bool)}
