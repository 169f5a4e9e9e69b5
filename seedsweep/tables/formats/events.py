"""What is in TensorBoard's event files, read by its own message class: records, and the scalars of each."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from seedsweep.errors import MissingPackageError

_FRAME = struct.Struct("<QI")
"""Before every record: its length, and a checksum of that; after it a checksum of four bytes."""
_CHECKSUM_BYTES = 4

_NUMBERS = {1: np.float32, 2: np.float64, 3: np.int32, 9: np.int64, 19: np.float16}
"""Types of tensors by TensorFlow's number."""


def events_in(data: bytes) -> Iterator[tuple[Any, int]]:
    """Every event, with the place behind it; the last record may have been cut off, as its writer was killed.

    Raises ValueError, naming the place, where there is no event, and MissingPackageError without tensorboard.
    """
    try:
        from tensorboard.compat.proto.event_pb2 import Event
    except ModuleNotFoundError:
        raise MissingPackageError(
            "TensorBoard's event files are read by tensorboard: pip install 'seedsweep[trackers]'"
        ) from None
    from google.protobuf.message import DecodeError

    start = 0
    while start + _FRAME.size <= len(data):
        length, _ = _FRAME.unpack_from(data, start)
        end = start + _FRAME.size + length
        if end + _CHECKSUM_BYTES > len(data):
            return
        try:
            event = Event.FromString(data[start + _FRAME.size : end])
        except DecodeError:
            raise ValueError(f"is damaged at byte {start}") from None
        start = end + _CHECKSUM_BYTES
        yield event, start


def scalars_of(event: Any) -> Iterator[tuple[str, float]]:
    """The tag and the number of every scalar."""
    for value in event.summary.value:
        if (number := number_of(value)) is not None:
            yield value.tag, number


def number_of(value: Any) -> float | None:
    """The number that a value of an event's summary is, in whichever of the two ways it is written."""
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
