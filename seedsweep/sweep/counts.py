"""Counts the cells of a sweep: all of them once, from then on those of the packs that begin and end.

`status` counts what the files say. The driver goes on counting what it does itself, so that an event costs the
same in a sweep of a hundred cells and in one of a million.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

from seedsweep.cell import Pack
from seedsweep.seeds import Seed
from seedsweep.sweep.damage import damage_notes
from seedsweep.sweep.garbage import no_collection
from seedsweep.sweep.goals import Sampling, sampling_of
from seedsweep.sweep.knownpack import KnownPack
from seedsweep.sweep.notes import notes
from seedsweep.sweep.queue import Queue
from seedsweep.sweep.record import ScaleRecord, SweepRecord
from seedsweep.sweep.standing import PackStatus, ScaleStatus, SweepStatus
from seedsweep.sweep.store import Store


class Counts:
    """Of the sweep in a store, whose packs are known."""

    @no_collection()
    def __init__(
        self, store: Store, record: SweepRecord, known: list[KnownPack], sampling: Sampling | None = None
    ) -> None:
        """`sampling` is that of the run, which knows more than the packs; without it they decide what a goal asks
        for."""
        self._store = store
        self._record = record
        self._sampling = sampling or sampling_of(store, record, known)
        ladder = record.ladder
        everywhere = frozenset() if self._sampling is not None else frozenset(record.seeds)
        wanted = self._sampling.wanted if self._sampling is not None else {}
        self._field = ladder.field
        self._notes = (*notes(known, ladder.field), *damage_notes(store.blocks.damage, store.location))
        self._finished = [pack for pack in known if pack.finished]
        self._left: tuple[float, float | None] = (0.0, None)  # when it was worked out, and what came out
        self._scales = {costs.scale: _Scale(costs) for costs in record.scales}
        for pack in known:
            if pack.finished and pack.pack.scale in self._scales:
                self._scales[pack.pack.scale].finish(pack.pack, pack.blocks[-1].info.steps[1])
        for scale in self._scales.values():
            if record.imported:
                scale.ask(scale.finished)
            elif scale.costs.scale in ladder.values:
                scale.ask(frozenset(wanted[scale.costs.scale]) if wanted else everywhere)
        for pack in known:
            if not pack.finished and pack.pack.scale in self._scales:
                self._scales[pack.pack.scale].unfinished[pack.name] = pack

    @property
    def parts(self) -> int:
        """What a status takes time for: scales and unfinished packs."""
        return sum(1 + len(scale.unfinished) for scale in self._scales.values())

    def ask(self, scale: float, seeds: Iterable[Seed]) -> None:
        """Further seeds shall exist."""
        self._scales[scale].ask(self._scales[scale].asked | frozenset(seeds))

    def begin(self, pack: Pack) -> None:
        """A pack was handed to a worker."""
        begun = KnownPack(pack.name, pack, (), has_checkpoint=False, failed=False, progress=None)
        self._scales[pack.scale].unfinished.setdefault(pack.name, begun)
        self._change(pack, failed=False)

    def finish(self, pack: Pack) -> None:
        """All rows of a pack are there."""
        scale = self._scales[pack.scale]
        known = scale.unfinished.get(pack.name)
        scale.finish(pack, known.progress.step if known and known.progress else 0)

    def give_up(self, pack: Pack) -> None:
        """A pack will not be tried again."""
        self._change(pack, failed=True)

    def forget(self, pack: Pack) -> None:
        """An unfinished pack was removed."""
        self._scales[pack.scale].unfinished.pop(pack.name, None)

    def look(self, pack: Pack) -> None:
        """Read how far the worker of an unfinished pack is."""
        self._change(pack, progress=self._store.progress(pack.name))

    def _change(self, pack: Pack, **changes: Any) -> None:
        unfinished = self._scales[pack.scale].unfinished
        if pack.name in unfinished:
            unfinished[pack.name] = replace(unfinished[pack.name], **changes)

    def status(self, now: float, runs: Set[str], *, simulate: bool = True) -> SweepStatus:
        """Where the sweep stands; `now` in seconds since 1970 and the runs that go on say which workers live.

        The time that is left is found by going through the packs that wait. Without `simulate` it is what was
        found last, less what has passed since.
        """
        longest = max((scale.seen for scale in self._scales.values()), default=0)
        steps = {value: scale.costs.steps or scale.seen or longest for value, scale in self._scales.items()}
        told = [
            scale.tell(self._store, steps[value], now, runs)
            for value, scale in self._scales.items()
            if scale.asked or scale.finished
        ]
        packs = [pack for scale in told for pack in scale.packs]
        left = sum(scale.work_asked - scale.work_done for scale in told)
        if simulate:
            self._left = now, self._simulated(told, steps, now, runs)
        then, seconds = self._left
        return SweepStatus(
            path=self._store.location,
            name=self._record.name,
            scale_name=self._field,
            scales=tuple(scale.status for scale in told),
            packs=tuple(sorted(packs, key=lambda pack: (pack.state != "running", pack.state, pack.name))),
            fraction=sum(scale.work_done for scale in told) / sum(scale.work_asked for scale in told),
            seconds_left=0.0 if left <= 0 else None if seconds is None else max(0.0, seconds - (now - then)),
            starting=left > 0 and bool(runs) and not any(pack.state == "running" for pack in packs),
            notes=(*([] if self._sampling is None else [str(self._sampling)]), *self._notes),
        )

    def _simulated(
        self, told: Sequence[_Told], steps: Mapping[float, int], now: float, runs: Set[str]
    ) -> float | None:
        unfinished = [pack for scale in self._scales.values() for pack in scale.unfinished.values()]
        queue = Queue(self._record, [*self._finished, *unfinished], now, runs)
        for scale in told:
            value = scale.status.scale
            for pack in scale.unfinished:
                queue.take_in(pack, self._scales[value].costs, steps[value])
            queue.wait(self._scales[value].costs, steps[value], scale.status.missing)
        return queue.seconds_left()


@dataclass(frozen=True)
class _Told:
    """What one scale adds to a status."""

    status: ScaleStatus
    packs: list[PackStatus]
    work_asked: float
    work_done: float
    unfinished: list[KnownPack]
    """Packs of cells that are asked for."""


@dataclass
class _Scale:
    """The cells of one scale."""

    costs: ScaleRecord
    asked: Set[Seed] = frozenset()
    finished: set[Seed] = field(default_factory=set)
    done: int = 0
    """Finished ones that are asked for."""
    seen: int = 0
    """How many steps finished cells took."""
    unfinished: dict[str, KnownPack] = field(default_factory=dict)

    def ask(self, seeds: Set[Seed]) -> None:
        self.asked = seeds
        self.done = len(self.asked & self.finished)

    def finish(self, pack: Pack, steps: int) -> None:
        new = [seed for seed in pack.seeds if seed not in self.finished]
        self.finished.update(new)
        self.done += sum(seed in self.asked for seed in new)
        self.seen = max(self.seen, steps)
        self.unfinished.pop(pack.name, None)

    def tell(self, store: Store, steps: int, now: float, runs: Set[str]) -> _Told:
        unit = steps or 1  # a cell of which nobody knows how long it is, is one step: done or not
        steps_done = self.done * unit
        packs: list[PackStatus] = []
        unfinished: list[KnownPack] = []
        cells = {"running": 0, "interrupted": 0, "failed": 0}
        for known in self.unfinished.values():
            here = sum(seed in self.asked and seed not in self.finished for seed in known.pack.seeds)
            if not here:
                continue
            unfinished.append(known)
            if known.progress is None and not known.blocks:  # handed out, but its worker is not up yet
                continue
            pack = _pack_status(known, steps, now, runs, store)
            packs.append(pack)
            cells[pack.state] += here
            steps_done += here * min(pack.step, steps)
        rates = [pack.rate for pack in packs if pack.state == "running"]
        rate = _total_rate(rates)
        weight = self.costs.flop_per_seed_step
        return _Told(
            ScaleStatus(
                scale=self.costs.scale,
                asked=len(self.asked),
                done=self.done,
                missing=len(self.asked) - self.done - sum(cells.values()),
                extra=len(self.finished) - self.done,
                fraction=steps_done / (len(self.asked) * unit) if self.asked else 1.0,
                seeds_per_hour=rate / steps * 3600 if rate and steps else None,
                **cells,
            ),
            packs,
            work_asked=len(self.asked) * unit * weight,
            work_done=steps_done * weight,
            unfinished=unfinished,
        )


def _total_rate(rates: Iterable[float]) -> float:
    """Of all running packs; one that has just begun, with no rate yet, counts as an average one."""
    rates = list(rates)
    measured = [rate for rate in rates if rate > 0]
    return sum(measured) / len(measured) * len(rates) if measured else 0.0


def _pack_status(known_pack: KnownPack, steps: int, now: float, runs: Set[str], store: Store) -> PackStatus:
    progress = known_pack.progress
    alive = progress is not None and progress.is_alive(now, runs)
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
