"""The paired test: against scipy, how often it is wrong, and how often it finds what it says it would find."""

from __future__ import annotations

import doctest
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.optimize
import scipy.stats

from seedsweep.sweep import paired
from seedsweep.sweep.paired import PairedDifference, detectable_effect, fewest_seeds, paired_difference

Draw = Callable[[np.random.Generator, int], np.ndarray]

METRICS: dict[str, Draw] = {
    "normal": lambda random, n: random.normal(size=n),
    "skewed": lambda random, n: random.exponential(size=n),
    "heavy tails": lambda random, n: random.standard_t(3, size=n),
    "bimodal": lambda random, n: random.choice([0.1, 0.9], n) + random.normal(0, 0.05, n),
    "success or not": lambda random, n: (random.random(n) < 0.3).astype(float),
}
"""Metrics over seeds. Chaos at its worst makes a seed's two values as different as those of two seeds."""


def compare(packed: np.ndarray | list[float], alone: np.ndarray | list[float], tests: int = 1) -> PairedDifference:
    return paired_difference(packed, alone, higher_is_better=True, tests=tests)


def all_signs(difference: np.ndarray) -> float:
    """scipy's exact p-value."""
    every: Any = np.inf  # which the stubs do not take for a number of resamples
    reference = scipy.stats.permutation_test([difference], np.sum, permutation_type="samples", n_resamples=every)
    return float(reference.pvalue)


@pytest.mark.parametrize("n", [5, 12, 16])
def test_few_differences_are_scipys_exact_permutation_test(n: int) -> None:
    random = np.random.default_rng(n)
    for difference in (random.normal(0.5, 1, n), random.integers(-2, 4, n) / 91, random.integers(-1, 2, n)):
        reference = all_signs(difference.astype(float))
        assert compare(difference, np.zeros(n)).pvalue == pytest.approx(reference)


def test_successes_are_mcnemars_exact_test() -> None:
    for up, down in ((6, 0), (9, 2), (14, 2), (21, 6), (15, 15)):
        packed = np.repeat([1.0, 0.0, 1.0, 0.0], [up, down, 5, 7])
        alone = np.repeat([0.0, 1.0, 1.0, 0.0], [up, down, 5, 7])
        reference = scipy.stats.binomtest(up, up + down).pvalue
        error = 4 * math.sqrt(reference / paired.FLIPS) if up + down > paired.ENUMERATED else 1e-12
        assert compare(packed, alone).pvalue == pytest.approx(reference, abs=error)


def test_drawn_signs_come_near_to_all_signs() -> None:
    difference = np.random.default_rng(0).normal(0.9, 1, 17)
    reference = all_signs(difference)
    assert 0.005 < reference < 0.1
    found = compare(difference, np.zeros(17)).pvalue
    assert found == pytest.approx(reference, abs=4 * math.sqrt(reference / paired.FLIPS))


def test_the_interval_is_students() -> None:
    random = np.random.default_rng(1)
    packed, alone = random.normal(size=(2, 20))
    found = compare(packed, alone)
    reference = scipy.stats.ttest_rel(packed, alone)
    assert found.mean == pytest.approx((packed - alone).mean())
    assert (found.low, found.high) == pytest.approx(tuple(reference.confidence_interval(0.95)))
    assert found.spread == pytest.approx(math.sqrt((packed.var(ddof=1) + alone.var(ddof=1)) / 2))


def test_neither_the_order_nor_the_name_matters_and_p_is_of_all_tests() -> None:
    packed, alone = np.random.default_rng(2).normal(np.array([[0.5], [0.0]]), 1, (2, 40))
    found = compare(packed, alone)
    order = np.random.default_rng(3).permutation(40)
    assert compare(packed[order], alone[order]).pvalue == compare(alone, packed).pvalue == found.pvalue
    assert compare(packed, alone, tests=8).pvalue == pytest.approx(8 * found.pvalue)
    assert compare(alone, alone + np.tile([1, -1], 20), tests=8).pvalue == 1


@pytest.mark.parametrize("metric", METRICS)
def test_the_level_is_kept_whatever_the_metric(metric: str) -> None:
    """12 seeds have all signs enumerated, so that many verifications can be tried."""
    random, draw = np.random.default_rng(4), METRICS[metric]
    trials = 1500
    pvalues = np.array([compare(draw(random, 12), draw(random, 12)).pvalue for _ in range(trials)])
    for level in (0.01, 0.05):
        assert np.mean(pvalues <= level) <= level + 3 * math.sqrt(level / trials)


def harmless(random: np.random.Generator, scales: int) -> bool:
    """Whether any of a verification's tests blames chaos at its worst, with as many seeds as are asked for."""
    tests = 2 * scales
    n = fewest_seeds(tests)
    metrics = [METRICS[name] for name in random.choice(list(METRICS), tests)]
    return any(compare(draw(random, n), draw(random, n), tests).systematic for draw in metrics)


def test_harmless_chaos_is_hardly_ever_blamed() -> None:
    random = np.random.default_rng(5)
    assert sum(harmless(random, scales=2) for _ in range(60)) <= 2  # 0.6 are expected at most


