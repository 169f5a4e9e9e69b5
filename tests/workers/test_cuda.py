"""What only a GPU shows: captured steps give the bits of single operations there, and leave no memory behind.

Skipped without one. `make bench-gpu` runs these first.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seedsweep.seeds import Seed
from seedsweep.sweep.verify import SAME_WAY
from seedsweep.workers.cudagraph import GraphedStep, graphed
from seedsweep.workers.device import reproducible
from seedsweep.workers.trainer import PackTrainer
from seedsweep.workers.update import Inputs
from tests.golden.make import GOLDEN, HERE
from tests.workers.test_step import SEEDS, settings_of

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device"),
    pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning"),  # torch's, of its compiler
]

STEPS = 24
COUNT = HERE / "count.json"


@pytest.fixture(autouse=True)
def as_in_training() -> Iterator[None]:
    with reproducible("cuda", "float32"):
        yield


def trainer_of(path: Path = COUNT, seeds: list[Seed] = SEEDS, **train: Any) -> PackTrainer:
    return PackTrainer(settings_of(path, **{"steps": STEPS} | train), seeds, "cuda")


def weights(trainer: PackTrainer) -> torch.Tensor:
    return trainer.decoder.flat_SP.detach().cpu()


def apart(one_SP: torch.Tensor, other_SP: torch.Tensor) -> float:
    """How far two ways lead apart, at the worst seed, in lengths of the second."""
    norms_S = [torch.linalg.vector_norm(way_SP, dim=1) for way_SP in (one_SP - other_SP, other_SP)]
    return float((norms_S[0] / norms_S[1]).max())


@pytest.mark.parametrize("precision", ["float32", "tf32", "bfloat16"])
@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_graph_gives_the_bits_of_single_operations(path: Path, precision: str) -> None:
    with reproducible("cuda", precision):
        captured = trainer_of(path, precision=precision)
        plain = trainer_of(path, precision=precision)
        plain._take = plain.update
        found = []
        for trainer in (captured, plain):
            trainer.train_to(STEPS // 2)
            trainer.evaluate()
            trainer.train_to(STEPS)
            found.append(trainer.evaluate())
    assert isinstance(captured._take, GraphedStep)
    assert captured._take.refused is None
    assert torch.equal(weights(captured), weights(plain))
    for key, values in found[0].items():
        assert np.array_equal(values, found[1][key]), key


def test_a_resumed_pack_is_bitwise_an_undisturbed_one() -> None:
    undisturbed, begun, resumed = trainer_of(), trainer_of(), trainer_of()
    undisturbed.train_to(STEPS)
    begun.train_to(STEPS // 2)
    checkpoint = io.BytesIO()
    torch.save(begun.state(), checkpoint)
    checkpoint.seek(0)
    resumed.load_state(torch.load(checkpoint, map_location="cuda", weights_only=True))
    resumed.train_to(STEPS)
    assert torch.equal(weights(resumed), weights(undisturbed))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_the_first_steps_are_those_of_a_cpu(path: Path) -> None:
    here, there = trainer_of(path), PackTrainer(settings_of(path, steps=STEPS), SEEDS, "cpu")
    assert torch.equal(here.inputs(0).tokens_SBT.cpu(), there.inputs(0).tokens_SBT)
    start = weights(there).clone()
    torch.testing.assert_close(weights(here), start, rtol=1e-5, atol=1e-6)
    for trainer in (here, there):
        trainer.train_to(2)
    assert apart(weights(here) - start, weights(there) - start) < SAME_WAY


def test_what_cannot_be_captured_is_told_and_taken_as_it_is() -> None:
    asking, plain = trainer_of(), trainer_of()
    plain._take = plain.update

    def take(inputs: Inputs) -> None:
        assert inputs.learning_rate.item() > 0
        asking.update(inputs)

    asking._take = graphed(take, asking.device)
    with pytest.warns(UserWarning, match="^no CUDA graph, steps are slower: "):
        asking.train_to(asking.warm_up)
    for trainer in (asking, plain):
        trainer.train_to(STEPS)
    assert torch.cuda.current_stream() == torch.cuda.default_stream()
    assert torch.equal(weights(asking), weights(plain))


def test_a_compiled_step_is_captured_too() -> None:
    compiled, plain = trainer_of(compile=True), trainer_of()
    start = weights(plain)
    for trainer in (compiled, plain):
        trainer.train_to(trainer.warm_up + 1)
    assert isinstance(compiled._take, GraphedStep)
    assert compiled._take.refused is None
    assert apart(weights(compiled) - start, weights(plain) - start) < SAME_WAY


def test_packs_one_after_another_need_the_memory_of_one() -> None:
    def trained() -> None:
        trainer = trainer_of()
        trainer.train_to(trainer.warm_up + 1)
        trainer.evaluate()

    held = []
    for _ in range(4):
        trained()
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        held.append(torch.cuda.memory_reserved())
    assert held[-1] <= held[1] + 2**20, held


def test_nothing_in_a_step_waits_for_the_device() -> None:
    trainer = trainer_of()
    trainer.train_to(trainer.warm_up + 1)
    torch.cuda.set_sync_debug_mode("error")
    try:
        trainer.train_to(STEPS)
    finally:
        torch.cuda.set_sync_debug_mode("default")
