"""What tasks draw for their rows: words of their own, classes by their frequencies, different ones too."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch

from seedsweep.workers.philox import Role, philox
from seedsweep.workers.tasks.draws import WHOLE, Frequencies, happens, row_words, shuffled_places

CPU = torch.device("cpu")


def words(rows: int, count: int) -> torch.Tensor:
    return row_words((5, Role.DATA), torch.arange(rows), torch.zeros(rows, dtype=torch.int64), count)


def test_rows_draw_counters_of_their_own() -> None:
    found = row_words((torch.tensor([3, 9])[:, None], Role.DATA), torch.arange(4), torch.tensor(7), 6)
    assert found.shape == (2, 4, 6)
    for seed, of_seed in zip((3, 9), found, strict=True):
        for row, word_W in enumerate(of_seed):
            expected = philox((seed, int(Role.DATA)), (torch.arange(2 * row, 2 * row + 2), 7)).flatten()[:6]
            assert torch.equal(word_W, expected)


def test_a_chance_is_kept() -> None:
    word_X = words(20_000, 1)[:, 0]
    assert not happens(word_X, 0.0).any()
    assert happens(word_X, 1.0).all()
    assert float(happens(word_X, 0.3).float().mean()) == pytest.approx(0.3, abs=5 * (0.21 / 20_000) ** 0.5)


def test_all_orders_of_places_are_as_frequent() -> None:
    orders = [tuple(order) for order in shuffled_places(words(6000, 3)).tolist()]
    for order in permutations(range(3)):
        assert orders.count(order) == pytest.approx(1000, abs=5 * 30)


@pytest.mark.heavy
@pytest.mark.parametrize(("classes", "exponent", "first"), [(4, 0.0, 1), (4, 1.0, 1), (5, 2.0, 3), (3, 0.5, 1)])
def test_different_classes_are_drawn_one_after_the_other_from_those_that_are_left(
    classes: int, exponent: float, first: int
) -> None:
    many = 40_000
    frequencies = Frequencies(classes, CPU, exponent=exponent, first=first)
    weights = (np.arange(classes) + first) ** -float(exponent)
    shares = weights / weights.sum()
    drawn = np.bincount(frequencies.draw(words(many, 1)[:, 0]).numpy(), minlength=classes) / many
    assert np.abs(drawn - shares).max() < 5 * np.sqrt(0.25 / many)
    found = [tuple(row) for row in frequencies.different(words(many, 3)).tolist()]
    for triple in permutations(range(classes), 3):
        a, b, c = triple
        expected = shares[a] * shares[b] / (1 - shares[a]) * shares[c] / (1 - shares[a] - shares[b])
        assert found.count(triple) / many == pytest.approx(expected, abs=5 * np.sqrt(expected / many))
    assert {len(set(row)) for row in found} == {3}


def test_a_class_that_is_given_is_not_drawn() -> None:
    frequencies = Frequencies(3, CPU, exponent=1.0)
    given_X = torch.arange(9000) % 3
    found_X2 = frequencies.different(words(9000, 2), given_X)
    assert found_X2.shape == (9000, 2)
    assert torch.equal(
        torch.cat((found_X2, given_X[:, None]), dim=1).sort(dim=1).values, torch.arange(3).expand(9000, 3)
    )
    of_first = found_X2[given_X == 0][:, 0]  # shares 1/2 and 1/3 of the other two
    assert float((of_first == 1).float().mean()) == pytest.approx(0.6, abs=0.05)


def test_the_rarest_of_many_classes_can_still_be_drawn() -> None:
    frequencies = Frequencies(1000, CPU, exponent=4.0)
    assert int(frequencies._weights_C.min()) == 1
    assert int(frequencies._weights_C.sum()) <= WHOLE
    last = frequencies.draw(torch.tensor([-1]))  # all bits are set: the largest word there is
    assert last.tolist() == [999]
