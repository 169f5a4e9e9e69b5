"""The queue of a run: packs are fed to an executor, tried again, given up."""

from __future__ import annotations

import time
from collections import Counter, deque
from contextlib import suppress
from dataclasses import dataclass, field, replace

from seedsweep.cell import Pack
from seedsweep.errors import InputError, StorageError
from seedsweep.formats import counted
from seedsweep.seeds import Seed
from seedsweep.sweep.compact import OFTEN, merge
from seedsweep.sweep.events import Failure
from seedsweep.sweep.executors.executor import Executor
from seedsweep.sweep.find import Found
from seedsweep.sweep.halving import split
from seedsweep.sweep.interrupt import StopRequest
from seedsweep.sweep.job import Job, Outcome
from seedsweep.sweep.lock import Held
from seedsweep.sweep.measured import measured_by, refuse_unknown_success
from seedsweep.sweep.plan import Plan
from seedsweep.sweep.provenance import now
from seedsweep.sweep.record import SweepRecord
from seedsweep.sweep.reporter import Reporter
from seedsweep.sweep.store import Store

ATTEMPTS = 3
"""Times a pack is tried before it is given up. The loss of a worker whose pack has saved new progress does not
count: on machines that come and go a long pack may lose many."""
HOPELESS_CELLS = 3
"""If so many cells of a user's program are given up before any has finished, the others are not tried."""
STOP_SECONDS = 15.0
"""Time that running packs have to save a checkpoint after Ctrl-C."""


