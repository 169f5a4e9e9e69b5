"""The driver's sections of a spec: `scale:`, `success:` and `execution:`, the same for every kind of cell."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import field_validator

from seedsweep import formats
from seedsweep.cell import Recipe
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
    at_least: float


class ExecutionSettings(Settings):
    """How the work is scheduled; it changes no number and is not part of a sweep's identity."""

    pack: int | Literal["auto"] = "auto"
    """Seeds trained together; auto: 4 on a CPU, as many as fit (at most 64) on a GPU."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    workers: int | Literal["auto"] = "auto"
    """Worker processes under Ray; auto: one per CPU core or per GPU."""

    @field_validator("pack", "workers")
    @classmethod
    def _check_count(cls, value: int | str) -> int | str:
        if isinstance(value, int) and value < 1:
            raise ValueError("give a number of at least 1, or auto")
        return value

    def pack_size(self, recipe: Recipe, device: str) -> int:
        """Seeds per pack: what the spec says, or what suits the device of this process."""
        return recipe.pack_size(device) if self.pack == "auto" else self.pack
