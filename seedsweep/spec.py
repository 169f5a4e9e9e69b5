"""The spec of a sweep: what a YAML file says, checked, with every default filled in.

Reading a whole spec imports torch, because the task named in it checks its own section; the types here do not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from pydantic import ModelWrapValidatorHandler, SerializeAsAny, ValidationError, field_validator, model_validator

from seedsweep.errors import InputError, did_you_mean
from seedsweep.measures import plain_number, scale_text
from seedsweep.section import Settings
from seedsweep.seeds import Seed, Seeds
from seedsweep.settings import (
    BaseSettings,
    EvaluateSettings,
    ExecutionSettings,
    ModelSettings,
    Qwen2Settings,
    ScaleSettings,
    SuccessSettings,
    TaskSettings,
    TrainSettings,
    model_settings,
)

ENGINE = 1
"""Version of the numbers the engine makes: raised by every change that makes a seed train differently."""


class CellSettings(Settings):
    """Everything that decides the numbers of the cells of one scale, the seed apart."""

    task: SerializeAsAny[TaskSettings]
    model: SerializeAsAny[ModelSettings]
    train: TrainSettings
    evaluate: EvaluateSettings
    base: BaseSettings | None = None

    @property
    def vocabulary_size(self) -> int:
        """V, the rows of the embedding."""
        own = self.model.vocabulary if isinstance(self.model, Qwen2Settings) else None
        return self.task.vocabulary_size() if own is None else own

    @property
    def redraws(self) -> bool:
        """Whether seeds start from a trained model of which they draw a part anew."""
        from_checkpoint = isinstance(self.model, Qwen2Settings) and self.model.checkpoint is not None
        return from_checkpoint or self.base is not None

    def from_scratch(self) -> CellSettings:
        """The same cells, but with all weights drawn."""
        model = self.model.model_copy(update={"checkpoint": None} if self.redraws else {})
        return self.model_copy(update={"model": model, "base": None})

    def of_base(self) -> CellSettings:
        """How the base is trained. Raises ValidationError if its changes do not fit the task."""
        assert self.base is not None
        task = self.task.model_dump(exclude_none=True) | self.base.task
        return self.model_copy(
            update={"task": type(self.task).model_validate(task), "train": self.base.train, "base": None}
        )

    @property
    def evaluation_steps(self) -> tuple[int, ...]:
        """Steps at which every seed of the cell is evaluated."""
        return self.evaluate.steps(self.train.steps)


class SweepSpec(Settings):
    """A sweep as a desired state: the cells (scale × seed) that shall exist, and how each is trained."""

    task: SerializeAsAny[TaskSettings]
    model: SerializeAsAny[ModelSettings]
    train: TrainSettings
    base: BaseSettings | None = None
    evaluate: EvaluateSettings = EvaluateSettings()
    scale: ScaleSettings
    seeds: Seeds
    success: SuccessSettings
    execution: ExecutionSettings = ExecutionSettings()

    @model_validator(mode="wrap")
    @classmethod
    def _fill_swept_field(cls, given: Any, check: ModelWrapValidatorHandler[Self]) -> Self:
        """A spec need not give the swept field a value of its own: every cell takes one from the ladder."""
        if isinstance(given, cls):
            return given
        if not isinstance(given, Mapping):
            raise ValueError("a spec is a mapping with the keys " + ", ".join(cls.model_fields))
        raw = {key: dict(value) if isinstance(value, Mapping) else value for key, value in given.items()}
        try:
            ladder = ScaleSettings.model_validate(raw.get("scale"))
        except ValidationError:
            return check(raw)  # which says what is wrong with the ladder
        try:
            known = _numeric_fields(raw)
        except InputError:
            return check(raw)  # which says what is wrong with the task or the model
        section, _, key = ladder.field.partition(".")
        if ladder.field not in known:
            raise ValueError(
                f"scale.field: {ladder.field!r} is not a numeric field of task, model or train"
                + did_you_mean(ladder.field, known)
            )
        filled = isinstance(raw.get(section), dict) and key not in raw[section]
        if filled:
            raw[section][key] = plain_number(ladder.values[0])
        try:
            return check(raw)
        except ValidationError as error:
            blamed = [problem for problem in flat_errors(error) if problem["loc"] == (section, key)]
            if not filled or not blamed:
                raise
            raise ValueError(_bad_scale_value(ladder, ladder.values[0], blamed[0]["msg"])) from None

    @field_validator("task", mode="before")
    @classmethod
    def _resolve_task(cls, given: Any) -> Any:
        if isinstance(given, TaskSettings):
            return given
        if not isinstance(given, Mapping) or not isinstance(given.get("name"), str):
            raise ValueError("give a mapping with the task's name and settings, for example {name: count, …}")
        return _task_settings(given["name"]).model_validate(dict(given))

    @field_validator("model", mode="before")
    @classmethod
    def _resolve_model(cls, given: Any) -> Any:
        dialect = model_settings(given)
        return dialect.model_validate(dict(given)) if isinstance(given, Mapping) else given

    @model_validator(mode="after")
    def _check_base(self) -> SweepSpec:
        if self.base is None:
            return self
        if not isinstance(self.model, Qwen2Settings) or self.model.checkpoint is not None:
            raise ValueError("base: only a model of the dialect qwen2 without a checkpoint can start from one")
        section, _, key = self.scale.field.partition(".")
        if section == "model":
            raise ValueError(f"base: all scales start from one model, so {self.scale.field} cannot be swept")
        if section == "task" and key not in self.base.task:
            raise ValueError(f"base.task: give {key}, the swept field, the value at which the base is trained")
        try:
            self.at(self.scale.values[0]).of_base()
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, ("base", "task", *first["loc"])))
            problem = first["msg"].removeprefix("Value error, ")
            if first["type"] == "extra_forbidden":
                problem = "unknown key" + did_you_mean(str(first["loc"][-1]), type(self.task).model_fields)
            raise ValueError(f"{field}: {problem}") from None
        return self

    @model_validator(mode="after")
    def _check_ladder_and_success(self) -> SweepSpec:
        for value in self.scale.values:
            try:
                self.at(value)
            except ValidationError as error:
                raise ValueError(_bad_scale_value(self.scale, value, error.errors()[0]["msg"])) from None
        splits = [split.name for split in self.task.splits()]
        if self.success.split not in splits:
            raise ValueError(
                f"success.split: {self.success.split!r} is not a split of this task; it has {', '.join(splits)}"
            )
        metrics = [metric.name for metric in self.task.metrics()]
        if self.success.metric not in metrics:
            raise ValueError(
                f"success.metric: {self.success.metric!r} is not a metric of this task"
                + did_you_mean(self.success.metric, metrics)
                + f"; it has {', '.join(metrics)}"
            )
        return self

    def at(self, value: float) -> CellSettings:
        """The settings of the cells at one value of the ladder."""
        sections = {
            name: getattr(self, name).model_dump(exclude_none=True)
            for name in ("task", "model", "train", "evaluate")
        }
        section, _, key = self.scale.field.partition(".")
        sections[section][key] = plain_number(value)
        return CellSettings(
            task=type(self.task).model_validate(sections["task"]),
            model=type(self.model).model_validate(sections["model"]),
            train=TrainSettings.model_validate(sections["train"]),
            evaluate=EvaluateSettings.model_validate(sections["evaluate"]),
            base=self.base,
        )

    def settings(self) -> dict[str, Any]:
        """What every cell of the sweep has in common, flat (`{"train.steps": 1000, …}`).

        This is the sweep's identity: it holds all that can change a number, the ladder's own field and the
        seed apart, and nothing about names, places or scheduling. Of files that the spec names it holds the
        content: raises InputError if one cannot be read or used.
        """
        flat: dict[str, Any] = {"engine": ENGINE, "scale.field": self.scale.field}
        for section in ("model", "task", "train", "evaluate"):
            for key, value in getattr(self, section).identity().items():
                flat[f"{section}.{key}"] = value
        tokens, rows = self.task.vocabulary_size(), getattr(self.model, "vocabulary", None)
        if rows is not None and rows < tokens:
            raise InputError(f"model.vocabulary: {rows} rows cannot embed the task's {tokens} tokens")
        flat.pop(self.scale.field, None)
        if self.base is not None:
            flat |= {"base.seed": self.base.seed, "base.task": self.base.task}
            flat |= {f"base.train.{key}": value for key, value in self.base.train.identity().items()}
        return flat

    def fingerprint(self) -> str:
        """Hash of `settings()`: two sweeps with the same fingerprint may share a directory."""
        canonical = json.dumps(self.settings(), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def flat_errors(error: ValidationError, above: tuple[int | str, ...] = ()) -> Iterator[dict[str, Any]]:
    """Pydantic's details, those of a section that was validated on its own (task, model) at their place."""
    for detail in error.errors(include_url=False):
        place = (*above, *detail["loc"])
        inner = detail.get("ctx", {}).get("error")
        if isinstance(inner, ValidationError):
            yield from flat_errors(inner, place)
        else:
            yield {**detail, "loc": place}