@dataclass
class Driver:
    """Feeds packs to an executor and keeps count of what becomes of them."""

    found: Found
    crew: Executor
    stop: StopRequest
    reporter: Reporter
    record: SweepRecord
    held: Held
    """The sweep's lock."""
    waiting: deque[Job] = field(default_factory=deque)
    running: set[str] = field(default_factory=set)
    attempts: Counter[str] = field(default_factory=Counter)
    saved: dict[str, int] = field(default_factory=dict)
    """Step of the checkpoint when the pack's worker was last lost."""
    fresh: set[Pack] = field(default_factory=set)
    """Packs that wait and have left nothing in the store."""
    halved_from: dict[str, int] = field(default_factory=dict)
    """Size of the planned pack of which a pack is a part, because there was too little memory."""
    trained: int = 0
    """Cells."""
    added: int = 0
    """Cells that were asked for since the run began, for the sake of a goal."""
    unmerged: int = 0
    """Packs that were finished since blocks were merged."""
    asked: dict[float, set[Seed]] = field(default_factory=dict)
    """Of scales to which seeds were added."""
    failures: list[Failure] = field(default_factory=list)
    aside: list[str] = field(default_factory=list)
    """Checkpoints that could not be read."""

    @property
    def store(self) -> Store:
        """Of the sweep."""
        return self.found.store

    def train(self, planned: Plan) -> None:
        """Until all packs have ended, or those running have stopped on request.

        Raises InputError if the first cells show that what the spec says of success cannot be: the others stop.
        """
        self._queue(planned)
        slots = self.crew.start(max(len(self.waiting), self._most_at_once()))
        where = f"{counted(slots, 'worker')} ({self.crew.device})"
        self.reporter.send("ready", f"training on {where}", self.crew.dashboard)

        while (self.waiting or self.running) and not self.stop.requested:
            while self.waiting and self.crew.has_free_slot():
                self._submit(self.waiting.popleft())
            for outcome in self.crew.wait(1.0):
                self._take_in(outcome)
            self.held.check()
            for line in self.crew.news():
                self.reporter.send("workers", line)
            self.reporter.tick()

        if self.running:
            self._let_stop()

    def _queue(self, planned: Plan) -> None:
        self.fresh.update(planned.fresh)
        for pack in planned.packs:
            recipe = self.found.recipes[pack.scale]
            self.waiting.append(Job(self.store.location, recipe, pack, self.crew.device))

    def _most_at_once(self) -> int:
        """Packs that may be trained at a time later on, where a goal adds seeds."""
        sampling = self.found.sampling
        if sampling is None:
            return 0
        open_ = [scale for scale in self.found.recipes if sampling.sample(scale).state == "open"]
        sizes = (self.crew.pack_size(self.found.recipes[scale]) for scale in open_)
        return sum(-(-sampling.rule.goal.batch // size) for size in sizes)

    def _add_seeds(self, scale: float) -> None:
        """Ask for the next batch of a scale if its goal asks for one. What is least certain goes first."""
        sampling = self.found.sampling
        if sampling is None or self.stop.requested:
            return
        sample = sampling.sample(scale)
        asked = self.asked.setdefault(scale, set(self.found.wanted.get(scale, ())))
        new = [seed for seed in sample.seeds if seed not in asked]
        if not new:
            return
        asked.update(new)
        self.added += len(new)
        planned = self.found.plan(self.crew.pack_size, {scale: new})
        for unwanted in planned.dropped:
            self.store.drop(unwanted)
        self._queue(planned)
        excess = {s: -sampling.sample(s).excess(sampling.rule.goal) for s in self.found.recipes}
        self.waiting = deque(sorted(self.waiting, key=lambda job: excess[job.pack.scale]))
        self.reporter.add(scale, new, sampling.told(scale, len(new)))

    def _let_stop(self) -> None:
        self.reporter.send("stop", f"stopping: {counted(len(self.running), 'pack')} saving a checkpoint")
        self.crew.stop()
        deadline = time.monotonic() + STOP_SECONDS
        # What has not ended by then goes on from its last checkpoint some other time.
        while self.running and time.monotonic() < deadline:
            for outcome in self.crew.wait(1.0):
                self._take_in(outcome)

    def _submit(self, job: Job) -> None:
        fresh = job.pack in self.fresh
        self.fresh.discard(job.pack)
        halved_from = self.halved_from.get(job.pack.name)
        self.store.begin(job.pack, halved_from=halved_from, fresh=fresh)
        self.running.add(job.pack.name)
        self.crew.submit(replace(job, fresh=fresh and halved_from is None, run=self.held.run))
        self.reporter.start(job.pack)

    def _take_in(self, outcome: Outcome) -> None:
        pack = outcome.job.pack
        self.running.discard(pack.name)
        for line in outcome.aside:
            self.aside.append(line)
            self.reporter.send("aside", line)
        if outcome.kind == "finished":
            self.store.finish(pack.name)
            self.trained += len(pack.seeds)
            self.reporter.finish(pack)
            if self.found.sampling is not None:
                self.found.sampling.finish(pack)
                self._add_seeds(pack.scale)
            self._merge_now_and_then()
            if self.trained == len(pack.seeds) and not outcome.job.recipe.metrics():
                self._check_success(pack)
        elif outcome.storage is not None:
            raise StorageError(self.store.location, outcome.storage)
        elif outcome.kind == "memory" and len(pack.seeds) > 1 and not self.stop.requested:
            self._halve(outcome)
        elif outcome.kind != "stopped" and not self.stop.requested:
            self._retry_or_give_up(outcome)

    def _merge_now_and_then(self) -> None:
        """So that a sweep of any length can be opened while it goes on."""
        self.unmerged += 1
        if self.unmerged < OFTEN:
            return
        self.unmerged = 0
        with suppress(InputError, OSError):  # it is tried again, and told, when the run ends
            merge(self.store, self.record)

    def _halve(self, outcome: Outcome) -> None:
        """Train the seeds of a pack that ran out of memory in two, and those of its scale that wait likewise.

        What the pack has left is removed, as its seeds start anew; no attempt is spent on it.
        """
        pack = outcome.job.pack
        size = -(-len(pack.seeds) // 2)
        self.store.drop_pack(pack.name)
        waiting, self.waiting = self.waiting, deque()
        for job in (outcome.job, *waiting):
            too_large = job.pack.scale == pack.scale and len(job.pack.seeds) > size
            if job is not outcome.job and not (too_large and job.pack in self.fresh):
                self.waiting.append(job)
                continue
            whole = self.halved_from.get(job.pack.name, len(job.pack.seeds))
            for part in split(job.pack, size):
                self.halved_from[part.name] = whole
                self.fresh.add(part)
                self.waiting.append(replace(job, pack=part))
        seeds = counted(len(pack.seeds), "seed")
        self.reporter.drop(pack, f"out of memory with {seeds}; training them in packs of {size}")

    def _check_success(self, pack: Pack) -> None:
        try:
            files = self.store.files_of_pack(pack)
            refuse_unknown_success(self.found.spec.success, measured_by(self.store, files))
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
            self.reporter.retry(pack, f"attempt {tried} of {ATTEMPTS} failed, trying again: {error}")
            return
        seeds = tuple(seed.id for seed in pack.seeds)
        attempts = counted(tried, "attempt")
        header = f"{pack.name}\nseeds {', '.join(map(str, seeds))}\ngiven up {now()} after {attempts}\n\n"
        path = self.store.write_failure(pack.name, header + outcome.trace)
        self.failures.append(Failure(pack.name, pack.scale, seeds, error, path))
        self.reporter.fail(pack, f"given up after {attempts}: {error}; see {path}")
        if self.found.sampling is not None:
            self.found.sampling.give_up(pack.scale, pack.seeds)
            self._add_seeds(pack.scale)
        # Of a program nothing is known beforehand: it is more likely wrong as a whole than in its first cells.
        none_works = self.found.present + self.trained == 0 and len(self.failures) >= HOPELESS_CELLS
        if none_works and not outcome.job.recipe.metrics() and self.waiting:
            self.waiting.clear()
            self.reporter.send(
                "stop", f"the first {HOPELESS_CELLS} cells were given up and none has finished: stopping"
            )
