"""What a run tells while it goes on, and what it returns."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from seedsweep.sweep.standing import SweepStatus

EventKind = Literal[
    "plan",
    "base",
    "ready",
    "start",
    "finish",
    "add",
    "retry",
    "fail",
    "stop",
    "workers",
    "merge",
    "aside",
    "wait",
    "tick",
]


@dataclass(frozen=True)
class Event:
    """Something to show while a run goes on."""

    kind: EventKind
    """plan: what will be trained is known. base: the model that all seeds start from
    is being trained. ready: the executor runs. start, finish, retry, fail: of a pack.
    add: seeds are added for the sake of a goal.
    stop: packs are asked to save a checkpoint. workers: they are waited for, are there again, or are
    left out; before "plan" the status knows of no scale. merge: small blocks are merged. aside: a file could
    not be used. wait: the store does not answer. tick: nothing but the time."""
    message: str
    """One line for people; empty for a tick."""
    status: SweepStatus
    dashboard: str | None = None
    """URL of the executor's web page, with "ready"."""


@dataclass(frozen=True)
class Failure:
    """A pack that was given up."""

    pack: str
    scale: float
    seeds: tuple[int, ...]
    """Ids of its seeds."""
    error: str
    """Last line of the traceback."""
    path: str
    """File with the whole traceback."""


@dataclass(frozen=True)
class RunResult:
    """What a run has done. Counts are cells (scale × seed)."""

    store: str
    """Path or URL of the sweep."""
    asked: int
    present: int
    """Asked for and there before."""
    trained: int
    failed: int
    interrupted: bool
    """Whether it was stopped with cells still missing."""
    failures: tuple[Failure, ...]
    seconds: float
    dashboard: str | None = None
    notes: tuple[str, ...] = ()
    """What to know of the numbers: cells of different code, seeds with the same numbers."""
    sample: str | None = None
    """How the sample came about, if seeds were added for the sake of a goal."""

    @property
    def missing(self) -> int:
        """Cells that are still not there, failed ones included."""
        return self.asked - self.present - self.trained

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "missing": self.missing}
