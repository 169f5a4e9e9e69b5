"""The spec of cells that a program of the user's trains: `program:` in place of a task, a model, a training."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, SerializeAsAny, ValidationError, field_validator, model_validator

from seedsweep import formats
from seedsweep.cell import Recipe
from seedsweep.errors import InputError, did_you_mean
from seedsweep.measures import plain_number
from seedsweep.population import ALL_ROWS
from seedsweep.seeds import Seeds
from seedsweep.sweep.sections import ExecutionSettings, ScaleSettings, Share, SuccessSettings, at_least_one
from seedsweep.sweep.spec import SweepSpec
from seedsweep.workers.programs.functionrecipe import FunctionRecipe
from seedsweep.workers.programs.recipe import CodeRecipe, ProgramRecipe
from seedsweep.workers.programs.settings import CodeSettings, FunctionSettings, ProgramSettings
from seedsweep.workers.programs.source import code_of_function

SECTION = "program"
_INSTEAD = ("task", "model", "train", "base", "evaluate")


class ProgramSuccess(SuccessSettings):
    """What counts as success; a program need not write splits."""

    split: str = ALL_ROWS


class ProgramExecution(ExecutionSettings):
    """What one run of a program is given of a machine."""

    cpus: int = Field(default=1, ge=1)
    """Cores, and threads that the usual libraries are told to use."""
    gpus: float = Field(default=0.0, ge=0)
    """0.25: four runs share a GPU."""
    workers: int | Literal["auto"] = "auto"
    """Runs at a time under Ray; auto: as many as there is room for."""
    pack: int | Literal["auto"] = "auto"
    """Seeds in one call of a function that takes several; auto: 16. More are hardly faster on a CPU core, and one
    that fails takes the others with it."""

    @field_validator("workers", "pack")
    @classmethod
    def _check_count(cls, value: int | str) -> int | str:
        return at_least_one(value)

    @field_validator("gpus")
    @classmethod
    def _check_gpus(cls, value: float) -> float:
        if value > 1 and not value.is_integer():
            raise ValueError(f"{formats.given(value)} is neither a part of one GPU nor a whole number of them")
        return value

    def pack_size(self, recipe: Recipe, device: str) -> int:
        return recipe.pack_size(device) if self.pack == "auto" else self.pack

    def device_here(self) -> str:
        return "cuda" if self.gpus else "cpu"

    def cluster_device(self, gpus: int) -> str:
        if self.gpus and not gpus and self.workers == "auto":
            raise InputError(
                f"execution.gpus: {formats.given(self.gpus)} asked for but the Ray cluster has no GPU; give 0, "
                "or, where an autoscaler brings some, give execution.workers a number"
            )
        return self.device_here()

    def slots_here(self, device: str) -> int:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return max(1, cores // self.cpus)

    def share(self, device: str) -> Share:
        return Share(self.cpus, self.gpus)


class ProgramSpec(SweepSpec):
    """Cells that a program of the user's trains."""

    program: SerializeAsAny[CodeSettings]
    scale: ScaleSettings
    seeds: Seeds
    success: ProgramSuccess
    execution: ProgramExecution = ProgramExecution()

    @model_validator(mode="before")
    @classmethod
    def _fill_swept_parameter(cls, given: Any) -> Any:
        """The swept parameter need not be among the program's: every cell takes it from the ladder."""
        if not isinstance(given, Mapping):
            return given
        for other in _INSTEAD:
            if other in given:
                raise ValueError(f"{other}: a program takes its place; leave out {other} or program")
        program = given.get(SECTION)
        try:
            ladder = ScaleSettings.model_validate(given.get("scale"))
        except ValidationError:
            return given  # what is wrong with the ladder is said when it is checked in its place
        if not isinstance(program, Mapping) or not isinstance(program.get("parameters", {}), Mapping):
            return given
        parameters = dict(program.get("parameters", {}))
        name = _parameter(ladder.field)
        if name is None:
            known = [f"{SECTION}.{key}" for key in parameters]
            raise ValueError(
                f"scale.field: {ladder.field!r} is not a parameter of the program"
                f"{did_you_mean(ladder.field, known)}; write program.NAME"
            )
        if name in parameters and (
            isinstance(parameters[name], bool) or not isinstance(parameters[name], int | float)
        ):
            raise ValueError(f"scale.field: the parameter {name} is {parameters[name]!r}, which is not a number")
        parameters[name] = plain_number(ladder.values[0])
        return {**given, SECTION: {**program, "parameters": parameters}}

    @field_validator("program", mode="before")
    @classmethod
    def _read_program(cls, given: Any) -> Any:
        if isinstance(given, CodeSettings) or not isinstance(given, Mapping):
            return given
        if "command" in given and "function" in given:
            raise ValueError("function: a command takes its place; leave out one of the two")
        return _settings_class(given).model_validate(given)

    @model_validator(mode="after")
    def _check_seeds(self) -> ProgramSpec:
        program = self.program
        if self.seeds.crossed and isinstance(program, ProgramSettings) and "seed" in program.template.names:
            raise ValueError(
                "program.command: the seeds are crossed: write {init_seed} and {data_seed} in place of {seed}"
            )
        return self

    @classmethod
    def section_classes(cls, given: Mapping[Any, Any]) -> dict[tuple[type[BaseModel], str], type[BaseModel]]:
        return {(cls, SECTION): _settings_class(given.get(SECTION))}

    @property
    def swept_key(self) -> str:
        return f"{SECTION}.parameters.{_parameter(self.scale.field)}"

    @cached_property
    def recipes(self) -> Mapping[float, CodeRecipe]:
        return {value: self._recipe(value) for value in self.scale.values}

    def _recipe(self, value: float) -> CodeRecipe:
        parameters = {**self.program.parameters, str(_parameter(self.scale.field)): plain_number(value)}
        settings = self.program.model_copy(update={"parameters": parameters})
        if isinstance(settings, FunctionSettings):
            called = settings.called
            return FunctionRecipe(settings, self.seeds.crossed, code_of_function(called) if called else None)
        assert isinstance(settings, ProgramSettings)
        return ProgramRecipe(settings, self.execution.cpus)

    def beside(self, folder: Path) -> ProgramSpec:
        directory = self.program.directory
        return self if directory is None else self._in(folder / Path(directory).expanduser())

    def resolve(self) -> ProgramSpec:
        spec = self._in(Path(self.program.directory or ".").expanduser())
        for recipe in spec.recipes.values():
            recipe.check()
            if self.execution.pack not in ("auto", 1) and recipe.pack_size("cpu") == 1:
                what = "a function that takes seed" if isinstance(recipe, FunctionRecipe) else "a command"
                raise InputError(
                    f"execution.pack: {what} trains one seed at a time; leave it out, or give a function that "
                    "takes seeds"
                )
        return spec

    def _in(self, directory: Path) -> ProgramSpec:
        program = self.program.model_copy(update={"directory": os.path.normpath(directory.absolute())})
        return ProgramSpec(
            program=program, scale=self.scale, seeds=self.seeds, success=self.success, execution=self.execution
        )

    def identity(self) -> dict[str, Any]:
        settings = self.program.identity()
        parameters = settings.pop("parameters")
        flat: dict[str, Any] = {"scale.field": self.scale.field}
        flat |= {f"{SECTION}.{key}": value for key, value in settings.items()}
        flat |= {f"{SECTION}.parameters.{key}": value for key, value in parameters.items()}
        flat.pop(self.swept_key)
        return flat


def _parameter(field: str) -> str | None:
    """The parameter that `program.width` names."""
    section, _, name = field.partition(".")
    return name if section == SECTION and name else None


def _settings_class(given: Any) -> type[CodeSettings]:
    """Of a program's section."""
    return FunctionSettings if isinstance(given, Mapping) and "function" in given else ProgramSettings
