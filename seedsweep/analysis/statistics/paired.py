"""What does a change do to the time? Pairs of the same seed with and without it, censored ones included."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom, binomtest

from seedsweep.analysis.statistics.events import EventTimes
from seedsweep.analysis.statistics.results import Interval, Result
from seedsweep.analysis.statistics.samples import Bools, FloatArray, require_share


@dataclass(frozen=True, eq=False)
class PairedEffect(Result):
    """How a change moves the time at which a seed gets there; `float(result)` is the ratio.

    Attributes
    ----------
    ratio : Interval
        Median over pairs of the time with the change divided by that without. Below 1: sooner. `inf` or 0 where
        most pairs get there on one side only; the ends of the interval may be, too. `nan` without pairs.
    pvalue : float
        Two-sided sign test; `nan` where no pair is decided.
    sooner, later, undecided : int
        Pairs that surely get there sooner with the change, surely later, and of which it cannot be told: both
        between the same evaluations, or neither in its budget.
    only_with, only_without, neither : int
        Pairs that got there on one side only; on none.
    lowest, highest : ndarray of float, shape (n,)
        Between which the logarithm (base e) of the ratio of each pair lies, in the order given.
    n : int
        All pairs.
    """

    ratio: Interval
    pvalue: float
    sooner: int
    later: int
    undecided: int
    only_with: int
    only_without: int
    neither: int
    lowest: FloatArray
    highest: FloatArray
    n: int

    def __float__(self) -> float:
        return self.ratio.estimate


def paired_effect(without: EventTimes, changed: EventTimes, *, confidence: float = 0.95) -> PairedEffect:
    """The effect of a change on the time, by pairs.

    Parameters
    ----------
    without, changed : EventTimes
        Of arrays of shape (n,): the same seeds in the same order, trained to the same step.
    confidence : float
        Of the interval.

    Returns
    -------
    PairedEffect

    Raises
    ------
    ValueError
        If the shapes differ or `confidence` is not between 0 and 1.

    Notes
    -----
    *No pair is dropped.* A pair that gets there on one side only is decided, and has a place at the end of the
    ranks: its ratio counts as 0 or infinite for the median. One that gets there on neither side has no difference
    that could be seen and stands at 1, which can only pull the median towards no effect.

    *Test.* The sign test over the decided pairs [1]_. The interval is the one that belongs to it, between two
    order statistics, of the lower ends of the pairs' ratios for its lower and of the upper ends for its upper
    limit: what the evaluations leave open makes it wider, never wrong. A pair in which nothing is known on either
    side lies between 0 and infinity. In simulations of 12 to 64 pairs, up to two thirds of them censored, it
    covers more than 99 % (300 repetitions each).

    References
    ----------
    .. [1] W. J. Dixon and A. M. Mood, "The Statistical Sign Test", Journal of the American Statistical Association
       41 (1946), 557-566; E. L. Lehmann, "Nonparametrics", Holden-Day 1975, section 4.4 (the interval).

    Examples
    --------
    >>> from seedsweep.analysis import event_times
    >>> steps = np.arange(0, 1000, 10)
    >>> moments = np.random.default_rng(0).exponential(600, 40)
    >>> without, biased = (event_times(steps, steps >= t[:, None], 0.5) for t in (moments, moments / 4))
    >>> found = paired_effect(without, biased)
    >>> found.ratio.high < 0.5, found.pvalue < 0.001, found.n, found.later
    (True, True, 40, 0)
    """
    if without.low.shape != changed.low.shape or without.low.ndim != 1:
        raise ValueError(
            f"the same seeds are needed on both sides, not {without.low.shape} and {changed.low.shape}"
        )
    require_share(confidence=confidence)
    lowest, highest = _between(without, changed)
    a, b = without.reached, changed.reached
    sooner = np.asarray(b & (changed.high <= without.low))
    later = np.asarray(a & (without.high <= changed.low))
    decided = int(sooner.sum() + later.sum())
    return PairedEffect(
        ratio=_ratio(_ranked(without, changed, sooner, later), lowest, highest, confidence),
        pvalue=float(binomtest(int(sooner.sum()), decided).pvalue) if decided else math.nan,
        sooner=int(sooner.sum()),
        later=int(later.sum()),
        undecided=a.size - decided,
        only_with=int((b & ~a).sum()),
        only_without=int((a & ~b).sum()),
        neither=int((~a & ~b).sum()),
        lowest=lowest,
        highest=highest,
        n=a.size,
    )


def _between(without: EventTimes, changed: EventTimes) -> tuple[FloatArray, FloatArray]:
    """The ends of the logarithm of every pair's ratio."""
    with np.errstate(divide="ignore", invalid="ignore"):
        a_low, a_high, b_low, b_high = (
            np.log(np.maximum(ends, 0.0)) for ends in (without.low, without.high, changed.low, changed.high)
        )
        lowest, highest = b_low - a_high, b_high - a_low
    # Both at once from step 0 on, or both never: nothing is known of the ratio.
    return np.where(np.isnan(lowest), -math.inf, lowest), np.where(np.isnan(highest), math.inf, highest)


def _ranked(without: EventTimes, changed: EventTimes, sooner: Bools, later: Bools) -> FloatArray:
    """One number per pair for the median of the logarithm of the ratio."""
    both = without.reached & changed.reached & (without.middle > 0) & (changed.middle > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        known = np.log(changed.middle) - np.log(without.middle)
    alone = np.where(sooner, -math.inf, np.where(later, math.inf, 0.0))
    return np.where(both, known, alone)


def _ratio(ranked: FloatArray, lowest: FloatArray, highest: FloatArray, confidence: float) -> Interval:
    n = ranked.size
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, 0, 0, confidence)
    ordered = np.sort(ranked)
    below, above = float(ordered[(n - 1) // 2]), float(ordered[n // 2])
    median = 0.0 if below == -math.inf and above == math.inf else (below + above) / 2  # as many at each end
    outside = int(binom.ppf((1 - confidence) / 2, n, 0.5))  # the largest k with P(fewer than k) at most that
    low = float(np.sort(lowest)[outside - 1]) if outside else -math.inf
    high = float(np.sort(highest)[n - outside]) if outside else math.inf
    return Interval(math.exp(median), math.exp(low), math.exp(high), n, 0, confidence)
