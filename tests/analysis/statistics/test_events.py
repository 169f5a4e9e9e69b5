"""Between which evaluations events happen: by hand, and by a plain loop over every curve."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedsweep.analysis import event_times, half_rise, time_to_threshold

NAN, INF = math.nan, math.inf
value = st.sampled_from([0.0, 0.4, 0.5, 0.9, NAN])


def by_loop(curve: list[float], first: bool) -> tuple[float, float]:
    """Step 10 k is the k-th evaluation."""
    last = max((k for k, x in enumerate(curve) if not math.isnan(x)), default=-1)
    known, before = [], NAN
    for k, x in enumerate(curve):
        before = x if k > last or not math.isnan(x) else before  # a gap keeps the value before it
        known.append(before)
    for k in range(len(known)):
        if known[k] >= 0.5 and (first or all(x >= 0.5 for x in known[k:])):
            return (10 * (k - 1) if k else -INF), 10 * k
    return 10 * (len(known) - 1), INF


@given(st.lists(st.lists(value, min_size=4, max_size=4), min_size=1, max_size=6), st.booleans())
def test_events_are_those_of_a_loop(curves: list[list[float]], first: bool) -> None:
    times = event_times(range(0, 40, 10), curves, 0.5, first=first)
    expected = [by_loop(curve, first) for curve in curves]
    assert list(zip(times.low.tolist(), times.high.tolist(), strict=True)) == expected
    assert times.diverged.tolist() == [math.isnan(curve[-1]) for curve in curves]
    assert times.kind == ("first crossing" if first else "reach and stay")
    crossing = event_times(range(0, 40, 10), curves, 0.5, first=True)
    assert (crossing.high <= times.high).all()
    stayed = time_to_threshold(range(0, 40, 10), curves, 0.5)
    assert (event_times(range(0, 40, 10), curves, 0.5).reached == stayed.reached).all()


def test_outputs_keep_their_places() -> None:
    curves = np.zeros((2, 3, 4))
    curves[1, 2, 2:] = 1.0
    times = event_times([0, 10, 20, 30], curves, 0.5)
    assert times.low.shape == (2, 3)
    assert (times.low[1, 2], times.high[1, 2], times.middle[1, 2]) == (10, 20, 15)
    assert np.isinf(times.high).sum() == 5
    assert json.loads(json.dumps(times.to_dict(), allow_nan=False))["high"][0] == [None] * 3


@pytest.mark.parametrize(
    ("curve", "low", "high", "level"),
    [
        ([0.0, 0.2, 0.6, 1.0], 10, 20, 0.5),
        ([0.5, 0.5, 1.0, 1.0], 10, 20, 0.75),
        ([0.0, 0.9, 0.1, 1.0], 20, 30, 0.5),  # not for good before
        ([0.0, 0.1, 0.1, 0.1], 30, INF, NAN),  # too little to be a rise
        ([1.0, 0.5, 0.2, 0.0], 30, INF, NAN),
        ([NAN, 0.0, 0.9, 1.0], 10, 20, 0.5),
        ([0.0, 1.0, NAN, NAN], 30, INF, NAN),  # diverged
        ([NAN] * 4, 30, INF, NAN),
    ],
)
def test_half_of_a_curves_own_rise(curve: list[float], low: float, high: float, level: float) -> None:
    times = half_rise([0, 10, 20, 30], [curve], least=0.25)
    found = times.low[0], times.high[0], times.level[0]
    assert found == pytest.approx((low, high, level), nan_ok=True)
    moved = half_rise([0, 10, 20, 30], [[5 + 2 * x for x in curve]], least=0.5)
    assert (moved.low[0], moved.high[0]) == (low, high)  # whatever the unit


@pytest.mark.parametrize("curves", [[], np.empty((0, 4)), np.empty((0, 3, 4))])
def test_no_seeds(curves: Any) -> None:
    for times in (event_times([0, 1, 2, 3], curves, 0.5), half_rise([0, 1, 2, 3], curves, least=0.1)):
        assert times.low.size == times.high.size == 0


def test_refusals() -> None:
    with pytest.raises(ValueError, match="axis of evaluations"):
        event_times([0], 1.0, 0.5)
    with pytest.raises(ValueError, match="ascending"):
        event_times([0, 0], [[1, 1]], 0.5)
    with pytest.raises(ValueError, match="least is a positive number"):
        half_rise([0, 1], [[0, 1]], least=0)