def _numeric_fields(raw: Mapping[str, Any]) -> list[str]:
    """Dotted names of the fields that can be swept; of the task's section only if its name is known."""
    sections: dict[str, type[Settings]] = {"model": model_settings(raw.get("model")), "train": TrainSettings}
    task = raw.get("task")
    if isinstance(task, TaskSettings):
        sections["task"] = type(task)
    elif isinstance(task, Mapping) and isinstance(task.get("name"), str):
        sections["task"] = _task_settings(task["name"])
    return [
        f"{section}.{key}"
        for section, settings in sections.items()
        for key, field in settings.model_fields.items()
        if field.annotation in (int, float, int | None, float | None)
    ]


def _task_settings(name: str) -> type[TaskSettings]:
    from seedsweep.workers.tasks import find_task  # imports torch: only when a whole spec is read

    return find_task(name).Settings


def _bad_scale_value(ladder: ScaleSettings, value: float, message: str) -> str:
    problem = message.removeprefix("Value error, ")
    return f"scale.values: {ladder.field} = {scale_text(value)} cannot be: {problem}"


@dataclass(frozen=True)
class Pack:
    """Seeds of one scale that train together: the unit of work that the driver hands to a worker."""

    scale_name: str
    scale: float
    seeds: tuple[Seed, ...]
    fingerprint: str
    """Of the sweep the pack belongs to."""

    @property
    def name(self) -> str:
        """Deterministic and readable, fit for file names: `depth-2-seeds-0-3-1f0c9a2b`."""
        ids = [seed.id for seed in self.seeds]
        identity = json.dumps([self.fingerprint, self.scale_name, scale_text(self.scale), ids])
        digest = hashlib.sha256(identity.encode()).hexdigest()[:8]
        field = self.scale_name.rpartition(".")[2]
        return f"{field}-{scale_text(self.scale)}-seeds-{ids[0]}-{ids[-1]}-{digest}"
