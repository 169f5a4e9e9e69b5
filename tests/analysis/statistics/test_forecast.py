"""Forecasts against lifelines' concordance, and populations in which much, little or nothing is foretold."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seedsweep.analysis import concordance_index, forecast
from tests.analysis.statistics.eventtimes import between, seen

# Times on a grid of 100, those of 900 censored, and rounded values, with ties in both. lifelines 0.30:
# `concordance_index(TIMES, [-value for value in VALUES], HAPPENED)` is 0.735897...
TIMES = [
    *(200, 300, 800, 900, 300, 200, 300, 200, 600, 100, 300, 900, 200, 700, 400),
    *(900, 600, 800, 200, 200, 100, 700, 500, 700, 400, 400, 400, 400, 100, 900),
]
CENSORED = [time == 900 for time in TIMES]
VALUES = [
    *(-1.4, -1.0, -1.1, -2.4, -0.7, 0.2, -3.6, 0.5, -2.5, -1.9, -0.5, -3.8, -0.9, -2.8, -1.0),
    *(-2.8, -0.1, -1.3, -0.3, 0.6, -0.5, -2.7, -0.7, -1.2, -1.2, -1.8, -0.8, -3.5, 0.4, -2.5),
]
LIFELINES = 0.735897435897436


def test_concordance_is_that_of_lifelines() -> None:
    at = np.array(TIMES, dtype=float)
    times = between(np.where(CENSORED, at, at - 100), np.where(CENSORED, math.inf, at))
    assert concordance_index(VALUES, times) == pytest.approx(LIFELINES, abs=1e-12)
    assert concordance_index(-np.array(VALUES), times) == pytest.approx(1 - LIFELINES, abs=1e-12)


def test_two_seeds_between_the_same_evaluations_are_not_compared() -> None:
    assert math.isnan(concordance_index([1, 2], between([0, 0], [100, 100])))
    assert concordance_index([1, 2], between([0, 100], [100, math.inf])) == 0
    assert concordance_index([2, 2], between([0, 100], [100, math.inf])) == 0.5


def test_those_that_are_there_are_no_forecast() -> None:
    """Only seeds that wait count: among them nothing is foretold, though the value tells who got there before."""
    random = np.random.default_rng(0)
    moments = np.concatenate([random.uniform(0, 400, 40), random.uniform(600, 2500, 40)])
    ahead = np.where(moments < 500, 1.0, 0.0) + random.normal(0, 0.01, 80)
    found = forecast(ahead, seen(moments), 500)
    assert (found.n, found.gone) == (40, 40)
    assert found.concordance.low < 0.5 < found.concordance.high
    assert found.pvalue > 0.05
    assert forecast(ahead, seen(moments), 0).pvalue < 0.01


@pytest.mark.parametrize("effect", [0.0, 0.7])
def test_coverage_size_and_power(effect: float) -> None:
    random = np.random.default_rng(1)

    def draw(n: int) -> tuple[np.ndarray, np.ndarray]:
        value = random.normal(size=n)
        return value, np.exp(6.5 - effect * value + random.normal(0, 0.7, n))

    value, moments = draw(3000)
    true = concordance_index(value, seen(moments))
    found = [
        forecast(value, seen(moments), 0, resamples=200, permutations=99)
        for value, moments in map(draw, [40] * 80)
    ]
    assert np.mean([one.concordance.low <= true <= one.concordance.high for one in found]) >= 0.9
    assert np.mean([one.concordance.estimate for one in found]) == pytest.approx(true, abs=0.03)
    rejected = np.mean([one.pvalue <= 0.05 for one in found])
    assert rejected <= 0.11 if effect == 0 else rejected > 0.9


@pytest.mark.parametrize(
    ("values", "moments"),
    [
        ([], []),
        ([1.0] * 5, [500.0] * 5),
        ([math.nan] * 20, [500.0] * 20),
        (list(range(20)), [9000.0] * 20),  # nobody gets there
        (list(range(20)), [120.0] * 20),  # all at once
        (list(range(20)), [10.0] * 20),  # all before
    ],
)
def test_nothing_to_tell(values: list[float], moments: list[float]) -> None:
    found = forecast(values, seen(moments), 50)
    assert math.isnan(found.concordance.estimate)
    assert math.isnan(found.pvalue)


def test_equal_values_foretell_nothing() -> None:
    found = forecast([1.0] * 20, seen(np.arange(100, 2100, 100)), 50)
    assert (found.concordance.estimate, found.pvalue) == (0.5, 1.0)


def test_lower_may_be_earlier() -> None:
    moments = np.arange(100, 2100, 50.0)
    found = forecast(moments, seen(moments), 50)
    assert (found.concordance.estimate, found.higher_is_earlier) == (1.0, False)


def test_one_value_per_seed() -> None:
    for ask in (lambda: forecast([1.0], seen([1.0, 2.0]), 0), lambda: concordance_index([1.0], seen([1.0, 2.0]))):
        with pytest.raises(ValueError, match="one value per seed"):
            ask()
