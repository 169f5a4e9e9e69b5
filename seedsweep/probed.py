"""What probing a ladder tells: before it begins, meanwhile, in the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class ProbePlan:
    """What will be done."""

    checkpoints: int
    """That were found."""
    missing: int
    """Of these, how many lack a probe in the table."""
    packs: int
    """In how many packs they will be probed."""
    seeds: int
    """Of the largest pack."""
    bytes: int
    """Memory of the process while it has the largest pack."""
    device: str


@dataclass(frozen=True)
class ProbeProgress:
    """How far it is."""

    model: str
    step: int
    done: int
    """Checkpoints that were probed."""
    missing: int
    """Of how many."""
    seconds_left: float | None


@dataclass(frozen=True)
class Probed:
    """What was done.

    Attributes
    ----------
    path : str
        The table.
    rows : int
        That it has now.
    added : int
        Of these, how many are new.
    refused : mapping of str to str
        Checkpoints that are not whole or cannot be read, by their directory, and why. They have no row.
    """

    path: str
    rows: int
    added: int
    refused: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)
