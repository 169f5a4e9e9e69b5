"""Packs on the workers of a Ray cluster: one long-lived actor per CPU core or GPU, fed one pack at a time.

Actors, not tasks: Ray starts a new process for every GPU task. Ray restarts an actor whose process or machine
died, wherever there is room, but does not run its pack again: that is the driver's business, which counts.

On a cluster of several machines the sweep's directory must be the same place for all of them, a shared disk or
an object store URL, and seedsweep must be installed on each.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import OutOfMemoryError, RayActorError, RayError

import seedsweep
from seedsweep.cell import Recipe
from seedsweep.errors import ClusterError, InputError
from seedsweep.formats import counted
from seedsweep.memory import kernel_kills
from seedsweep.sweep.executors.connect import connect
from seedsweep.sweep.executors.executor import Executor
from seedsweep.sweep.executors.firstlook import wanted_cluster
from seedsweep.sweep.executors.nodes import Nodes
from seedsweep.sweep.executors.worker import SeedsweepWorker
from seedsweep.sweep.job import Job, Outcome
from seedsweep.sweep.sections import ExecutionSettings

SILENT_SECONDS = 15.0
"""A worker that was lost is back after some seconds if there is room for it; until then nothing is said."""

REASON_CHARACTERS = 200
"""Of what Ray says of a worker that did not start, which is long."""


@dataclass
class _Slot:
    """One actor and what it is doing: a job, or, with no job, coming up."""

    actor: Any
    pending: Any
    """Reference to the result of `train` or of `ready`; None if the slot is free."""
    job: Job | None = None

    @property
    def up(self) -> bool:
        """Whether the actor has come up, as far as is known."""
        return self.job is not None or self.pending is None


class RayExecutor(Executor):
    """Connects to `address` (or RAY_ADDRESS, or a Ray that is initialised already), else starts Ray here.

    A Ray that is started here listens on 127.0.0.1 only, with all its processes, and is shut down by `close`. With
    workers "auto" there is one per core or GPU that the cluster has, also of machines that come later; a number
    asks an autoscaler for more.
    """

    def __init__(self, execution: ExecutionSettings, address: str | None) -> None:
        self._execution = execution
        self._namespace = f"seedsweep-{uuid.uuid4().hex[:8]}"
        self._slots: list[_Slot] = []
        self._kernel_kills = kernel_kills()
        self._most = 1
        self._left_out: list[str] = []
        self._lines: list[str] = []
        self._none_since: float | None = None
        self._said_none = False
        self._lost = False
        self._started_ray = not ray.is_initialized()
        cluster = wanted_cluster(address)
        own = self._started_ray and cluster is None
        if self._started_ray:
            self.dashboard = connect(cluster)
        try:
            self.device = execution.cluster_device(int(ray.cluster_resources().get("GPU", 0)))  # type: ignore[no-untyped-call]
            self._share = execution.share(self.device)
            self._nodes = Nodes(self._share, own=own)
        except BaseException:
            self.close()
            raise

    def prepare(self, recipe: Recipe, say: Callable[[str], None]) -> None:
        """Have one GPU worker try its device. Raises InputError if that does not work.

        A CPU works. A GPU may be one that a node only pretends to have, or that its torch was not made for.
        """
        self._recipe = recipe
        if self.device == "cpu":
            return
        self._make_slots(1)
        slot = self._slots[0]
        said = False
        while not ray.wait([slot.pending], timeout=1.0)[0]:
            self._nodes.look()
            if self._nodes.room == 0 and not said:
                said = True
                say(f"waiting for workers: {self._nodes.no_room}")
        self._settle(slot)

    def pack_size(self, recipe: Recipe) -> int:
        """What the spec says, or what suits a worker's GPU, which this machine need not have."""
        if self.device == "cuda" and self._execution.asks_worker:
            return int(ray.get(self._slots[0].actor.pack_size.remote(recipe, self.device)))
        return self._execution.pack_size(recipe, self.device)

    def start(self, packs: int) -> int:
        """One slot per worker, as far as there are packs. Workers for which there is no room yet come later."""
        self._most = packs if self._execution.workers == "auto" else min(packs, self._execution.workers)
        self._grow()
        return len(self._slots)

    def has_free_slot(self) -> bool:
        """Whether an actor is up and idle."""
        return any(slot.pending is None for slot in self._slots)

    def submit(self, job: Job) -> None:
        """Hand a job to an idle actor."""
        slot = next(slot for slot in self._slots if slot.pending is None)
        slot.job = job
        slot.pending = slot.actor.train.options(name=job.pack.name).remote(job)

    def wait(self, seconds: float) -> list[Outcome]:
        """Jobs that ended. Raises ClusterError if the cluster is lost or no worker can be brought up at all."""
        try:
            self._nodes.look()
        except ClusterError:
            self._lost = True
            raise
        self._grow()
        pending = {slot.pending: slot for slot in self._slots if slot.pending is not None}
        ready, _ = ray.wait(list(pending), num_returns=1, timeout=seconds)
        outcomes = [self._settle(pending[reference]) for reference in ready]
        return [outcome for outcome in outcomes if outcome is not None]

    def news(self) -> list[str]:
        """Workers that are left out, none that is up, some that are up again, more of them than before."""
        up = sum(slot.up for slot in self._slots)
        now = time.monotonic()
        if up:
            if self._said_none:
                self._lines.append(f"{counted(up, 'worker')} up: training goes on")
            self._none_since, self._said_none = None, False
        elif self._none_since is None:
            self._none_since = now
        elif not self._said_none and (self._nodes.room == 0 or now - self._none_since > SILENT_SECONDS):
            self._said_none = True
            why = self._nodes.no_room if self._nodes.room == 0 else "none has come up yet"
            self._lines.append(f"waiting for workers: {why}")
        lines, self._lines = self._lines, []
        return lines

    def stop(self) -> None:
        """Tell every actor."""
        for slot in self._slots:
            slot.actor.stop.remote()

    def close(self) -> None:
        """Kill the actors, whatever they do; shut Ray down if this executor has started or joined it."""
        if not self._lost:  # or it would wait for an answer
            for slot in self._slots:
                ray.kill(slot.actor)
        self._slots.clear()
        if self._started_ray:
            ray.shutdown()

    def _grow(self) -> None:
        """Slots follow the room that there is. Those on machines that have left wait for others."""
        wanted = self._most
        if self._execution.workers == "auto":
            wanted = max(1, min(wanted, self._nodes.room))
        wanted -= len(self._left_out)
        before = len(self._slots)
        self._make_slots(wanted)
        if 0 < before < len(self._slots):
            more = len(self._slots) - before
            self._lines.append(f"room for {counted(more, 'more worker')}: {self._nodes.machines}")

    def _make_slots(self, count: int) -> None:
        # A thread per core of its own: several thread pools on the same cores are many times slower than none.
        threads = str(self._share.cpus)
        environment = {"env_vars": {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}}
        for number in range(len(self._slots) + 1, count + 1):
            name = f"seedsweep-worker-{number + len(self._left_out)}"
            actor = (
                ray.remote(SeedsweepWorker)
                .options(
                    name=name,
                    namespace=self._namespace,
                    num_cpus=self._share.cpus,
                    num_gpus=self._share.gpus,
                    max_restarts=-1,
                    max_task_retries=0,
                    max_concurrency=2,
                    runtime_env=environment,
                )
                .remote(name)
            )
            self._slots.append(_Slot(actor, self._ready(actor)))

    def _settle(self, slot: _Slot) -> Outcome | None:
        """Take in what a slot's pending call came to; a slot whose actor died is free again when it answers."""
        job, pending = slot.job, slot.pending
        slot.job = slot.pending = None
        try:
            result = ray.get(pending)
        except (RayActorError, OutOfMemoryError) as error:
            if job is None:  # it did not even come up
                self._leave_out(slot, _not_started(error))
                return None
            slot.pending = self._ready(slot.actor)
            kills, self._kernel_kills = self._kernel_kills, kernel_kills()
            if isinstance(error, OutOfMemoryError) or self._kernel_kills > kills:
                return Outcome(job, "memory", f"The worker was killed for lack of memory: {error}")
            return Outcome(job, "lost", f"The worker was lost: {error}", error="its worker was lost")
        except RayError as error:
            if job is None:
                self._leave_out(slot, _not_started(error))
                return None
            return Outcome(job, "failed", str(error))
        if job is None and result is not None:
            self._leave_out(slot, InputError(result))
        return result if job is not None else None

    def _leave_out(self, slot: _Slot, error: Exception) -> None:
        """Do without a worker. Raises the error if it was the only one."""
        self._slots.remove(slot)
        ray.kill(slot.actor)
        self._left_out.append(str(error))
        if not self._slots:
            raise error
        self._lines.append(f"left out: {error}")

    def _ready(self, actor: Any) -> Any:
        """A call that outlives restarts of the actor: ready when the actor is up."""
        call = actor.ready.options(name="start", max_task_retries=-1)
        return call.remote(seedsweep.__version__, self.device, self._recipe)


def _not_started(error: RayError) -> ClusterError:
    """The last line of what Ray says, which has the reason."""
    reason = str(error).strip().rpartition("\n")[2].strip()
    return ClusterError(f"no worker can be started: {reason[:REASON_CHARACTERS]}")
