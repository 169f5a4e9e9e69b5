"""Cells that a Python function of the user's trains, as the driver sees them."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from seedsweep.cell import CellError, Code, Pack, Runs, Sink
from seedsweep.errors import InputError
from seedsweep.seeds import Seed
from seedsweep.workers.programs.code import code_in
from seedsweep.workers.programs.function import train_pack
from seedsweep.workers.programs.loading import NOTEBOOK, Function, check_call, load_function, takes_several
from seedsweep.workers.programs.recipe import CodeRecipe
from seedsweep.workers.programs.settings import FunctionSettings
from seedsweep.workers.programs.source import code_of_function

SEEDS_PER_CALL = 16
"""Steps of `program/digits` take a seed 50 ms alone, 18 in packs of 4, 11 of 16, 9 of 64."""


@dataclass(frozen=True)
class FunctionRecipe(CodeRecipe):
    """Cells that a function trains; see `Recipe` for what each member says."""

    settings: FunctionSettings
    crossed: bool
    """Whether the sweep's seeds are."""
    seen: Code | None = None
    """The code of a function that travels by itself, as it was where its source could be read."""

    @property
    def task(self) -> str:
        module, _, name = self.settings.function.partition(":")
        return name if self.settings.called or module == NOTEBOOK else module.rpartition(".")[2]

    @property
    def function(self) -> Function:
        """Imported, if need be. Raises InputError if it is not to be had."""
        return load_function(self.settings)

    @property
    def takes_several(self) -> bool:
        """Whether a pack may have several seeds."""
        return takes_several(self.function)

    def pack_size(self, device: str) -> int:
        return SEEDS_PER_CALL if self.takes_several else 1

    def code(self) -> Code:
        if self.seen is not None:
            return self.seen
        function = self.function
        file = getattr(sys.modules.get(self.settings.function.partition(":")[0]), "__file__", None)
        if file is None or function.__module__ == NOTEBOOK:
            return code_of_function(function)
        return code_in(self.directory, Path(file))

    def train(self, pack: Pack, sink: Sink, *, device: str, should_stop: Callable[[], bool]) -> bool:
        try:
            function = self.function
        except InputError as error:  # it was there where the driver is
            raise CellError(f"{error}, on {platform.node()}", hopeless=True) from None
        return train_pack(
            self.settings,
            function,
            pack,
            sink,
            task=self.task,
            code=self.code(),
            device=device,
            should_stop=should_stop,
        )

    def train_alone_and_packed(
        self, packs: Sequence[Sequence[Seed]], device: str, steps: int, on_run: Callable[[], None]
    ) -> Runs:
        raise TypeError("a function cannot be stopped after some steps")

    def check(self) -> None:
        self._check_directory()
        check_call(self.function, self.settings, crossed=self.crossed)
