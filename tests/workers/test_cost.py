"""What a seed costs: FLOP against torch's own counter, memory against what is really held."""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.memory import POINTS, measure
from benchmarks.recording import RESULTS
from seedsweep.seeds import Seed
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.cost import (
    evaluation_bytes,
    flop_per_evaluation,
    flop_per_seed,
    flop_per_seed_step,
    memory_on_cpu,
    state_bytes,
    step_bytes,
)
from seedsweep.workers.dialects.gpt_neox import GPTNeoXSettings
from seedsweep.workers.dialects.mixer import MixerSettings
from seedsweep.workers.dialects.post_ln import PostLNSettings
from seedsweep.workers.dialects.pre_ln import PreLNSettings
from seedsweep.workers.dialects.qwen2_settings import Qwen2Settings
from seedsweep.workers.packsize import SHARE, knee, pack_size
from seedsweep.workers.settings import ModelSettings
from seedsweep.workers.trainer import PackTrainer
from seedsweep.workers.trial import TRIAL_FLOP, pace

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

    def rest(self) -> int:
        """What is there now; from here on the most is counted anew."""
        self.most = self._now
        return self._now

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


def held(settings: CellSettings, seeds: int) -> tuple[int, int, int]:
    """Bytes held all the time, and besides at the largest moment of a step and of an evaluation."""
    held = Held()
    with held:
        trainer = PackTrainer(settings, [Seed(s, s) for s in range(seeds)], "cpu")
        trainer.train_to(2)
        kept = held.rest()
        trainer.train_to(3)  # the rows are drawn
        step = held.most - kept
        held.rest()
        trainer.evaluate()
    return kept, step, held.most - kept


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
    "gpt-neox, sgd": (GPTNeoXSettings(**WIDE), FEW_TOKENS | {"optimiser": "sgd"}),
    "gpt-neox, weights": (GPTNeoXSettings(**WIDE), FEW_TOKENS),
    "gpt-neox, vocabulary": (GPTNeoXSettings(**SMALL), MANY_TOKENS | {"vocabulary": 600}),
    "post-ln": (PostLNSettings(**SMALL), MANY_TOKENS),
    "post-ln, weights": (PostLNSettings(**WIDE), FEW_TOKENS),
    "post-ln, long rows": (PostLNSettings(**SMALL), {"batch": 2, "context": 256}),
    "post-ln, no dropout": (PostLNSettings(**SMALL, dropout=0.0), MANY_TOKENS),
    "pre-ln": (PreLNSettings(**SMALL), MANY_TOKENS),
    "pre-ln, weights": (PreLNSettings(**WIDE), FEW_TOKENS),
    "pre-ln, one block of many heads": (PreLNSettings(depth=1, heads=16, head_dim=2), MANY_TOKENS),
    "mixer": (MixerSettings(dialect="mixer", **SMALL), MANY_TOKENS),
    "mixer, weights": (MixerSettings(dialect="mixer", **WIDE), FEW_TOKENS),
    "qwen2": (Qwen2Settings(**SMALL, kv_heads=2, feed_forward=128), MANY_TOKENS),
    "qwen2, weights": (Qwen2Settings(**WIDE, kv_heads=2, feed_forward=256), FEW_TOKENS),
}


@pytest.mark.parametrize(("model", "changes"), MODELS.values(), ids=MODELS)
def test_memory_of_one_more_seed_is_what_tensors_take(
    model: ModelSettings, changes: dict[str, Any], cell: Cell
) -> None:
    """All the time, and at the largest moments of a step and of an evaluation, whatever they are made of there."""
    settings = cell(**changes).model_copy(update={"model": model})
    one, three = held(settings, 1), held(settings, 3)
    state, step, evaluation = ((more - less) / 2 for less, more in zip(one, three, strict=True))
    state -= 9 * settings.train.steps * settings.batch * settings.task.tokens_per_row()  # rows drawn ahead
    assert state == pytest.approx(state_bytes(settings), rel=0.1)
    assert step == pytest.approx(step_bytes(settings), rel=0.1)
    assert evaluation == pytest.approx(evaluation_bytes(settings), rel=0.1)


