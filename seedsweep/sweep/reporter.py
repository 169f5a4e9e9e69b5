"""Tells what goes on in a run: an event for every pack that begins or ends, with where the sweep stands then.

The store is counted once. From then on the reporter counts what the driver does, reads how far the running packs
are once per tick, and counts the store anew now and then: so seldom that it takes a small part of the run, however
long it takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from seedsweep.cell import Pack
from seedsweep.errors import InputError
from seedsweep.formats import counted
from seedsweep.seeds import Seed
from seedsweep.sweep.counts import Counts
from seedsweep.sweep.events import Event, EventKind
from seedsweep.sweep.goals import Sampling
from seedsweep.sweep.standing import SweepStatus
from seedsweep.sweep.store import Store

TICK_SECONDS = 2.0
TICK_SECONDS_REMOTE = 10.0
"""Least time between two "tick" events: longer on an object store, where looking costs."""
PACK_SECONDS_REMOTE = 30.0
COUNT_SECONDS_REMOTE = 300.0
"""Least time there between two looks at how far a pack is, and at all of the store."""
LOOKING_SHARE = 0.05
"""Of its time a run spends at most so much on ticks, and so much on counting the store."""
MANY_PARTS = 100
"""With more scales and unfinished packs a status is made once per tick, not for every event."""


@dataclass
class Reporter:
    """Sends events; a "tick" at most every few seconds."""

    store: Store
    on_progress: Callable[[Event], None] | None
    runs: frozenset[str] = frozenset()
    """The name of this run, once it has the sweep."""
    last: float = field(default_factory=time.monotonic)
    """When an event was sent."""
    sampling: Sampling | None = None
    """Of a sweep with a goal, as the run keeps it."""
    counts: Counts | None = None
    status: SweepStatus | None = None
    at_work: dict[str, Pack] = field(default_factory=dict)
    looked: dict[str, float] = field(default_factory=dict)
    """When it was looked how far a pack is, or it was begun."""
    tick_after: float = field(init=False)
    """When there shall be another tick."""
    count_after: float = 0.0
    """When the store may be counted again."""

    def __post_init__(self) -> None:
        self.tick_after = self.last + self._tick_seconds

    def send(self, kind: EventKind, message: str, dashboard: str | None = None) -> None:
        """Tell it, with where the sweep stands now."""
        if self.on_progress is None:
            return
        if self.counts is None:
            self._look()
        if self.counts is None:
            return
        if self.status is None or kind not in ("start", "finish") or self.counts.parts <= MANY_PARTS:
            self.status = self.counts.status(time.time(), self.runs, simulate=kind not in ("start", "finish"))
        self.on_progress(Event(kind, message, self.status, dashboard))
        self.last = time.monotonic()

    def start(self, pack: Pack) -> None:
        """A pack was handed to a worker."""
        self.at_work[pack.name] = pack
        self.looked[pack.name] = time.monotonic()
        if self.counts is not None:
            self.counts.begin(pack)
        self.send("start", f"{pack.name}: training {counted(len(pack.seeds), 'seed')}")

    def finish(self, pack: Pack) -> None:
        """A pack has ended."""
        self._forget(pack)
        if self.counts is not None:
            self.counts.finish(pack)
        self.send("finish", f"{pack.name}: finished")

    def add(self, scale: float, seeds: Sequence[Seed], message: str) -> None:
        """Seeds are added for the sake of a goal."""
        if self.counts is not None:
            self.counts.ask(scale, seeds)
        self.send("add", message)

    def retry(self, pack: Pack, message: str) -> None:
        """An attempt has failed, and there will be another."""
        self._leave(pack)
        self.send("retry", f"{pack.name}: {message}")

    def drop(self, pack: Pack, message: str) -> None:
        """A pack was removed with all that it had left: its cells are trained in others."""
        self._forget(pack)
        if self.counts is not None:
            self.counts.forget(pack)
        self.send("retry", f"{pack.name}: {message}")

    def fail(self, pack: Pack, message: str) -> None:
        """A pack was given up."""
        self._leave(pack)
        if self.counts is not None:
            self.counts.give_up(pack)
        self.send("fail", f"{pack.name}: {message}")

    def wait(self, message: str) -> None:
        """The store does not answer, so nothing more is to be known of it."""
        if self.on_progress is not None and self.status is not None:
            self.on_progress(Event("wait", message, self.status))

    def tick(self) -> None:
        """Time has passed, whatever else has happened."""
        began = time.monotonic()
        if self.on_progress is None or began < self.tick_after:
            return
        self._look()
        self.send("tick", "")
        self.tick_after = max(time.monotonic() + self._tick_seconds, self._rest(began))

    def _forget(self, pack: Pack) -> None:
        self.at_work.pop(pack.name, None)
        self.looked.pop(pack.name, None)

    def _leave(self, pack: Pack) -> None:
        self._forget(pack)
        if self.counts is not None:
            self.counts.look(pack)

    def _look(self) -> None:
        """How far the running packs are; if it is time for it, all of the store."""
        began = time.monotonic()
        if began < self.count_after and self.counts is not None:
            pause = 0.0 if self.store.files.local else PACK_SECONDS_REMOTE
            for pack in self.at_work.values():
                if began - self.looked[pack.name] >= pause:
                    self.counts.look(pack)
                    self.looked[pack.name] = began
            return
        try:
            record = self.store.existing_record()
            self.counts = Counts(self.store, record, self.store.packs(record), self.sampling)
        except (InputError, OSError):  # whatever has come into the directory since: training goes on
            pass
        self.count_after = self._rest(began)
        if not self.store.files.local:
            self.count_after = max(self.count_after, began + COUNT_SECONDS_REMOTE)

    def _rest(self, began: float) -> float:
        """Until when not to look again after what began then."""
        now = time.monotonic()
        return now + (now - began) / LOOKING_SHARE

    @property
    def _tick_seconds(self) -> float:
        return TICK_SECONDS if self.store.files.local else TICK_SECONDS_REMOTE
