"""The interval of the mean: exact where it is known, and its level where few seeds end far from all others."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import binomtest

from seedsweep.analysis import mean_interval

N = 30


def far(share: float) -> tuple[Callable[[np.random.Generator, int], np.ndarray], float]:
    """Most seeds around .9, a share of them around .1."""
    return lambda random, n: np.where(
        random.random(n) < share, 0.1, random.normal(0.9, 0.02, n)
    ), 0.9 - 0.8 * share


@pytest.mark.parametrize("ones", [0, 1, 10, 30])
def test_of_zeros_and_ones_it_is_that_of_clopper_and_pearson(ones: int) -> None:
    found = mean_interval(np.arange(N) < ones, resamples=100_000)
    exact = binomtest(ones, N).proportion_ci(method="exact")
    assert found.low == pytest.approx(exact.low, abs=0.003)
    assert found.high == pytest.approx(exact.high, abs=0.003)


@pytest.mark.parametrize("seeds", [20, 64])
@pytest.mark.parametrize(
    ("draw", "mean"),
    [
        far(0.02),
        far(0.05),
        (lambda random, n: random.normal(0.5, 0.1, n), 0.5),
        (lambda random, n: random.beta(0.5, 4, n), 1 / 9),
        (lambda random, n: random.beta(8, 1.2, n), 8 / 9.2),
        (lambda random, n: np.where(random.random(n) < 0.5, 0.1, 0.9), 0.5),
    ],
)
def test_it_keeps_its_level(
    draw: Callable[[np.random.Generator, int], np.ndarray], mean: float, seeds: int
) -> None:
    random = np.random.default_rng(seeds)
    found = [mean_interval(draw(random, seeds)) for _ in range(200)]
    assert np.mean([interval.low <= mean <= interval.high for interval in found]) >= 0.92


@given(x=hnp.arrays(np.float64, st.integers(2, 20), elements=st.floats(0, 1)))
def test_it_lies_within_the_bounds_and_holds_the_estimate(x: np.ndarray) -> None:
    found = mean_interval(x)
    assert 0 <= found.low <= found.estimate <= found.high <= 1
    assert mean_interval(x[::-1]) == found
    tighter = mean_interval(x, bounds=(-math.inf, math.inf))
    assert found.low <= tighter.low <= tighter.high <= found.high


def test_rounding_does_not_lead_beyond_a_bound() -> None:
    assert [mean_interval([1.0] * n).high for n in range(2, 40)] == [1.0] * 38


def test_hardly_anything() -> None:
    assert math.isnan(mean_interval([]).estimate)
    one = mean_interval([0.3, math.nan])
    assert (one.estimate, one.n) == (0.3, 1)
    assert math.isnan(one.low)
    assert mean_interval([0.0, 0.0, math.nan]).n == 2
    with pytest.raises(ValueError, match="confidence"):
        mean_interval([0.1, 0.2], confidence=1.5)
