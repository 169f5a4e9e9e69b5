"""A step with interventions that come and go is captured, compiled and traced like any other."""

from __future__ import annotations

import pytest
import torch
import torch._dynamo
from torch._dynamo.testing import CompileCounter

from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.cudagraph import WARM_UP, GraphedStep
from seedsweep.workers.trainer import PackTrainer
from tests.workers.cpugraphs import CPUGraphs
from tests.workers.instruments.conftest import SEEDS, linear_cell
from tests.workers.test_update import fused, same, trained

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")  # torch's, of its compiler

STEPS = 24
INTERVENTIONS = [
    {"do": "bias", "pattern": "true", "strength": 2.0, "until_step": 6},
    {"do": "block", "pattern": "outputs", "from_step": 8, "until_step": 14, "heads": [1]},
    {"do": "clamp", "pattern": "wrong", "from_step": 12, "layers": [0]},
    {"do": "ablate", "from_step": 20, "heads": [0]},
]


@pytest.fixture
def settings() -> CellSettings:
    return linear_cell(steps=STEPS, interventions=INTERVENTIONS)


def test_where_nothing_has_a_value(settings: CellSettings) -> None:
    # torch 2.13 knows no `meta` form of this one; it changes its arguments and gives nothing.
    library = torch.library.Library("aten", "IMPL")
    library.impl("_fused_adamw_.tensor_lr", lambda *args, **kwargs: None, "Meta")
    try:
        trainer = PackTrainer(settings, SEEDS, "meta")
        trainer.train_to(2)
    finally:
        library._destroy()


def test_a_captured_step_gives_the_bits_of_every_other(settings: CellSettings) -> None:
    captured, graphs = PackTrainer(settings, SEEDS, "cpu"), CPUGraphs()
    captured._take = GraphedStep(captured.update, graphs)
    assert same(trained(captured), trained(PackTrainer(settings, SEEDS, "cpu")))
    assert (graphs.captured, graphs.replayed) == (1, STEPS - WARM_UP)


def test_a_step_is_one_graph(settings: CellSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seedsweep.workers.optimiser.adamw", fused)
    graphs = CompileCounter()
    traced, plain = (PackTrainer(settings, SEEDS, "cpu") for _ in range(2))
    for trainer in (traced, plain):  # which makes the tables that live on
        trainer.train_to(1)
        trainer.evaluate()
    torch._dynamo.reset()
    with torch._dynamo.config.patch(error_on_recompile=True, trace_autograd_ops=True):
        traced._take = torch.compile(traced.update, fullgraph=True, dynamic=False, backend=graphs)
        found = trained(traced, stops=(2, 5, 10))
    assert graphs.frame_count == 1
    # The tracer loses how the gradient of a pattern is laid out, and products of it round otherwise.
    for one, other in zip(found, trained(plain, stops=(2, 5, 10)), strict=True):
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-4)


@pytest.mark.heavy
def test_compiled_seeds_are_the_same_alone_and_packed() -> None:
    settings = linear_cell(steps=STEPS, interventions=INTERVENTIONS, train={"compile": True})
    packed = PackTrainer(settings, SEEDS, "cpu")
    packed.train_to(10)
    for row, seed in enumerate(SEEDS):
        alone = PackTrainer(settings, [seed], "cpu")
        alone.train_to(10)
        assert torch.equal(alone.decoder.flat_SP[0], packed.decoder.flat_SP[row])
