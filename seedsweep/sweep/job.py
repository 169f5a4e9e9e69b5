"""What a worker does with one pack: train it, talking to the store through a sink."""

from __future__ import annotations

import os
import socket
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from seedsweep.cell import CellError, Pace, Pack, Recipe, Sink
from seedsweep.errors import StorageError
from seedsweep.schema import BlockInfo
from seedsweep.sweep.halving import ran_out_of_memory
from seedsweep.sweep.kept import kept_file
from seedsweep.sweep.progress import Progress, State, process_began
from seedsweep.sweep.store import Store

REPORT_SECONDS = 2.0
REPORT_SECONDS_REMOTE = 30.0
"""Least time between two progress files of a pack; longer on an object store, where each is a request, and where a
pack that takes less writes none."""
RATE_AFTER_SECONDS = 10.0
"""Before that a pack tells no rate: its first steps come with evaluations, and would promise hours."""


@dataclass(frozen=True)
class Job:
    """One pack to train: all that a worker process, here or on another machine, has to be told."""

    store: str
    """Absolute path or URL of the sweep; on several machines it must be the same place for all."""
    recipe: Recipe
    pack: Pack
    device: str
    fresh: bool = False
    """Whether the pack has left nothing in the store that its worker would have to ask for."""
    run: str = ""
    """Name of the run that has handed it out."""


@dataclass(frozen=True)
class Outcome:
    """How a job ended."""

    job: Job
    kind: Literal["finished", "stopped", "failed", "memory", "lost", "full"]
    """stopped: at a checkpoint, on request. failed: by an exception. memory: for lack of it. lost: with its worker
    process or machine. full: the store is full, read-only or gone, for every other pack too."""
    trace: str = ""
    """Traceback of a failure, or what is known of a loss."""
    error: str = ""
    """The same in one line; empty: it is the last of `trace`."""
    hopeless: bool = False
    """Whether another attempt would come to the same."""
    storage: OSError | None = None
    """What is wrong with a store that is full."""
    aside: tuple[str, ...] = ()
    """What could not be read and was set aside, in one line each."""


class PackDroppedError(RuntimeError):
    """The pack was removed from the store while its worker still went on: another run has taken its cells."""


def run_job(job: Job, should_stop: Callable[[], bool], on_progress: Callable[[Progress], None]) -> Outcome:
    """Train one pack, from its checkpoint if it has one. Failures are outcomes: no Exception is raised.

    `on_progress` is called with what the pack's progress file says, whenever that was written anew.
    """
    aside: list[str] = []
    outcome = _train(job, should_stop, on_progress, aside)
    return replace(outcome, aside=tuple(aside))


def _train(
    job: Job, should_stop: Callable[[], bool], on_progress: Callable[[Progress], None], aside: list[str]
) -> Outcome:
    try:
        sink = StoreSink(job, on_progress, aside)
        try:
            finished = job.recipe.train(job.pack, sink, device=job.device, should_stop=should_stop)
        except BaseException as error:
            # Also when a second Ctrl-C tears us away: the store shall say that nobody is at this pack any more.
            sink.close("failed" if isinstance(error, Exception) else "stopped")
            raise
        if not finished:  # what is finished is cleaned away, and by its rows everyone sees it
            sink.close("stopped")
    except CellError as error:
        trace = f"{error}\n\n{error.output}" if error.output else str(error)
        kind: Literal["memory", "failed"] = "memory" if ran_out_of_memory(error) else "failed"
        return Outcome(job, kind, trace, error=str(error), hopeless=error.hopeless)
    except StorageError as error:
        trace = traceback.format_exc()
        if error.lasting:
            return Outcome(job, "full", trace, storage=OSError(error.errno, error.reason))
        return Outcome(job, "failed", trace)
    except Exception as error:
        return Outcome(job, "memory" if ran_out_of_memory(error) else "failed", traceback.format_exc())
    return Outcome(job, "finished" if finished else "stopped")


