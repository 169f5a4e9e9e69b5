"""Padding that is left out changes no gradient but by rounding, and nobody's bits by who is in the pack."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from seedsweep.errors import InputError
from seedsweep.seeds import Seed
from seedsweep.workers import kernels
from seedsweep.workers.alignment import ROW_ALIGNMENT
from seedsweep.workers.device import reproducible
from seedsweep.workers.engine import EngineRecipe
from seedsweep.workers.layout import SIZE_STEP, Unpadded, sizes
from seedsweep.workers.products import TORCHS
from seedsweep.workers.step import Batch
from seedsweep.workers.trainer import PackTrainer
from tests.golden.make import GOLDEN, HERE
from tests.workers.test_step import SEEDS, batch_of, drops, settings_of

PLAIN = [path for path in GOLDEN if not drops(path)]
FLOAT32 = [path for path in GOLDEN if '"bfloat16"' not in path.read_text()]


def mask_of(lengths: list[list[int]], length: int) -> torch.Tensor:
    """True at the last token that counts and at every third before it."""
    places = torch.arange(length)
    last = torch.tensor(lengths)[..., None] - 1
    return (places <= last) & ((last - places) % 3 == 0)


def test_tokens_are_gathered_and_spread() -> None:
    mask_SBT = mask_of([[5, 0, 16], [1, 2, 3]], 16)
    layout = Unpadded(mask_SBT, 32)
    x_SBTX = torch.arange(2 * 3 * 16 * 2).view(2, 3, 16, 2).float()
    gathered = layout.gather(x_SBTX)
    assert gathered.shape == (2, 1, 32, 2)
    assert torch.equal(gathered[0, 0, :21], torch.cat([x_SBTX[0, 0, :5], x_SBTX[0, 2]]))
    assert torch.equal(gathered[1, 0, :6], torch.cat([x_SBTX[1, b, : b + 1] for b in range(3)]))
    spread = layout.spread(gathered)
    for seed, lengths in enumerate([[5, 0, 16], [1, 2, 3]]):
        for row, length in enumerate(lengths):
            assert torch.equal(spread[seed, row, :length], x_SBTX[seed, row, :length])
    positions = layout.of_positions(torch.arange(16))
    assert positions[0, 0, :21].tolist() == [*range(5), *range(16)]


def test_a_seed_is_as_large_as_its_tokens_ask_for() -> None:
    mask_SBT = mask_of([[16] * 8, [1] * 8, [4] * 8, [5] + [4] * 7], 16)
    assert sizes(mask_SBT) == [128, SIZE_STEP, SIZE_STEP, 2 * SIZE_STEP]


@pytest.mark.parametrize("path", PLAIN, ids=lambda path: path.stem)
def test_gradients_are_those_of_the_padded_batch(path: Path) -> None:
    with reproducible("cpu", "float32"):
        padded = PackTrainer(settings_of(path), SEEDS, "cpu")
        unpadded = PackTrainer(settings_of(path, unpadded=True), SEEDS, "cpu")
        for trainer in (padded, unpadded):
            trainer.train_to(1)
        one, other = padded.gradient(batch_of(padded)), unpadded.gradient(batch_of(padded))
    exact = settings_of(path).train.precision == "float32"
    torch.testing.assert_close(other.losses_LS, one.losses_LS, rtol=1e-5 if exact else 2e-2, atol=1e-6)
    apart_S = torch.linalg.vector_norm(other.grad_SP - one.grad_SP, dim=1)
    assert (apart_S <= (1e-5 if exact else 5e-2) * torch.linalg.vector_norm(one.grad_SP, dim=1)).all()


def test_what_stands_behind_the_last_that_counts_is_not_read() -> None:
    settings = settings_of(HERE / "question-formation-full.json", unpadded=True)
    with reproducible("cpu", "float32"):
        trainer = PackTrainer(settings, SEEDS, "cpu")
        batch = batch_of(trainer)
        padding = batch.mask_SBT.flip(-1).cumsum(-1).flip(-1) == 0
        assert padding.float().mean() > 0.3
        other = Batch(torch.where(padding, 5, batch.tokens_SBT), *batch[1:])
        one, same = trainer.gradient(batch), trainer.gradient(other)
    assert torch.equal(one.grad_SP, same.grad_SP)
    assert torch.equal(one.losses_LS[0], same.losses_LS[0])


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_seeds_are_bitwise_the_same_alone_and_packed(path: Path, compiled: bool) -> None:
    settings = settings_of(path, unpadded=True, compile=compiled)

    def trained(seeds: list[Seed]) -> dict[Seed, torch.Tensor]:
        trainer = PackTrainer(settings, seeds, "cpu")
        trainer.train_to(settings.train.steps)
        return dict(zip(seeds, trainer.decoder.flat_SP.detach().view(torch.int32), strict=True))

    with reproducible("cpu", settings.train.precision):
        packed = trained(SEEDS)
        for seeds in ([SEEDS[1]], [SEEDS[2], SEEDS[0]]):
            for seed, weights in trained(seeds).items():
                assert torch.equal(weights, packed[seed])


def test_without_padding_rows_need_not_be_whole_registers() -> None:
    """Products round alike for all sizes that `sizes` gives."""
    assert SIZE_STEP % ROW_ALIGNMENT == 0


@pytest.mark.parametrize("path", FLOAT32, ids=lambda path: path.stem)
def test_with_compile_products_are_others(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradients' too, which then round otherwise, if vectors are wide enough for kernels of our own."""
    product, shapes = kernels._multiplied, set()

    def noted(a_SMK: torch.Tensor, b_SKN: torch.Tensor) -> torch.Tensor:
        shapes.add(tuple(a_SMK.shape[1:]))
        return product(a_SMK, b_SKN)

    monkeypatch.setattr(kernels, "_multiplied", noted)
    with reproducible("cpu", "float32"):
        plain = PackTrainer(settings_of(path, unpadded=True), SEEDS, "cpu")
        ours = PackTrainer(settings_of(path, unpadded=True, compile=True), SEEDS, "cpu")
        one, other = plain.gradient(batch_of(plain)), ours.gradient(batch_of(plain))
    torch.testing.assert_close(other.losses_LS, one.losses_LS, rtol=1e-5, atol=1e-6)
    apart_S = torch.linalg.vector_norm(other.grad_SP - one.grad_SP, dim=1)
    assert (apart_S <= 1e-5 * torch.linalg.vector_norm(one.grad_SP, dim=1)).all()
    settings = settings_of(path, unpadded=True, compile=True)
    if kernels.products(settings.train, "cpu") is not TORCHS:
        width = settings.model.width
        assert {rows for rows, terms in shapes if terms == width} & {
            terms for rows, terms in shapes if rows == width
        }


