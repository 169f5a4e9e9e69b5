"""Forecasts of ladders with a known law, their bounds, and their models one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.isotonic import IsotonicRegression

from seedsweep.analysis import extrapolate
from seedsweep.analysis.statistics.ladderfit import (
    LEVELS,
    SLOPE,
    Reach,
    _logistic,
    levelled,
    one_group,
    two_groups,
)

UNIT = Reach(0.0, 1.0)


def chance(place: float) -> float:
    """P(success) at a scale of 2 ** place."""
    return 1 / (1 + math.exp(2 - place))


def ladder(n: int, scales: int, seed: int = 0) -> dict[float, np.ndarray]:
    random = np.random.default_rng(seed)
    return {
        2.0**i: np.where(random.random(n) < chance(i), random.normal(0.9, 0.03, n), random.normal(0.1, 0.03, n))
        for i in range(scales)
    }


def test_the_law_is_found() -> None:
    """Of eight ladders the intervals hold the next P(success) and mean in all but one, and say something."""
    held, widths = 0, []
    for seed in range(8):
        found = extrapolate(ladder(64, 5, seed), 32.0, threshold=0.5)
        mean = 0.1 + 0.8 * chance(5)
        held += found.success.low <= chance(5) <= found.success.high and found.mean.low <= mean <= found.mean.high
        widths.append(found.success.high - found.success.low)
        assert found.given_success.estimate == pytest.approx(0.9, abs=0.06)
        assert sum(found.weights.values()) == pytest.approx(1)
        assert found.weights["two groups"] > found.weights["levelled"]
    assert held >= 7
    assert np.mean(widths) < 0.4


def test_a_ladder_that_has_deceived_before_is_trusted_less() -> None:
    """It jumps at the fourth scale: what is said of the fifth says how far the fourth was missed."""
    random = np.random.default_rng(0)
    levels = (0.1, 0.12, 0.14, 0.8)
    jump = {2.0**i: random.normal(level, 0.03, 48) for i, level in enumerate(levels)}
    found = extrapolate(jump, 16.0, threshold=0.5)
    assert max(found.widened) > 3
    assert found.mean.low < 0.5 < found.mean.high
    even = {2.0**i: random.normal(0.1 + 0.15 * i, 0.03, 48) for i in range(4)}
    assert max(extrapolate(even, 16.0, threshold=0.5).widened) < 2


def test_bounds_and_order_are_kept() -> None:
    random = np.random.default_rng(2)
    values = {s: (random.random(20) * s / 8).clip(0, 1) for s in (1.0, 2.0, 4.0, 8.0)}
    found = extrapolate(values, 16.0, threshold=0.5)
    for interval in (found.success, found.mean, *found.quantiles.values()):
        assert 0 <= interval.low <= interval.estimate <= interval.high <= 1
    estimates = [interval.estimate for interval in found.quantiles.values()]
    assert estimates == sorted(estimates)
    assert (np.diff(found.seeds) >= 0).all()
    shuffled = {s: random.permutation(x) for s, x in values.items()}
    assert extrapolate(shuffled, 16.0, threshold=0.5).to_dict() == found.to_dict()


def test_a_metric_without_bounds() -> None:
    """The negative of a loss that falls by a half at every doubling."""
    random = np.random.default_rng(3)
    values = {2.0**i: -(4.0 / 2**i) * np.exp(random.normal(0, 0.1, 40)) for i in range(4)}
    found = extrapolate(values, 16.0, threshold=-0.3, bounds=(-math.inf, 0.0))
    assert found.mean.low < -0.25 < found.mean.high <= 0
    assert 0.25 < found.success.estimate < 1


def test_all_succeed_is_said_of_as_many_as_there_are() -> None:
    values = {s: np.full(64, 0.2 * s) for s in (1.0, 3.0, 4.0, 5.0)}
    found = extrapolate(values, 6.0, threshold=0.5)
    assert found.success.high == 1
    assert found.success.low == pytest.approx(0.943, abs=0.001)  # Wilson's, of 64 of 64


def test_diverged_seeds_fail() -> None:
    values = ladder(40, 4)
    with_nan = {s: np.concatenate([x, np.full(10, math.nan)]) for s, x in values.items()}
    whole, part = (extrapolate(x, 16.0, threshold=0.5) for x in (values, with_nan))
    assert part.success.estimate == pytest.approx(0.8 * whole.success.estimate)
    assert part.mean == whole.mean


def test_two_scales_are_too_few() -> None:
    with pytest.raises(ValueError, match="3 scales or more, not of 2"):
        extrapolate(ladder(10, 2), 8.0, threshold=0.5)


def test_levelled_is_scikit_learns_isotonic_regression() -> None:
    random = np.random.default_rng(4)
    samples = [np.sort(random.normal(level, 0.3, n))[None] for level, n in ((0.1, 20), (0.6, 31), (0.5, 25))]
    found = levelled(np.arange(3.0), samples, 3.0, 0.5, Reach(-math.inf, math.inf))[0]
    quantiles = [np.quantile(x[0], LEVELS, method="hazen") for x in samples]
    weights = [20, 31, 25]
    known = [
        IsotonicRegression().fit_transform(np.arange(3.0), [q[i] for q in quantiles], sample_weight=weights)[-1]
        for i in range(LEVELS.size)
    ]
    assert found == pytest.approx(np.sort(known))


def test_the_logistic_share_is_the_maximum_of_its_posterior() -> None:
    at, successes = np.log([1.0, 2.0, 4.0, 8.0]), np.array([0.0, 3.0, 18.0, 30.0])
    x = (at - at.mean()) / at.std()

    def loss(parameters: np.ndarray) -> float:
        p = 1 / (1 + np.exp(-(parameters[0] + parameters[1] * x)))
        k, n = successes + 0.25, 32.5
        return float(-(k * np.log(p) + (n - k) * np.log(1 - p)).sum() + parameters[1] ** 2 / 2 / SLOPE**2)

    a, b = minimize(loss, np.zeros(2), tol=1e-12).x
    to = (math.log(16.0) - at.mean()) / at.std()
    known = 1 / (1 + math.exp(-(a + b * to)))
    assert _logistic(at, successes[:, None], np.full((4, 1), 32.0), math.log(16.0))[0] == pytest.approx(
        known, abs=1e-5
    )


@pytest.mark.parametrize("model", [levelled, one_group, two_groups])
def test_a_ladder_that_stands_still_is_forecast_as_it_is(model: object) -> None:
    random = np.random.default_rng(5)
    sample = np.sort(
        np.where(random.random(200) < 0.4, random.normal(0.9, 0.02, 200), random.normal(0.2, 0.02, 200))
    )
    assert callable(model)
    found = model(np.log([1.0, 2.0, 4.0]), [sample[None]] * 3, math.log(8.0), 0.5, UNIT)[0]
    assert (found >= 0.5).mean() == pytest.approx((sample >= 0.5).mean(), abs=0.01)
    assert np.abs(found - np.quantile(sample, LEVELS, method="hazen")).mean() < 0.01


def test_moving_there_and_back() -> None:
    values = np.array([0.0, 0.3, 1.0])
    for reach in (
        UNIT,
        Reach(-1.0, 2.0),
        Reach(-0.5, math.inf),
        Reach(-math.inf, 1.5),
        Reach(-math.inf, math.inf),
    ):
        assert reach.back(reach.out(values)) == pytest.approx(values)
