"""The spec of results that were imported: `imported:` in place of a task, a model, a training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from pydantic import BaseModel

from seedsweep.cell import Recipe
from seedsweep.errors import InputError
from seedsweep.population import Taken
from seedsweep.section import Settings
from seedsweep.seeds import Seeds
from seedsweep.sweep.sections import ScaleSettings
from seedsweep.sweep.spec import SweepSpec

SECTION = "imported"


class ImportedSettings(Settings):
    """What the columns of the results were."""

    seed: str
    """Column, or parameter of the runs, that told the seed."""
    step: str | None
    """The same of the step; None if every seed has final values alone."""
    metrics: tuple[str, ...]
    rows: str
    """Which rows were taken: the split of all values."""
    unfinished: Taken
    """What becomes of seeds that end early, when the sweep is read."""
    runs: dict[str, int]
    """The seed that stands for each run, where runs have names instead; empty where seeds are whole numbers."""


class ImportedSuccess(Settings):
    """What counts as success."""

    metric: str
    split: str
    at_least: float | None
    """None if nobody has said. If higher is worse, the largest value that is a success."""
    higher_is_better: bool


class ImportedSpec(SweepSpec):
    """Cells that lie in a store because somebody measured them elsewhere."""

    imported: ImportedSettings
    scale: ScaleSettings
    seeds: Seeds
    success: ImportedSuccess  # type: ignore[assignment]  # a table may come without a threshold

    @classmethod
    def section_classes(cls, given: Mapping[Any, Any]) -> dict[tuple[type[BaseModel], str], type[BaseModel]]:
        return {}

    @property
    def recipes(self) -> Mapping[float, Recipe]:
        _refuse()

    def resolve(self) -> SweepSpec:
        _refuse()

    def identity(self) -> dict[str, Any]:
        return {
            "scale.field": self.scale.field,
            f"{SECTION}.step": self.imported.step,
            f"{SECTION}.metrics": sorted(self.imported.metrics),
            f"{SECTION}.rows": self.imported.rows,
        }


def _refuse() -> NoReturn:
    raise InputError(f"{SECTION}: results that were imported cannot be trained; add others with seedsweep import")
