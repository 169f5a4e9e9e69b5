"""The randomness equals numpy's Philox."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import torch

from seedsweep.workers.philox import Role, below, low_digits, normal, philox


def as_unsigned(words: torch.Tensor) -> np.ndarray:
    return words.numpy().view(np.uint64)


@pytest.mark.parametrize("seed", [0, 1, 7, 2**31 - 1, 2**62 + 12345])
@pytest.mark.parametrize("role", list(Role))
def test_words_are_those_of_numpy(seed: int, role: Role) -> None:
    for position, step in [(0, 0), (5, 0), (0, 9), (123_456, 9_999), (2**40, 2**33 + 1)]:
        ours = philox((torch.tensor(seed), role), (torch.tensor(position), torch.tensor(step)))
        numpy_words = np.random.Philox(key=[seed, int(role)], counter=[position, step, 0, 0]).random_raw(4)
        np.testing.assert_array_equal(as_unsigned(ours), numpy_words)


def test_consecutive_positions_are_numpys_stream() -> None:
    ours = philox((3, Role.DATA), (torch.arange(1000), torch.tensor(17)))
    stream = np.random.Philox(key=[3, int(Role.DATA)], counter=[0, 17, 0, 0]).random_raw(4000)
    np.testing.assert_array_equal(as_unsigned(ours).ravel(), stream)


def test_published_known_answer() -> None:
    """Random123's kat_vectors: philox4x64-10 of counter 0 and key 0. (Our counter is one before it.)"""
    words = philox((torch.tensor(0), 0), (torch.tensor(-1), torch.tensor(0)))
    expected = [0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B]
    np.testing.assert_array_equal(as_unsigned(words), np.array(expected, dtype=np.uint64))


def test_seeds_broadcast_against_positions_and_steps() -> None:
    seeds = torch.arange(3)[:, None, None]
    steps = torch.arange(4)[:, None]
    words = philox((seeds, Role.DATA), (torch.arange(5), steps))
    assert words.shape == (3, 4, 5, 4)
    alone = philox((torch.tensor(2), Role.DATA), (torch.tensor(4), torch.tensor(3)))
    assert torch.equal(words[2, 3, 4], alone)


def test_below_is_in_range_and_uniform() -> None:
    words = philox((1, Role.DATA), (torch.arange(20_000), torch.tensor(0))).flatten()
    drawn = below(words, 30)
    assert drawn.min() == 0
    assert drawn.max() == 29
    assert scipy.stats.chisquare(torch.bincount(drawn).numpy()).pvalue > 1e-3


@pytest.mark.parametrize("base", [2, 3, 10])
def test_low_digits_are_the_last_twelve_and_uniform(base: int) -> None:
    words = philox((2, Role.DATA), (torch.arange(5000), torch.tensor(0))).flatten()
    drawn = low_digits(words, base)
    assert (words < 0).any()
    read = [int("".join(map(str, digits[::-1])), base) for digits in drawn[:500].tolist()]
    assert read == [w % base**12 for w in words[:500].tolist()]
    for place in range(12):
        assert scipy.stats.chisquare(torch.bincount(drawn[:, place], minlength=base).numpy()).pvalue > 1e-3
    neighbours = torch.bincount((base * drawn[:, 1:] + drawn[:, :-1]).flatten(), minlength=base**2)
    assert scipy.stats.chisquare(neighbours.numpy()).pvalue > 1e-3


def test_normal_is_standard_normal_and_differs_by_seed_and_tensor() -> None:
    drawn = normal(5, Role.INIT, 0, 40_001, torch.device("cpu"))
    assert drawn.shape == (40_001,)
    assert drawn.dtype == torch.float32
    assert scipy.stats.kstest(drawn.double().numpy(), "norm").pvalue > 1e-3
    for other in (normal(6, Role.INIT, 0, 40_001, drawn.device), normal(5, Role.INIT, 1, 40_001, drawn.device)):
        assert abs(np.corrcoef(drawn, other)[0, 1]) < 0.02
    # The first values do not depend on how many are asked for.
    assert torch.equal(normal(5, Role.INIT, 0, 7, drawn.device), drawn[:7])
