"""What the driver asks of an executor."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Self

from seedsweep.cell import Recipe
from seedsweep.sweep.job import Job, Outcome


class Executor(ABC):
    """A set of slots, each of which trains one pack at a time. Knows no store, plan or retry: the driver does."""

    device: str
    """"cpu" or "cuda", the same for every slot."""
    dashboard: str | None = None
    """URL of a web page about the workers."""

    @abstractmethod
    def prepare(self, recipe: Recipe, say: Callable[[str], None]) -> None:
        """Raise InputError if packs like this cannot be trained here; `say` is told what is waited for.

        Called once, before all that follows.
        """

    @abstractmethod
    def pack_size(self, recipe: Recipe) -> int:
        """Seeds per pack: what the spec says, or what a worker of this executor suggests."""

    @abstractmethod
    def start(self, packs: int) -> int:
        """Make slots for as many packs as there are to train at most; returns how many slots were made."""

    @abstractmethod
    def has_free_slot(self) -> bool:
        """Whether `submit` may be called now."""

    @abstractmethod
    def submit(self, job: Job) -> None:
        """Hand a job to a free slot."""

    @abstractmethod
    def wait(self, seconds: float) -> list[Outcome]:
        """Jobs that have ended since the last call; waits for one for at most so long (inline: for its job)."""

    @abstractmethod
    def news(self) -> list[str]:
        """What has become of the slots since the last call and is to be told, in a line each."""

    @abstractmethod
    def stop(self) -> None:
        """Ask every running job to save a checkpoint and end; returns at once."""

    @abstractmethod
    def close(self) -> None:
        """End the workers, running or not, and whatever else this executor has started."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
