"""Metrics as TensorBoard event files: scalars, in whichever of the two ways they are written.

The format is TensorFlow's: records of a length, a payload and checksums, the payload a protocol buffer `Event`
(https://github.com/tensorflow/tensorboard/blob/master/tensorboard/compat/proto/event.proto). Only what a scalar
needs is decoded; `tests/workers/programs/test_events.py` holds it against what TensorBoard's own reader says.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from seedsweep.workers.programs.reading import MetricsReader, Version
from seedsweep.workers.programs.rows import Columns, MetricsError

_HEADER = struct.Struct("<QI")
"""Of a record: the length of its payload, and a checksum of that; after the payload comes another."""
_FOOTER_BYTES = 4
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FLOAT, _DOUBLE = 1, 2
"""Of `TensorProto.dtype`."""


class EventsReader(MetricsReader):
    """Reads only the records that were added."""

    def __init__(self, path: Path, shown: str, columns: Columns, begin: Version) -> None:
        super().__init__(path, shown, columns, begin)
        self._place = begin.size

    def read(self, *, ended: bool) -> None:
        with self.path.open("rb") as file:
            file.seek(self._place)
            data = file.read()
        place = 0
        while place + _HEADER.size <= len(data):
            length, _ = _HEADER.unpack_from(data, place)
            end = place + _HEADER.size + length + _FOOTER_BYTES
            if end > len(data):  # half written
                break
            try:
                self._take(data[place + _HEADER.size : end - _FOOTER_BYTES])
            except (struct.error, IndexError, UnicodeDecodeError):
                raise MetricsError(f"{self.shown}: is no file of TensorBoard events, or damaged") from None
            place = end
        self._place += place

    def _take(self, event: bytes) -> None:
        step, summaries = 0, []
        for field, value in _fields(event):
            if field == 2 and isinstance(value, int):
                step = value
            elif field == 5 and isinstance(value, bytes):
                summaries.append(value)
        scalars = dict(scalar for summary in summaries for scalar in _scalars(summary))
        if scalars:
            self.rows += self.columns.rows({"step": step, **scalars}, self.shown)


def is_events(path: Path) -> bool:
    """Whether TensorBoard would take the file for events."""
    return "tfevents" in path.name


def _scalars(summary: bytes) -> Iterator[tuple[str, float]]:
    for field, value in _fields(summary):
        if field != 1 or not isinstance(value, bytes):
            continue
        tag, number = "", None
        for inner, content in _fields(value):
            if inner == 1 and isinstance(content, bytes):
                tag = content.decode()
            elif inner == 2 and isinstance(content, bytes):
                (number,) = struct.unpack("<f", content)
            elif inner == 8 and isinstance(content, bytes):
                number = _scalar_tensor(content)
        if tag and number is not None:
            yield tag, number


def _scalar_tensor(tensor: bytes) -> float | None:
    """The value of a tensor without dimensions; None of any other, such as a picture."""
    kind, found = 0, b""
    for field, value in _fields(tensor):
        if field == 1 and isinstance(value, int):
            kind = value
        elif field in (4, 5, 6) and isinstance(value, bytes):  # its bytes, or a list of floats or doubles
            found = value
    form = {(_FLOAT, 4): "<f", (_DOUBLE, 8): "<d"}.get((kind, len(found)))
    return None if form is None else float(struct.unpack(form, found)[0])


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and content of every field of a protocol buffer."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        kind = key & 7
        if kind == _VARINT:
            value, place = _varint(message, place)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            length, place = _varint(message, place)
        else:
            length = {_FIXED64: 8, _FIXED32: 4}.get(kind, len(message))
        if place + length > len(message):
            raise IndexError("a field is longer than its message")
        yield key >> 3, message[place : place + length]
        place += length


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, place
