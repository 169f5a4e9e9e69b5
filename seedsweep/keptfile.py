"""A kept checkpoint as a file: the weights of a pack at one step, and what the file says of itself.

It is a safetensors file, which every library for that format reads: a tensor under its name has one model's
weights for each seed of the pack, along its first axis. Our entry in its metadata says which seeds, and a digest
over all of it tells whether its bytes are those that were written. Needs neither torch nor safetensors.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, TypeAlias

from seedsweep import jsontext
from seedsweep.seeds import Seed

FORMAT = 1
"""Version of what is said in the metadata."""
KEY, DIGEST = "seedsweep", "sha256"
"""Key of our entry in the metadata, JSON, and of the digest in it. It is one entry, since safetensors writes
several in any order, and a file that is written again shall be the same."""
MOST_OF_A_HEADER = 100_000_000
"""Bytes, as safetensors' own readers have it."""
_LENGTH = struct.Struct("<Q")
FIRST_BYTES = _LENGTH.size
"""Of a file; they say how long its header is."""


Stored: TypeAlias = "tuple[str, str, Sequence[int], bytes | memoryview]"
"""Name, type (`F32`), shape and bytes of a tensor."""


class DamagedCheckpointError(ValueError):
    """The bytes are not those of a kept checkpoint; the message says why."""


class ForeignCheckpointError(ValueError):
    """A safetensors file, but none that seedsweep has kept."""


class StoredTensor(NamedTuple):
    """Where a tensor lies in the file's data, and what it is."""

    dtype: str
    shape: tuple[int, ...]
    """(S, …)."""
    begin: int
    end: int


@dataclass(frozen=True)
class KeptInfo:
    """What a kept checkpoint says of itself."""

    fingerprint: str
    """Of the sweep."""
    pack: str
    scale_name: str
    scale: float
    seeds: tuple[tuple[int, int], ...]
    """(init, data) of every seed of the pack, in the order of the tensors' first axis."""
    step: int
    """Optimiser steps taken."""
    diverged: tuple[int, ...]
    """Ids of the seeds that had diverged by then."""
    provenance: dict[str, Any]
    """Versions and device."""
    format: int = FORMAT

    @property
    def pairs(self) -> tuple[Seed, ...]:
        """The seeds."""
        return tuple(Seed(init, data) for init, data in self.seeds)

    def to_metadata(self, tensors: Iterable[Stored]) -> dict[str, str]:
        """As the metadata of the file with these tensors."""
        said = asdict(self)
        return {KEY: json.dumps(said | {DIGEST: _digest(said, tensors)}, sort_keys=True)}

    @classmethod
    def from_entry(cls, content: dict[str, Any]) -> KeptInfo:
        """From our entry, the digest apart. Raises DamagedCheckpointError if it cannot be understood."""
        try:
            if content["format"] > FORMAT:
                raise DamagedCheckpointError(
                    f"has format {content['format']}, this seedsweep reads {FORMAT}: update seedsweep"
                )
            lists = {
                "seeds": tuple((int(init), int(data)) for init, data in content["seeds"]),
                "diverged": tuple(content["diverged"]),
            }
            return cls(**(content | lists))
        except DamagedCheckpointError:
            raise
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise DamagedCheckpointError(f"what it says of itself cannot be understood: {error}") from None


@dataclass(frozen=True)
class KeptHeader:
    """What stands in front of the data."""

    info: KeptInfo
    tensors: Mapping[str, StoredTensor]
    digest: str
    size: int
    """Bytes up to the data."""

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The tensors of one seed."""
        return {name: tensor.shape[1:] for name, tensor in self.tensors.items()}


def header_length(first: bytes, file_size: int) -> int:
    """Bytes of the header, from the `FIRST_BYTES` of a file. Raises DamagedCheckpointError if it has none."""
    if len(first) < FIRST_BYTES:
        raise DamagedCheckpointError("truncated")
    (length,) = _LENGTH.unpack(first[:FIRST_BYTES])
    if not 2 <= length <= min(MOST_OF_A_HEADER, file_size - FIRST_BYTES):
        raise DamagedCheckpointError("truncated or not safetensors")
    return int(length)


def parse_header(header: bytes) -> KeptHeader:
    """From the header's bytes. Raises DamagedCheckpointError, or ForeignCheckpointError if it is none of ours."""
    try:
        entries = jsontext.loads(header)
        said = entries.pop("__metadata__", None)
        tensors = {
            name: StoredTensor(entry["dtype"], tuple(map(int, entry["shape"])), *map(int, entry["data_offsets"]))
            for name, entry in entries.items()
        }
    except (ValueError, TypeError, KeyError, AttributeError):
        raise DamagedCheckpointError("truncated or not safetensors") from None
    if not isinstance(said, dict) or KEY not in said:
        raise ForeignCheckpointError("not written by seedsweep")
    try:
        content = jsontext.loads(said[KEY])
        digest = content.pop(DIGEST)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DamagedCheckpointError(f"what it says of itself cannot be understood: {error}") from None
    info = KeptInfo.from_entry(content)
    if any(not tensor.shape or tensor.shape[0] != len(info.seeds) for tensor in tensors.values()):
        raise DamagedCheckpointError("its tensors are not of as many seeds as it says")
    return KeptHeader(info, tensors, digest, FIRST_BYTES + len(header))


def header_of(content: bytes) -> KeptHeader:
    """The header of a whole file. Raises as `parse_header` does, also if the data behind it are not whole."""
    length = header_length(content[:FIRST_BYTES], len(content))
    header = parse_header(content[FIRST_BYTES : FIRST_BYTES + length])
    if len(content) - header.size != max((tensor.end for tensor in header.tensors.values()), default=0):
        raise DamagedCheckpointError("truncated")
    return header


def verified(content: bytes) -> KeptHeader:
    """The same of a file whose bytes are those that were written; DamagedCheckpointError if they are not."""
    header = header_of(content)
    data = memoryview(content)[header.size :]
    stored = ((name, t.dtype, t.shape, data[t.begin : t.end]) for name, t in header.tensors.items())
    if _digest(asdict(header.info), stored) != header.digest:
        raise DamagedCheckpointError("its bytes are not those that were written")
    return header


def _digest(said: dict[str, Any], tensors: Iterable[Stored]) -> str:
    found = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    for name, dtype, shape, data in sorted(tensors, key=lambda tensor: tensor[0]):
        found.update(json.dumps([name, dtype, list(shape), len(data)]).encode())
        found.update(data)
    return found.hexdigest()