class StoreSink(Sink):
    """The worker's side of the store: checkpoint, blocks and progress of one pack."""

    def __init__(self, job: Job, on_progress: Callable[[Progress], None], aside: list[str] | None = None) -> None:
        self._store = Store(job.store)
        self._store.files.patience.answered = True  # the driver has heard of it
        self._aside = [] if aside is None else aside
        self._pack = job.pack
        self._on_progress = on_progress
        self._folder = f"work/{job.pack.name}"
        self._fresh, self._run = job.fresh, job.run
        self._origin = {} if job.fresh else self._store.origin(job.pack.name)
        before = None if job.fresh else self._store.progress(job.pack.name)
        self._step = self._saved_step = before.saved_step if before else 0
        self._steps = self._evaluations = 0
        self._pace: Pace | None = None
        self._began: tuple[float, int] | None = None  # time and step of the first report
        self._told = time.monotonic()
        if self._store.files.local:
            self._tell("running")

    def cell_folder(self, cell: str) -> Path:
        """In the sweep's directory; of an object store on this machine's disk, where it may be gone some day."""
        return self._store.cell_folder(cell)

    def keep_log(self, cell: str, text: bytes) -> str:
        """Replace the cell's log; returns its path or URL."""
        self._refuse_if_dropped()
        return self._store.keep_log(cell, text)

    def load_base(self) -> bytes | None:
        """Content of the base's weight file, or None if the sweep has none."""
        return self._store.base()

    def load_checkpoint(self) -> bytes | None:
        """The state saved last, or None."""
        if self._fresh:
            return None
        return self._store.files.read(f"{self._folder}/checkpoint.pt")

    def refuse_checkpoint(self, problem: str) -> None:
        """Set aside the state saved last, which cannot be read: the pack is trained anew."""
        self._refuse_if_dropped()
        file = f"{self._folder}/checkpoint.pt"
        to = self._store.set_aside(file, f"{self._pack.name}-checkpoint.pt")
        reason = " ".join(problem.split()) or "it is empty"
        self._aside.append(
            f"{file}: cannot be read ({reason[:200]}); set aside as {to}, its seeds are trained anew"
        )
        self._step = self._saved_step = 0

    def save_checkpoint(self, state: bytes) -> None:
        """Replace the state from which a retry goes on."""
        if self._store.files.local or self._is_time_to_tell:
            self._refuse_if_dropped()
        self._store.files.write(f"{self._folder}/checkpoint.pt", state)
        self._saved_step = self._step
        if self._store.files.local or self._is_time_to_tell:
            self._tell("running")

    def keep_checkpoint(self, step: int, content: bytes) -> None:
        """Write the weights at a step where they stay; once more changes nothing."""
        self._refuse_if_dropped()
        self._store.files.write(kept_file(self._pack.scale, self._pack.name, step), content)

    def write_block(
        self, number: int, table: pa.Table, *, last: bool, steps: tuple[int, int], provenance: dict[str, Any]
    ) -> None:
        """Write block `number` of the pack; once more changes nothing."""
        self._refuse_if_dropped()
        info = BlockInfo(
            fingerprint=self._pack.fingerprint,
            pack=self._pack.name,
            block=number,
            last=last,
            scale=self._pack.scale,
            seeds=tuple((seed.init, seed.data) for seed in self._pack.seeds),
            steps=steps,
            provenance=provenance | self._origin,
        )
        self._store.write_block(info, table)

    def report(self, step: int, steps: int, *, pace: Pace | None = None, evaluations: int = 0) -> None:
        """Note that `step` of `steps` are done. Cheap: writes at most every two seconds."""
        self._step, self._steps, self._pace, self._evaluations = step, steps, pace, evaluations
        now = time.monotonic()
        if self._began is None:
            self._began = (now, step)
        if self._is_time_to_tell:
            self._tell("running")

    @property
    def _is_time_to_tell(self) -> bool:
        pause = REPORT_SECONDS if self._store.files.local else REPORT_SECONDS_REMOTE
        return time.monotonic() - self._told >= pause

    def close(self, state: State) -> None:
        """Note that the worker has left the pack."""
        self._tell(state)

    def _rate(self) -> float:
        if self._began is None:
            return 0.0
        since, first = self._began
        seconds = time.monotonic() - since
        return (self._step - first) * len(self._pack.seeds) / seconds if seconds >= RATE_AFTER_SECONDS else 0.0

    def _tell(self, state: State) -> None:
        self._told = time.monotonic()
        progress = Progress(
            pack=self._pack.name,
            scale=self._pack.scale,
            seeds=len(self._pack.seeds),
            step=self._step,
            steps=self._steps,
            saved_step=self._saved_step,
            rate=self._rate(),
            state=state,
            updated=time.time(),
            host=socket.gethostname(),
            pid=os.getpid(),
            pace=self._pace,
            evaluations=self._evaluations,
            process_began=process_began(os.getpid()),
            run=self._run,
        )
        with suppress(OSError):  # only a display waits for it: no reason to give up a pack
            self._store.files.write(f"{self._folder}/progress.json", progress.to_json(), durable=False)
        self._on_progress(progress)

    def _refuse_if_dropped(self) -> None:
        # A driver that was killed may leave a worker behind for a while. What that worker writes is what the next
        # run would write too, unless the next run has grouped the seeds anew: then it must write nothing.
        if not self._store.files.exists(f"{self._folder}/pack.json"):
            self._store.files.refuse_if_gone()
            raise PackDroppedError(f"{self._pack.name} is no longer part of {self._store.location}")
