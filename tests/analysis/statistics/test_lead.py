"""Lead and lag by hand, by scipy's sign test, and in populations in which both are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from seedsweep.analysis import lead_lag
from tests.analysis.statistics.eventtimes import between, seen

INF = math.inf


def test_by_hand() -> None:
    attention = between(
        [[0, 100, 0, 300], [0, 300, 300, 300]], np.array([[100, 200, 100, INF], [100, INF, INF, INF]])
    )
    capability = between(
        [[100, 100, 200, 0], [0, 0, 300, 300]], np.array([[200, 200, 300, 100], [100, 100, INF, INF]])
    )
    found = lead_lag(attention, capability)
    assert (found.before, found.after, found.together) == (2, 0, 2)
    assert (found.n, found.seeds, found.first_only, found.second_only, found.neither) == (4, 2, 0, 2, 2)
    assert (found.seeds_before, found.seeds_after) == (1, 0)
    assert found.median.estimate == -50  # of -100, 0, -200 and 0
    assert found.quartiles == (-125, 0)
    assert found.resolution == 200
    assert found.distance == 50
    turned = lead_lag(capability, attention)
    assert (turned.before, turned.after, turned.median.estimate) == (0, 2, 50)


def test_sign_test_counts_seeds() -> None:
    """Nine seeds lead in one of their outputs, two lag in ten: what counts is nine against two."""
    first, second = np.full((11, 10), 1000.0), np.full((11, 10), 1000.0)
    first[:9, 0], second[9:] = 500, 500
    found = lead_lag(seen(first), seen(second))
    assert (found.seeds_before, found.seeds_after) == (9, 2)
    assert (found.before, found.after) == (9, 20)
    assert found.pvalue == pytest.approx(binomtest(9, 11).pvalue)


def test_exchanged_outputs_by_all_permutations() -> None:
    first = seen([[100, 400, 900]])
    second = seen([[300, 500, 1000]])
    found = lead_lag(first, second, permutations=20_000)
    a, b = np.array([100, 400, 900]), np.array([300, 500, 1000])
    orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]
    medians = [np.median(np.abs(a - b[order])) for order in orders]
    assert found.distance == medians[0]
    assert found.exchanged == pytest.approx(np.mean(medians), rel=0.02)
    assert found.pvalue_exchanged == pytest.approx(np.mean(np.array(medians) <= medians[0]), abs=0.02)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (1,), (4,), (4, 3)])
def test_little_or_nothing(shape: tuple[int, ...]) -> None:
    never = between(np.full(shape, 3000.0), np.full(shape, INF))
    found = lead_lag(never, never)
    assert (found.n, found.seeds) == (0, 0)
    assert math.isnan(found.median.estimate)
    assert math.isnan(found.pvalue)
    assert math.isnan(found.pvalue_exchanged)
    once = seen(np.full(shape, 500.0))
    assert math.isnan(lead_lag(once, once).pvalue)


def test_one_output_cannot_be_exchanged() -> None:
    found = lead_lag(seen(np.full(10, 500.0)), seen(np.full(10, 900.0)))
    assert math.isnan(found.pvalue_exchanged)
    assert found.seeds_before == 10
    assert found.median.low <= -400 <= found.median.high


@pytest.mark.parametrize("lead", [0.0, 40.0])
def test_coverage_size_and_power(lead: float) -> None:
    """The outputs of a seed share much of what moves them; the schedule is coarser than the lead."""
    random, covered, signs, close = np.random.default_rng(5), [], [], []
    for _ in range(60):
        capability = random.exponential(900, (24, 6)) + 200
        attention = capability + random.normal(0, 20, (24, 1)) + random.normal(-lead, 20, (24, 6))
        found = lead_lag(seen(attention), seen(capability), resamples=200, permutations=99)
        covered.append(found.median.low <= -lead <= found.median.high)
        signs.append(found.pvalue <= 0.05)
        close.append(found.pvalue_exchanged <= 0.05)
    assert np.mean(covered) >= 0.9
    assert np.mean(close) == 1
    assert np.mean(signs) <= 0.12 if lead == 0 else np.mean(signs) > 0.9


def test_what_only_the_seed_shares_is_no_belonging_together() -> None:
    random, close = np.random.default_rng(6), []
    for _ in range(80):
        seeds = random.exponential(900, (16, 1))
        first, second = (seen(seeds + random.exponential(400, (16, 6))) for _ in range(2))
        close.append(lead_lag(first, second, resamples=20, permutations=99).pvalue_exchanged <= 0.05)
    assert np.mean(close) <= 0.11


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="same outputs"):
        lead_lag(seen([1.0]), seen([[1.0]]))
