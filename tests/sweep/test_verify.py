"""Verification where packing is not bitwise, without a GPU: what is blamed, what is not, what is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from seedsweep.cell import Runs
from seedsweep.errors import InputError
from seedsweep.seeds import Seed
from seedsweep.sweep.paired import fewest_seeds
from seedsweep.sweep.spec import SweepSpec
from seedsweep.sweep.verify import Verification, verify
from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.layout import WHOLE, Layout
from seedsweep.workers.step import Batch, Step
from seedsweep.workers.trainer import PackTrainer
from seedsweep.workers.verify import train_alone_and_packed

Spec = Callable[..., SweepSpec]
ONE_SCALE = ("scale={field: model.depth, values: [1]}", "execution.pack=64")


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trains on the CPU and judges as on CUDA."""
    monkeypatch.setattr("seedsweep.sweep.engineexecution.choose_device", lambda wanted: "cuda")
    monkeypatch.setattr(
        "seedsweep.workers.engine.train_alone_and_packed",
        lambda settings, packs, device, *rest: train_alone_and_packed(settings, packs, "cpu", *rest),
    )


def verified(
    spec: SweepSpec, packed: np.ndarray, alone: np.ndarray, monkeypatch: pytest.MonkeyPatch, **runs: Any
) -> Verification:
    """What trainings are judged as that ended with these values of the success metric; the losses are the same."""

    def trained(settings, packs, device, steps, on_run) -> Runs:  # type: ignore[no-untyped-def]
        size = sum(map(len, packs))
        metrics = [
            {("length-5", "exact_match"): x[:size], ("train", "loss"): np.linspace(1, 2, size)}
            for x in (packed, alone)
        ]
        given: dict[str, Any] = {"weights_equal": False, "repeat_equal": True, "first_steps_S": np.full(size, 0.1)}
        return Runs(packed=metrics[0], alone=metrics[1], **given | runs)

    monkeypatch.setattr("seedsweep.sweep.engineexecution.choose_device", lambda wanted: "cuda")
    monkeypatch.setattr("seedsweep.workers.engine.train_alone_and_packed", trained)
    return verify(spec)


def test_by_default_it_trains_as_many_seeds_as_it_takes(cuda: None, spec: Spec) -> None:
    shares: list[float] = []
    found = verify(spec(*ONE_SCALE, "execution.pack=20", seeds="0:60"), steps=1, on_progress=shares.append)
    (scale,) = found.scales
    assert (found.device, scale.seeds, scale.steps) == ("cuda", 46, 1)
    assert scale.bitwise
    assert found.kept
    assert len(shares) == 46 + 2 * 3  # in packs of 20, 20 and 6
    assert shares[-1] == 1
    assert (scale.loss.mean, scale.loss.pvalue, scale.loss.detectable) == (0, 1, 0)


@pytest.mark.parametrize(
    ("there", "seeds", "message"),
    [
        ("0:49", None, r"seeds: the spec has 49, but verify needs 50 of them on cuda, to find a shift of one"),
        ("0:49", 49, r"seeds: the spec has 49, but verify needs 50"),
        ("0:60", 49, r"seeds=49: give at least 50 on cuda, to find a shift of one standard deviation over seeds"),
        ("0:60", 61, r"seeds=61: the spec has 60 seeds only"),
    ],
)
def test_fewer_seeds_are_refused(there: str, seeds: int | None, message: str, cuda: None, spec: Spec) -> None:
    with pytest.raises(InputError, match=message):
        verify(spec(seeds=there), seeds)


def test_on_a_cpu_three_seeds_are_enough_and_one_is_not(spec: Spec) -> None:
    assert [scale.seeds for scale in verify(spec()).scales] == [3, 3]
    assert verify(spec(*ONE_SCALE, seeds="0:2"), steps=1).scales[0].seeds == 2
    with pytest.raises(InputError, match=r"seeds=1: give at least 2 on cpu$"):
        verify(spec(), 1)
    with pytest.raises(InputError, match=r"steps=0: the shortest training has 6 steps; give 1 to 6"):
        verify(spec(), steps=0)


def test_swept_steps_are_told_per_scale(spec: Spec) -> None:
    swept = spec("scale={field: train.steps, values: [2, 5]}")
    assert [scale.steps for scale in verify(swept, 2).scales] == [2, 5]
    assert [scale.steps for scale in verify(swept, 2, 1).scales] == [1, 1]
    with pytest.raises(InputError, match=r"steps=3: the shortest training has 2 steps"):
        verify(swept, 2, 3)


