"""The metrics table: its columns, its version, and what the metadata of each Parquet file says."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from seedsweep import jsontext

FORMAT = 1
"""Version of the store's layout and of the columns below."""

MERGED = 2
"""Version of the metadata of a file into which blocks were merged; the layout and the columns are those of 1."""

METRICS = pa.schema(
    [
        pa.field("task", pa.string(), nullable=False),
        pa.field("scale_name", pa.string(), nullable=False),  # dotted name of the swept field
        pa.field("scale", pa.float64(), nullable=False),
        pa.field("seed", pa.int64(), nullable=False),
        pa.field("init_seed", pa.int64(), nullable=False),
        pa.field("data_seed", pa.int64(), nullable=False),
        pa.field("step", pa.int64(), nullable=False),  # optimiser steps taken
        pa.field("examples_seen", pa.int64(), nullable=False),  # training rows read: step × batch
        pa.field("split", pa.string(), nullable=False),
        pa.field("metric", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),  # NaN: the seed had diverged
    ]
)

KEY = b"seedsweep"
"""Key of our entry in a Parquet file's metadata."""


@dataclass(frozen=True)
class BlockInfo:
    """What a block says of itself in its metadata, so that the driver need not read its rows."""

    fingerprint: str
    pack: str
    block: int
    last: bool
    """Whether this block ends its pack: its seeds then have complete curves."""
    scale: float
    seeds: tuple[tuple[int, int], ...]
    """(init, data) of every seed of the pack."""
    steps: tuple[int, int]
    """First and last evaluation step in the block."""
    provenance: dict[str, Any]
    """Settings, package versions, device, precision and pack size."""
    format: int = FORMAT

    def to_metadata(self) -> dict[bytes, bytes]:
        """As the metadata of an Arrow schema."""
        return {KEY: json.dumps(asdict(self), sort_keys=True).encode()}

    @classmethod
    def from_entry(cls, content: dict[str, Any]) -> BlockInfo:
        """From what `entry` returns of a file with one block."""
        seeds = tuple((init, data) for init, data in content["seeds"])
        return cls(**(content | {"seeds": seeds, "steps": tuple(content["steps"])}))


class NewerFormatError(ValueError):
    """A newer seedsweep has written it."""


def entry(metadata: dict[bytes, bytes] | None) -> dict[str, Any] | None:
    """Our entry in the metadata of a Parquet file; None if the file is not one of ours.

    Raises NewerFormatError, saying what would help, if it is of a newer format; ValueError, TypeError or KeyError
    if it cannot be understood.
    """
    if not metadata or KEY not in metadata:
        return None
    content: dict[str, Any] = jsontext.loads(metadata[KEY])
    if content["format"] > MERGED:
        raise NewerFormatError(
            f"it has format {content['format']}, this seedsweep reads up to {MERGED}: update seedsweep"
        )
    return content
