"""Small settings that the engine's tests share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.dialects.gpt_neox import GPTNeoXSettings
from seedsweep.workers.settings import EvaluateSettings, TrainSettings
from seedsweep.workers.tasks.count import CountSettings

TASK = {"name": "count", "vocabulary": 12, "train_lengths": (1, 3), "test_lengths": (5, 7), "context": 24}
MODEL = {"depth": 2, "heads": 2, "head_dim": 8}
TRAIN = {"steps": 12, "batch": 4, "learning_rate": 1e-2, "warmup": 3}


@pytest.fixture
def cell() -> Callable[..., CellSettings]:
    """Settings of one scale, with changes: `cell(depth=1, steps=20, every=5, vocabulary=10)`."""

    def make(*, every: int | None = None, **changes: Any) -> CellSettings:
        sections = [{key: changes.pop(key, value) for key, value in section.items()} for section in (TASK, MODEL)]
        train = TRAIN | {key: changes.pop(key) for key in list(changes) if key in TrainSettings.model_fields}
        model = sections[1] | changes
        return CellSettings(
            task=CountSettings(**sections[0]),
            model=GPTNeoXSettings(**model),
            train=TrainSettings(**train),
            evaluate=EvaluateSettings(every=every),
        )

    return make
