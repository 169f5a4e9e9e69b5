"""Where a sweep stands at one moment: what `status` returns, and what a run tells with every event."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

PackState = Literal["running", "interrupted", "failed"]


@dataclass(frozen=True)
class PackStatus:
    """An unfinished pack."""

    name: str
    scale: float
    seeds: int
    step: int
    """Steps taken by each of its seeds, of `steps`; of an interrupted pack, those a checkpoint has kept."""
    steps: int
    """0 if that is not known yet."""
    state: PackState
    host: str
    rate: float
    """Seed-steps per second; 0 unless running."""
    failure: str | None
    """File with the traceback of a failed pack."""


@dataclass(frozen=True)
class ScaleStatus:
    """The cells of one scale. `asked` = done + running + interrupted + failed + missing."""

    scale: float
    asked: int
    done: int
    running: int
    interrupted: int
    """Begun and not at work now; the next run goes on with them."""
    failed: int
    """Given up after repeated failures; the next run tries them again."""
    missing: int
    """Not begun."""
    extra: int
    """Finished cells that the latest spec does not ask for."""
    fraction: float
    """Of the training steps asked for, the share that is done; 1 if none is asked for."""
    seeds_per_hour: float | None
    """At the present rate; None while no seed of this scale is at work."""


@dataclass(frozen=True)
class SweepStatus:
    """A sweep at one moment."""

    path: str
    name: str
    scale_name: str
    scales: tuple[ScaleStatus, ...]
    """In ascending order."""
    packs: tuple[PackStatus, ...]
    """Unfinished packs of cells that are asked for, running ones first."""
    fraction: float
    """Of the arithmetic asked for, the share that is done."""
    seconds_left: float | None
    """Until the last pack ends, each part at the pace that packs of its scale have had (`sweep.queue`); None while
    nothing runs or nothing is known of how long a seed takes, 0 when complete."""
    starting: bool = False
    """Whether a run is at this sweep of which no worker has told yet how far it is."""
    notes: tuple[str, ...] = ()
    """What to know of the numbers: cells of different code, seeds with the same numbers."""

    @property
    def asked(self) -> int:
        """Cells asked for."""
        return sum(scale.asked for scale in self.scales)

    @property
    def done(self) -> int:
        """Cells asked for and finished."""
        return sum(scale.done for scale in self.scales)

    @property
    def failed(self) -> int:
        """Cells given up."""
        return sum(scale.failed for scale in self.scales)

    @property
    def complete(self) -> bool:
        """Whether every cell asked for is finished."""
        return self.done == self.asked

    @property
    def seeds_per_hour(self) -> float | None:
        """Over all scales at work; None if none is."""
        rates = [scale.seeds_per_hour for scale in self.scales if scale.seeds_per_hour is not None]
        return sum(rates) if rates else None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            **asdict(self),
            "asked": self.asked,
            "done": self.done,
            "failed": self.failed,
            "complete": self.complete,
            "seeds_per_hour": self.seeds_per_hour,
        }
