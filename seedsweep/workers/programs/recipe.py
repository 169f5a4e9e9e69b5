"""Cells that a program of the user's trains, as the driver sees them."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from seedsweep.cell import Code, Cost, Pack, Recipe, Runs, Sink
from seedsweep.errors import InputError
from seedsweep.measures import Metric, Split
from seedsweep.seeds import Seed
from seedsweep.workers.programs.code import code_of, script_of
from seedsweep.workers.programs.command import train_cell
from seedsweep.workers.programs.settings import CodeSettings, ProgramSettings
from seedsweep.workers.programs.template import Value


@dataclass(frozen=True)
class CodeRecipe(Recipe):
    """Cells that code of the user's trains at one scale; see `Recipe` for what each member says."""

    settings: CodeSettings
    """With the scale's value among the parameters, and with the directory."""

    @property
    def steps(self) -> int | None:
        return self.settings.steps

    def splits(self) -> tuple[Split, ...]:
        return ()

    def metrics(self) -> tuple[Metric, ...]:
        return ()

    def cost(self) -> Cost | None:
        return None

    def check_device(self, device: str) -> None:
        """Nothing is known of what a program needs."""

    @property
    def pinned(self) -> bool:
        return self.settings.pinned

    @property
    def directory(self) -> Path:
        """Where the program runs."""
        return Path(self.settings.directory or ".")

    @abstractmethod
    def check(self) -> None:
        """Raise InputError, naming the field, if the code is not there or does not fit what the spec gives it."""

    def _check_directory(self) -> None:
        if not self.directory.is_dir():
            raise InputError(f"program.directory: {self.directory}: no such directory")


@dataclass(frozen=True)
class ProgramRecipe(CodeRecipe):
    """Cells that a command trains."""

    settings: ProgramSettings
    cpus: int

    @property
    def task(self) -> str:
        script = script_of(self.directory, self._example)
        return (script or Path(self._example[0])).stem

    def pack_size(self, device: str) -> int:
        return 1

    def code(self) -> Code:
        return code_of(self.directory, self._example)

    def train(self, pack: Pack, sink: Sink, *, device: str, should_stop: Callable[[], bool]) -> bool:
        return train_cell(
            self.settings,
            pack,
            sink,
            task=self.task,
            code=self.code(),
            cpus=self.cpus,
            device=device,
            should_stop=should_stop,
        )

    def train_alone_and_packed(
        self, packs: Sequence[Sequence[Seed]], device: str, steps: int, on_run: Callable[[], None]
    ) -> Runs:
        raise TypeError("a command trains one seed at a time")

    def check(self) -> None:
        """Raise InputError, naming the field, if the directory, the program or its script is not there."""
        self._check_directory()
        first, *others = self._example
        if "/" in first:
            path = self.directory / first
            if not path.is_file():
                raise InputError(f"program.command: {first}: no such file in {self.directory}")
            if not os.access(path, os.X_OK):
                raise InputError(
                    f"program.command: {first}: may not be executed; chmod +x it, or name its interpreter"
                )
        elif shutil.which(first) is None:
            near = "; write {python} for the Python that runs seedsweep" if first.startswith("python") else ""
            raise InputError(f"program.command: {first}: no such program{near}")
        script = next((word for word in others if not word.startswith("-")), "")
        if others[:1] != ["-m"] and script.endswith(".py") and not (self.directory / script).is_file():
            raise InputError(
                f"program.command: {script}: no such file in {self.directory}; run seedsweep there, or give "
                "program.directory"
            )

    @property
    def _example(self) -> list[str]:
        """The command of some cell, in words also if a shell shall read it."""
        names: dict[str, Value] = {
            "seed": 0,
            "init_seed": 0,
            "data_seed": 0,
            "dir": "dir",
            "python": sys.executable,
        }
        words = self.settings.template.fill(self.settings.values() | names)
        if not self.settings.shell:
            return words
        try:
            return shlex.split(words[-1]) or words
        except ValueError:  # a shell may see more in it than shlex does
            return words
