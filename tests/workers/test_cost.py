"""What a seed costs: FLOP against torch's own counter, memory against what is really held."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from seedsweep.seeds import Seed
from seedsweep.workers.cost import flop_per_seed, flop_per_seed_step, memory_per_seed
from seedsweep.workers.dialects.gpt_neox import GPTNeoXSettings
from seedsweep.workers.dialects.post_ln import PostLNSettings
from seedsweep.workers.dialects.qwen2_settings import Qwen2Settings
from seedsweep.workers.settings import CellSettings, ModelSettings
from seedsweep.workers.trainer import PackTrainer
from seedsweep.workers.trial import TRIAL_FLOP, seconds_per_seed

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


class Held(TorchDispatchMode):
    """Counts the bytes of all tensors that are there at a time, gradients and temporary ones included."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.most = 0
        self._now = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, torch.Tensor):
                self._note(tensor.untyped_storage())
        return made

    def _note(self, storage: torch.UntypedStorage) -> None:
        identity, size = storage._cdata, storage.nbytes()
        if identity not in self._known:  # a view has the storage of what it is a view of
            self._known.add(identity)
            self._now += size
            self.most = max(self.most, self._now)
            weakref.finalize(storage, self._forget, identity, size)

    def _forget(self, identity: int, size: int) -> None:
        self._known.discard(identity)
        self._now -= size


def held_in_training(settings: CellSettings, seeds: int) -> int:
    held = Held()
    with held:
        PackTrainer(settings, [Seed(s, s) for s in range(seeds)], "cpu").train_to(2)
    return held.most


def test_what_is_held_is_counted() -> None:
    held = Held()
    with held:
        kept = torch.zeros(100)
        for _ in range(3):
            kept[:50] + torch.ones(1)
        (kept.view(10, 10) @ torch.ones(10, 10)).sum()
    assert held.most == 4 * (100 + 100 + 100)


SMALL, WIDE = {"depth": 2, "heads": 4, "head_dim": 16}, {"depth": 2, "heads": 4, "head_dim": 32}
FEW_TOKENS, MANY_TOKENS = {"batch": 1, "context": 24}, {"batch": 16, "context": 64}
MODELS = {
    "gpt-neox": (GPTNeoXSettings(**SMALL), MANY_TOKENS),
    "gpt-neox, weights": (GPTNeoXSettings(**WIDE), FEW_TOKENS),
    "gpt-neox, vocabulary": (GPTNeoXSettings(**SMALL), MANY_TOKENS | {"vocabulary": 600}),
    "post-ln": (PostLNSettings(**SMALL), MANY_TOKENS),
    "post-ln, weights": (PostLNSettings(**WIDE), FEW_TOKENS),
    "post-ln, long rows": (PostLNSettings(**SMALL), {"batch": 2, "context": 256}),
    "post-ln, no dropout": (PostLNSettings(**SMALL, dropout=0.0), MANY_TOKENS),
    "qwen2": (Qwen2Settings(**SMALL, kv_heads=2, feed_forward=128), MANY_TOKENS),
    "qwen2, weights": (Qwen2Settings(**WIDE, kv_heads=2, feed_forward=256), FEW_TOKENS),
}


@pytest.mark.parametrize(("model", "changes"), MODELS.values(), ids=MODELS)
def test_memory_is_an_upper_estimate_of_what_one_more_seed_takes(
    model: ModelSettings, changes: dict[str, int], cell: Cell
) -> None:
    """Of what every step holds at its worst, whether that is activations or weights, gradients and moments."""
    settings = cell(**changes).model_copy(update={"model": model})
    one_more = (held_in_training(settings, 3) - held_in_training(settings, 1)) / 2
    assert 0.45 * memory_per_seed(settings) < one_more < memory_per_seed(settings)


def test_a_training_of_one_step_can_be_tried(cell: Cell) -> None:
    assert seconds_per_seed(cell(steps=1, warmup=0), "cpu", 2) > 0


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": 500},
        {"heads": 8, "head_dim": 16, "context": 128, "batch": 32, "steps": 500},  # a pack of four is over a trial
        {"heads": 8, "head_dim": 64, "context": 256, "batch": 128},  # a step of one seed is
    ],
)
def test_a_trial_is_short_and_extrapolated_by_arithmetic(
    changes: dict[str, Any], cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine of so many FLOP per second, on which only the first step takes longer."""
    speed, setting_up = 5e9, 7.0
    clock = 1000.0
    trials = 0.0

    class Trainer:
        def __init__(self, settings: CellSettings, seeds: list[Seed], device: str) -> None:
            assert len(seeds) <= 4
            self.step, self.cost = 0, flop_per_seed_step(settings) * len(seeds)

        def train_to(self, step: int) -> None:
            nonlocal clock, trials
            clock += (setting_up if self.step == 0 else 0.0) + (step - self.step) * self.cost / speed
            trials += (step - self.step) * self.cost
            self.step = step

    monkeypatch.setattr("seedsweep.workers.trial.PackTrainer", Trainer)
    monkeypatch.setattr("time.perf_counter", lambda: clock)
    settings = cell(**changes)
    assert seconds_per_seed(settings, "cpu", 4) == pytest.approx(flop_per_seed(settings) / speed)
    assert trials <= 2 * TRIAL_FLOP["cpu"]
