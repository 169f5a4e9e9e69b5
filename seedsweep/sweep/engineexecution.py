"""How packs of the engine's cells are scheduled: the `execution:` section of their spec."""

from __future__ import annotations

from typing import Literal

from pydantic import field_validator

from seedsweep.cell import Recipe
from seedsweep.errors import InputError
from seedsweep.sweep.sections import ExecutionSettings, Share, at_least_one
from seedsweep.workers.device import choose_device, count_devices


class EngineExecution(ExecutionSettings):
    """How packs of the engine's cells are scheduled."""

    pack: int | Literal["auto"] = "auto"
    """Seeds trained together; auto: 4 on a CPU, on a GPU as many (at most 64) as make it faster; fewer where
    memory is short."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    workers: int | Literal["auto"] = "auto"
    """Worker processes under Ray; auto: one per CPU core or per GPU."""

    @field_validator("pack", "workers")
    @classmethod
    def _check_count(cls, value: int | str) -> int | str:
        return at_least_one(value)

    def pack_size(self, recipe: Recipe, device: str) -> int:
        return recipe.pack_size(device) if self.pack == "auto" else self.pack

    @property
    def asks_worker(self) -> bool:
        return self.pack == "auto"

    def device_here(self) -> str:
        return choose_device(self.device)

    def cluster_device(self, gpus: int) -> str:
        if self.device == "cuda" and not gpus and self.workers == "auto":
            raise InputError(
                "execution.device: cuda is asked for but the Ray cluster has no GPU; use auto or cpu, or, where "
                "an autoscaler brings some, give execution.workers a number"
            )
        return "cuda" if self.device == "cuda" or (self.device == "auto" and gpus) else "cpu"

    def driver_device(self) -> str:
        return "cpu" if self.device == "cpu" else choose_device("auto")

    def slots_here(self, device: str) -> int:
        return count_devices(device)

    def share(self, device: str) -> Share:
        return Share(cpus=1, gpus=1.0 if device == "cuda" else 0.0)
