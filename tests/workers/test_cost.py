"""What a seed costs: FLOP against torch's own counter, memory against what is really held."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from seedsweep.seeds import Seed
from seedsweep.workers.cost import flop_per_seed, flop_per_seed_step, memory_per_seed
from seedsweep.workers.settings import CellSettings
from seedsweep.workers.trainer import PackTrainer
from seedsweep.workers.trial import seconds_per_seed

Cell = Callable[..., CellSettings]


def test_flop_of_a_step_are_those_torch_counts(cell: Cell) -> None:
    """Without attention, which torch's counter does not see in the fused CPU kernel."""
    settings = cell(depth=3, heads=4, head_dim=16, context=32, batch=4)
    with FlopCounterMode(display=False) as counter:
        PackTrainer(settings, [Seed(0, 0), Seed(1, 1)], "cpu").train_to(1)
    attention = 3 * settings.model.depth * 4 * 32 * 64 * (4 * 32)  # forward and backward, all tokens
    assert counter.get_total_flops() / 2 == pytest.approx(flop_per_seed_step(settings) - attention, rel=0.02)


def test_a_whole_seed_costs_its_steps_and_its_evaluations(cell: Cell) -> None:
    settings = cell(steps=100)
    assert flop_per_seed(settings) > 100 * flop_per_seed_step(settings)
    assert flop_per_seed(cell(steps=200)) > 1.5 * flop_per_seed(settings)


def test_memory_is_an_upper_estimate_of_what_is_held(cell: Cell) -> None:
    settings = cell(depth=2, heads=4, head_dim=16, context=64, batch=16)
    held = 0

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal held
        held += tensor.numel() * tensor.element_size()
        return tensor

    trainer = PackTrainer(settings, [Seed(0, 0)], "cpu")
    tokens, _ = trainer._rows_of(0)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        trainer.token_nll(tokens)
    state = 5 * trainer.decoder.flat_SP.numel() * 4
    assert held > 0
    assert 0.4 * memory_per_seed(settings) < held + state < memory_per_seed(settings)


def test_a_trial_gives_seconds_even_for_a_training_of_one_step(cell: Cell) -> None:
    assert seconds_per_seed(cell(steps=1, warmup=0), "cpu", 2) > 0
    large = cell(heads=8, head_dim=64, depth=1, context=256, batch=128)  # over a trial's arithmetic
    assert 0.1 < seconds_per_seed(large, "cpu", 4) < 1e4
