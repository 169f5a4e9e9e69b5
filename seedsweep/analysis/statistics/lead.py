"""Which comes first? Lead and lag of one event of an output against another of the same output."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import binomtest

from seedsweep.analysis.statistics.bootstrap import percentile_interval
from seedsweep.analysis.statistics.events import EventTimes
from seedsweep.analysis.statistics.results import Interval, Result
from seedsweep.analysis.statistics.samples import Bools, FloatArray, generator, require_positive, require_share


@dataclass(frozen=True)
class LeadLag(Result):
    """How much later an event comes than another; `float(result)` is the median difference.

    Attributes
    ----------
    median : Interval
        Over all outputs of all seeds in which both happened: the first event's step minus the second's, each in
        the middle of its interval. Negative: the first event leads. The interval is of resamples of seeds, and
        runs from the earliest that the evaluations leave open to the latest. `nan` without such outputs.
    quartiles : tuple of two floats
        Of the same differences.
    resolution : float
        Median width of the interval in which a difference lies: smaller ones are not seen.
    before, after, together : int
        Outputs in which the first event surely came first, surely last, and was seen in the same interval.
    seeds_before, seeds_after : int
        Seeds in which more outputs have it before than after, and the other way round.
    pvalue : float
        Two-sided sign test over these seeds, of neither coming first; `nan` without any.
    distance : float
        Median, over these outputs, of the size of the difference; `nan` without.
    exchanged : float
        The same if the first event of each output is compared with the second of another output of the same seed:
        mean over permutations.
    pvalue_exchanged : float
        One-sided, that an output's two events are no closer than those of different outputs of the seed; `nan`
        where no seed has two outputs with both.
    n, seeds, first_only, second_only, neither : int
        Outputs with both events; seeds they are of; outputs with one of the events only; with none.
    """

    median: Interval
    quartiles: tuple[float, float]
    resolution: float
    before: int
    after: int
    together: int
    seeds_before: int
    seeds_after: int
    pvalue: float
    distance: float
    exchanged: float
    pvalue_exchanged: float
    n: int
    seeds: int
    first_only: int
    second_only: int
    neither: int

    def __float__(self) -> float:
        return self.median.estimate


def lead_lag(
    first: EventTimes,
    second: EventTimes,
    *,
    confidence: float = 0.95,
    resamples: int = 1000,
    permutations: int = 1999,
) -> LeadLag:
    """Whether an event comes before another of the same output, and whether the two belong together.

    Parameters
    ----------
    first, second : EventTimes
        Of arrays of shape (n, o): n seeds with o outputs each; (n,) for one output.
    confidence, resamples
        Of the interval of the median.
    permutations : int
        Of the outputs within their seeds.

    Returns
    -------
    LeadLag

    Raises
    ------
    ValueError
        If the shapes differ, `confidence` is not between 0 and 1, or a number is not positive.

    Notes
    -----
    *Which leads* is counted by seeds: outputs of one seed are not independent of each other. A seed counts for the
    event that surely came first in more of its outputs; a seed without a majority, such as one in which the
    schedule of the evaluations tells no output's events apart, counts for neither. So the sign test [1]_ has its
    size whatever the dependence within a seed.

    *Belonging together.* If both events merely come as the seed gets better, the attention of one output is no
    closer to its own capability than to that of another output. Outputs are permuted within the seed, among those
    in which both happened; the statistic is the median size of the difference.

    Outputs in which one of the two has not happened are counted, and have no difference: the median is of those
    that have both, and what is said of the order is said of these. An event that often has not happened when the
    other has is late or not needed, which `first_only` and `second_only` show.

    References
    ----------
    .. [1] W. J. Dixon and A. M. Mood, "The Statistical Sign Test", Journal of the American Statistical Association
       41 (1946), 557-566.

    Examples
    --------
    >>> from seedsweep.analysis import event_times
    >>> steps = np.arange(0, 1000, 10)
    >>> moments = np.random.default_rng(0).uniform(100, 800, (20, 6))
    >>> attention, capability = (event_times(steps, steps >= t[..., None], 0.5) for t in (moments, moments + 40))
    >>> found = lead_lag(attention, capability)
    >>> found.median.estimate, found.seeds_before, found.pvalue_exchanged < 0.01
    (-40.0, 20, True)
    """
    if first.low.shape != second.low.shape:
        raise ValueError(
            f"two events of the same outputs are needed, not {first.low.shape} and {second.low.shape}"
        )
    require_share(confidence=confidence)
    require_positive(resamples=resamples, permutations=permutations)
    a, b = (_Ends.of(times) for times in (first, second))
    both = a.known & b.known
    lowest, highest = (np.where(both, ends, math.nan) for ends in (a.low - b.high, a.high - b.low))
    difference = (lowest + highest) / 2
    before, after = both & (a.high <= b.low), both & (b.high <= a.low)
    majority = before.sum(axis=1) - after.sum(axis=1)
    seeds_before, seeds_after = int((majority > 0).sum()), int((majority < 0).sum())
    decided = seeds_before + seeds_after
    told = difference[both]
    seeds = int(both.any(axis=1).sum())
    exchanged, pvalue_exchanged = _exchanged(a.low + a.high, b.low + b.high, both, permutations)
    low, high = np.quantile(told, [0.25, 0.75]).tolist() if told.size else (math.nan, math.nan)
    return LeadLag(
        median=_median_between(difference, lowest, highest, confidence, resamples if seeds > 1 else 0),
        quartiles=(low, high),
        resolution=_median(highest - lowest),
        before=int(before.sum()),
        after=int(after.sum()),
        together=int((both & ~before & ~after).sum()),
        seeds_before=seeds_before,
        seeds_after=seeds_after,
        pvalue=float(binomtest(seeds_before, decided).pvalue) if decided else math.nan,
        distance=_median(np.abs(difference)),
        exchanged=exchanged,
        pvalue_exchanged=pvalue_exchanged,
        n=told.size,
        seeds=seeds,
        first_only=int((a.known & ~b.known).sum()),
        second_only=int((~a.known & b.known).sum()),
        neither=int((~a.known & ~b.known).sum()),
    )


@dataclass(frozen=True, eq=False)
class _Ends:
    """Of an event, shape (n, o)."""

    low: FloatArray
    high: FloatArray

    @classmethod
    def of(cls, times: EventTimes) -> _Ends:
        return cls(*times.by_output)

    @property
    def known(self) -> Bools:
        return np.asarray(np.isfinite(self.low) & np.isfinite(self.high))


def _median_between(
    difference: FloatArray, lowest: FloatArray, highest: FloatArray, confidence: float, resamples: int
) -> Interval:
    """The median with its interval over resamples of seeds, from the lower ends to the upper ends."""
    n = len(difference)
    estimate, count = _median(difference), int((~np.isnan(difference)).sum())
    drawn = generator().integers(max(1, n), size=(resamples, n))
    low = percentile_interval(
        estimate, np.array([_median(lowest[rows]) for rows in drawn]), n=count, confidence=confidence
    )
    high = np.array([_median(highest[rows]) for rows in drawn])
    return replace(low, high=percentile_interval(estimate, high, n=count, confidence=confidence).high)


def _median(values: FloatArray) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if known.size else math.nan


def _exchanged(a: FloatArray, b: FloatArray, both: Bools, permutations: int) -> tuple[float, float]:
    """The mean of the statistic over permutations, and the p-value; `nan` where nothing can be exchanged.

    `a` and `b` are twice the middles of the intervals.
    """
    if not (both.sum(axis=1) > 1).any():
        return math.nan, math.nan
    random = generator()
    a, b = np.where(both, a, 0.0), np.where(both, b, 0.0)
    # Those with both events first; then the k-th of them gets the second event of one that is drawn.
    places = np.argsort(~both, axis=1, kind="stable")
    own_a, own_b = np.take_along_axis(a, places, axis=1), np.take_along_axis(b, places, axis=1)
    mask = np.take_along_axis(both, places, axis=1)
    seen = float(np.median(np.abs(own_a - own_b)[mask])) / 2
    drawn = np.empty(permutations)
    for i in range(permutations):
        order = np.argsort(np.where(mask, random.random(mask.shape), 2.0), axis=1, kind="stable")
        drawn[i] = np.median(np.abs(own_a - np.take_along_axis(own_b, order, axis=1))[mask]) / 2
    return float(drawn.mean()), float((1 + (drawn <= seen + 1e-9).sum()) / (1 + permutations))
