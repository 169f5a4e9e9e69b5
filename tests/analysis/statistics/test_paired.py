"""Paired effects: Lehmann's interval by hand, scipy's sign test, censored pairs, known populations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from seedsweep.analysis import paired_effect
from tests.analysis.statistics.eventtimes import between, seen

INF = math.inf


def test_exact_times_give_the_median_and_its_order_statistics() -> None:
    random = np.random.default_rng(0)
    a, b = random.exponential(500, (2, 21)) + 1
    found = paired_effect(between(a * (1 - 1e-9), a), between(b * (1 - 1e-9), b))
    ratios = np.sort(b / a)
    assert found.ratio.estimate == pytest.approx(np.median(ratios))
    assert 1 - 2 * binom.cdf(5, 21, 0.5) >= 0.95 > 1 - 2 * binom.cdf(6, 21, 0.5)  # the 6th of 21 from each end
    assert (found.ratio.low, found.ratio.high) == pytest.approx((ratios[5], ratios[15]))
    assert found.pvalue == pytest.approx(binomtest(int((b < a).sum()), 21).pvalue)
    assert found.undecided == 0


def test_no_pair_is_dropped() -> None:
    without = between([100, 300, 300, 300, 100], [200, INF, INF, INF, 200])
    changed = between([0, 100, 300, 0, 100], [100, 200, INF, 100, 200])
    found = paired_effect(without, changed)
    assert (found.n, found.sooner, found.later, found.undecided) == (5, 3, 0, 2)
    assert (found.only_with, found.only_without, found.neither) == (2, 0, 1)
    # 50 / 150, twice less than anything, twice 1
    assert found.ratio.estimate == pytest.approx(1 / 3)
    assert (found.ratio.low, found.ratio.high) == (0, INF)  # five pairs give no 95 % interval
    assert (found.lowest[2], found.highest[2]) == (-INF, INF)
    turned = paired_effect(changed, without)
    assert turned.ratio.estimate == pytest.approx(3)
    assert (turned.sooner, turned.later, turned.pvalue) == (0, 3, found.pvalue)


def test_most_get_there_with_the_change_only() -> None:
    found = paired_effect(seen(np.full(20, 9000.0)), seen(np.full(20, 500.0)))
    assert (found.ratio.estimate, found.ratio.low) == (0, 0)
    assert found.ratio.high == pytest.approx(500 / 3000)  # later than 3000 without, by 500 with
    assert paired_effect(seen(np.full(20, 500.0)), seen(np.full(20, 9000.0))).ratio.estimate == INF


@pytest.mark.parametrize(
    ("a", "b"), [([], []), ([9000.0] * 8, [9000.0] * 8), ([500.0] * 8, [500.0] * 8), ([0.0] * 8, [0.0] * 8)]
)
def test_nothing_is_decided(a: list[float], b: list[float]) -> None:
    found = paired_effect(seen(a), seen(b))
    assert math.isnan(found.pvalue)
    assert found.undecided == len(a)
    assert found.ratio.estimate == 1 if a else math.isnan(found.ratio.estimate)


def test_half_at_each_end_has_no_direction() -> None:
    found = paired_effect(seen([500.0] * 6 + [9000.0] * 6), seen([9000.0] * 6 + [500.0] * 6))
    assert (found.ratio.estimate, found.pvalue) == (1, 1)


@pytest.mark.parametrize("ratio", [1.0, 0.5])
@pytest.mark.parametrize("mean", [800, 4000])
def test_coverage_size_and_power(ratio: float, mean: float) -> None:
    random, covered, rejected = np.random.default_rng(8), [], []
    for _ in range(200):
        shared = random.exponential(mean, 32)
        without, changed = shared * np.exp(random.normal(0, 0.3, (2, 32)))
        found = paired_effect(seen(without), seen(ratio * changed))
        covered.append(found.ratio.low <= ratio <= found.ratio.high)
        rejected.append(found.pvalue <= 0.05)
    assert np.mean(covered) >= 0.94
    assert np.mean(rejected) <= 0.08 if ratio == 1 else np.mean(rejected) > 0.9


def test_the_same_seeds_on_both_sides() -> None:
    with pytest.raises(ValueError, match="same seeds"):
        paired_effect(seen([1.0]), seen([1.0, 2.0]))
