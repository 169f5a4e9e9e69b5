"""The engine as the driver sees it: cells that are a task, a decoder and its training, packed on a device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from seedsweep.cell import Base, Cost, Pace, Pack, Recipe, Runs, Sink
from seedsweep.errors import InputError
from seedsweep.measures import Metric, Split
from seedsweep.seeds import Seed
from seedsweep.workers.base import base_model
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.cost import flop_per_seed, flop_per_seed_step, memory_on_cpu, memory_per_seed
from seedsweep.workers.device import broken_device, check_precision
from seedsweep.workers.packsize import pack_size
from seedsweep.workers.step import check_compiler
from seedsweep.workers.train import train_pack
from seedsweep.workers.trial import pace
from seedsweep.workers.verify import train_alone_and_packed


@dataclass(frozen=True)
class EngineRecipe(Recipe):
    """Cells of the engine; see `Recipe` for what each member says."""

    settings: CellSettings

    @property
    def task(self) -> str:
        return self.settings.task.name

    @property
    def steps(self) -> int:
        return self.settings.train.steps

    def splits(self) -> tuple[Split, ...]:
        return self.settings.task.splits()

    def metrics(self) -> tuple[Metric, ...]:
        return self.settings.task.metrics()

    def cost(self) -> Cost:
        return Cost(
            parameters=self.settings.parameters,
            flop_per_step=flop_per_seed_step(self.settings),
            flop=flop_per_seed(self.settings),
            bytes=memory_per_seed(self.settings),
        )

    def check_device(self, device: str) -> None:
        check_precision(self.settings.train.precision, device)
        train = self.settings.train
        if train.compile and device == "cpu":
            check_compiler()
        elif train.compile and train.unpadded:
            raise InputError(
                "train.unpadded: not with train.compile on a GPU, where padding is computed; give it up there"
            )

    def broken_device(self, device: str) -> str | None:
        return broken_device(device)

    def compiled(self, device: str) -> EngineRecipe | None:
        if device != "cpu" or self.settings.train.compile:
            return None
        sections = {name: getattr(self.settings, name) for name in type(self.settings).model_fields}
        train = self.settings.train.model_copy(update={"compile": True})
        try:
            found = EngineRecipe(CellSettings(**(sections | {"train": train})))
            found.check_device(device)
        except (ValidationError, InputError):
            return None
        return found

    def pack_size(self, device: str) -> int:
        return pack_size(self.settings, device)

    def pack_bytes(self, device: str, seeds: int) -> int:
        if device == "cpu":
            return memory_on_cpu(self.settings, seeds)
        return seeds * memory_per_seed(self.settings)

    @property
    def evaluations(self) -> int:
        return len(self.settings.evaluation_steps)

    def pace(self, device: str, pack: int) -> Pace:
        return pace(self.settings, device, pack)

    @property
    def has_base(self) -> bool:
        return self.settings.base is not None

    def train_base(
        self, device: str, *, should_stop: Callable[[], bool], on_step: Callable[[int, int], None]
    ) -> Base | None:
        return base_model(self.settings, device, should_stop=should_stop, on_step=on_step)

    def train(self, pack: Pack, sink: Sink, *, device: str, should_stop: Callable[[], bool]) -> bool:
        return train_pack(self.settings, pack, sink, device=device, should_stop=should_stop)

    def train_alone_and_packed(
        self, packs: Sequence[Sequence[Seed]], device: str, steps: int, on_run: Callable[[], None]
    ) -> Runs:
        return train_alone_and_packed(self.settings, packs, device, steps, on_run)
