"""What runs in a worker process of Ray: an actor that trains one pack at a time, and its metrics."""

from __future__ import annotations

import socket
import threading

from ray.util.metrics import Counter, Gauge

import seedsweep
from seedsweep.cell import Recipe
from seedsweep.measures import scale_text
from seedsweep.sweep.job import Job, Outcome, run_job
from seedsweep.sweep.progress import Progress


class SeedsweepWorker:
    """The actor. `train` runs in one thread, and `stop` reaches it in another."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._stop = threading.Event()
        self._metrics = _Metrics()

    def __repr__(self) -> str:  # the actor's name in the dashboard and in logs
        return self._name

    def ready(self, version: str, device: str, recipe: Recipe) -> str | None:
        """Answers when the actor is up: why nothing can be trained by it, or None."""
        host = socket.gethostname()
        if seedsweep.__version__ != version:
            ours = seedsweep.__version__
            return f"the worker on {host} has seedsweep {ours}, the driver {version}; install the same on both"
        problem = recipe.broken_device(device)
        if problem is None:
            return None
        remedy = "use cpu, or take the GPU from what that machine offers"
        return f"execution.device: {device} does not work on {host}: {problem}; {remedy}"

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
