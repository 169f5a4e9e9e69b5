"""Success rates against scipy's Wilson interval."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from seedsweep.analysis import mean_given_success, succeeds, success_rate
from seedsweep.criterion import Criterion


@pytest.mark.parametrize("n", [1, 2, 3, 20, 64, 250])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
def test_wilson_interval_agrees_with_scipy(n: int, share: float, confidence: float) -> None:
    successes = round(share * n)
    result = success_rate([1.0] * successes + [0.0] * (n - successes), 0.5, confidence=confidence)
    expected = binomtest(successes, n).proportion_ci(confidence_level=confidence, method="wilson")
    assert (result.successes, result.n) == (successes, n)
    assert float(result) == result.rate == successes / n
    assert result.low == pytest.approx(expected.low, abs=1e-12)
    assert result.high == pytest.approx(expected.high, abs=1e-12)


def test_threshold_itself_is_success() -> None:
    assert success_rate([0.2, 0.5, 0.8], 0.5).successes == 2
    assert mean_given_success([0.2, 0.5, 0.8], 0.5) == pytest.approx(0.65)


def test_where_lower_is_better() -> None:
    loss = Criterion("loss", split="test", threshold=0.5, higher_is_better=False)
    losses = loss.oriented([0.2, 0.5, 0.8, math.nan])
    assert succeeds(losses, loss.least).tolist() == [True, True, False, False]
    assert success_rate(losses, loss.least).successes == 2
    assert loss.shown(mean_given_success(losses, loss.least)) == pytest.approx(0.35)


def test_diverged_seed_is_a_failure() -> None:
    result = success_rate([math.nan, 1.0], -5.0)
    assert (result.successes, result.n) == (1, 2)
    assert mean_given_success([math.nan, 1.0], -5.0) == 1.0


def test_no_seeds_and_no_successes() -> None:
    nothing = success_rate([], 0.5)
    assert math.isnan(nothing.rate)
    assert (nothing.low, nothing.high, nothing.n, nothing.successes) == (0.0, 1.0, 0, 0)
    assert success_rate([math.nan], 0.5).rate == 0.0
    for x in ([], [math.nan], [0.1, 0.2]):
        assert math.isnan(mean_given_success(x, 0.5))


@pytest.mark.parametrize("threshold", [math.nan, math.inf])
def test_refused_threshold(threshold: float) -> None:
    for function in (success_rate, mean_given_success):
        with pytest.raises(ValueError, match="threshold is a finite number"):
            function([1.0], threshold)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95, math.nan])
def test_refused_confidence(confidence: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        success_rate([1.0], 0.5, confidence=confidence)


def test_refused_sample() -> None:
    for function in (success_rate, mean_given_success):
        with pytest.raises(ValueError, match="1 of 2 values are infinite"):
            function(np.array([1.0, np.inf]), 0.5)
