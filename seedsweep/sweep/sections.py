"""The driver's sections of a spec: `scale:`, `success:` and `execution:`, the same for every kind of cell."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

from pydantic import field_validator, model_validator

from seedsweep import formats
from seedsweep.cell import Recipe
from seedsweep.criterion import Criterion
from seedsweep.section import Settings


class ScaleSettings(Settings):
    """The ladder: one numeric field of the spec by its dotted name, and the values it takes."""

    field: str
    values: tuple[float, ...]

    @field_validator("values", mode="before")
    @classmethod
    def _check_values(cls, values: Any) -> Any:
        if not isinstance(values, list | tuple) or not values:
            raise ValueError("give a list of at least one number, for example [1, 2, 4]")
        for value in values:
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(f"{value!r} is not a number")
        if len(set(values)) < len(values):
            twice = next(v for i, v in enumerate(values) if v in values[:i])
            raise ValueError(f"value {formats.given(twice)} is given twice")
        return sorted(values)


class SuccessSettings(Settings):
    """What counts as success in the summary; it changes no training and may change at any time."""

    metric: str
    split: str
    at_least: float | None = None
    at_most: float | None = None
    """In place of `at_least`, of a metric of which lower is better."""

    @model_validator(mode="after")
    def _check_threshold(self) -> Self:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("give either at_least or, of a metric of which lower is better, at_most")
        return self

    @property
    def criterion(self) -> Criterion:
        """What counts as success."""
        threshold = self.at_most if self.at_least is None else self.at_least
        return Criterion(self.metric, self.split, threshold, higher_is_better=self.at_most is None)


class Share(NamedTuple):
    """What one worker is given of a machine."""

    cpus: int
    gpus: float
    """May be a part of one: several workers then share it."""


class ExecutionSettings(Settings, ABC):
    """How the work is scheduled; it changes no number and is not part of a sweep's identity."""

    if TYPE_CHECKING:  # every kind has it, with its own words about it
        workers: int | Literal["auto"]

    @abstractmethod
    def pack_size(self, recipe: Recipe, device: str) -> int:
        """Seeds per pack: what the spec says, or what suits the device of this process."""

    @property
    def asks_worker(self) -> bool:
        """Whether on a GPU a worker must say how many seeds make a pack."""
        return False

    @abstractmethod
    def device_here(self) -> str:
        """Where this process trains cells, "cpu" or "cuda". Raises InputError if that device is not there."""

    @abstractmethod
    def cluster_device(self, gpus: int) -> str:
        """The same, of the workers of a cluster that has so many GPUs: this machine may be without them.

        Who asks for a number of workers is taken to know that an autoscaler will bring what is not there yet.
        """

    def driver_device(self) -> str:
        """Where the driver trains the base: its machine need not have the workers' device."""
        return "cpu"

    @abstractmethod
    def slots_here(self, device: str) -> int:
        """Workers that this machine has room for."""

    @abstractmethod
    def share(self, device: str) -> Share:
        """What a worker is given."""


def at_least_one(value: int | str) -> int | str:
    """The value of a field that counts. Raises ValueError if it is below 1."""
    if isinstance(value, int) and value < 1:
        raise ValueError("give a number of at least 1, or auto")
    return value
