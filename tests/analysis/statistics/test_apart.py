"""The distance of two populations: POT's, and what its interval and test hold."""

from __future__ import annotations

import math

import numpy as np
import ot
import pytest

from seedsweep.analysis import Sides, distribution_distance, wasserstein2


def drawn(random: np.random.Generator, n: int, share: float, *, paired: bool) -> Sides:
    """A is all at .2, B has a share at .8."""
    a = random.normal(0.2, 0.05, n)
    b = np.where(random.random(n) < share, random.normal(0.8, 0.05, n), random.normal(0.2, 0.05, n))
    return Sides.of(a, b, range(n), range(n) if paired else range(n, 2 * n))


def test_distance_is_that_of_pot() -> None:
    random = np.random.default_rng(0)
    scales = [drawn(random, n, 0.3, paired=True) for n in (20, 31)]
    each = [ot.wasserstein_1d(s.a, s.b, p=2) for s in scales]
    assert float(distribution_distance(scales[:1])) == pytest.approx(math.sqrt(each[0]))
    assert float(distribution_distance(scales)) == pytest.approx(math.sqrt(np.mean(each)))


@pytest.mark.parametrize("paired", [True, False])
def test_equal_distributions_are_not_told_apart_and_zero_is_held(paired: bool) -> None:
    random = np.random.default_rng(1)
    found = [distribution_distance([drawn(random, 32, 0.0, paired=paired)]) for _ in range(60)]
    assert sum(one.pvalue <= 0.05 for one in found) <= 8  # of 60, 99.9 % of the time
    assert sum(one.difference.low == 0 for one in found) >= 52
    assert np.mean([float(one) <= one.by_chance for one in found]) >= 0.85


def test_a_distance_is_held() -> None:
    random = np.random.default_rng(2)
    many = drawn(random, 20_000, 0.3, paired=False)
    true = wasserstein2(many.a, many.b)
    found = [distribution_distance([drawn(random, 48, 0.3, paired=False)]) for _ in range(60)]
    assert sum(one.difference.low <= true <= one.difference.high for one in found) >= 51
    assert all(one.pvalue <= 0.01 for one in found)


def test_nothing_to_compare() -> None:
    nothing = distribution_distance([Sides.of([math.nan], [0.1], [1], [1])])
    assert math.isnan(float(nothing))
    assert math.isnan(nothing.pvalue)
    lone = distribution_distance([Sides.of([0.1], [0.3], [1], [1])])
    assert float(lone) == pytest.approx(0.2)
    assert math.isnan(lone.difference.low)
