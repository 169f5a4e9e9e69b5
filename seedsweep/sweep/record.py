"""`sweep.json`: the one readable file of a sweep directory, what the sweep is and what was done to it."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from seedsweep import jsontext
from seedsweep.cell import Pace, Recipe
from seedsweep.errors import InputError
from seedsweep.measures import Metric, Split
from seedsweep.schema import FORMAT
from seedsweep.seeds import Goal, Seed, Seeds
from seedsweep.sweep.sections import ScaleSettings, SuccessSettings

FILE = "sweep.json"
REBUILT = "seedsweep run with the same spec and --out writes it anew from the blocks; or restore the file"
"""What to do if it is lost."""


class LostRecordError(InputError):
    """A sweep's record is not there, or cannot be read."""


class ScaleRecord(BaseModel):
    """What the driver works out once per scale, so that reading a status needs no recipe."""

    model_config = ConfigDict(frozen=True)

    scale: float
    steps: int | None
    """Training steps of every seed; None if only its rows tell."""
    flop_per_seed_step: float
    """Arithmetic of one training step of one seed: the weight of this scale in "how much is left". 1 if the recipe
    cannot tell its cost."""
    evaluations: int = 0
    """Of every seed, if they take time besides its steps."""
    pace: Pace | None = None
    """Of a pack's parts, by a trial on the driver's machine, if the run that began has made one."""


def scale_record(scale: float, recipe: Recipe, pace: Pace | None = None) -> ScaleRecord:
    """Of a recipe, with the pace of a trial if there is one."""
    cost = recipe.cost()
    return ScaleRecord(
        scale=scale,
        steps=recipe.steps,
        flop_per_seed_step=cost.flop_per_step if cost is not None else 1.0,
        evaluations=recipe.evaluations,
        pace=pace,
    )


class SweepRecord(BaseModel):
    """Content of `sweep.json`. The desired state is that of the latest `run`."""

    model_config = ConfigDict(frozen=True)

    format: int
    name: str
    fingerprint: str
    created: str
    updated: str
    spec: dict[str, Any]
    """The latest spec, every default filled in; `SweepSpec.model_validate` reads it back."""
    settings: dict[str, Any]
    """The sweep's identity: what all its cells have in common (`SweepSpec.identity`)."""
    splits: tuple[Split, ...]
    metrics: tuple[Metric, ...]
    scales: tuple[ScaleRecord, ...]
    runs: tuple[dict[str, Any], ...]
    """One entry per `run` that changed anything: when, what was asked, by which command, versions, outcome."""

    @property
    def ladder(self) -> ScaleSettings:
        """The swept field and the values wanted."""
        return ScaleSettings.model_validate(self.spec["scale"])

    @property
    def wish(self) -> Seeds:
        """What the spec says of seeds."""
        return Seeds.model_validate(self.spec["seeds"])

    @property
    def seeds(self) -> tuple[Seed, ...]:
        """The seeds wanted at every scale; with a goal, those that may be added."""
        return self.wish.pairs()

    @property
    def first_goal(self) -> Goal | None:
        """The goal for which seeds were first added: later ones change nothing of what intervals are made for."""
        wishes = [run.get("seeds") for run in self.runs] + [self.spec["seeds"]]
        goals = (Seeds.model_validate(wish).goal for wish in wishes if isinstance(wish, dict))
        return next((goal for goal in goals if goal is not None), None)

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The range of the metric of success that the latest goal gave, where its task does not tell it."""
        wishes = [self.spec["seeds"]] + [run.get("seeds") for run in reversed(self.runs)]
        goals = (Seeds.model_validate(wish).goal for wish in wishes if isinstance(wish, dict))
        return next((goal.bounds for goal in goals if goal is not None), None)

    @property
    def imported(self) -> bool:
        """Whether its cells were measured elsewhere, so that nobody can train them."""
        return "imported" in self.spec

    @property
    def success(self) -> SuccessSettings:
        """What counts as success."""
        return SuccessSettings.model_validate(self.spec["success"])

    def to_json(self) -> bytes:
        """As the file's content, for people to read."""
        return (json.dumps(self.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n").encode()

    @classmethod
    def from_json(cls, data: bytes, shown: str) -> SweepRecord:
        """From the file's content. Raises LostRecordError, naming the file as `shown`, if it is none of ours."""
        try:
            content = jsontext.loads(data)
            newer = content["format"] > FORMAT
        except (ValueError, TypeError, KeyError):
            raise LostRecordError(f"{shown}: not a sweep's record; {REBUILT}") from None
        if newer:
            raise InputError(
                f"{shown}: format {content['format']} is newer than this seedsweep reads ({FORMAT}): "
                "update seedsweep"
            )
        try:
            found = cls.model_validate(content)
            ScaleSettings.model_validate(found.spec.get("scale"))
            Seeds.model_validate(found.spec.get("seeds"))
            return found
        except ValidationError as error:
            field = ".".join(str(part) for part in error.errors()[0]["loc"])
            raise LostRecordError(f"{shown}: {field}: damaged; {REBUILT}") from None


def refuse_other_settings(record: SweepRecord, here: dict[str, Any], directory: str) -> None:
    """Raise InputError naming what differs, if a spec of that identity would put other cells into a sweep."""
    there = record.settings
    if record.imported and not any(key.startswith("imported.") for key in here):
        raise InputError(f"{directory}: holds imported results, which cannot be trained; use another directory")
    changed = [key for key in sorted({*there, *here}) if there.get(key) != here.get(key)]
    if not changed:
        return
    differences = "; ".join(f"{key}: {_show(there, key)} there, {_show(here, key)} here" for key in changed[:4])
    more = f" (and {len(changed) - 4} more)" if len(changed) > 4 else ""
    raise InputError(f"{directory} holds a sweep with other settings: {differences}{more}; use another directory")


def _show(settings: dict[str, Any], key: str) -> str:
    return json.dumps(settings[key], ensure_ascii=False) if key in settings else "not set"
