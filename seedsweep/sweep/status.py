"""Where a sweep stands, from its files alone: no Ray, no torch, no running driver needed."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from seedsweep.sweep import lock
from seedsweep.sweep.notes import notes
from seedsweep.sweep.pace import steps_seen
from seedsweep.sweep.queue import Queue
from seedsweep.sweep.store import KnownPack, Store

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
    """Whether a run on this machine is at this sweep whose workers have not begun yet."""
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


def status(place: str | os.PathLike[str] | Store) -> SweepStatus:
    """Where the sweep at a path or URL stands. Who asks repeatedly gives a `Store`, which keeps what it has read.

    Raises InputError if there is no sweep, or its store holds something that is not the sweep's.
    """
    store = place if isinstance(place, Store) else Store(place)
    record = store.existing_record()
    known = store.packs(record)
    wanted = set(record.seeds)
    now = time.time()
    scales: list[ScaleStatus] = []
    packs: list[PackStatus] = []
    work_asked = work_done = 0.0
    queue = Queue(record, known, now)
    for costs in record.scales:
        scale = costs.scale
        of_scale = [known_pack for known_pack in known if known_pack.pack.scale == scale]
        finished = {seed for known_pack in of_scale if known_pack.finished for seed in known_pack.pack.seeds}
        asked = finished if record.imported else wanted if scale in record.ladder.values else set()
        steps = costs.steps or steps_seen(of_scale) or steps_seen(known)
        own: list[PackStatus] = []
        cells = {"running": 0, "interrupted": 0, "failed": 0}
        unit = steps or 1  # a cell of which nobody knows how long it is, is one step: done or not
        steps_done = len(asked & finished) * unit
        for known_pack in of_scale:
            here = len((asked - finished).intersection(known_pack.pack.seeds))
            untouched = (
                known_pack.progress is None and not known_pack.blocks
            )  # handed out, but its worker is not up yet
            if known_pack.finished or not here:
                continue
            queue.take_in(known_pack, costs, steps)
            if untouched:
                continue
            state_of_pack = _pack_status(known_pack, steps, now, store)
            own.append(state_of_pack)
            cells[state_of_pack.state] += here
            steps_done += here * min(state_of_pack.step, steps)
        if not asked and not finished:
            continue
        rates = [pack.rate for pack in own if pack.state == "running"]
        rate = _total_rate(rates)
        done = len(asked & finished)
        scales.append(
            ScaleStatus(
                scale=scale,
                asked=len(asked),
                done=done,
                missing=len(asked) - done - sum(cells.values()),
                extra=len(finished - asked),
                fraction=steps_done / (len(asked) * unit) if asked else 1.0,
                seeds_per_hour=rate / steps * 3600 if rate and steps else None,
                **cells,
            )
        )
        packs += own
        work_asked += len(asked) * unit * costs.flop_per_seed_step
        work_done += steps_done * costs.flop_per_seed_step
        queue.wait(costs, steps, scales[-1].missing)

    left = work_asked - work_done
    return SweepStatus(
        path=store.location,
        name=record.name,
        scale_name=record.ladder.field,
        scales=tuple(scales),
        packs=tuple(sorted(packs, key=lambda pack: (pack.state != "running", pack.state, pack.name))),
        fraction=work_done / work_asked,
        seconds_left=0.0 if left <= 0 else queue.seconds_left(),
        starting=left > 0 and not any(pack.state == "running" for pack in packs) and lock.held_here(store.files),
        notes=notes(known, record.ladder.field),
    )


def _total_rate(rates: Sequence[float]) -> float:
    """Of all running packs; one that has just begun, with no rate yet, counts as an average one."""
    measured = [rate for rate in rates if rate > 0]
    return sum(measured) / len(measured) * len(rates) if measured else 0.0


def _pack_status(known_pack: KnownPack, steps: int, now: float, store: Store) -> PackStatus:
    progress = known_pack.progress
    alive = progress is not None and progress.is_alive(now)
    step = 0
    if progress is not None:
        step = progress.step if alive else progress.saved_step
    return PackStatus(
        name=known_pack.name,
        scale=known_pack.pack.scale,
        seeds=len(known_pack.pack.seeds),
        step=step,
        steps=steps,
        state="running" if alive else "failed" if known_pack.failed else "interrupted",
        host=progress.host if progress else "",
        rate=progress.rate if progress and alive else 0.0,
        failure=store.files.shown(f"failures/{known_pack.name}.txt") if known_pack.failed else None,
    )
