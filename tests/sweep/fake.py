"""A stand-in for the engine: deterministic rows, blocks and checkpoints, and accidents on demand."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from seedsweep.cell import Pack, Sink
from seedsweep.errors import StorageError
from seedsweep.schema import METRICS
from seedsweep.sweep.job import Job
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.engine import EngineRecipe

EVALUATIONS_PER_BLOCK = 2


def value(seed: int, step: int, split: str, metric: str) -> float:
    """What the fake training measures."""
    digest = hashlib.sha256(f"{seed} {step} {split} {metric}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32


@dataclass(frozen=True)
class FakeTraining:
    """Keeps the workers' contract: blocks at fixed evaluations, a checkpoint after each, resume from it."""

    diary: str
    """File to which every call adds a line `pack evaluations-already-done`."""
    raise_at_scale: float | None = None
    die_at: tuple[float, int] | None = None
    """(scale, evaluation): kill -9 of the own process there, once per diary and pack."""
    always_die: bool = False
    room_for: int | None = None
    """Seeds for which there is memory; a larger pack runs out of it at its fourth evaluation."""
    killed_without_room: bool = False
    """Whether it is then killed, as by the kernel; else the allocation fails."""
    disk_full: bool = False
    """What is written after the first step finds no room."""
    step_seconds: float = 0.0
    checkpoints: bool = True

    def job(self, store: str, recipe: EngineRecipe, pack: Pack, device: str) -> Job:
        """A job that is trained like this; stands in for `Job`."""
        return Job(store, FakeRecipe(recipe.settings, self), pack, device)

    def train(self, settings: CellSettings, pack: Pack, sink: Sink, *, should_stop: Callable[[], bool]) -> bool:
        state: dict[str, Any] = {"done": 0, "pending": []}
        if (saved := sink.load_checkpoint()) is not None:
            try:
                state = json.loads(saved)
            except ValueError as error:
                sink.refuse_checkpoint(str(error))
        self._note(f"{pack.name} {state['done']}")
        if pack.scale == self.raise_at_scale:
            raise ArithmeticError("this scale cannot be trained")
        steps = settings.evaluation_steps
        for index in range(state["done"], len(steps)):
            time.sleep(self.step_seconds)
            sink.report(steps[index], settings.train.steps)
            if should_stop():
                sink.save_checkpoint(json.dumps(state).encode())
                return False
            if self.disk_full:
                raise StorageError("the store", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
            state["pending"].append(steps[index])
            state["done"] = index + 1
            if self.die_at == (pack.scale, index) and (self.always_die or self._first_time(pack)):
                os.kill(os.getpid(), signal.SIGKILL)
            if self.room_for is not None and len(pack.seeds) > self.room_for and index == 3:
                if self.killed_without_room:
                    os.kill(os.getpid(), signal.SIGKILL)
                raise MemoryError
            last = index + 1 == len(steps)
            if last or len(state["pending"]) == EVALUATIONS_PER_BLOCK:
                table = _rows(settings, pack, state["pending"])
                edges = (state["pending"][0], state["pending"][-1])
                sink.write_block(index // EVALUATIONS_PER_BLOCK, table, last=last, steps=edges, provenance={})
                state["pending"] = []
            if self.checkpoints:
                sink.save_checkpoint(json.dumps(state).encode())
        return True

    def calls(self) -> list[str]:
        """Lines of the diary so far."""
        path = Path(self.diary)
        return path.read_text().splitlines() if path.exists() else []

    def _note(self, line: str) -> None:
        with open(self.diary, "a") as file:  # one short write in append mode is atomic between processes
            file.write(line + "\n")

    def _first_time(self, pack: Pack) -> bool:
        return sum(line.startswith(pack.name) for line in self.calls()) == 1


@dataclass(frozen=True)
class FakeRecipe(EngineRecipe):
    """The engine's cells, trained by a stand-in, in whatever process."""

    training: FakeTraining

    def train(self, pack: Pack, sink: Sink, *, device: str, should_stop: Callable[[], bool]) -> bool:
        return self.training.train(self.settings, pack, sink, should_stop=should_stop)


def _rows(settings: CellSettings, pack: Pack, steps: list[int]) -> pa.Table:
    rows = [
        {
            "task": settings.task.name,
            "scale_name": pack.scale_name,
            "scale": pack.scale,
            "seed": seed.id,
            "init_seed": seed.init,
            "data_seed": seed.data,
            "step": step,
            "examples_seen": step * settings.batch,
            "split": split.name,
            "metric": metric.name,
            "value": value(seed.id, step, split.name, metric.name),
        }
        for step in steps
        for split in settings.task.splits()
        for metric in settings.task.metrics()
        for seed in pack.seeds
    ]
    return pa.Table.from_pylist(rows, schema=METRICS)
