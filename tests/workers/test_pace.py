"""What a pack tells of its own time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from seedsweep.cell import Pace, Pack
from seedsweep.seeds import Seed
from seedsweep.workers import train
from seedsweep.workers.cellsettings import CellSettings
from tests.workers.test_pack_invariance import MemorySink

SETUP, FIRST, STEP, EVALUATION = 5.0, 11.0, 1.0, 3.0
"""Seconds of the parts of a pack on the machine of these tests; the first step takes longer than the others."""


class Trainer:
    """Takes its time and does nothing else."""

    def __init__(self, settings: CellSettings, seeds: Any, device: str, base: bytes | None, grafts: Any) -> None:
        global clock
        clock += SETUP
        self.step, self.device = 0, device
        self.start: dict[str, Any] = {}

    def train_to(self, step: int) -> None:
        global clock
        clock += FIRST if self.step == 0 else STEP
        self.step = step

    def evaluate(self) -> dict[Any, Any]:
        global clock
        clock += EVALUATION
        return {}


clock = 0.0


class Listener(MemorySink):
    """Keeps what it is told of time."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[int, Pace | None, int]] = []
        self.kept: dict[int, Any] = {}

    def report(self, step: int, steps: int, **measured: Any) -> None:
        self.told.append((step, measured["pace"], measured["evaluations"]))

    def write_block(
        self, number: int, table: pa.Table, *, last: bool, steps: tuple[int, int], provenance: dict[str, Any]
    ) -> None:
        self.kept[number] = provenance.get("pace")


def test_the_parts_of_a_pack_are_told_apart(
    cell: Callable[..., CellSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the schedule: early evaluations are frequent, and the first step is part of setting up."""
    monkeypatch.setattr(train, "PackTrainer", Trainer)
    monkeypatch.setattr("seedsweep.workers.train.time.monotonic", lambda: clock)
    settings, listener = cell(steps=12, every=4), Listener()
    pack = Pack("model.depth", 2.0, tuple(Seed(s, s) for s in range(2)), "f")
    assert train.train_pack(settings, pack, listener, checkpoint_seconds=1e9)
    pace = Pace(SETUP + FIRST - STEP, STEP / 2, EVALUATION / 2)
    assert listener.told[:3] == [(1, None, 1), (2, pace, 2), (3, pace, 3)]  # evaluated at 0, 1, 2, 4, 8, 12
    assert listener.told[-1] == (12, pace, 5)
    assert listener.kept == {0: vars(pace)}
    assert pace.setup + pace.seconds(2, 12, 6) == clock
