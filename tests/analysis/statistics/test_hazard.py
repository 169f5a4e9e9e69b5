"""Hazards against published and independent fits, and populations with known ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import norm, weibull_min

from seedsweep.analysis import EventTimes, hazard_shape, hazard_slope
from seedsweep.analysis.statistics.eventrows import EventRows, indicators
from seedsweep.analysis.statistics.weibull import _Rows, fit
from tests.analysis.statistics.eventtimes import between, seen
from tests.analysis.statistics.test_survival import MERCAPTOPURINE, PLACEBO, signed

# Weibull times with shape 1.6 and scale 900 / x at x = 1, 2 and 4, 20 each, seen every 100 steps up to 800; and
# what lifelines 0.30 makes of them: `WeibullFitter().fit_interval_censoring` at x = 2, and `WeibullAFTFitter` with
# log(x) at all.
LOW = [
    *(700, 800, 600, 800, 300, 800, 0, 800, 600, 400, 600, 400, 800, 800, 800, 300, 800, 700, 400, 800),
    *(0, 0, 500, 300, 700, 200, 200, 400, 300, 0, 200, 400, 300, 500, 0, 400, 100, 200, 800, 500),
    *(500, 300, 300, 0, 100, 0, 200, 200, 0, 100, 200, 0, 0, 200, 300, 400, 100, 200, 100, 200),
]
HIGH = [low + 100 if low < 800 else math.inf for low in LOW]
HIGH[17] = 800.0
SHAPE_AT_2, LIKELIHOOD_AT_2 = 1.426338679, -42.405741791
TIME_SLOPE, LOG_SHAPE, TIME_ERROR = -0.961610, 0.469614, 0.166225
LADDER = {x: between(LOW[20 * k : 20 * k + 20], HIGH[20 * k : 20 * k + 20]) for k, x in enumerate((1.0, 2.0, 4.0))}


def exactly(weeks: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Signed weeks as intervals so short that nothing is left open."""
    at, happened = signed(weeks)
    return np.where(happened, at * (1 - 1e-4), at), np.where(happened, at, math.inf)


def test_slope_is_that_of_lifelines() -> None:
    found = hazard_slope(LADDER)
    assert found.time_slope.estimate == pytest.approx(TIME_SLOPE, abs=1e-5)
    assert found.shape == pytest.approx(math.exp(LOG_SHAPE), abs=1e-5)
    assert found.slope.estimate == pytest.approx(-TIME_SLOPE * math.exp(LOG_SHAPE), abs=1e-5)
    from_normal = 1.96 * TIME_ERROR  # ours is of the sandwich, with Student's t
    assert (found.time_slope.high - found.time_slope.low) / 2 == pytest.approx(from_normal, rel=0.1)


def test_maximum_is_that_of_lifelines() -> None:
    rows = EventRows.of({2.0: LADDER[2.0]})
    fitted = fit(rows.intervals(indicators(rows.stratum)))
    assert fitted is not None
    assert fitted.shape == pytest.approx(SHAPE_AT_2, abs=1e-5)
    assert fitted.likelihood == pytest.approx(LIKELIHOOD_AT_2, abs=1e-6)


def test_published_fit_of_remissions() -> None:
    """Kleinbaum and Klein, "Survival Analysis", 3rd ed., chapter 7: p = 1.366, coefficient 1.731 of the hazard."""
    groups = {1.0: between(*exactly(MERCAPTOPURINE)), math.e: between(*exactly(PLACEBO))}
    found = hazard_slope(groups)
    assert found.shape == pytest.approx(1.366, abs=0.001)
    assert found.slope.estimate == pytest.approx(1.731, abs=0.002)
    assert (found.n, found.seeds, found.events) == (42, 42, 30)
    assert math.isnan(found.pvalue)  # two scales are always on a line


def test_shape_is_of_the_marginal_likelihood() -> None:
    """Of exact times in strata: the likelihood of their quotients, by numerical integration over the rate."""
    random = np.random.default_rng(0)
    moments = 100 * random.weibull(1.5, (12, 5))
    found = hazard_shape({1.0: between(moments * (1 - 1e-4), moments)})

    def marginal(shape: float) -> float:
        logs = np.linspace(-3, 3, 4001)
        density = weibull_min.logpdf(moments[:, :, None], shape, scale=100 * np.exp(logs))
        likelihood = np.asarray(density).sum(axis=0)
        top = likelihood.max(axis=1, keepdims=True)
        return float((np.log(np.exp(likelihood - top).sum(axis=1)) + top[:, 0]).sum())

    best = minimize_scalar(lambda shape: -marginal(shape), bounds=(0.5, 4), method="bounded").x
    assert found.shape.estimate == pytest.approx(best, abs=0.01)


