"""The spec's section `program:`: what is run for every cell, and what it is told."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import PurePath
from typing import Any, ClassVar, Self

from pydantic import Field, PrivateAttr, field_validator, model_validator

from seedsweep.errors import did_you_mean
from seedsweep.section import Settings
from seedsweep.workers.programs.template import BUILT_IN, Template, Value, parse

Parameter = bool | int | float | str
NAME = re.compile(r"[A-Za-z_][\w.-]*")


class MetricsSettings(Settings):
    """Where a program writes what it measures."""

    file: str
    """A file in the cell's folder, or a pattern such as `logs/*/metrics.csv`."""
    step: str | None = None
    """The column that counts the steps; by default `step`, or the first of a few usual names."""

    @field_validator("file")
    @classmethod
    def _check_file(cls, file: str) -> str:
        path = PurePath(file)
        if not path.parts or path.is_absolute() or ".." in path.parts:
            raise ValueError(
                f"{file!r} is not a file below {{dir}}, the folder of a cell; write for example metrics.csv"
            )
        return file


class CodeSettings(Settings):
    """What a command and a function have in common."""

    parameters: dict[str, Parameter | tuple[Parameter, ...]] = Field(default_factory=dict)
    """By name: numbers, texts, `true` and `false`, or lists of these, a word each. All identify the sweep."""
    steps: int | None = Field(default=None, ge=1)
    """The last step that the program writes, if that is known."""
    pinned: bool = False
    """Refuse to train cells with other code than that which has trained those that are there."""
    directory: str | None = None
    """Where the program runs; by default the working directory. In a file: counted from the file's folder."""

    own: ClassVar[tuple[str, ...]] = BUILT_IN
    """Names that mean something else than a parameter."""

    @field_validator("parameters", mode="before")
    @classmethod
    def _check_names(cls, given: Any) -> Any:
        for name, value in given.items() if isinstance(given, dict) else ():
            if not isinstance(name, str) or not NAME.fullmatch(name):
                raise ValueError(f"{name!r} cannot be the name of a parameter; begin with a letter")
            if name in cls.own:
                raise ValueError(f"{name!r} is what every cell has of its own; give the parameter another name")
            for item in value if isinstance(value, list | tuple) else [value]:
                if not isinstance(item, Parameter) or (isinstance(item, float) and not math.isfinite(item)):
                    raise ValueError(
                        f"{name} is {item!r}, not a finite number, a text, true or false, or a list of these"
                    )
        return given

    def identity(self) -> dict[str, Any]:
        """All but where the code lies and whether it may change: what it is, is recorded with the rows."""
        return {key: value for key, value in super().identity().items() if key not in ("directory", "pinned")}

    def values(self) -> dict[str, Value]:
        """The parameters by name."""
        return dict(self.parameters)


class ProgramSettings(CodeSettings):
    """A program of the user's: a command that trains one cell."""

    command: str
    """With placeholders `{width}` for parameters and for what every cell has: `{seed}`, `{dir}`, `{python}`."""
    metrics: MetricsSettings
    """A file's name, or the section's fields."""
    shell: bool = False
    """Whether a shell reads the command, with every value quoted for it."""

    @field_validator("metrics", mode="before")
    @classmethod
    def _read_metrics(cls, given: Any) -> Any:
        return {"file": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _check_command(self) -> Self:
        try:
            names = self.template.names
        except ValueError as error:
            raise ValueError(f"command: {error}") from None
        for name in sorted(names - set(BUILT_IN) - set(self.parameters)):
            raise ValueError(
                f"command: {{{name}}} is no parameter{did_you_mean(name, [*self.parameters, *BUILT_IN])}; give "
                f"parameters: {{{name}: …}}, or write {{{{{name}}}}} for braces of its own"
            )
        for name in sorted(set(self.parameters) - names):
            raise ValueError(f"parameters.{name}: is never used; write {{{name}}} in the command, or leave it out")
        return self

    @property
    def template(self) -> Template:
        """The command, read."""
        return parse(self.command, self.shell)


class FunctionSettings(CodeSettings):
    """A Python function of the user's, which trains one seed or, if it asks for `seeds`, several in one call."""

    function: str
    """`module:name`, found from `directory` as by `python -m`."""

    own: ClassVar[tuple[str, ...]] = (
        *("seed", "seeds", "init_seed", "init_seeds", "data_seed", "data_seeds"),
        *("report", "dir", "resume"),
    )
    _called: Callable[..., object] | None = PrivateAttr(default=None)

    @field_validator("function")
    @classmethod
    def _check_function(cls, function: str) -> str:
        if not re.fullmatch(r"[\w.]+:[\w.<>]+", function) or function.partition(":")[0].endswith(".py"):
            raise ValueError(f"{function!r} is no function; write module:name, for example mylab.experiment:train")
        return function

    @property
    def called(self) -> Callable[..., object] | None:
        """The function itself, if it has no name by which a worker could find it: a notebook's."""
        return self._called

    def calling(self, function: Callable[..., object]) -> Self:
        """The same settings for a function that has no such name."""
        settings = self.model_copy()
        settings._called = function
        return settings