@pytest.mark.parametrize("metric", ["normal", "skewed", "heavy tails", "bimodal"])
def test_a_shift_of_one_standard_deviation_is_found(metric: str) -> None:
    random, draw = np.random.default_rng(6), METRICS[metric]
    n, trials = fewest_seeds(8), 60
    deviation = {"normal": 1, "skewed": 1, "heavy tails": math.sqrt(3), "bimodal": math.hypot(0.4, 0.05)}[metric]
    found = sum(compare(draw(random, n) + deviation, draw(random, n), 8).systematic for _ in range(trials))
    assert found >= 0.9 * trials - 3 * math.sqrt(0.09 * trials)


@pytest.mark.parametrize("tests", [2, 8, 22])
def test_fewest_seeds_are_the_fewest_for_success_or_not(tests: int) -> None:
    """Successes move from 28 % to 72 %, by one standard deviation; p-values are scipy's."""
    random = np.random.default_rng(7)
    failing = (1 - 1 / math.sqrt(5)) / 2

    def power(n: int) -> float:
        alone, packed = random.random((2, 20_000, n)) < [[[failing]], [[1 - failing]]]
        up, down = (packed & ~alone).sum(1), (alone & ~packed).sum(1)
        pvalues = 2 * scipy.stats.binom.cdf(np.minimum(up, down), up + down, 0.5)
        return float(np.mean(pvalues <= 0.01 / tests))

    n = fewest_seeds(tests)
    assert power(n) > 0.9 - 0.006
    assert power(n - 3) < 0.9
    enough, too_few = detectable_effect(n, tests), detectable_effect(n - 1, tests)
    assert enough is not None
    assert too_few is not None
    assert enough <= 1 / math.sqrt(2) < too_few


@pytest.mark.parametrize("alone", [0.0, 0.02, 0.05, 0.1, 0.2])
def test_no_other_shift_of_successes_is_found_less_often(alone: float) -> None:
    packed = scipy.optimize.brentq(
        lambda p: p - alone - math.sqrt((p * (1 - p) + alone * (1 - alone)) / 2), alone + 1e-6, 1
    )
    random, n = np.random.default_rng(8), fewest_seeds(8)
    singly, together = random.random((2, 20_000, n)) < [[[alone]], [[packed]]]
    up, down = (together & ~singly).sum(1), (singly & ~together).sum(1)
    pvalues = 2 * scipy.stats.binom.cdf(np.minimum(up, down), up + down, 0.5)
    assert np.mean(pvalues <= 0.01 / 8) > 0.9 - 0.006


def test_no_number_of_seeds_is_too_small_to_ask_for() -> None:
    assert detectable_effect(1, 1) is None
    assert detectable_effect(7, 1) is None  # seven of one sign have p = 1/64
    assert detectable_effect(8, 1) is not None
    assert compare([0.1, 0.2, 0.5], [0.2, 0.3, 0.1]).detectable is None
    assert [fewest_seeds(2 * scales) for scales in range(1, 7)] == [46, 50, 53, 55, 56, 58]


def test_alike_seeds_let_smaller_shifts_be_found() -> None:
    random = np.random.default_rng(9)
    alone = random.normal(size=55)
    near, far = (compare(alone + noise * random.normal(size=55), alone, 8).detectable for noise in (0.1, 1.0))
    assert near is not None
    assert far is not None
    assert near < 0.1 < far < 1


def test_equal_pairs_are_no_difference() -> None:
    accuracy = np.random.default_rng(10).random(55)
    same = compare(accuracy, accuracy, 8)
    assert (same.mean, same.low, same.high, same.pvalue, same.detectable) == (0, 0, 0, 1, 0)
    assert not same.systematic
    never = compare(np.zeros(55), np.zeros(55), 8)  # no seed has learnt anything yet
    assert (never.mean, never.spread, never.pvalue, never.detectable) == (0, 0, 1, None)


def test_a_bias_of_rounding_is_measured_but_not_blamed() -> None:
    loss = np.random.default_rng(11).normal(2, 0.1, 55)
    found = compare(loss + 1e-7, loss, 8)
    assert found.pvalue < 0.01
    assert not found.systematic
    assert compare(loss + 0.02, loss, 8).systematic


def test_a_metric_without_spread_that_moves_is_blamed() -> None:
    assert compare(np.ones(55), np.zeros(55), 8).systematic


def test_diverged_seeds() -> None:
    alone = np.linspace(0.1, 0.9, 50)
    both = alone.copy()
    both[:5] = np.nan
    assert compare(both, both).mean == 0
    packed = alone.copy()
    packed[-1] = np.nan
    assert compare(packed, alone).mean == pytest.approx(-0.8 / 50)
    assert paired_difference(packed, alone, higher_is_better=False, tests=1).mean == 0  # 0.9 is the worst loss
    packed[10:] = np.inf
    assert compare(packed, alone).systematic
    assert paired_difference(packed, alone, higher_is_better=False, tests=1).systematic
    nothing = compare(np.full(50, np.nan), np.full(50, np.nan))
    assert (nothing.mean, nothing.pvalue, nothing.detectable, nothing.systematic) == (0, 1, None, False)


@pytest.mark.parametrize(("packed", "alone"), [([1.0], [1.0]), ([], []), ([[1.0, 2.0]], [[1.0, 2.0]])])
def test_refused_shapes(packed: list[float], alone: list[float]) -> None:
    with pytest.raises(ValueError, match="two or more seeds"):
        compare(packed, alone)


def test_examples() -> None:
    assert doctest.testmod(paired).failed == 0
