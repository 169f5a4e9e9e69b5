"""Every seed's own order: each thing once an epoch, in an order that is as good as random."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import torch

from seedsweep.workers.philox import Role
from seedsweep.workers.shuffle import shuffled


def order(seed: int, epoch: int, count: int) -> list[int]:
    places = torch.arange(count)[None]
    return shuffled(torch.tensor([seed]), Role.DATA, torch.tensor([epoch]), places, count)[0, 0].tolist()


@pytest.mark.parametrize("count", [1, 2, 7, 100, 1009])
def test_it_is_a_permutation(count: int) -> None:
    for seed, epoch in [(0, 0), (0, 1), (5, 0)]:
        assert sorted(order(seed, epoch, count)) == list(range(count))


def test_seeds_and_epochs_have_orders_of_their_own() -> None:
    first = np.array(order(0, 0, 1000))
    for other in (order(1, 0, 1000), order(0, 1, 1000), list(range(1000))):
        assert abs(scipy.stats.spearmanr(first, other).statistic) < 0.13  # 4 standard deviations
        assert np.sum(first == np.array(other)) < 8  # one on average


def test_every_place_is_uniform_over_seeds() -> None:
    found = shuffled(torch.arange(4000), Role.DATA, torch.tensor([3]), torch.tensor([[0, 7]]), 20)[0]
    for column in found.T:
        assert scipy.stats.chisquare(torch.bincount(column, minlength=20).numpy()).pvalue > 1e-3
    # Neighbouring places too: their difference is uniform among what is possible.
    apart = (found[:, 0] - found[:, 1]) % 20
    assert scipy.stats.chisquare(torch.bincount(apart, minlength=20)[1:].numpy()).pvalue > 1e-3


def test_a_place_can_be_asked_alone() -> None:
    whole = shuffled(torch.tensor([4, 9]), Role.DATA, torch.tensor([0, 1]), torch.arange(50).expand(2, 50), 50)
    one = shuffled(torch.tensor([9]), Role.DATA, torch.tensor([1]), torch.tensor([[33]]), 50)
    assert one.item() == whole[1, 1, 33].item()
