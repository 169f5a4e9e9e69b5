"""A whole step is a function of tensors: one graph for torch's tracer, and no value of theirs is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch._dynamo
from torch import Tensor
from torch._dynamo.testing import CompileCounter

from seedsweep.workers.device import reproducible
from seedsweep.workers.trainer import PackTrainer
from seedsweep.workers.update import Inputs, Update
from tests.golden.make import GOLDEN, HERE
from tests.workers.test_step import SEEDS, drops, settings_of

STEPS = 24
COUNT = HERE / "count.json"
DIALECTS = [
    HERE / f"{name}.json" for name in ("count", "mmlu", "question-formation-full", "question-formation-small")
]


def trained(trainer: PackTrainer, stops: tuple[int, ...] = (1, 2, 5, 11, STEPS)) -> list[Tensor]:
    """All that training leaves, with evaluations between the steps: their values, weights and moments."""
    found = []
    for stop in stops:
        trainer.train_to(stop)
        found += [torch.from_numpy(value) for value in trainer.evaluate().values()]
    return [*found, trainer.decoder.flat_SP.detach(), *trainer.update.optimiser.state().values(), trainer.alive_S]


def same(one: list[Tensor], other: list[Tensor]) -> bool:
    return [t.numpy().tobytes() for t in one] == [t.numpy().tobytes() for t in other]


@pytest.fixture(autouse=True)
def as_in_training() -> Iterator[None]:
    with reproducible("cpu", "float32"):
        yield


@pytest.mark.parametrize(
    ("path", "unpadded"),
    [
        *(pytest.param(path, False, id=path.stem) for path in GOLDEN),
        pytest.param(HERE / "question-formation-small.json", True, id="unpadded"),
    ],
)
def test_a_step_runs_where_nothing_has_a_value(path: Path, unpadded: bool) -> None:
    """On `meta`, what asks for a value or has a shape that depends on values raises."""
    # torch 2.13 knows no `meta` form of this one; it changes its arguments and gives nothing.
    library = torch.library.Library("aten", "IMPL")
    library.impl("_fused_adamw_.tensor_lr", lambda *args, **kwargs: None, "Meta")
    try:
        trainer = PackTrainer(settings_of(path, unpadded=unpadded), SEEDS, "meta")
        trainer.train_to(2)
    finally:
        library._destroy()
    assert trainer.decoder.flat_SP.device.type == "meta"


def fused(*tensors: Any, **numbers: Any) -> None:
    """What torch's function does with these arguments; into which its tracer is told not to look."""
    parameters, gradients, first, second, _, steps = tensors
    del numbers["fused"], numbers["capturable"]
    torch._foreach_add_(steps, 1)
    torch._fused_adamw_(parameters, gradients, first, second, [], steps, **numbers)


@pytest.mark.parametrize("path", DIALECTS, ids=lambda path: path.stem)
def test_a_step_is_one_graph_for_torchs_tracer_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a break, and traced once for all steps, with evaluations between them."""
    monkeypatch.setattr("seedsweep.workers.optimiser.adamw", fused)
    settings, graphs = settings_of(path, steps=STEPS), CompileCounter()
    traced, plain = (PackTrainer(settings, SEEDS, "cpu") for _ in range(2))
    for trainer in (traced, plain):  # which makes the tables that live on
        trainer.train_to(1)
        trainer.evaluate()
    torch._dynamo.reset()
    with torch._dynamo.config.patch(error_on_recompile=True, trace_autograd_ops=True):
        traced._take = torch.compile(traced.update, fullgraph=True, dynamic=False, backend=graphs)
        found = trained(traced, stops=(2, 5, STEPS))
    assert graphs.frame_count == 1
    # With dropout the tracer loses how a gradient is laid out (`PostLN`), and products of it round otherwise.
    assert drops(path) or same(found, trained(plain, stops=(2, 5, STEPS)))


def asks_for_a_value(update: Update, inputs: Inputs) -> None:
    if inputs.learning_rate.item() > 0:
        Update.__call__(update, inputs)


def asks_on_the_host(update: Update, inputs: Inputs) -> None:
    if update.alive_S.any():
        Update.__call__(update, inputs)


def shape_of_the_data(update: Update, inputs: Inputs) -> None:
    update.loss_sums_LS += inputs.mask_SBT[inputs.mask_SBT].sum()
    Update.__call__(update, inputs)


REFUSED = [asks_for_a_value, asks_on_the_host, shape_of_the_data]


@pytest.mark.parametrize("broken", REFUSED)
def test_meta_notices_what_cannot_be_captured(broken: Callable[[Update, Inputs], None]) -> None:
    trainer = PackTrainer(settings_of(COUNT), SEEDS, "meta")
    with pytest.raises((RuntimeError, NotImplementedError), match=r"(?i)meta"):
        broken(trainer.update, trainer.inputs(0))
