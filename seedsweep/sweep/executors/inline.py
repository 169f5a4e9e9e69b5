"""Packs one after another in this process: to debug, for machines without Ray, for tests. Same numbers."""

from __future__ import annotations

from collections.abc import Callable

from seedsweep.cell import Recipe
from seedsweep.sweep.executors.executor import Executor
from seedsweep.sweep.job import Job, Outcome, run_job
from seedsweep.sweep.sections import ExecutionSettings


class InlineExecutor(Executor):
    """One slot. Sets nothing global: threads, random state and signal handlers are as they were."""

    def __init__(
        self,
        execution: ExecutionSettings,
        should_stop: Callable[[], bool],
        on_progress: Callable[[], None],
    ) -> None:
        self.device = execution.device_here()
        self._execution = execution
        self._should_stop = should_stop
        self._on_progress = on_progress
        self._job: Job | None = None

    def prepare(self, recipe: Recipe, say: Callable[[str], None]) -> None:
        """Nothing to prepare: the device was asked for when it was chosen."""

    def pack_size(self, recipe: Recipe) -> int:
        """What the spec says, or what suits this machine's device."""
        return self._execution.pack_size(recipe, self.device)

    def start(self, packs: int) -> int:
        """Always one slot."""
        return 1

    def has_free_slot(self) -> bool:
        """Whether no job waits to be run."""
        return self._job is None

    def submit(self, job: Job) -> None:
        """Keep the job: `wait` runs it."""
        self._job = job

    def wait(self, seconds: float) -> list[Outcome]:
        """Run the submitted job to its end, or until `should_stop` says so."""
        job, self._job = self._job, None
        if job is None:
            return []
        return [run_job(job, self._should_stop, lambda progress: self._on_progress())]

    def news(self) -> list[str]:
        """Nothing: the slot is this process."""
        return []

    def stop(self) -> None:
        """Nothing to do: the job asks `should_stop` itself."""

    def close(self) -> None:
        """Nothing to end."""
