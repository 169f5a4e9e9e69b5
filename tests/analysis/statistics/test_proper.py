"""Scores against their definitions and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from seedsweep.analysis import crps, log_score


def test_by_brute_force() -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=17), random.normal(size=9)
    known = np.abs(x[:, None] - y).mean() - np.abs(x[:, None] - x).mean() / 2
    assert crps(x, y) == pytest.approx(known)


def test_of_a_normal_forecast_it_is_the_closed_form() -> None:
    """Gneiting and Raftery 2007, equation 22."""
    x = norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    for y in (-2.0, 0.0, 0.7):
        known = y * (2 * norm.cdf(y) - 1) + 2 * norm.pdf(y) - 1 / math.sqrt(math.pi)
        assert crps(x, [y]) == pytest.approx(known, abs=1e-3)


def test_of_one_value_it_is_the_absolute_error() -> None:
    assert crps([0.3], [0.1, 0.7, math.nan]) == pytest.approx(0.3)
    assert math.isnan(crps([], [0.1]))
    assert math.isnan(crps([0.1], []))


def test_nobody_gains_by_saying_other_than_they_believe() -> None:
    random = np.random.default_rng(1)
    seen = random.normal(0.5, 0.1, 20_000)
    scores = {spread: crps(random.normal(0.5, spread, 5000), seen) for spread in (0.05, 0.1, 0.2)}
    assert min(scores, key=lambda spread: scores[spread]) == 0.1
    logs = {p: log_score(p, 300, 1000) for p in (0.2, 0.3, 0.4)}
    assert min(logs, key=lambda p: logs[p]) == 0.3


def test_what_was_ruled_out_costs_everything() -> None:
    assert log_score(0.0, 1, 10) == math.inf
    assert log_score(0.0, 0, 10) == 0.0
    assert math.isnan(log_score(0.5, 0, 0))
