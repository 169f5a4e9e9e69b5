"""A small cell of the linear map, with whatever instruments a test asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from seedsweep.seeds import Seed
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.device import reproducible
from seedsweep.workers.dialects import model_class
from seedsweep.workers.instruments import find_stream
from seedsweep.workers.settings import EvaluateSettings, TrainSettings
from seedsweep.workers.tasks.linear_map import LinearMapSettings

BITS, ONES = 8, 3
SEEDS = [Seed(0, 0), Seed(1, 1), Seed(5, 2)]
Cell = Callable[..., CellSettings]


def linear_cell(*, steps: int = 24, **given: Any) -> CellSettings:
    """A cell of the linear map; `model`, `streams` and `interventions` as in a spec."""
    model = {"dialect": "gpt-neox", "depth": 2, "heads": 4, "head_dim": 8} | given.pop("model", {})
    streams = given.pop("streams", ())
    return CellSettings(
        task=LinearMapSettings(name="linear-map", bits=BITS, ones=ONES, evaluation_examples=64),
        model=model_class(model).model_validate(model),
        train=TrainSettings(steps=steps, batch=16, learning_rate=1e-2, warmup=2, **given.pop("train", {})),
        evaluate=EvaluateSettings(every=8),
        streams=tuple(find_stream(name).Settings(name=name) for name in streams),
        **given,
    )


@pytest.fixture
def cell() -> Cell:
    return linear_cell


@pytest.fixture(autouse=True)
def as_in_training() -> Iterator[None]:
    with reproducible("cpu", "float32"):
        yield
