"""The spec of cells that the engine trains: a task, a decoder, its training. Its recipes are made at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Self

from pydantic import (
    BaseModel,
    ModelWrapValidatorHandler,
    SerializeAsAny,
    ValidationError,
    field_validator,
    model_validator,
)

from seedsweep.errors import InputError, did_you_mean, listed
from seedsweep.measures import in_ranges, plain_number, scale_text
from seedsweep.seeds import Seeds
from seedsweep.sweep.engineexecution import EngineExecution
from seedsweep.sweep.enginefields import chosen_model_class, numeric_fields, task_class
from seedsweep.sweep.parent import KeptParent, Wanted, find_parents
from seedsweep.sweep.sections import ScaleSettings, SuccessSettings
from seedsweep.sweep.spec import SweepSpec
from seedsweep.sweep.specerrors import SectionError, explain, flat_errors
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.dialects import model_class
from seedsweep.workers.engine import EngineRecipe
from seedsweep.workers.instruments import find_stream
from seedsweep.workers.instrumentsettings import InterventionSettings, StreamSettings, check_instruments
from seedsweep.workers.parts import unknown_part
from seedsweep.workers.settings import (
    ENGINE,
    NOT_WITH_DROPOUT,
    BaseSettings,
    EvaluateSettings,
    ModelSettings,
    TaskSettings,
    TrainSettings,
)
from seedsweep.workers.start import shapes_taken
from seedsweep.workers.startsettings import StartSettings
from seedsweep.workers.tasks import find_task


class EngineSpec(SweepSpec):
    """Cells that the engine trains."""

    task: SerializeAsAny[TaskSettings]
    model: SerializeAsAny[ModelSettings]
    train: TrainSettings
    base: BaseSettings | None = None
    start: StartSettings | None = None
    keep_checkpoints: tuple[int, ...] = ()
    """Steps at which the weights of every seed are kept for good. It changes no number."""
    evaluate: EvaluateSettings = EvaluateSettings()
    streams: tuple[SerializeAsAny[StreamSettings], ...] = ()
    interventions: tuple[InterventionSettings, ...] = ()
    scale: ScaleSettings
    seeds: Seeds
    success: SuccessSettings
    execution: EngineExecution = EngineExecution()

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
            known = numeric_fields(raw)
        except InputError:
            return check(raw)  # which says what is wrong with the task or the model
        section, _, key = ladder.field.partition(".")
        if ladder.field not in known:
            raise ValueError(
                f"scale.field: {ladder.field!r} is not a numeric field of task, model, train or start"
                + did_you_mean(ladder.field, known)
            )
        filled = isinstance(raw.get(section), dict) and key not in raw[section]
        if filled:
            raw[section][key] = plain_number(ladder.values[0])
        try:
            return check(raw)
        except ValidationError as error:
            if filled and any(detail["loc"] == (section, key) for detail in flat_errors(error)):
                raise _bad_scale_value(ladder, ladder.values[0], error) from None
            raise

    @field_validator("task", mode="before")
    @classmethod
    def _read_task(cls, given: Any) -> Any:
        if isinstance(given, TaskSettings):
            return given
        if not isinstance(given, Mapping) or not isinstance(given.get("name"), str):
            raise ValueError("give a mapping with the task's name and settings, for example {name: count, …}")
        return find_task(given["name"]).Settings.model_validate(dict(given))

    @field_validator("model", mode="before")
    @classmethod
    def _read_model(cls, given: Any) -> Any:
        return model_class(given).model_validate(dict(given)) if isinstance(given, Mapping) else given

    @model_validator(mode="after")
    def _check_base(self) -> Self:
        if self.base is None:
            return self
        if not self.model.can_have_base:
            raise ValueError("base: only a model of the dialect qwen2 without a checkpoint can start from one")
        section, _, key = self.scale.field.partition(".")
        if section == "model":
            raise ValueError(f"base: all scales start from one model, so {self.scale.field} cannot be swept")
        if section == "task" and key not in self.base.task:
            raise ValueError(f"base.task: give {key}, the swept field, the value at which the base is trained")
        return self

    @model_validator(mode="after")
    def _check_start(self) -> Self:
        if self.start is not None and self.base is not None:
            raise ValueError("start: not with base, of which seeds draw a part anew; give one of them up")
        return self

    @field_validator("keep_checkpoints", mode="before")
    @classmethod
    def _check_kept(cls, steps: Any) -> Any:
        if not isinstance(steps, list | tuple):
            raise ValueError("give a list of steps, for example [0, 1000]")
        for step in steps:
            if isinstance(step, bool) or not isinstance(step, int) or step < 0:
                raise ValueError(f"{step!r} is not a step; 0 is before training, 1 after the first update")
            if steps.count(step) > 1:
                raise ValueError(f"step {step} is given twice")
        return tuple(sorted(steps))

    @model_validator(mode="after")
    def _check_compile(self) -> EngineSpec:
        if self.train.compiles_steps and self.model.drops:
            raise ValueError(f"train.compile: {NOT_WITH_DROPOUT}")
        return self

    @field_validator("streams", mode="before")
    @classmethod
    def _read_streams(cls, given: Any) -> Any:
        if not isinstance(given, list | tuple):
            raise ValueError("give a list of streams, for example [attention, outputs]")
        found = []
        for number, stream in enumerate(given):
            section = {"name": stream} if isinstance(stream, str) else stream
            if isinstance(section, StreamSettings):
                found.append(section)
            elif isinstance(section, Mapping) and isinstance(section.get("name"), str):
                try:
                    found.append(find_stream(section["name"]).Settings.model_validate(dict(section)))
                except ValidationError as error:
                    raise SectionError(error, number) from None
            else:
                raise ValueError(f"{stream!r} is no stream; give its name, or its name and settings")
        return tuple(found)

    @model_validator(mode="after")
    def _check_instruments(self) -> Self:
        if self.model.resolved:
            check_instruments(self.streams, self.interventions, self.task, self.model)
        return self

    @model_validator(mode="after")
    def _check_ladder(self) -> Self:
        if not self.model.resolved:
            return self
        first, *_ = self.recipes.values()  # made once, and checked while they are made
        last = max(recipe.steps for recipe in self.recipes.values())
        late = [step for step in self.keep_checkpoints if step > last]
        if late:
            raise ValueError(f"keep_checkpoints: step {late[0]} is behind the last; give steps from 0 to {last}")
        for value, recipe in self.recipes.items():
            problem = unknown_part(recipe.settings)
            if problem is not None and len(self.recipes) > 1:
                problem += f" at {self.scale.field} = {scale_text(value)}"
            if problem is not None:
                raise ValueError(problem)
        if self.base is not None:
            try:
                base = first.settings.of_base()
            except ValidationError as error:
                raise SectionError(error, "base", "task") from None
            if (problem := unknown_part(base)) is not None:
                raise ValueError(f"base.{problem}")
        return self

    @model_validator(mode="after")
    def _check_success(self) -> Self:
        """It is measured at every scale. What streams read of a model in a file is known once it is resolved."""
        if self.model.resolved:
            cells = {value: recipe.settings.measured for value, recipe in self.recipes.items()}
            somewhere = any(self.success.split in measured for measured in cells.values())
            for value, measured in cells.items():
                where = f" at {self.scale.field} = {scale_text(value)}" if somewhere else ""
                self._check_measured(measured, where)
        elif not self.streams:
            metrics = [metric.name for metric in self.task.metrics()]
            self._check_measured(dict.fromkeys(self.task.split_names(), metrics), "")
        return self

    def _check_measured(self, measured: Mapping[str, Sequence[str]], where: str) -> None:
        split, metric = self.success.split, self.success.metric
        there = listed(in_ranges(measured))
        if split not in measured:
            task = "this task or read by its streams" if self.streams else "this task"
            more = "; streams would read others" if self.task.outputs and not self.streams else ""
            raise ValueError(f"success.split: {split!r} is not a split of {task}{where}; it has {there}{more}")
        if metric not in measured[split]:
            raise ValueError(
                f"success.metric: {metric!r} is not a metric of "
                f"{'this task' if split in self.task.split_names() else split}"
                + did_you_mean(metric, measured[split])
                + f"; it has {listed(measured[split])}"
            )

    @classmethod
    def section_classes(cls, given: Mapping[Any, Any]) -> dict[tuple[type[BaseModel], str], type[BaseModel]]:
        classes: dict[tuple[type[BaseModel], str], type[BaseModel]] = {
            (cls, "model"): chosen_model_class(given),
            (cls, "streams"): StreamSettings,
        }
        task = task_class(given)
        if task is not None:
            classes |= {(cls, "task"): task, (BaseSettings, "task"): task}
        return classes

    @cached_property
    def recipes(self) -> Mapping[float, EngineRecipe]:
        """How the cells of every scale are trained. Of a model whose sizes are in a file: once it is resolved."""
        found = {}
        for value in self.scale.values:
            settings = self._settings_at(value)
            keep = frozenset(step for step in self.keep_checkpoints if step <= settings.train.steps)
            found[value] = EngineRecipe(settings, keep=keep)
        return found

    def _settings_at(self, value: float) -> CellSettings:
        sections = {
            name: getattr(self, name).model_dump(exclude_none=True)
            for name in ("task", "model", "train", "evaluate", *(["start"] if self.start is not None else []))
        }
        section, _, key = self.scale.field.partition(".")
        sections[section][key] = plain_number(value)
        try:
            return CellSettings(
                task=type(self.task).model_validate(sections["task"]),
                model=type(self.model).model_validate(sections["model"]),
                train=TrainSettings.model_validate(sections["train"]),
                evaluate=EvaluateSettings.model_validate(sections["evaluate"]),
                base=self.base,
                start=self.start.at(value, sections["start"]["step"]) if self.start is not None else None,
                streams=self.streams,
                interventions=self.interventions,
            )
        except ValidationError as error:
            raise _bad_scale_value(self.scale, value, error) from None

    def resolve(self) -> EngineSpec:
        spec, task, model = self, self.task.resolve(), self.model.resolve()
        if (task, model) != (self.task, self.model):
            sections = {name: getattr(self, name) for name in type(self).model_fields}
            sections |= {"task": task, "model": model}
            try:
                spec = type(self).model_validate(sections)
            except ValidationError as error:
                problem = explain(error, type(self), self.section_classes(sections))[0]
                raise InputError(f"{problem.field}: {problem.message}") from None
        if self.start is not None:
            sections = {name: getattr(spec, name) for name in type(self).model_fields}
            parents = spec._find_parents(self.start)
            start = self.start.found(next(iter(parents.values())).place, parents)
            spec = type(self).model_validate(sections | {"start": start})
        rows, tokens = spec.model.embedding_rows, spec.task.vocabulary_size()
        if rows is not None and rows < tokens:
            raise InputError(f"model.vocabulary: {rows} rows cannot embed the task's {tokens} tokens")
        for recipe in spec.recipes.values():
            spec._check_batch(recipe.settings)
        return spec

    def _find_parents(self, start: StartSettings) -> dict[float, KeptParent]:
        """What the seeds of every scale start from. Raises InputError that says what is missing."""
        wanted = []
        for value, recipe in self.recipes.items():
            assert recipe.settings.start is not None
            wanted.append(Wanted(value, recipe.settings.start.step, shapes_taken(recipe.settings)))
        return find_parents(start.sweep, self.scale.field, wanted, self.seeds.pairs())

    def _check_batch(self, settings: CellSettings) -> None:
        for section, one in (("", settings), ("base.", settings.of_base() if self.base is not None else settings)):
            if one.batch < 1:
                row = one.task.tokens_per_row()
                raise InputError(
                    f"{section}train.batch_tokens: {one.train.batch_tokens} tokens hold no row, which has {row}"
                )

    def identity(self) -> dict[str, Any]:
        flat: dict[str, Any] = {"engine": ENGINE, "scale.field": self.scale.field}
        started = () if self.start is None else ("start",)
        for section in ("model", "task", "train", "evaluate", *started):
            for key, value in getattr(self, section).identity().items():
                flat[f"{section}.{key}"] = value
        flat.pop(self.scale.field, None)
        if self.base is not None:
            flat |= {"base.seed": self.base.seed, "base.task": self.base.task}
            flat |= {f"base.train.{key}": value for key, value in self.base.train.identity().items()}
        for section in ("streams", "interventions"):
            given = [part.identity() for part in getattr(self, section)]
            if given:
                flat[section] = given
        return flat


def _bad_scale_value(ladder: ScaleSettings, value: float, error: ValidationError) -> SectionError:
    return SectionError(error, "scale", "values", about=f"{ladder.field} = {scale_text(value)} cannot be: ")
