"""Packs on the workers of a Ray cluster: one long-lived actor per CPU core or GPU, fed one pack at a time.

Actors, not tasks: Ray starts a new process for every GPU task. Ray restarts an actor whose process or machine
died, wherever there is room, but does not run its pack again: that is the driver's business, which counts.

On a cluster of several machines the sweep's directory must be the same place for all of them, a shared disk or
an object store URL, and seedsweep must be installed on each.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import OutOfMemoryError, RayActorError, RayError

from seedsweep.cell import Recipe
from seedsweep.errors import ArgumentError
from seedsweep.measures import scale_text
from seedsweep.memory import kernel_kills
from seedsweep.sweep.executors.executor import Executor
from seedsweep.sweep.job import Job, Outcome, run_job
from seedsweep.sweep.progress import Progress
from seedsweep.sweep.sections import ExecutionSettings, Share

OBJECT_STORE_BYTES = 100_000_000
"""Of a local cluster; nothing large passes through Ray."""


class SeedsweepWorker:
    """The actor. `train` runs in one thread, and `stop` reaches it in another."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._stop = threading.Event()
        self._metrics = _Metrics()

    def __repr__(self) -> str:  # the actor's name in the dashboard and in logs
        return self._name

    def ping(self) -> None:
        """Answers when the actor is up."""

    def pack_size(self, recipe: Recipe, device: str) -> int:
        """Seeds per pack that suit this worker's device."""
        return recipe.pack_size(device)

    def train(self, job: Job) -> Outcome:
        """Train one pack."""
        outcome = run_job(job, self._stop.is_set, lambda now: self._metrics.report(job, now))
        self._metrics.end(job, outcome)
        return outcome

    def stop(self) -> None:
        """Let the running pack save a checkpoint and end."""
        self._stop.set()


class _Metrics:
    """What Prometheus sees of a worker, by task and scale; never by seed, of which there are too many."""

    def __init__(self) -> None:
        from ray.util.metrics import Counter, Gauge

        tags = ("task", "scale")
        self._seeds = Counter("seedsweep_finished_seeds", "Seeds trained to the end", tag_keys=tags)
        self._rate = Gauge(
            "seedsweep_seed_steps_per_second", "Optimiser steps times seeds per second", tag_keys=tags
        )

    def report(self, job: Job, progress: Progress) -> None:
        self._rate.set(progress.rate, self._tags(job))

    def end(self, job: Job, outcome: Outcome) -> None:
        self._rate.set(0.0, self._tags(job))
        if outcome.kind == "finished":
            self._seeds.inc(len(job.pack.seeds), self._tags(job))

    def _tags(self, job: Job) -> dict[str, str]:
        return {"task": job.recipe.task, "scale": scale_text(job.pack.scale)}


@dataclass
class _Slot:
    """One actor and what it is doing: a job, or, with no job, coming up."""

    actor: Any
    pending: Any
    """Reference to the result of `train` or of `ping`; None if the slot is free."""
    job: Job | None = None


