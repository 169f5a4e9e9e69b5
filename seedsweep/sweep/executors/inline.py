"""Packs one after another in this process: to debug, for machines without Ray, for tests. Same numbers."""

from __future__ import annotations

from collections.abc import Callable

from seedsweep.settings import ExecutionSettings
from seedsweep.spec import CellSettings
from seedsweep.sweep.executors.base import Executor
from seedsweep.sweep.job import Job, Outcome, TrainPack, run_job


class InlineExecutor(Executor):
    """One slot. Sets nothing global: threads, random state and signal handlers are as they were."""

    def __init__(
        self,
        execution: ExecutionSettings,
        train: TrainPack,
        should_stop: Callable[[], bool],
        on_progress: Callable[[], None],
    ) -> None:
        from seedsweep.workers.device import choose_device

        self.device = choose_device(execution.device)
        self._pack = execution.pack
        self._train = train
        self._should_stop = should_stop
        self._on_progress = on_progress
        self._job: Job | None = None

    def pack_size(self, settings: CellSettings) -> int:
        """What the spec says, or what fits this machine's device."""
        from seedsweep.workers.device import pack_size

        return pack_size(self._pack, settings, self.device)

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
        return [run_job(job, self._train, self._should_stop, lambda progress: self._on_progress())]

    def stop(self) -> None:
        """Nothing to do: the job asks `should_stop` itself."""

    def close(self) -> None:
        """Nothing to end."""