def test_a_shift_is_found_and_chaos_is_not(spec: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    small = spec(*ONE_SCALE, seeds="0:60")
    alone, other = (random.random((2, 60)) < 0.5).astype(float)
    assert np.count_nonzero(other != alone) > 20
    assert verified(small, other, alone, monkeypatch).kept
    shifted = np.where(random.random(60) < 0.7, 1.0, alone)
    found = verified(small, shifted, alone, monkeypatch)
    assert not found.kept
    assert found.scales[0].success.systematic
    assert found.to_dict()["scales"][0]["success"]["systematic"] is True
    assert not verified(small, np.full(60, np.nan), alone, monkeypatch).kept
    assert not verified(small, alone, alone, monkeypatch, repeat_equal=False).kept
    assert not verified(small, alone, alone, monkeypatch, first_steps_S=np.full(46, 0.3)).kept


def train(spec: SweepSpec, steps: int = 3) -> Verification:
    return verify(spec, steps=steps)


def test_other_rounding_in_a_pack_is_harmless(cuda: None, spec: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights that start with other last bits, and so wild a training that seeds end as far apart as any two."""
    disturb(monkeypatch, lambda trainer: trainer.decoder.flat_SP.mul_(1 + 1e-7 * noise(trainer)))
    found = train(spec(*ONE_SCALE, "train.learning_rate=1.0", "train.steps=20", seeds="100:146"), steps=20)
    (scale,) = found.scales
    assert found.kept
    assert not scale.bitwise
    assert 0.001 < scale.first_steps < 0.1
    assert scale.largest_difference > 0.5


def test_one_seed_with_anothers_data_is_found(cuda: None, spec: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    def swap(trainer: PackTrainer) -> None:
        trainer._data_seeds_S[3] = trainer._data_seeds_S[4]

    disturb(monkeypatch, swap)
    found = train(spec(*ONE_SCALE, seeds="0:46"))
    assert not found.kept
    assert found.scales[0].first_steps > 0.4
    assert not found.scales[0].loss.systematic  # one seed of many is no shift


def test_a_seed_that_does_not_learn_in_a_pack_is_found(
    cuda: None, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    disturb(monkeypatch, lambda trainer: trainer.alive_S[7].fill_(False))
    assert train(spec(*ONE_SCALE, seeds="0:46")).scales[0].first_steps == pytest.approx(1, abs=0.02)


def test_seeds_that_see_each_other_are_found(cuda: None, spec: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loss that is averaged over the seeds of a pack: no success tells, for no seed succeeds so early."""
    honest = Step.token_nll

    def coupled(self: Step, decoder: StackedDecoder, batch: Batch, layout: Layout = WHOLE) -> Tensor:
        return honest(self, decoder, batch, layout) / len(batch.keys_S)

    monkeypatch.setattr(Step, "token_nll", coupled)
    found = train(spec(*ONE_SCALE, seeds="0:46"))
    assert not found.kept
    assert found.scales[0].loss.systematic
    assert not found.scales[0].success.systematic


def test_a_pack_that_does_not_repeat_is_found(cuda: None, spec: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    random = torch.Generator()
    disturb(monkeypatch, lambda trainer: trainer.decoder.flat_SP.mul_(1 + 1e-7 * noise(trainer, random)))
    found = train(spec(*ONE_SCALE, seeds="0:46"))
    assert not found.kept
    assert not found.scales[0].repeats
    assert found.scales[0].same_way


def disturb(monkeypatch: pytest.MonkeyPatch, what: Callable[[PackTrainer], Any]) -> None:
    """Does something to every trainer of more than one seed."""
    honest = PackTrainer.__init__

    def disturbed(self: PackTrainer, settings: Any, seeds: Sequence[Seed], *rest: Any) -> None:
        honest(self, settings, seeds, *rest)
        if len(seeds) > 1:
            with torch.no_grad():
                what(self)

    monkeypatch.setattr(PackTrainer, "__init__", disturbed)


def noise(trainer: PackTrainer, random: torch.Generator | None = None) -> torch.Tensor:
    """The same for every pack, unless a generator is given."""
    return torch.randn(trainer.decoder.flat_SP.shape, generator=random or torch.Generator().manual_seed(0))


def test_the_seeds_needed_grow_with_the_scales(cuda: None, spec: Spec) -> None:
    ladder = spec("scale={field: train.batch, values: [1, 2, 3, 4]}", seeds="0:9")
    with pytest.raises(InputError, match=f"needs {fewest_seeds(8)} "):
        verify(ladder)
