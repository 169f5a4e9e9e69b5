"""Between which evaluations did it happen? Events of curves, as intervals of steps.

Curves have any shape whose last axis is the evaluations: (t,), (n, t) for n seeds, (n, o, t) for o outputs of
each. Higher is better, and `nan` means what it means in `survival`. An event is never seen at its moment: it
happened after the last evaluation without it and not after the first with it, and where it has not happened yet it
is right-censored at the last evaluation. Statistics that take an `EventTimes` use these intervals, and take no
evaluation for the moment.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from seedsweep.analysis.statistics.results import Result
from seedsweep.analysis.statistics.samples import Bools, FloatArray, as_curves, as_sample, require_positive
from seedsweep.analysis.statistics.survival import time_to_threshold

EventKind: TypeAlias = Literal[
    "reach and stay", "first crossing", "half-rise", "rise", "fall", "half-life", "resurgence"
]


@dataclass(frozen=True, eq=False)
class EventTimes(Result):
    """When something happened in every curve: in (low, high]. Arrays have the curves' shape without evaluations.

    Attributes
    ----------
    kind : str
        "reach and stay", "first crossing" or "half-rise"; of what comes and goes (`rise_and_fall`) "rise", "fall",
        "half-life" or "resurgence".
    low : ndarray of float
        The last evaluation before it, in steps; `-inf` where it was so at the first evaluation already. Where it
        has not happened, the last evaluation at which it surely had not.
    high : ndarray of float
        The first evaluation with it; `inf` where it has not happened: right-censored.
    diverged : ndarray of bool
        Curves without a value at their end. The event never happens to them (see `time_to_threshold`).
    level : ndarray of float
        The value to be reached, in the unit of the curves.
    """

    kind: EventKind
    low: FloatArray
    high: FloatArray
    diverged: Bools
    level: FloatArray

    @property
    def reached(self) -> Bools:
        """Where it has happened."""
        return np.isfinite(self.high)

    @property
    def by_output(self) -> tuple[FloatArray, FloatArray]:
        """`low` and `high` as seeds × outputs, shape (n, o); a time per seed is one output."""
        shape = len(self.low), math.prod(self.low.shape[1:])
        return self.low.reshape(shape), self.high.reshape(shape)

    @property
    def middle(self) -> FloatArray:
        """Half-way between the two evaluations; `inf` where censored, the first one where so from the start."""
        known = self.reached & np.isfinite(self.low)
        between = np.where(known, self.low, self.high)
        return np.asarray((between + self.high) / 2)


def event_times(
    steps: npt.ArrayLike,
    curves: npt.ArrayLike,
    threshold: float,
    *,
    first: bool = False,
) -> EventTimes:
    """Between which evaluations every curve reaches a threshold, for good or for the first time.

    Parameters
    ----------
    steps : array_like, shape (t,)
        Steps of the evaluations, ascending.
    curves : array_like, shape (..., t)
        Higher is better.
    threshold : float
        In the unit of the curves.
    first : bool
        The first crossing, whatever comes after it. By default the curve *reaches and stays*: at every evaluation
        from then on it is at the threshold or above.

    Returns
    -------
    EventTimes

    Raises
    ------
    ValueError
        As `time_to_threshold`.

    Notes
    -----
    The first crossing is never later. It is early where a metric is noisy about the threshold, and it counts
    curves that lose what they had; reach-and-stay is late for a curve that flickers, and counts exactly those that
    succeed at the end. Say which.

    Examples
    --------
    >>> curves = [[0.0, 0.7, 0.1, 0.9], [0.0, 0.6, 0.1, 0.2]]
    >>> times = event_times([0, 100, 200, 300], curves, 0.5)
    >>> times.low, times.high
    (array([200., 300.]), array([300.,  inf]))
    >>> event_times([0, 100, 200, 300], curves, 0.5, first=True).high
    array([100., 100.])
    """
    values, shape = _flat(steps, curves)
    at, filled = as_curves(steps, values, threshold)
    if first:
        there = filled >= threshold
        crossing = np.argmax(there, axis=1)
        reached = there.any(axis=1)
        low = np.where(reached, np.concatenate([[-math.inf], at])[crossing], at[-1])
        high = np.where(reached, at[crossing], math.inf)
    else:
        stayed = time_to_threshold(steps, values, threshold)
        started = np.where(np.isnan(stayed.after), -math.inf, stayed.after)
        low = np.where(stayed.reached, started, stayed.steps)
        high = np.where(stayed.reached, stayed.steps, math.inf)
    return EventTimes(
        kind="first crossing" if first else "reach and stay",
        low=low.reshape(shape),
        high=high.reshape(shape),
        diverged=np.isnan(filled[:, -1]).reshape(shape),
        level=np.full(shape, float(threshold)),
    )


def half_rise(steps: npt.ArrayLike, curves: npt.ArrayLike, *, least: float) -> EventTimes:
    """Between which evaluations every curve passes half of its own rise, for good.

    Parameters
    ----------
    steps : array_like, shape (t,)
        Steps of the evaluations, ascending.
    curves : array_like, shape (..., t)
        Higher is better.
    least : float
        The smallest rise, from the first value to the last, that counts as one, in the unit of the curves. A curve
        that has risen less is right-censored: its rise may still come.

    Returns
    -------
    EventTimes
        `level` is half-way between the first value and the last; `nan` where there is no rise.

    Raises
    ------
    ValueError
        As `time_to_threshold`, and if `least` is not positive.

    Notes
    -----
    Two quantities that are measured in different units, such as attention and accuracy, have no common threshold:
    attention may be far from all on the parents while the answer is right. Each one's own half-rise is a moment
    that both have. It is a moment of the curve as it is measured: a monotone change of the unit moves it within
    the rise, so only rises that are short beside the time between them can be put in order.

    Examples
    --------
    >>> times = half_rise([0, 10, 20, 30], [[0.0, 0.1, 0.7, 0.8], [0.0, 0.0, 0.0, 0.1]], least=0.2)
    >>> times.low, times.high
    (array([10., 30.]), array([20., inf]))
    """
    require_positive(least=least)
    values, shape = _flat(steps, curves)
    at, filled = as_curves(steps, values, 0.0)
    known = ~np.isnan(filled)
    begin = filled[np.arange(len(filled)), np.argmax(known, axis=1)]
    end = filled[:, -1]
    with np.errstate(invalid="ignore"):
        rises = end - begin >= least
    level = np.where(rises, (begin + end) / 2, math.nan)
    above = np.where(rises[:, None], filled - level[:, None], np.where(known, -1.0, math.nan))
    stayed = event_times(at, above, 0.0)
    return EventTimes(
        kind="half-rise",
        low=stayed.low.reshape(shape),
        high=stayed.high.reshape(shape),
        diverged=stayed.diverged.reshape(shape),
        level=level.reshape(shape),
    )


def _flat(steps: npt.ArrayLike, curves: npt.ArrayLike) -> tuple[FloatArray, tuple[int, ...]]:
    """Curves as rows, and the shape that belongs to them."""
    values = np.asarray(curves, dtype=np.float64)
    if values.ndim == 0:
        raise ValueError("curves have an axis of evaluations")
    if values.size == 0:
        return np.empty((0, max(1, as_sample(steps).size))), values.shape[:-1] or (0,)
    return values.reshape(-1, values.shape[-1]), values.shape[:-1]
