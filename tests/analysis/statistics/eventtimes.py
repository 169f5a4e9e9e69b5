"""Event times as the tests make them."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from seedsweep.analysis import EventTimes

STEPS = np.arange(0, 3001, 50.0)


def between(low: npt.ArrayLike, high: npt.ArrayLike) -> EventTimes:
    """Known to lie in (low, high]."""
    after, by = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    return EventTimes("reach and stay", after, by, np.zeros(after.shape, dtype=bool), np.zeros(after.shape))


def seen(moments: npt.ArrayLike, steps: np.ndarray = STEPS) -> EventTimes:
    """Moments of any shape, as a schedule of evaluations sees them."""
    at = np.asarray(moments, dtype=np.float64)
    first = np.searchsorted(steps, at)
    censored = first == steps.size
    by = np.where(censored, math.inf, steps[np.minimum(first, steps.size - 1)])
    after = np.where(first > 0, steps[np.maximum(first, 1) - 1], -math.inf)
    return between(np.where(censored, steps[-1], after), by)