def test_on_a_gpu_compiled_steps_keep_their_padding() -> None:
    recipe = EngineRecipe(settings_of(HERE / "count.json", compile=True, unpadded=True))
    with pytest.raises(
        InputError, match=r"^train\.unpadded: not with train\.compile on a GPU, .* give it up there"
    ):
        recipe.check_device("cuda")


def test_evaluations_leave_out_what_is_not_asked_for() -> None:
    path = HERE / "question-formation-small.json"
    with reproducible("cpu", "float32"):
        padded = PackTrainer(settings_of(path), SEEDS, "cpu")
        unpadded = PackTrainer(settings_of(path, unpadded=True), SEEDS, "cpu")
        alone = PackTrainer(settings_of(path, unpadded=True), [SEEDS[1]], "cpu")
        values, others, own = (trainer.evaluate() for trainer in (padded, unpadded, alone))
    assert values.keys() == others.keys()
    for key, value_S in values.items():
        assert others[key] == pytest.approx(value_S, rel=1e-5), key
        assert others[key][1] == own[key][0], key


def test_hidden_states_are_those_of_the_whole_rows_as_far_as_asked_for() -> None:
    with reproducible("cpu", "float32"):
        decoder = PackTrainer(settings_of(HERE / "count.json", unpadded=True), SEEDS, "cpu").decoder
        tokens_SBT = torch.arange(3 * 4 * 21).view(3, 4, 21) % decoder.vocabulary
        lengths_B = torch.tensor([1, 21, 7, 16])
        with torch.no_grad():
            whole_SBTD, found_SBTD = decoder.hidden(tokens_SBT), decoder.hidden(tokens_SBT, lengths_B=lengths_B)
    for row, length in enumerate(lengths_B):
        torch.testing.assert_close(found_SBTD[:, row, :length], whole_SBTD[:, row, :length])