class RayExecutor(Executor):
    """Connects to `address` (or RAY_ADDRESS, or a Ray that is initialised already), else starts Ray here.

    A Ray started here listens on 127.0.0.1 only, dashboard included, and is shut down by `close`. With workers
    "auto" there is one per core or GPU that the cluster has at the start; a number asks an autoscaler for more.
    """

    def __init__(self, execution: ExecutionSettings, address: str | None) -> None:
        self._execution = execution
        self._namespace = f"seedsweep-{uuid.uuid4().hex[:8]}"
        self._slots: list[_Slot] = []
        self._kernel_kills = kernel_kills()
        self._started_ray = not ray.is_initialized()
        if self._started_ray:
            self.dashboard = _connect(address or os.environ.get("RAY_ADDRESS"))
        try:
            resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
            self.device = execution.cluster_device(int(resources.get("GPU", 0)))
            self._share = execution.share(self.device)
            self._workers = _room(self._share, resources) if execution.workers == "auto" else execution.workers
        except BaseException:
            self.close()
            raise

    def pack_size(self, recipe: Recipe) -> int:
        """What the spec says, or what suits a worker's GPU, which this machine need not have."""
        if self.device == "cuda" and self._execution.asks_worker:
            self._make_slots(1)
            return int(ray.get(self._slots[0].actor.pack_size.remote(recipe, self.device)))
        return self._execution.pack_size(recipe, self.device)

    def start(self, packs: int) -> int:
        """One slot per worker, as far as there are packs. Workers for which there is no room yet come later."""
        self._make_slots(max(1, min(packs, self._workers)))
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
        """Jobs that ended. Raises RuntimeError if no worker can be brought up at all."""
        pending = {slot.pending: slot for slot in self._slots if slot.pending is not None}
        ready, _ = ray.wait(list(pending), num_returns=1, timeout=seconds)
        outcomes = [self._settle(pending[reference]) for reference in ready]
        return [outcome for outcome in outcomes if outcome is not None]

    def stop(self) -> None:
        """Tell every actor."""
        for slot in self._slots:
            slot.actor.stop.remote()

    def close(self) -> None:
        """Kill the actors, whatever they do; shut Ray down if this executor has started or joined it."""
        for slot in self._slots:
            ray.kill(slot.actor)
        self._slots.clear()
        if self._started_ray:
            ray.shutdown()

    def _make_slots(self, count: int) -> None:
        # A thread per core of its own: several thread pools on the same cores are many times slower than none.
        threads = str(self._share.cpus)
        environment = {"env_vars": {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}}
        for number in range(len(self._slots) + 1, count + 1):
            name = f"seedsweep-worker-{number}"
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
            self._slots.append(_Slot(actor, _ping(actor)))

    def _settle(self, slot: _Slot) -> Outcome | None:
        """Take in what a slot's pending call came to; a slot whose actor died is free again when it answers."""
        job, pending = slot.job, slot.pending
        slot.job = slot.pending = None
        try:
            result = ray.get(pending)
        except (RayActorError, OutOfMemoryError) as error:
            if job is None:  # it did not even come up
                self._give_up(slot, error)
                return None
            slot.pending = _ping(slot.actor)
            kills, self._kernel_kills = self._kernel_kills, kernel_kills()
            if isinstance(error, OutOfMemoryError) or self._kernel_kills > kills:
                return Outcome(job, "memory", f"The worker was killed for lack of memory: {error}")
            return Outcome(job, "lost", f"The worker was lost: {error}")
        except RayError as error:
            if job is None:
                self._give_up(slot, error)
                return None
            return Outcome(job, "failed", str(error))
        return result if job is not None else None

    def _give_up(self, slot: _Slot, error: RayError) -> None:
        self._slots.remove(slot)
        if not self._slots:
            raise RuntimeError(f"no worker can be started: {error}") from error


def _ping(actor: Any) -> Any:
    """A call that outlives restarts of the actor: ready when the actor is up."""
    return actor.ping.options(name="start", max_task_retries=-1).remote()


def _connect(address: str | None) -> str | None:
    """Join the cluster at `address`, or start one on this machine; returns the dashboard's URL."""
    with _nothing_global_changed():
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        try:
            if address is not None:
                context = ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
            else:
                context = ray.init(
                    address="local",  # not whatever cluster somebody has started on this machine
                    include_dashboard=True,
                    dashboard_host="127.0.0.1",  # it runs code for whoever reaches it
                    object_store_memory=OBJECT_STORE_BYTES,
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                )
        except (ConnectionError, ValueError) as error:
            if address is None:
                raise
            reason = str(error).partition("\n")[0]
            raise ArgumentError("address", address, f"no Ray cluster can be joined there: {reason}") from error
    return f"http://{context.dashboard_url}" if context.dashboard_url else None


@contextmanager
def _nothing_global_changed() -> Iterator[None]:
    """Put back the SIGTERM handler, which `ray.init` replaces, and the variable set for it."""
    variable = "RAY_USAGE_STATS_ENABLED"
    before = os.environ.get(variable)
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        os.environ.pop(variable, None)
        if before is not None:
            os.environ[variable] = before
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler or signal.SIG_DFL)


def _room(share: Share, resources: dict[str, float]) -> int:
    """Workers that the cluster has room for; at least one, for which an autoscaler may make room."""
    rooms = [int(resources.get("CPU", 0)) // share.cpus]
    if share.gpus:
        gpus = int(resources.get("GPU", 0))  # no worker has parts of several
        rooms.append(gpus * int(1 / share.gpus) if share.gpus < 1 else int(gpus / share.gpus))
    return max(1, min(rooms))
