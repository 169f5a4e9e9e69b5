"""Time to the threshold: a published table, scipy's estimators and closed forms."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import CensoredData, ecdf, logrank, multivariate_hypergeom

from seedsweep.analysis import (
    cut_off,
    kaplan_meier,
    log_rank,
    still_rising,
    success_by_budget,
    success_rate,
    summarise_survival,
    time_to_threshold,
)

NAN = math.nan

# Weeks in remission of 42 leukaemia patients, Freireich et al., Blood 21 (1963); negative: still in remission.
MERCAPTOPURINE = [6, 6, 6, -6, 7, -9, 10, -10, -11, 13, 16, -17, -19, -20, 22, 23, -25, -32, -32, -34, -35]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


def signed(weeks: list[int]) -> tuple[np.ndarray, np.ndarray]:
    return np.abs(weeks), np.array(weeks) > 0


samples = st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=1, max_size=25)


def columns(sample: list[tuple[int, bool]]) -> tuple[np.ndarray, np.ndarray]:
    times, reached = zip(*sample, strict=True)
    return np.array(times, dtype=float), np.array(reached)


def test_leukaemia_table() -> None:
    curve = kaplan_meier(*signed(MERCAPTOPURINE))
    at = {time: i for i, time in enumerate(curve.times)}
    # Stata, `sts list` of these data: number at risk, survivor function and its 95 % interval (log-log).
    for week, at_risk, survival, low, high in (
        (6, 21, 0.8571, 0.6197, 0.9516),
        (7, 17, 0.8067, 0.5631, 0.9228),
        (10, 15, 0.7529, 0.5032, 0.8894),
        (13, 12, 0.6902, 0.4316, 0.8491),
        (16, 11, 0.6275, 0.3675, 0.8049),
        (22, 7, 0.5378, 0.2678, 0.7468),
        (23, 6, 0.4482, 0.1881, 0.6801),
    ):
        i = at[week]
        assert curve.at_risk[i] == at_risk
        assert (curve.survival[i], curve.low[i], curve.high[i]) == pytest.approx((survival, low, high), abs=6e-5)
    assert (curve.median.estimate, curve.median.low, curve.median.high) == (23, 13, math.inf)
    assert (curve.n, curve.n_events) == (21, 9)
    assert kaplan_meier(*signed(PLACEBO)).median.estimate == 8


def test_leukaemia_log_rank() -> None:
    result = log_rank({1: signed(MERCAPTOPURINE), 0: signed(PLACEBO)})
    assert result.statistic == pytest.approx(16.79, abs=0.005)
    assert (result.degrees, result.groups) == (1, (0.0, 1.0))
    assert result.observed == (21, 9)
    assert result.expected == pytest.approx((10.75, 19.25), abs=0.005)


@given(samples)
def test_kaplan_meier_agrees_with_scipy(sample: Any) -> None:
    times, reached = columns(sample)
    curve = kaplan_meier(times, reached)
    with np.errstate(all="ignore"):
        expected = ecdf(CensoredData(times[reached], right=times[~reached])).sf
    np.testing.assert_array_equal(curve.times, expected.quantiles)
    np.testing.assert_allclose(curve.survival, expected.probabilities, atol=1e-12)
    inside = (curve.survival > 0) & (curve.survival < 1)
    if inside.any():
        with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):  # where S is 0 or 1
            interval: Any = expected.confidence_interval(method="log-log")
        np.testing.assert_allclose(curve.low[inside], interval.low.probabilities[inside], atol=1e-9)
        np.testing.assert_allclose(curve.high[inside], interval.high.probabilities[inside], atol=1e-9)
    assert np.all((curve.low >= 0) & (curve.low <= curve.survival + 1e-12))
    assert np.all((curve.high <= 1) & (curve.high >= curve.survival - 1e-12))


@given(a=samples, b=samples)
def test_log_rank_of_two_groups_agrees_with_scipy(a: Any, b: Any) -> None:
    groups: dict[float, Any] = {0: columns(a), 1: columns(b)}
    result = log_rank(groups)
    x, y = (CensoredData(times[reached], right=times[~reached]) for times, reached in groups.values())
    if result.degrees == 0:
        assert math.isnan(result.statistic)
        assert math.isnan(result.pvalue)
    else:
        expected = logrank(x, y)
        assert result.statistic == pytest.approx(expected.statistic**2, rel=1e-9, abs=1e-12)
        assert result.pvalue == pytest.approx(expected.pvalue, abs=1e-12)


def test_log_rank_of_four_groups_is_the_hypergeometric_quadratic_form() -> None:
    random = np.random.default_rng(1)
    groups: dict[float, Any] = {
        g: (np.ceil(random.exponential(4 + 2 * g, 30)), random.random(30) < 0.7) for g in (1, 2, 3, 4)
    }
    difference, covariance = np.zeros(4), np.zeros((4, 4))
    for moment in range(1, 60):
        at_risk = [int((times >= moment).sum()) for times, _ in groups.values()]
        events = [int(((times == moment) & reached).sum()) for times, reached in groups.values()]
        if sum(events) and sum(at_risk) > 1:
            law = multivariate_hypergeom(m=at_risk, n=sum(events))
            difference += np.array(events) - law.mean()
            covariance += law.cov()
    expected = difference[:3] @ np.linalg.solve(covariance[:3, :3], difference[:3])
    result = log_rank(groups)
    assert result.degrees == 3
    assert result.statistic == pytest.approx(expected, rel=1e-9)


@given(a=samples, b=samples, c=samples, random=st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_log_rank_knows_neither_units_nor_order(a: Any, b: Any, c: Any, random: Any) -> None:
    groups: dict[float, Any] = {1: columns(a), 2: columns(b), 3: columns(c)}
    moved = {
        -g: (np.exp(times / 5), reached)
        for g, (times, reached) in zip(groups, (columns(random.sample(x, len(x))) for x in (a, b, c)), strict=True)
    }
    one, other = log_rank(groups), log_rank(moved)
    assert one.degrees == other.degrees
    assert one.statistic == pytest.approx(other.statistic, rel=1e-6, abs=1e-9, nan_ok=True)


def test_degenerate_survival() -> None:
    empty = kaplan_meier([], [])
    assert (empty.n, empty.times.size) == (0, 0)
    assert math.isnan(empty.median.estimate)
    assert math.isnan(log_rank({}).statistic)
    assert math.isnan(log_rank({1: ([5], [True])}).pvalue)
    nobody = log_rank({1: ([5, 5], [False, False]), 2: ([5], [False])})
    assert (nobody.degrees, nobody.observed) == (0, (0, 0))
    assert log_rank({1: ([5], [True]), 2: ([], [])}).groups == (1.0,)
    never = kaplan_meier([800] * 64, [False] * 64)
    assert (never.survival[0], never.high[0]) == (1, 1)
    assert never.low[0] == pytest.approx(1 - success_rate([0.0] * 64, 0.5).high)
    assert (never.median.estimate, never.median.low) == (math.inf, math.inf)
    one = kaplan_meier([10], [True])
    assert (one.survival[0], one.low[0], one.median.estimate) == (0, 0, 10)
    assert 0.5 < one.high[0] < 1


def test_times_of_curves() -> None:
    steps = [0, 10, 20, 40]
    curves = {
        "steady": ([0.0, 0.6, 0.7, 0.8], 10, 0, True, False),
        "late": ([0.0, 0.0, 0.0, 0.5], 40, 20, True, False),
        "comes and goes": ([0.0, 0.9, 0.1, 0.9], 40, 20, True, False),
        "early luck": ([0.0, 0.9, 0.0, 0.0], 40, NAN, False, True),
        "never": ([0.0, 0.1, 0.2, 0.4], 40, NAN, False, False),
        "from the start": ([0.5, 0.5, 0.5, 0.5], 0, NAN, True, False),
        "gap": ([0.0, 0.6, NAN, 0.8], 10, 0, True, False),
        "gap at first": ([NAN, 0.6, 0.7, 0.8], 10, 0, True, False),
        "diverged": ([0.0, 0.9, NAN, NAN], 40, NAN, False, True),
        "nothing": ([NAN] * 4, 40, NAN, False, False),
    }
    times = time_to_threshold(steps, [row[0] for row in curves.values()], 0.5)
    for i, (name, (_, reached_at, after, reached, lost)) in enumerate(curves.items()):
        assert (times.steps[i], times.reached[i], times.lost[i]) == (reached_at, reached, lost), name
        assert times.after[i] == pytest.approx(after, nan_ok=True), name
    assert times.diverged.tolist() == [False] * 8 + [True] * 2


def test_runs_of_different_lengths_are_censored_where_they_end() -> None:
    steps = [0, 10, 20, 30]
    curves = [[0.0, 0.2, NAN, NAN], [0.0, 0.9, 0.1, 0.9], [0.0, 0.9, 0.9, NAN], [0.0, NAN, NAN, NAN]]
    times = time_to_threshold(steps, curves, 0.5, trained_to=[10, 25, 20, 30])
    assert times.steps.tolist() == [10, 20, 10, 30]
    assert times.reached.tolist() == [False, False, True, False]
    assert times.diverged.tolist() == [False, False, False, True]
    for wrong in ([10, 20], [10, 20, 30, -1], [10, 20, 30, NAN]):
        with pytest.raises(ValueError, match="trained_to needs one step per seed"):
            time_to_threshold(steps, curves, 0.5, trained_to=wrong)


curve_sets = st.integers(1, 6).flatmap(
    lambda t: st.lists(
        st.lists(st.sampled_from([0.0, 0.2, 0.5, 0.9, NAN]), min_size=t, max_size=t), min_size=1, max_size=8
    )
)


@given(curve_sets, st.randoms(use_true_random=False))
def test_seeds_have_no_order_and_time_no_unit(curves: Any, random: Any) -> None:
    steps = np.arange(len(curves[0]))
    times = time_to_threshold(steps, curves, 0.5)
    order = random.sample(range(len(curves)), len(curves))
    later = time_to_threshold(np.exp(steps), np.array(curves)[order], 0.5)
    np.testing.assert_array_equal(later.steps, np.exp(times.steps[order]))
    np.testing.assert_array_equal(later.reached, times.reached[order])


@given(curve_sets)
def test_what_has_got_there_at_the_end_is_what_succeeded(curves: Any) -> None:
    steps = np.arange(len(curves[0]))
    times = time_to_threshold(steps, curves, 0.5)
    final = success_rate(np.array(curves)[:, -1], 0.5)
    assert times.reached.sum() == final.successes
    survival = kaplan_meier(times.steps, times.reached)
    assert 1 - survival.survival[-1] == pytest.approx(final.rate)
    assert success_by_budget(steps, curves, 0.5)[-1] == final


@pytest.mark.parametrize(
    ("steps", "curves", "threshold", "message"),
    [
        ([0, 10], [[0.1]], 0.5, "shape"),
        ([], [], 0.5, "shape"),
        ([0, 10], [0.1, 0.2], 0.5, "shape"),
        ([0, 0], [[0.1, 0.2]], 0.5, "ascending order"),
        ([0, NAN], [[0.1, 0.2]], 0.5, "ascending order"),
        ([0, 10], [[0.1, math.inf]], 0.5, "1 values are infinite"),
        ([0, 10], [[0.1, 0.2]], NAN, "threshold is a finite number"),
    ],
)
def test_refused_curves(steps: Any, curves: Any, threshold: Any, message: str) -> None:
    for function in (time_to_threshold, success_by_budget, still_rising, cut_off):
        with pytest.raises(ValueError, match=message):
            function(steps, curves, threshold)
    with pytest.raises(ValueError, match=f"at scale 3: .*{message}"):
        summarise_survival({3: (steps, curves)}, threshold=threshold)


@pytest.mark.parametrize(("times", "reached"), [([1, 2], [True]), ([NAN], [True]), ([[1]], [[True]])])
def test_refused_times(times: Any, reached: Any) -> None:
    for function in (kaplan_meier, lambda *pair: log_rank({1: pair})):
        with pytest.raises(ValueError, match=r"one time and one flag|one-dimensional"):
            function(times, reached)


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_refused_confidence(confidence: Any) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        kaplan_meier([1], [True], confidence=confidence)


@pytest.mark.heavy
def test_coverage_of_the_intervals() -> None:
    """Exponential waiting times, censored at random: S(t) = exp(-t), median ln 2."""
    random = np.random.default_rng(6)
    covered = np.zeros(4)
    repeats = 3000
    for _ in range(repeats):
        onset, end = random.exponential(1.0, 48), random.exponential(2.0, 48)
        curve = kaplan_meier(np.minimum(onset, end), onset <= end)
        for i, t in enumerate((0.2, 0.7, 1.5)):
            at = np.searchsorted(curve.times, t, side="right") - 1
            covered[i] += at < 0 or curve.low[at] <= math.exp(-t) <= curve.high[at]
        covered[3] += curve.median.low <= math.log(2) <= curve.median.high
    assert np.all(np.abs(covered / repeats - 0.95) < 0.02)


@pytest.mark.heavy
def test_level_of_the_log_rank_test_on_an_evaluation_grid() -> None:
    random = np.random.default_rng(7)
    rejected = 0
    for _ in range(2000):
        onset = np.ceil(random.exponential(400, (3, 40)) / 100) * 100
        groups: dict[float, Any] = {g: (np.minimum(x, 800), x <= 800) for g, x in enumerate(onset)}
        rejected += log_rank(groups).pvalue < 0.05
    assert 0.04 < rejected / 2000 < 0.065
