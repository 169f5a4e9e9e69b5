"""Intervals for who looks at the seeds and goes on until they are narrow enough."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy.typing as npt

from seedsweep.analysis.statistics.results import Interval
from seedsweep.analysis.statistics.samples import observed, require_bounds, require_share
from seedsweep.analysis.statistics.success import SuccessRate, success_rate
from seedsweep.betting import mean_limits
from seedsweep.sequential import Aim as Aim
from seedsweep.sequential import Aims as Aims
from seedsweep.sequential import share_limits


@dataclass(frozen=True)
class SequentialRate(SuccessRate):
    """A share of seeds with an interval of a confidence sequence; `float(result)` is the rate.

    Attributes
    ----------
    aim : Aim or None
        The precision for which seeds were added, where the sequence is narrowest.
    scales : int
        The scales for which the intervals hold together.
    """

    aim: Aim | None
    scales: int


def success_sequence(
    x: npt.ArrayLike, threshold: float, *, confidence: float = 0.95, aim: Aim | None = None, scales: int = 1
) -> SequentialRate:
    """Share of seeds that succeed, with an interval that holds however it was decided how many seeds there are.

    Parameters
    ----------
    x : array_like, shape (n,)
        One value per seed, higher is better. `nan` is a diverged seed and counts as a failure.
    threshold : float
        In the unit of `x`.
    confidence : float
        That no interval, of whatever number of seeds, misses the share.
    aim : Aim, optional
        `Aim(half_width, at_most)` for which seeds were added, named before they were looked at; the sequence is
        narrowest there. By default it is about equally good everywhere.
    scales : int
        With m, the intervals of m scales hold together with this confidence (Bonferroni); with 1, each by itself.

    Returns
    -------
    SequentialRate

    Raises
    ------
    ValueError
        As `success_rate`, or if `scales` is not positive.

    Notes
    -----
    `success_rate` has Wilson's interval, for a number of seeds that was fixed beforehand: it is narrower, and of
    no use to whoever stops when it looks good. See `seedsweep.sequential.share_limits` for the method.

    Examples
    --------
    >>> rate = success_sequence([0.1, 0.9] * 32, 0.5)
    >>> rate.rate, round(rate.low, 2), round(rate.high, 2)
    (0.5, 0.3, 0.7)
    """
    require_share(confidence=confidence)
    if scales < 1:
        raise ValueError(f"scales is a positive number, not {scales}")
    rate = success_rate(x, threshold, confidence=confidence)
    limits = share_limits(rate.successes, rate.n, confidence=1 - (1 - confidence) / scales, aim=aim)
    return SequentialRate(
        rate.rate,
        limits.low,
        limits.high,
        rate.n,
        rate.successes,
        rate.threshold,
        confidence,
        aim=aim,
        scales=scales,
    )


def mean_sequence(
    x: npt.ArrayLike,
    *,
    bounds: tuple[float, float] = (0.0, 1.0),
    confidence: float = 0.95,
    aim: Aim | None = None,
    scales: int = 1,
) -> Interval:
    """The mean of a bounded metric, with an interval that holds however it was decided how many seeds there are.

    Parameters
    ----------
    x : array_like, shape (n,)
        One value per seed **in the order of the seeds' numbers**, or another that does not depend on the values.
        `nan` (a diverged seed) is dropped.
    bounds : tuple of two floats
        The range of the metric.
    confidence : float
        That no interval, of whatever number of seeds, misses the mean.
    aim : Aim, optional
        `Aim(half_width, at_most)` for which seeds were added, in the unit of `x`, named before they were looked
        at; the sequence is narrowest there. By default it is about equally good everywhere.
    scales : int
        With m, the intervals of m scales hold together with this confidence (Bonferroni); with 1, each by itself.

    Returns
    -------
    Interval
        `nan` for no value; `resamples` is 0.

    Raises
    ------
    ValueError
        If `x` is not one-dimensional, holds an infinite value or one beyond the bounds, if these are infinite, or
        if `scales` is not positive.

    Notes
    -----
    `mean_interval` has Gaffke's interval, for a number of seeds that was fixed beforehand: it is narrower, and of
    no use to whoever stops when it looks good. See `seedsweep.betting.mean_limits` for the method.

    Examples
    --------
    >>> interval = mean_sequence([0.5, 0.7, 0.6, 0.8] * 16)
    >>> round(interval.estimate, 2), 0.5 < interval.low < 0.65 < interval.high < 0.8
    (0.65, True)
    """
    require_bounds(bounds)
    require_share(confidence=confidence)
    if scales < 1:
        raise ValueError(f"scales is a positive number, not {scales}")
    values = observed(x)
    level = 1 - (1 - confidence) / scales
    low, high = mean_limits(values.tolist(), bounds=bounds, confidence=level, aim=aim)
    if values.size == 0:
        return Interval(math.nan, math.nan, math.nan, 0, 0, confidence)
    estimate = float(values.mean())
    return Interval(estimate, min(low, estimate), max(high, estimate), values.size, 0, confidence)
