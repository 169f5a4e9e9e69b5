"""The time that a sweep still takes: its packs as a queue of which every worker takes the next when it is free."""

from __future__ import annotations

import platform
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property

from seedsweep.cell import Pace
from seedsweep.sweep.pace import expected, makespan, paces_of
from seedsweep.sweep.record import ScaleRecord, SweepRecord
from seedsweep.sweep.store import KnownPack


@dataclass(frozen=True)
class Part:
    """A pack, or what of it is still to do."""

    costs: ScaleRecord
    seeds: int
    steps: float
    """Left."""
    evaluations: float
    set_up: bool
    """Whether it has taken its first step."""
    own: Pace | None = None
    """Its own, if it is at work and has measured it."""

    def seconds(self, pace: Pace) -> float:
        """Left, at this pace."""
        pace = self.own or pace
        return pace.seconds(self.seeds, self.steps, self.evaluations) + (0.0 if self.set_up else pace.setup)


@dataclass
class Queue:
    """Takes in the unfinished packs and the cells that are in none, and says how long they take."""

    record: SweepRecord
    known: Sequence[KnownPack]
    now: float
    runs: Set[str] = frozenset()
    """Those that go on."""
    running: list[Part] = field(default_factory=list)
    waiting: list[Part] = field(default_factory=list)
    endless: bool = False
    """Whether of some cells nobody knows how many steps they take."""

    def take_in(self, pack: KnownPack, costs: ScaleRecord, steps: int) -> None:
        """An unfinished pack, of so many steps; 0 if nobody knows how many."""
        progress, seeds = pack.progress, len(pack.pack.seeds)
        unit = steps or 1
        self.endless = self.endless or not steps
        if progress is None and not pack.blocks:  # handed out, but its worker is not up yet
            self.running.append(Part(costs, seeds, unit, costs.evaluations, set_up=False))
        elif progress is not None and progress.is_alive(self.now, self.runs):
            done = min(progress.step, steps)
            evaluations = progress.evaluations or costs.evaluations * done / unit
            left = max(0.0, costs.evaluations - evaluations)
            self.running.append(Part(costs, seeds, unit - done, left, progress.step > 0, progress.pace))
        elif not pack.failed:
            done = min(progress.saved_step, steps) if progress is not None else 0
            share = 1 - done / unit
            self.waiting.append(Part(costs, seeds, unit - done, costs.evaluations * share, set_up=False))

    def wait(self, costs: ScaleRecord, steps: int, cells: int) -> None:
        """So many cells of a scale are in no pack yet."""
        self.endless = self.endless or (cells > 0 and not steps)
        size = self._pack_sizes.get(costs.scale) or max(self._planned_sizes, default=1)
        for first in range(0, cells, size):
            seeds = min(size, cells - first)
            self.waiting.append(Part(costs, seeds, steps or 1, costs.evaluations, set_up=False))

    def seconds_left(self) -> float | None:
        """None if nothing runs, or nothing is known of what is left."""
        if not self.running or self.endless:
            return None
        told = [pack.progress for pack in self.known if pack.progress]
        at_work = {progress.host for progress in told if progress.is_alive(self.now, self.runs)}
        hosts = at_work or {platform.node()}  # between two packs nobody may be at work
        paces = expected(self.record.scales, paces_of(self.known, hosts, self.now, self.runs))
        parts = [*self.running, *self.waiting]
        if any(part.own is None and part.costs.scale not in paces for part in parts):
            return None
        # As the driver has them: the scale first whose seeds cost most.
        waiting = sorted(self.waiting, key=lambda part: -part.costs.flop_per_seed_step * (part.costs.steps or 0))
        running = [part.seconds(paces[part.costs.scale]) for part in self.running]
        return makespan(running, [part.seconds(paces[part.costs.scale]) for part in waiting])

    @cached_property
    def _pack_sizes(self) -> dict[float, int]:
        """Of the largest pack that there is of each scale."""
        sizes: dict[float, int] = {}
        for pack in self.known:
            sizes[pack.pack.scale] = max(sizes.get(pack.pack.scale, 0), len(pack.pack.seeds))
        return sizes

    @property
    def _planned_sizes(self) -> Sequence[int]:
        """Of the packs that the run has planned."""
        return (self.record.runs[-1].get("pack_sizes") or []) if self.record.runs else []
