"""Differences of two populations against published values and other people's programs, and their tests' levels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest, fisher_exact, permutation_test, ttest_ind, ttest_rel

from seedsweep.analysis import Difference, Sides, mean_difference, over_ladder, success_difference


def pairs(both: int, only_a: int, only_b: int, neither: int) -> Sides:
    """Pairs of zeros and ones."""
    a = [1] * (both + only_a) + [0] * (only_b + neither)
    b = [1] * both + [0] * only_a + [1] * only_b + [0] * neither
    return Sides.of(a, b, range(len(a)), range(len(a)))


def apart(successes_a: int, n: int, successes_b: int, m: int) -> Sides:
    a, b = [1] * successes_a + [0] * (n - successes_a), [1] * successes_b + [0] * (m - successes_b)
    return Sides.of(a, b, range(n), range(n, n + m))


# R. G. Newcombe, Statistics in Medicine 17 (1998), 873-890, Table II, method 10, has the first minus the second;
# statsmodels 0.15, `confint_proportions_2indep(56, 70, 48, 80, method="newcomb", compare="diff")`, has the same.
@pytest.mark.parametrize(
    ("table", "low", "high"),
    [
        ((48, 80, 56, 70), 0.0524, 0.3339),
        ((3, 10, 9, 10), 0.1705, 0.8090),
        ((2, 7, 6, 7), 0.0582, 0.8062),
        ((0, 29, 5, 56), -0.0381, 0.1926),
        ((0, 10, 10, 10), 0.6075, 1.0),
    ],
)
def test_published_intervals_of_independent_shares(
    table: tuple[int, int, int, int], low: float, high: float
) -> None:
    found = success_difference(apart(*table), 0.5).difference
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


# Complete response before and after consolidation therapy (Cavo et al. 2012), in M. W. Fagerland, S. Lydersen and
# P. Laake, "Statistical Analysis of Contingency Tables", 2017, chapter 8: Newcombe's square-and-add interval, of
# the first minus the second.
def test_published_interval_of_paired_shares() -> None:
    found = success_difference(pairs(59, 6, 16, 80), 0.5).difference
    assert (-found.estimate, -found.high, -found.low) == pytest.approx((-0.0621, -0.1186, -0.0046), abs=5e-5)


@pytest.mark.parametrize("table", [(59, 6, 16, 80), (1, 1, 7, 12), (5, 0, 9, 6), (10, 3, 3, 10)])
def test_of_pairs_the_test_is_mcnemars(table: tuple[int, int, int, int]) -> None:
    exact = binomtest(table[1], table[1] + table[2]).pvalue
    assert success_difference(pairs(*table), 0.5).pvalue == pytest.approx(exact, abs=0.015)


@pytest.mark.parametrize("table", [(48, 80, 56, 80), (3, 10, 9, 10), (0, 30, 5, 30)])
def test_without_pairs_the_test_is_fishers(table: tuple[int, int, int, int]) -> None:
    a, n, b, m = table
    exact = fisher_exact(np.array([[a, n - a], [b, m - b]])).pvalue
    assert success_difference(apart(*table), 0.5).pvalue == pytest.approx(exact, abs=0.015)


def test_between_these_it_is_scipys_permutation_test_of_both() -> None:
    """Half of the seeds are pairs: the exchanges of both kinds together, by enumeration of the pairs."""
    random = np.random.default_rng(0)
    a, b = random.normal(0, 1, 12), random.normal(0.7, 1, 14)
    found = mean_difference(Sides.of(a, b, range(12), [*range(6), *range(20, 28)]))
    alone = np.concatenate([a[6:], b[6:]])
    extreme = drawn = 0
    middle = (b[:6].sum() + a[:6].sum()) / 2 * (1 / 14 - 1 / 12) + alone.mean() * (8 / 14 - 6 / 12)
    for signs in range(64):
        swapped = np.array([bool(signs >> i & 1) for i in range(6)])
        x, y = np.where(swapped, b[:6], a[:6]).sum(), np.where(swapped, a[:6], b[:6]).sum()
        for _ in range(100):
            dealt = random.permutation(alone)
            difference = (y + dealt[6:].sum()) / 14 - (x + dealt[:6].sum()) / 12
            extreme += abs(difference - middle) >= abs(float(found) - middle)
            drawn += 1
    assert found.pairs == 6
    assert found.pvalue == pytest.approx(extreme / drawn, abs=0.02)


def test_means_are_scipys() -> None:
    random = np.random.default_rng(1)
    a = random.normal(0, 1, 30)
    b = a + random.normal(0.3, 0.5, 30)
    paired = mean_difference(Sides.of(a, b, range(30), range(30)))
    known = ttest_rel(b, a).confidence_interval()
    assert (paired.difference.low, paired.difference.high) == pytest.approx((known.low, known.high))
    welch = mean_difference(Sides.of(a, b[:20], range(30), range(30, 50)))
    known = ttest_ind(b[:20], a, equal_var=False).confidence_interval()
    assert (welch.difference.low, welch.difference.high) == pytest.approx((known.low, known.high))
    exchanged = permutation_test(
        (b[:20], a), lambda x, y, axis: x.mean(axis) - y.mean(axis), vectorized=True, n_resamples=4999, rng=0
    )
    assert welch.pvalue == pytest.approx(exchanged.pvalue, abs=0.02)


def test_of_times_it_is_the_restricted_mean_of_lifelines() -> None:
    """lifelines 0.30, `restricted_mean_survival_time` of `KaplanMeierFitter` at 1000: 569."""
    times = [120.0, 340, 560, 80, 1000, 1000, 910, 450, 1000, 230]
    found = mean_difference(Sides.of(times, [1000.0] * 10, range(10), range(10, 20)))
    assert found.a == pytest.approx(569)
    assert float(found) == pytest.approx(431)


def test_the_order_of_seeds_is_nothing() -> None:
    random = np.random.default_rng(2)
    a, b = random.random(20), random.random(24)
    names = [*range(10), *range(50, 60)], list(range(24))
    shuffled_a, shuffled_b = random.permutation(20), random.permutation(24)
    one = Sides.of(a, b, *names)
    other = Sides.of(
        a[shuffled_a], b[shuffled_b], [names[0][i] for i in shuffled_a], [names[1][i] for i in shuffled_b]
    )
    assert one.pairs == other.pairs == 10
    assert success_difference(one, 0.5).to_dict() == success_difference(other, 0.5).to_dict()
    assert mean_difference(one, bounds=(0, 1)).to_dict() == mean_difference(other, bounds=(0, 1)).to_dict()


def test_a_diverged_seed_fails_and_has_no_partner_in_means() -> None:
    sides = Sides.of([math.nan, 0.9, 0.2, 0.4], [0.8, math.nan, 0.3, 0.5], range(4), range(4))
    assert sides.pairs == 4
    assert success_difference(sides, 0.5).a == 0.25
    assert (sides.observed.pairs, sides.observed.a.size, sides.observed.b.size) == (2, 3, 3)
    assert mean_difference(sides).pairs == 2


def test_a_side_without_values_has_no_difference() -> None:
    for found in (
        success_difference(Sides.of([], [0.5], [], [1]), 0.5),
        mean_difference(Sides.of([math.nan], [0.5, 0.6], [1], [1, 2]), bounds=(0, 1)),
    ):
        assert math.isnan(float(found))
        assert math.isnan(found.pvalue)
        assert math.isnan(over_ladder([found]).pvalue)


def test_detectable_differences_are_found_as_often_as_said() -> None:
    """P(success) .4 against as much more as 48 seeds would have shown with a probability of .8."""
    random = np.random.default_rng(3)
    base = success_difference(apart(19, 48, 19, 48), 0.5)
    more = base.detectable()
    found = 0
    for _ in range(100):
        a, b = random.binomial(48, 0.4), random.binomial(48, 0.4 + more)
        found += success_difference(apart(a, 48, b, 48), 0.5).pvalue <= 0.05
    assert 0.6 <= found / 100 <= 0.9


@pytest.mark.parametrize("shared", [0.0, 0.8])
def test_over_a_ladder(shared: float) -> None:
    """The interval holds the truth, and is the narrower the more pairs have in common."""
    random = np.random.default_rng(4)
    held, widths = 0, []
    for _ in range(40):
        scales: list[Difference] = []
        for stream, level in enumerate((0.3, 0.5)):
            common = random.normal(0, 0.1, 24) * math.sqrt(shared)
            a, b = (common + random.normal(level + up, 0.1 * math.sqrt(1 - shared), 24) for up in (0, 0.05))
            scales.append(mean_difference(Sides.of(a, b, range(24), range(24)), stream=stream))
        interval = over_ladder(scales).difference
        held += interval.low <= 0.05 <= interval.high
        widths.append(interval.high - interval.low)
    assert held >= 34
    assert np.mean(widths) == pytest.approx(2 * 2.07 * 0.1 * math.sqrt(2 * (1 - shared) / 48), rel=0.1)
