"""Competing outcomes against plain shares, lifelines and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import CensoredData, ecdf

from seedsweep.analysis import outcome_shares

# Times of thirty seeds, and what happened then: 1 or 2, or 0 for censored; no two at one time. lifelines 0.30:
# `AalenJohansenFitter(calculate_variance=False).fit(TIMES, KINDS, event_of_interest=k).cumulative_density_`.
TIMES = [
    *(
        20,
        10,
        3,
        8,
        24,
        25,
        12,
        7,
        13,
        18,
        4,
        28,
        30,
        17,
        2,
        26,
        21,
        29,
        19,
        5,
        27,
        16,
        11,
        14,
        23,
        1,
        6,
        22,
        15,
        9,
    )
]
KINDS = [0, 2, 0, 1, 2, 0, 2, 2, 0, 1, 0, 1, 1, 0, 1, 2, 1, 0, 1, 1, 2, 0, 1, 2, 1, 1, 0, 0, 2, 0]
AT = [5, 10, 20, 30]
LIFELINES = {
    1: [0.102564103, 0.139957265, 0.274849815, 0.599934657],
    2: [0.0, 0.076566952, 0.198697, 0.400065343],
}


def states(times: list[int], kinds: list[int], end: int) -> np.ndarray:
    """A seed that is censored at a time is still seen there, and not after."""
    rows = np.zeros((len(times), end + 1), dtype=int)
    for row, time, kind in zip(rows, times, kinds, strict=True):
        row[time:] = kind
        if kind == 0:
            row[time + 1 :] = -1
    return rows


def test_two_outcomes_are_those_of_lifelines() -> None:
    found = outcome_shares(range(31), states(TIMES, KINDS, 30))
    assert found.there[AT] == pytest.approx(LIFELINES[1], abs=1e-8)
    assert found.gone[AT] == pytest.approx(LIFELINES[2], abs=1e-8)


def test_never_is_kaplan_meier_of_scipy() -> None:
    happened = np.array(KINDS) > 0
    times = np.array(TIMES, dtype=float)
    survival = ecdf(CensoredData(times[happened], right=times[~happened])).sf
    found = outcome_shares(range(31), states(TIMES, KINDS, 30))
    assert found.never == pytest.approx(survival.evaluate(range(31)), abs=1e-12)


def test_without_stopped_seeds_they_are_plain_shares() -> None:
    random = np.random.default_rng(0)
    drawn = np.maximum.accumulate(random.integers(0, 4, (50, 12)), axis=1)
    found = outcome_shares(range(12), drawn)
    for number, name in enumerate(("never", "there", "gone", "back")):
        assert getattr(found, name) == pytest.approx((drawn == number).mean(axis=0))
    assert found.stacked.sum(axis=0) == pytest.approx(np.ones(12))
    assert (found.low <= found.stacked + 1e-12).all()
    assert (found.stacked <= found.high + 1e-12).all()


def test_stopped_seeds_do_not_bias_it_and_intervals_hold_it() -> None:
    """Seeds come at exponential times and go after another; they are stopped whatever they do."""
    random = np.random.default_rng(1)
    steps, covered, means = np.arange(0, 50), [], []
    for _ in range(200):
        come = random.exponential(15, 60)
        go = come + random.exponential(10, 60)
        drawn = (steps >= come[:, None]).astype(int) + (steps >= go[:, None])
        stop = random.exponential(50, 60)
        drawn[(steps > stop[:, None]) & (steps > 0)] = -1
        found = outcome_shares(steps, drawn)
        truth = _gone(30.0)
        means.append(found.gone[30])
        covered.append(found.low[2, 30] <= truth <= found.high[2, 30])
    assert np.mean(means) == pytest.approx(_gone(30.0), abs=0.015)
    assert np.mean(covered) >= 0.92


def _gone(step: float, come: float = 15.0, stay: float = 10.0) -> float:
    """That the sum of two exponential times is over."""
    return float(1 - (come * np.exp(-step / come) - stay * np.exp(-step / stay)) / (come - stay))


def test_degenerate() -> None:
    nobody = outcome_shares([0, 1], np.empty((0, 2)))
    assert np.isnan(nobody.stacked).all()
    with pytest.raises(ValueError, match="states are 0 to 3"):
        outcome_shares([0, 1], [[0, 4]])
    with pytest.raises(ValueError, match="states are 0 to 3"):
        outcome_shares([0, 1], [[-1, 0]])