def test_memory_of_a_process_is_what_the_kernel_says() -> None:
    """The smallest point of the benchmark. The others are in benchmarks/results/memory.json."""
    assert measure(POINTS[0], 1)["ratio"] == pytest.approx(1.0, abs=0.1)


@pytest.mark.heavy
@pytest.mark.parametrize(
    "preset", sorted({point.preset for point in POINTS if point.preset.startswith("pocket/")})
)
def test_memory_of_larger_packs_is_what_the_kernel_says(preset: str) -> None:
    """Of eight seeds of every task, of which the evaluation takes most, or the steps."""
    point = next(point for point in POINTS if point.preset == preset and 8 in point.seeds)
    assert measure(point, 8)["ratio"] == pytest.approx(1.0, abs=0.1)


def test_the_recorded_memory_is_within_a_tenth() -> None:
    """Of nearly all packs: how the allocator fills its gaps is chance."""
    rows = json.loads((RESULTS / "memory.json").read_text())["results"]
    ratios = np.array([row["ratio"] for row in rows])
    assert len(ratios) > 25
    assert np.mean(np.abs(ratios - 1) <= 0.1) >= 0.9


def test_a_training_of_one_step_can_be_tried(cell: Cell) -> None:
    assert pace(cell(steps=1, warmup=0), "cpu", 2).step > 0


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": 500},
        {"heads": 8, "head_dim": 16, "context": 128, "batch": 32, "steps": 500},  # a pack of four is over a trial
        {"heads": 8, "head_dim": 64, "context": 256, "batch": 128},  # a step of one seed is
        {"heads": 8, "head_dim": 64, "context": 256, "batch": 1, "vocabulary": 3000},  # an evaluation is
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
        warm_up = 1

        def __init__(self, settings: CellSettings, seeds: list[Seed], device: str) -> None:
            assert len(seeds) <= 4
            self.step, self.cost = 0, flop_per_seed_step(settings) * len(seeds)
            self.evaluation = flop_per_evaluation(settings) * len(seeds)

        def train_to(self, step: int) -> None:
            nonlocal clock
            clock += setting_up if self.step == 0 else 0.0
            self._spend((step - self.step) * self.cost)
            self.step = step

        def evaluate(self) -> None:
            self._spend(self.evaluation)

        def _spend(self, flop: float) -> None:
            nonlocal clock, trials
            clock, trials = clock + flop / speed, trials + flop

    monkeypatch.setattr("seedsweep.workers.trial.PackTrainer", Trainer)
    monkeypatch.setattr("time.perf_counter", lambda: clock)
    settings = cell(**changes)
    found = pace(settings, "cpu", 4)
    assert found.setup == pytest.approx(setting_up)
    assert found.step == pytest.approx(flop_per_seed_step(settings) / speed)
    assert found.evaluation == pytest.approx(flop_per_evaluation(settings) / speed)
    assert trials <= 3 * TRIAL_FLOP["cpu"]


@pytest.mark.parametrize(
    ("per_seed", "most", "size"),
    [
        (lambda n: 1.0, 64, 1),  # no faster together
        (lambda n: 1 / n, 64, 64),  # the device is idle even with 32
        (lambda n: 1 / n, 24, 24),  # what fits is no power of two
        (lambda n: max(1 / n, 1 / 8), 64, 8),
        (lambda n: 1 / n if n <= 16 else None, 64, 16),
        (lambda n: 1 / n, 1, 1),
    ],
)
def test_a_pack_is_as_large_as_makes_it_faster(
    per_seed: Callable[[int], float | None], most: int, size: int
) -> None:
    def seconds(seeds: int) -> float:
        took = per_seed(seeds)
        if took is None:
            raise torch.OutOfMemoryError
        return took

    assert knee(seconds, most) == size


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_a_pack_on_a_cpu_is_what_fits_with_one_on_every_core(
    size: int, cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = cell(heads=8, head_dim=32, context=256, batch=16)
    free = 2 * memory_on_cpu(settings, size) / SHARE + 2
    monkeypatch.setattr("seedsweep.workers.packsize.count_devices", lambda device: 2)
    monkeypatch.setattr("seedsweep.workers.packsize.free_memory", lambda: free)
    assert pack_size(settings, "cpu") == size
    monkeypatch.setattr("seedsweep.workers.packsize.free_memory", lambda: None)
    assert pack_size(settings, "cpu") == 4
