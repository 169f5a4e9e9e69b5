"""Seeds for a difference and for a precision: held to scipy's test and to fresh samples."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, fisher_exact

from seedsweep.analysis.statistics.planning import (
    power_of_difference,
    seeds_for_difference,
    seeds_for_precision,
)
from seedsweep.analysis.statistics.samples import generator
from seedsweep.analysis.statistics.success import success_rate
from seedsweep.sequential import Aim, share_limits


def exact_power(n: int, low: float, high: float, alpha: float) -> float:
    """Over all outcomes, by scipy's own test."""
    of_low, of_high = binom.pmf(np.arange(n + 1), n, low), binom.pmf(np.arange(n + 1), n, high)
    return float(
        sum(
            of_low[a] * of_high[b]
            for a in range(n + 1)
            for b in range(n + 1)
            if of_low[a] * of_high[b] > 1e-7 and fisher_exact(np.array([[a, n - a], [b, n - b]])).pvalue <= alpha
        )
    )


@pytest.mark.parametrize(("n", "low", "high", "alpha"), [(20, 0.3, 0.7, 0.05), (30, 0.7, 1.0, 0.01)])
def test_the_power_is_that_of_fishers_exact_test(n: int, low: float, high: float, alpha: float) -> None:
    assert power_of_difference(n, low, high, alpha) == pytest.approx(exact_power(n, low, high, alpha), abs=0.025)


def test_so_many_seeds_have_the_power_and_much_fewer_do_not() -> None:
    found = seeds_for_difference(0.4, share=0.6, alpha=0.0125)
    assert (found.low, found.high) == pytest.approx((0.4, 0.8))
    assert found.n is not None
    assert exact_power(found.n, 0.4, 0.8, 0.0125) == pytest.approx(0.8, abs=0.03)
    assert exact_power(round(0.8 * found.n), 0.4, 0.8, 0.0125) < 0.77


def test_a_difference_keeps_within_the_shares_there_are() -> None:
    assert seeds_for_difference(0.3, share=0.05).low == 0.0
    assert seeds_for_difference(0.3, share=1.0).high == pytest.approx(1.0)
    assert seeds_for_difference(0.01).n is None
    with pytest.raises(ValueError, match="difference is between 0 and 1"):
        seeds_for_difference(0.0)
    with pytest.raises(ValueError, match="share is from 0 to 1"):
        seeds_for_difference(0.1, share=1.2)


def test_so_many_seeds_tell_a_share_so_precisely() -> None:
    found = seeds_for_precision(0.1, share=0.25)
    n = found.fixed - found.fixed % 4
    rate = success_rate([1, 0, 0, 0] * (n // 4), 0.5)
    assert (rate.high - rate.low) / 2 == pytest.approx(0.1, rel=0.02)


def test_seeds_with_a_goal_are_what_fresh_sweeps_take() -> None:
    found, random, ends = seeds_for_precision(0.15, share=0.4, batch=8), generator(11), []
    for _ in range(200):
        outcomes, n = random.random(200) < 0.4, 8
        while share_limits(int(outcomes[:n].sum()), n, aim=Aim(0.15, 86)).half_width > 0.15 and n < 86:
            n += 8
        ends.append(min(n, 86))
    assert found.with_goal == pytest.approx(np.mean(ends), rel=0.06)
