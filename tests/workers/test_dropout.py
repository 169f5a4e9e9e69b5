"""Dropout: numpy's arithmetic, the right share, and nothing that depends on the pack."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from seedsweep.workers.dropout import Dropout, dropout_keys
from seedsweep.workers.philox import Role, splitmix64


def splitmix_by_numpy(start: int, count: int) -> list[int]:
    """The published C code of SplitMix64 (Vigna), in Python's integers."""
    word, words = 2**64 - 1, []
    for _ in range(count):
        start = (start + 0x9E3779B97F4A7C15) & word
        z = start
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & word
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & word
        words.append(z ^ (z >> 31))
    return words


@pytest.mark.parametrize("start", [0, 1234567, 2**63 - 1])
def test_splitmix64_is_the_published_one(start: int) -> None:
    ours = splitmix64(torch.tensor([start]), 1, 6).numpy().view(np.uint64)[0].tolist()
    assert ours == splitmix_by_numpy(start, 5)
    if start == 1234567:  # test vector of Rosetta Code's "Pseudo-random numbers/Splitmix64"
        assert ours[:2] == [6457827717110365317, 3203168211198807973]


def test_words_are_philox_then_splitmix() -> None:
    key = int(np.random.Philox(key=[9, int(Role.DROPOUT)], counter=[0, 5, 0, 0]).random_raw())
    start = splitmix_by_numpy(key, 3)[2]
    expected = np.array(splitmix_by_numpy(start, 2), dtype=np.uint64).view(np.int16)
    ours = Dropout(dropout_keys(torch.tensor([1, 9]), torch.tensor(5))).words(7, site=2)[1]
    np.testing.assert_array_equal(ours.numpy(), expected[:7])


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_the_share_and_the_scale(share: float) -> None:
    x = torch.ones(2, 40_000)
    dropped = Dropout(dropout_keys(torch.tensor([3, 4]), torch.tensor(0)))(x, 0, share)
    zeros = (dropped == 0).float().mean(1)
    spread = 4 * (share * (1 - share) / 40_000) ** 0.5
    assert zeros.tolist() == pytest.approx([share, share], abs=spread)
    assert dropped.max().item() == pytest.approx(1 / (1 - share), rel=1e-4)
    assert dropped.mean().item() == pytest.approx(1.0, abs=4 * spread)


def test_a_mask_depends_on_seed_step_and_site_and_on_nothing_else() -> None:
    def mask(seeds: list[int], step: int, site: int, count: int = 4096) -> torch.Tensor:
        return (
            Dropout(dropout_keys(torch.tensor(seeds), torch.tensor(step)))(
                torch.ones(len(seeds), count), site, 0.5
            )
            == 0
        )

    alone = mask([7], 3, 2)[0]
    assert torch.equal(alone, mask([1, 7, 5], 3, 2)[1])  # whoever shares the pack
    assert torch.equal(alone[:100], mask([7], 3, 2, 100)[0])
    for other in (mask([8], 3, 2)[0], mask([7], 4, 2)[0], mask([7], 3, 3)[0], mask([7], 3, 2)[0].roll(1)):
        agreement = (alone == other).float().mean().item()
        assert agreement == pytest.approx(0.5, abs=4 * 0.5 / 64)  # as two independent masks do


def test_the_gradient_passes_where_the_value_does() -> None:
    x = torch.ones(1, 64, requires_grad=True)
    dropped = Dropout(dropout_keys(torch.tensor([0]), torch.tensor(0)))(x, 0, 0.25)
    dropped.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, dropped.detach())
