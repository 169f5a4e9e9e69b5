"""Small cells, with whatever instruments a test asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from seedsweep.seeds import Seed
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.device import reproducible
from seedsweep.workers.dialects import model_class
from seedsweep.workers.instruments import find_stream
from seedsweep.workers.settings import EvaluateSettings, TrainSettings
from seedsweep.workers.tasks import find_task
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


def induction_cell(
    *, steps: int = 24, task: dict[str, Any] | None = None, streams: Sequence[Any] = (), **given: Any
) -> CellSettings:
    """A cell of a task of exemplars, their labels and a query, by default induction with as many heads as act."""
    section: dict[str, Any] = {
        "name": "induction",
        "classes": 12,
        "labels": 5,
        "evaluation_examples": 96,
        "heldout_classes": 4,
    }
    if task is not None and task.get("name", "induction") != "induction":
        section = {"classes": 12}
    section |= {"evaluation_examples": 96} | (task or {})
    model = {"dialect": "attention-only", "depth": 2, "heads": 4, "head_dim": 8} | given.pop("model", {})
    if model["dialect"] == "attention-only":
        model = {"positions": "rotary"} | model
    train = {"batch": 32, "learning_rate": 1e-3, "schedule": "constant", "weight_decay": 0.0, "clip": None}
    entries = [{"name": stream} if isinstance(stream, str) else stream for stream in streams]
    return CellSettings(
        task=find_task(section["name"]).Settings.model_validate(section),
        model=model_class(model).model_validate(model),
        train=TrainSettings.model_validate({**train, "steps": steps, **given.pop("train", {})}),
        evaluate=EvaluateSettings(),
        streams=tuple(find_stream(entry["name"]).Settings.model_validate(entry) for entry in entries),
        **given,
    )


@pytest.fixture
def cell() -> Cell:
    return linear_cell


@pytest.fixture(autouse=True)
def as_in_training() -> Iterator[None]:
    with reproducible("cpu", "float32"):
        yield
