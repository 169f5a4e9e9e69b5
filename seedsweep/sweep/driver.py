"""The queue of a run: packs are fed to an executor, tried again, given up; what goes on is reported."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from seedsweep.cell import Pack
from seedsweep.errors import InputError, StorageError
from seedsweep.formats import counted
from seedsweep.sweep.events import Event, EventKind, Failure
from seedsweep.sweep.executors.executor import Executor
from seedsweep.sweep.find import Found
from seedsweep.sweep.interrupt import StopRequest
from seedsweep.sweep.job import Job, Outcome
from seedsweep.sweep.measured import measured_by, refuse_unknown_success
from seedsweep.sweep.plan import Plan
from seedsweep.sweep.provenance import now
from seedsweep.sweep.status import SweepStatus, status
from seedsweep.sweep.store import Store

ATTEMPTS = 3
"""Times a pack is tried before it is given up. The loss of a worker whose pack has saved new progress does not
count: on machines that come and go a long pack may lose many."""
HOPELESS_CELLS = 3
"""If so many cells of a user's program are given up before any has finished, the others are not tried."""
STOP_SECONDS = 15.0
"""Time that running packs have to save a checkpoint after Ctrl-C."""
TICK_SECONDS = 2.0
TICK_SECONDS_REMOTE = 10.0
"""Time between two "tick" events: longer on an object store, where looking costs."""
MANY_CELLS = 1000
"""Of a sweep of more the store is not read again for every pack that begins or ends, but once per tick."""


@dataclass
class Reporter:
    """Sends events; a "tick" at most every few seconds."""

    store: Store
    on_progress: Callable[[Event], None] | None
    last: float = field(default_factory=time.monotonic)
    status: SweepStatus | None = None
    looked: float = 0.0
    """When the status was read."""

    def send(self, kind: EventKind, message: str, dashboard: str | None = None) -> None:
        """Tell it, with where the sweep stands now."""
        if self.on_progress is None:
            return
        if self.status is None or kind not in ("start", "finish") or self._shall_look(self.status):
            try:
                self.status, self.looked = status(self.store), time.monotonic()
            except (InputError, OSError):
                if self.status is None:  # whatever has come into the directory since: training goes on
                    return
        self.on_progress(Event(kind, message, self.status, dashboard))
        self.last = time.monotonic()

    def tick(self) -> None:
        """Nothing but time has passed."""
        if time.monotonic() - self.last >= self._tick_seconds:
            self.send("tick", "")

    @property
    def _tick_seconds(self) -> float:
        return TICK_SECONDS if self.store.files.local else TICK_SECONDS_REMOTE

    def _shall_look(self, before: SweepStatus) -> bool:
        """Reading the status takes the longer the more cells there are, and they may end many times a second."""
        return before.asked <= MANY_CELLS or time.monotonic() - self.looked >= self._tick_seconds


@dataclass
class Driver:
    """Feeds packs to an executor and keeps count of what becomes of them."""

    found: Found
    crew: Executor
    stop: StopRequest
    reporter: Reporter
    waiting: deque[Job] = field(default_factory=deque)
    running: set[str] = field(default_factory=set)
    attempts: Counter[str] = field(default_factory=Counter)
    saved: dict[str, int] = field(default_factory=dict)
    """Step of the checkpoint when the pack's worker was last lost."""
    trained: int = 0
    """Cells."""
    failures: list[Failure] = field(default_factory=list)

    @property
    def store(self) -> Store:
        """Of the sweep."""
        return self.found.store

    def train(self, planned: Plan) -> None:
        """Until all packs have ended, or those running have stopped on request.

        Raises InputError if the first cells show that what the spec says of success cannot be: the others stop.
        """
        for pack in planned.packs:
            recipe = self.found.recipes[pack.scale]
            self.waiting.append(Job(self.store.location, recipe, pack, self.crew.device))
        slots = self.crew.start(len(self.waiting))
        where = f"{counted(slots, 'worker')} ({self.crew.device})"
        self.reporter.send("ready", f"training on {where}", self.crew.dashboard)

        while (self.waiting or self.running) and not self.stop.requested:
            while self.waiting and self.crew.has_free_slot():
                self._submit(self.waiting.popleft())
            for outcome in self.crew.wait(1.0):
                self._take_in(outcome)
            for line in self.crew.news():
                self.reporter.send("workers", line)
            self.reporter.tick()

        if self.running:
            self._let_stop()

    def _let_stop(self) -> None:
        self.reporter.send("stop", f"stopping: {counted(len(self.running), 'pack')} saving a checkpoint")
        self.crew.stop()
        deadline = time.monotonic() + STOP_SECONDS
        # What has not ended by then goes on from its last checkpoint some other time.
        while self.running and time.monotonic() < deadline:
            for outcome in self.crew.wait(1.0):
                self._take_in(outcome)

    def _submit(self, job: Job) -> None:
        self.store.begin(job.pack)
        self.running.add(job.pack.name)
        self.crew.submit(job)
        self.reporter.send("start", f"{job.pack.name}: training {counted(len(job.pack.seeds), 'seed')}")

    def _take_in(self, outcome: Outcome) -> None:
        pack = outcome.job.pack
        self.running.discard(pack.name)
        if outcome.kind == "finished":
            self.store.clean_up(pack.name)
            self.trained += len(pack.seeds)
            self.reporter.send("finish", f"{pack.name}: finished")
            if self.trained == len(pack.seeds) and not outcome.job.recipe.metrics():
                self._check_success(pack)
        elif outcome.storage is not None:
            raise StorageError(self.store.location, outcome.storage)
        elif outcome.kind != "stopped" and not self.stop.requested:
            self._retry_or_give_up(outcome)

    def _check_success(self, pack: Pack) -> None:
        try:
            refuse_unknown_success(self.found.spec.success, measured_by(self.store, [pack]))
        except InputError:
            self.waiting.clear()
            if self.running:
                self._let_stop()
            raise

    def _retry_or_give_up(self, outcome: Outcome) -> None:
        pack = outcome.job.pack
        if outcome.kind == "lost":
            progress = self.store.progress(pack.name)
            saved = progress.saved_step if progress else 0
            if saved > self.saved.get(pack.name, 0):
                self.attempts[pack.name] = 0
            self.saved[pack.name] = saved
        self.attempts[pack.name] += 1
        tried = self.attempts[pack.name]
        error = outcome.error or outcome.trace.strip().rpartition("\n")[2]
        if tried < ATTEMPTS and not outcome.hopeless:
            self.waiting.appendleft(outcome.job)
            self.reporter.send(
                "retry", f"{pack.name}: attempt {tried} of {ATTEMPTS} failed, trying again: {error}"
            )
            return
        seeds = tuple(seed.id for seed in pack.seeds)
        attempts = counted(tried, "attempt")
        header = f"{pack.name}\nseeds {', '.join(map(str, seeds))}\ngiven up {now()} after {attempts}\n\n"
        path = self.store.write_failure(pack.name, header + outcome.trace)
        self.failures.append(Failure(pack.name, pack.scale, seeds, error, path))
        self.reporter.send("fail", f"{pack.name}: given up after {attempts}: {error}; see {path}")
        # Of a program nothing is known beforehand: it is more likely wrong as a whole than in its first cells.
        none_works = self.found.present + self.trained == 0 and len(self.failures) >= HOPELESS_CELLS
        if none_works and not outcome.job.recipe.metrics() and self.waiting:
            self.waiting.clear()
            self.reporter.send(
                "stop", f"the first {HOPELESS_CELLS} cells were given up and none has finished: stopping"
            )