def test_derivatives() -> None:
    rows = EventRows.of({1.0: between([0, 100, 300, 500], [100, 200, 400, math.inf])})
    of = rows.intervals(indicators(rows.stratum))
    likelihood, at = _Rows(of), np.array([0.3, 1.4])
    step = 1e-5 * np.eye(2)
    _, gradient, curvature = likelihood.at(at)
    assert gradient == pytest.approx([(likelihood.at(at + h)[0] - likelihood.at(at - h)[0]) / 2e-5 for h in step])
    assert likelihood.scores(at, np.arange(4), 4).sum(axis=0) == pytest.approx(gradient)
    second = [(likelihood.at(at + h)[1] - likelihood.at(at - h)[1]) / 2e-5 for h in step]
    assert curvature == pytest.approx(np.array(second), abs=1e-5)


@pytest.mark.parametrize(
    ("times", "events"),
    [
        ({}, 0),
        ({1.0: between([], [])}, 0),
        ({1.0: between([3000] * 20, [math.inf] * 20), 2.0: between([3000] * 20, [math.inf] * 20)}, 0),
        ({1.0: between([-math.inf] * 20, [0] * 20)}, 0),
        ({1.0: between([0] * 20, [100] * 20)}, 20),
        ({1.0: between([100] * 20, [200] * 20)}, 20),
        ({1.0: between([100] * 3, [200] * 3), 2.0: between([100] * 3, [200] * 3)}, 6),
    ],
)
def test_nothing_to_tell(times: dict[float, EventTimes], events: int) -> None:
    shape, slope = hazard_shape(times), hazard_slope(times)
    assert math.isnan(shape.shape.estimate)
    assert math.isnan(shape.pvalue)
    assert math.isnan(slope.slope.estimate)
    assert math.isnan(slope.pvalue)
    assert slope.events == events


def test_scales_that_are_not_positive_have_no_logarithm() -> None:
    times = {0.0: LADDER[1.0], **LADDER}
    assert hazard_slope(times).scales == (1.0, 2.0, 4.0)


def dependent(random: np.random.Generator, n: int, outputs: int, shape: float, rate: np.ndarray) -> np.ndarray:
    """Weibull times of outputs that depend on each other within a seed."""
    normal = math.sqrt(0.5) * random.normal(size=(n, 1)) + math.sqrt(0.5) * random.normal(size=(n, outputs))
    return np.asarray((-np.log(norm.sf(normal))) ** (1 / shape) / rate)


@pytest.mark.heavy
@pytest.mark.parametrize("shape", [1.0, pytest.param(1.5, marks=pytest.mark.heavy)])
def test_coverage_size_and_power_of_the_shape(shape: float) -> None:
    """Outputs unequally hard, dependent within a seed, at two scales, a third censored."""
    random, covered, rejected = np.random.default_rng(2), [], []
    for _ in range(60):
        ladder = {x: seen(dependent(random, 24, 6, shape, x * np.linspace(0.5, 2, 6) / 3000)) for x in (1.0, 2.0)}
        found = hazard_shape(ladder)
        covered.append(found.shape.low <= shape <= found.shape.high)
        rejected.append(found.pvalue <= 0.05)
    assert np.mean(covered) >= 0.87
    assert np.mean(rejected) <= 0.12 if shape == 1 else np.mean(rejected) > 0.8


@pytest.mark.parametrize("slope", [0.0, 1.0])
def test_coverage_of_the_slope_and_size_of_the_line(slope: float) -> None:
    random, covered, of_time, bent = np.random.default_rng(3), [], [], []
    for _ in range(60):
        ladder = {
            x: seen(dependent(random, 24, 4, 1.3, x ** (slope / 1.3) * np.linspace(0.5, 2, 4) / 3000))
            for x in (1.0, 2.0, 4.0, 8.0)
        }
        found = hazard_slope(ladder)
        covered.append(found.slope.low <= slope <= found.slope.high)
        of_time.append(found.time_slope.low <= -slope / 1.3 <= found.time_slope.high)
        bent.append(found.pvalue <= 0.05)
    assert np.mean(covered) >= 0.87
    assert np.mean(of_time) >= 0.87
    assert np.mean(bent) <= 0.13


def test_a_ladder_that_saturates_is_no_line() -> None:
    random = np.random.default_rng(4)
    ladder = {x: seen(random.exponential(2000 / min(x, 3), 100)) for x in (1.0, 3.0, 9.0, 27.0)}
    assert hazard_slope(ladder).pvalue < 0.01


@pytest.mark.heavy
def test_a_delay_is_no_rise() -> None:
    """Memoryless search, and 150 steps until what was found is learnt: the hazard rises from 0, but only once."""
    random, rejected = np.random.default_rng(9), []
    for _ in range(40):
        times = {x: seen(150 + random.exponential(600 / x, (24, 4))) for x in (1.0, 2.0)}
        found = hazard_shape(times, skipped=0.1)
        rejected.append(found.pvalue <= 0.05)
    assert np.mean(rejected) <= 0.13
    assert hazard_shape(times).pvalue < 0.001
    slope = hazard_slope(times, skipped=0.1).slope
    assert slope.low < 1 < slope.high


@pytest.mark.parametrize("skipped", [-0.1, 1.0, math.nan])
def test_skipped_is_a_share(skipped: float) -> None:
    with pytest.raises(ValueError, match="skipped is a share"):
        hazard_shape(LADDER, skipped=skipped)
