"""What the step budget decides: Kendall's test, Sen's slope, and curves whose end is known."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau, theilslopes

from seedsweep.analysis import cut_off, still_rising, success_by_budget

NAN = math.nan


def test_budget_curve_counts_what_is_there_at_the_time() -> None:
    curves = [[0.0, 0.9, 0.0], [0.0, 0.6, 0.6], [NAN, NAN, NAN], [0.9, NAN, 0.1]]
    rates = success_by_budget([0, 10, 20], curves, 0.5)
    assert [(r.successes, r.n) for r in rates] == [(1, 4), (3, 4), (1, 4)]


@given(st.lists(st.floats(0, 0.4), min_size=4, max_size=8, unique=True))
def test_rising_is_kendalls_test_and_sens_slope(window: Any) -> None:
    steps = np.arange(len(window)) * 10.0
    # All evaluations count: more than these are not in the window, and fewer than four cannot be.
    late = np.concatenate([[0], 1000 + steps])
    curve = [0.0, *window]
    tau = kendalltau(steps, window, method="asymptotic").statistic
    m = len(window)
    z = (tau * m * (m - 1) / 2 - 1) / math.sqrt(m * (m - 1) * (2 * m + 5) / 18)
    slope = theilslopes(window, steps).slope
    expected = z > 1.6448536 and window[-1] + slope * late[-1] >= 0.5
    assert still_rising(late, [curve], 0.5)[0] == expected


def test_rising_needs_a_rise_that_matters() -> None:
    steps = np.arange(0, 1001, 50)
    random = np.random.default_rng(0)
    ramp = 0.4 * steps / 1000
    kinds = {
        "ramp": (ramp + random.normal(0, 0.005, steps.size), True),
        "drift": (1e-6 * steps, False),
        "flat": (np.zeros(steps.size), False),
        "falling": (0.4 - ramp, False),
        "there": (ramp + 0.5, False),
        "diverged": (np.where(steps < 900, ramp, NAN), False),
        "over before the end": (np.minimum(ramp, 0.2), False),
    }
    rising = still_rising(steps, [curve for curve, _ in kinds.values()], 0.5)
    assert dict(zip(kinds, rising, strict=True)) == {kind: expected for kind, (_, expected) in kinds.items()}
    assert not still_rising([0, 1, 2], [[0.0, 0.2, 0.4]], 0.5)[0]  # three evaluations are too few


def test_noise_is_rarely_taken_for_a_rise() -> None:
    random = np.random.default_rng(2)
    for evaluations in (6, 16, 41):
        curves = random.normal(0.2, 0.1, (4000, evaluations)).clip(0, 0.49)
        assert still_rising(np.arange(evaluations), curves, 0.5).mean() < 0.06


def waiting(seeds: int, mean: float, random: np.random.Generator) -> np.ndarray:
    """Curves over 1000 steps that jump to 0.9 after an exponential waiting time."""
    onset = random.exponential(mean, (seeds, 1))
    return np.where(np.arange(0, 1001, 50) >= onset, 0.9, 0.01)


def test_verdicts() -> None:
    random = np.random.default_rng(3)
    steps = np.arange(0, 1001, 50)
    assert cut_off(steps, waiting(100, 500.0, random), 0.5).verdict == "cut off"
    assert cut_off(steps, waiting(250, 1000.0, random), 0.5).verdict == "cut off"
    settled = np.concatenate([waiting(40, 50.0, random), np.full((40, steps.size), 0.02)])
    assert cut_off(steps, settled, 0.5).verdict == "settled"
    assert cut_off(steps, settled[:48], 0.5).verdict == "open"  # eight failures are too few to tell
    assert cut_off(steps, np.full((40, steps.size), 0.9), 0.5).verdict == "nothing failed"
    climbing = np.outer(np.linspace(0.3, 0.45, 40), steps / 1000)
    result = cut_off(steps, climbing, 0.5)
    assert (result.verdict, result.rising.rate, result.late.rate) == ("cut off", 1.0, 0.0)
    diverged = np.where(steps < 500, 0.1, NAN) * np.ones((40, 1))
    assert cut_off(steps, diverged, 0.5).verdict == "settled"
    one_look = cut_off([1000], [[0.1]] * 40, 0.5)
    assert (one_look.verdict, one_look.late.n) == ("open", 0)
    assert cut_off(steps, [], 0.5).verdict == "nothing failed"


def test_late_hazard_is_that_of_the_waiting_time() -> None:
    steps = np.arange(0, 1001, 50)
    result = cut_off(steps, waiting(20_000, 500.0, np.random.default_rng(4)), 0.5)
    # Without memory: whoever waits at 750 comes by 1000 with this probability.
    assert result.late.rate == pytest.approx(1 - math.exp(-250 / 500), abs=0.015)
    assert result.if_doubled.estimate == pytest.approx(1 - math.exp(-1000 / 500), abs=0.015)
