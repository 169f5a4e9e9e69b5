"""Bootstrap intervals: coverage, determinism, several samples, and samples that say nothing."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import pytest

from seedsweep.analysis import (
    bootstrap_interval,
    breakthroughness,
    dip,
    mean_given_success,
    mode,
    success_rate,
    wasserstein2,
)

X = np.random.default_rng(0).beta(2, 3, 40)


def test_coverage_of_the_mean() -> None:
    random = np.random.default_rng(1)
    hits = 0
    for trial in range(300):
        interval = bootstrap_interval(np.mean, random.normal(1.0, 2.0, 30), resamples=400, seed=trial)
        hits += interval.low <= 1.0 <= interval.high
    assert 0.88 <= hits / 300 <= 0.98


def test_width_of_the_mean() -> None:
    interval = bootstrap_interval(np.mean, X)
    standard_error = X.std() / math.sqrt(X.size)
    assert interval.estimate == pytest.approx(X.mean())
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * standard_error, rel=0.1)
    narrow = bootstrap_interval(np.mean, X, confidence=0.5)
    assert narrow.high - narrow.low == pytest.approx(2 * 0.6745 * standard_error, rel=0.15)
    assert narrow.confidence == 0.5


def test_seed_decides_everything() -> None:
    first = bootstrap_interval(np.mean, X, seed=3)
    np.random.default_rng().random(7)
    assert bootstrap_interval(np.mean, X, seed=3) == first
    assert bootstrap_interval(np.mean, X, seed=4) != first


def test_samples_are_resampled_independently() -> None:
    # the spread of a difference of means adds up; resampling pairs would give zero
    interval = bootstrap_interval(lambda a, b: a.mean() - b.mean(), X, X)
    assert interval.estimate == 0.0
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * X.std() * math.sqrt(2 / X.size), rel=0.1)


@pytest.mark.parametrize(
    ("statistic", "samples"),
    [
        (dip, [X]),
        (mode, [X]),
        (partial(success_rate, threshold=0.4), [X]),
        (partial(mean_given_success, threshold=0.4), [X]),
        (wasserstein2, [X, X[:20] + 1.0]),
        (breakthroughness, [X]),
    ],
)
def test_every_statistic_of_the_package(statistic: Any, samples: Any) -> None:
    interval = bootstrap_interval(statistic, *samples, resamples=50)
    assert interval.estimate == float(statistic(*samples)) == float(interval)
    assert interval.low < interval.high
    assert (interval.n, interval.resamples) == (40, 50)


def test_constant_sample_has_no_width() -> None:
    interval = bootstrap_interval(np.mean, [0.25] * 8)
    assert (interval.estimate, interval.low, interval.high) == (0.25, 0.25, 0.25)


def test_samples_that_say_nothing() -> None:
    one = bootstrap_interval(np.mean, [0.3])
    assert (one.estimate, one.n, one.resamples) == (0.3, 1, 0)
    assert math.isnan(one.low)
    assert math.isnan(one.high)
    empty = bootstrap_interval(np.mean, [])
    assert math.isnan(empty.estimate)
    assert math.isnan(empty.low)
    assert empty.n == 0
    assert math.isnan(bootstrap_interval(wasserstein2, X, []).estimate)
    assert math.isnan(bootstrap_interval(wasserstein2, X, [0.5]).low)


def test_resamples_without_a_value_are_left_out() -> None:
    one_success = [0.9, 0.0, 0.0, 0.0]
    interval = bootstrap_interval(partial(mean_given_success, threshold=0.5), one_success)
    assert (interval.low, interval.high) == (0.9, 0.9)
    assert interval.resamples == pytest.approx(1000 * (1 - (3 / 4) ** 4), abs=60)
    never = bootstrap_interval(partial(mean_given_success, threshold=2.0), one_success)
    assert (never.resamples, math.isnan(never.low)) == (0, True)


def test_infinite_statistic() -> None:
    interval = bootstrap_interval(lambda x: math.inf if x.max() > 0 else 0.0, [0.0, 1.0])
    assert (interval.estimate, interval.low, interval.high) == (math.inf, 0.0, math.inf)


@pytest.mark.parametrize(
    ("samples", "options", "message"),
    [
        ([], {}, "at least one sample"),
        ([[1.0, math.inf]], {}, "infinite"),
        ([[[1.0]]], {}, "one-dimensional"),
        ([[1.0]], {"confidence": 95}, "between 0 and 1"),
        ([[1.0]], {"resamples": 0}, "positive number"),
    ],
)
def test_refused_arguments(samples: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bootstrap_interval(np.mean, *samples, **options)
