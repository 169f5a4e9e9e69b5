"""Intervals for who looks at the seeds and goes on until they are narrow enough."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from seedsweep.analysis.statistics.results import Interval
from seedsweep.analysis.statistics.samples import FloatArray, observed, require_bounds, require_share
from seedsweep.analysis.statistics.success import SuccessRate, success_rate
from seedsweep.sequential import Aim as Aim
from seedsweep.sequential import share_limits

BREAKS: Final = 1000
"""Parts of the range of a mean that are kept or excluded as a whole."""


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
    x: npt.ArrayLike, *, bounds: tuple[float, float] = (0.0, 1.0), confidence: float = 0.95
) -> Interval:
    """The mean of a bounded metric, with an interval that holds however it was decided how many seeds there are.

    Parameters
    ----------
    x : array_like, shape (n,)
        One value per seed **in the order in which the seeds were added**. `nan` (a diverged seed) is dropped.
    bounds : tuple of two floats
        The range of the metric.
    confidence : float
        That no interval, of whatever number of seeds, misses the mean.

    Returns
    -------
    Interval
        `nan` for no value; `resamples` is 0.

    Raises
    ------
    ValueError
        If `x` is not one-dimensional, holds an infinite value or one beyond the bounds, or these are infinite.

    Notes
    -----
    The hedged capital process: against every mean m somebody bets on higher values and somebody on lower ones,
    with the predictable plug-in bets of the empirical Bernstein process, truncated at one half of what could
    ruin them. Under m neither fortune is expected to grow, so m is excluded once one has grown 2 / (1 -
    confidence)-fold. Intersected over all numbers of seeds, in 1000 parts of the range. `mean_interval` is
    narrower, for a number of seeds that was fixed beforehand.

    References
    ----------
    .. [1] I. Waudby-Smith and A. Ramdas, "Estimating Means of Bounded Random Variables by Betting", Journal of the
       Royal Statistical Society B 86 (2024), 1-27, Theorem 3. (The authors' package is confseq.)

    Examples
    --------
    >>> interval = mean_sequence([0.5, 0.7, 0.6, 0.8] * 16)
    >>> round(interval.estimate, 2), 0.5 < interval.low < 0.65 < interval.high < 0.8
    (0.65, True)
    """
    require_bounds(bounds)
    require_share(confidence=confidence)
    low, high = bounds
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"the mean of values without bounds has no such interval; bounds are {bounds}")
    values = observed(x)
    if values.size == 0:
        return Interval(math.nan, math.nan, math.nan, 0, 0, confidence)
    if values.min() < low or values.max() > high:
        raise ValueError(f"values from {values.min()} to {values.max()} are not within the bounds {bounds}")
    unit = (values - low) / (high - low)
    level = 1 - confidence
    bets = _bets(unit, level / 2)
    means = np.linspace(0.0, 1.0, BREAKS + 1)
    with np.errstate(divide="ignore"):
        most_up, most_down = 0.5 / means, 0.5 / (1 - means)
    up, down = np.zeros_like(means), np.zeros_like(means)  # logarithms of fortunes
    first, last = 0.0, 1.0
    for value, bet in zip(unit, bets, strict=True):
        up += np.log1p(np.minimum(bet, most_up) * (value - means))
        down += np.log1p(-np.minimum(bet, most_down) * (value - means))
        kept = means[np.maximum(up, down) <= math.log(2 / level)]
        if kept.size:
            first, last = max(first, kept[0] - 1 / BREAKS), min(last, kept[-1] + 1 / BREAKS)
    ends = [low + end * (high - low) for end in (first, last)]
    return Interval(float(values.mean()), float(ends[0]), float(ends[1]), values.size, 0, confidence)


def _bets(unit: FloatArray, level: float) -> FloatArray:
    """What is staked on each value, by those before it; one that nobody has seen is at 1/2, with variance 1/4."""
    t = np.arange(1, unit.size + 1)
    means = (0.5 + np.cumsum(unit)) / (t + 1)
    variances = (0.25 + np.cumsum((unit - means) ** 2)) / (t + 1)
    before = np.append(0.25, variances[:-1])
    bets: FloatArray = np.sqrt(2 * math.log(1 / level) / (t * np.log1p(t) * before))
    return bets
