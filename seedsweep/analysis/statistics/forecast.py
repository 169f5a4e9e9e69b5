"""Does what is seen early foretell when a seed gets there? Concordance among the seeds that still wait."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedsweep.analysis.statistics.bootstrap import percentile_interval
from seedsweep.analysis.statistics.events import EventTimes
from seedsweep.analysis.statistics.results import Interval, Result
from seedsweep.analysis.statistics.samples import (
    Bools,
    FloatArray,
    as_sample,
    generator,
    require_positive,
    require_share,
)


@dataclass(frozen=True)
class Forecast(Result):
    """How well a value that is seen at a step tells which seeds get there earlier; `float(result)` is the index.

    Attributes
    ----------
    step : float
        At which the value is seen.
    concordance : Interval
        Of two seeds of which it is known who got there first, how often that is the one that the value names, on
        seeds on which the direction was not chosen. 0.5: no better than a coin; 1: always. `nan` where there are
        too few seeds.
    pvalue : float
        One-sided, that it is no better than a coin.
    higher_is_earlier : bool
        The direction, by all seeds.
    n, gone, pairs : int
        Seeds that had not got there at the step and have a value; seeds that had, or diverged before; pairs of
        which it is known who came first.
    """

    step: float
    concordance: Interval
    pvalue: float
    higher_is_earlier: bool
    n: int
    gone: int
    pairs: int

    def __float__(self) -> float:
        return self.concordance.estimate


FEWEST = 8
"""Waiting seeds from which on halves of them are looked at; our choice."""


def concordance_index(values: npt.ArrayLike, times: EventTimes) -> float:
    """How often the higher of two values belongs to the seed that gets there earlier.

    Parameters
    ----------
    values : array_like, shape (n,)
        One per seed. Equal ones count half.
    times : EventTimes
        Of arrays of shape (n,). Two seeds are compared if it is known who came first: one has got there not after
        the last evaluation at which the other had not.

    Returns
    -------
    float
        `nan` if no two seeds can be compared.

    Raises
    ------
    ValueError
        If there is not one value per seed.

    References
    ----------
    .. [1] F. E. Harrell et al., "Evaluating the Yield of Medical Tests", Journal of the American Medical
       Association 247 (1982), 2543-2546.

    Examples
    --------
    >>> from seedsweep.analysis import event_times
    >>> times = event_times([0, 10, 20], [[0, 1, 1], [0, 0, 1], [0, 0, 0]], 1)
    >>> concordance_index([0.9, 0.1, 0.5], times)
    0.6666666666666666
    """
    known = as_sample(values)
    if known.shape != times.low.shape:
        raise ValueError(f"one value per seed is needed, not {known.shape} for {times.low.shape}")
    earlier = _earlier(times)
    many = earlier.sum()
    return float((earlier * _agrees(known)).sum() / many) if many else math.nan


def forecast(
    values: npt.ArrayLike,
    times: EventTimes,
    step: float,
    *,
    confidence: float = 0.95,
    resamples: int = 1000,
    permutations: int = 1999,
) -> Forecast:
    """How well a value that is seen at a step tells which of the seeds that still wait get there earlier.

    Parameters
    ----------
    values : array_like, shape (n,)
        What is seen of each seed at the step; `nan` where nothing is.
    times : EventTimes
        Of arrays of shape (n,): when each seed got there.
    step : float
        An evaluation.
    confidence, resamples
        Of the interval.
    permutations : int
        Of the test.

    Returns
    -------
    Forecast
        With fewer than 8 waiting seeds, or a half of them in which no two can be compared, index and p-value are
        `nan`.

    Raises
    ------
    ValueError
        If there is not one value per seed, `confidence` is not between 0 and 1, or a number is not positive.

    Notes
    -----
    *Other seeds.* The waiting seeds are halved at random. In each half the direction, whether more is earlier or
    later, is the one that has the larger concordance index [1]_ in the other half; the index is that of both
    halves together. So chance alone gives 0.5 on average, never more.

    *Waiting.* Seeds that got there before are left out: that these are ahead at the step is no forecast.

    *Interval.* Percentile bootstrap over the seeds of each half, the direction chosen anew. *Test.* The values are
    permuted over the waiting seeds, and everything is done anew. In simulations of 16 to 64 seeds the interval
    covers 95 to 100 % and the test rejects 4 to 5 % of what is no forecast (100 repetitions each).

    References
    ----------
    .. [1] F. E. Harrell et al., "Evaluating the Yield of Medical Tests", Journal of the American Medical
       Association 247 (1982), 2543-2546.

    Examples
    --------
    >>> from seedsweep.analysis import event_times
    >>> random, steps = np.random.default_rng(0), np.arange(0, 2000, 20)
    >>> attention = random.normal(size=64)
    >>> moments = 500 * np.exp(-attention) + 100
    >>> found = forecast(attention, event_times(steps, steps >= moments[:, None], 0.5), step=100)
    >>> found.concordance.estimate, found.higher_is_earlier
    (1.0, True)
    """
    known = as_sample(values)
    if known.shape != times.low.shape:
        raise ValueError(f"one value per seed is needed, not {known.shape} for {times.low.shape}")
    require_share(confidence=confidence)
    require_positive(resamples=resamples, permutations=permutations)
    waiting = (times.low >= step) & ~np.isnan(known)
    earlier = _earlier(times)[np.ix_(waiting, waiting)].astype(np.float64)
    agrees = _agrees(known[waiting])
    n, pairs = int(waiting.sum()), int(earlier.sum())
    random = generator()
    half = random.permutation(n) < n // 2
    both = np.ones((1, n))
    at_all = float((earlier * agrees).sum() / pairs) if pairs else math.nan
    index = _on_others(earlier, agrees, half, both)[0] if n >= FEWEST else math.nan
    concordance, pvalue = Interval(math.nan, math.nan, math.nan, n, 0, confidence), math.nan
    if not math.isnan(index):
        weights = np.zeros((resamples, n))
        for which in (half, ~half):
            many = int(which.sum())
            weights[:, which] = random.multinomial(many, np.full(many, 1 / many), resamples)
        resampled = _on_others(earlier, agrees, half, weights)
        concordance = percentile_interval(float(index), resampled, n=n, confidence=confidence)
        orders = (random.permutation(n) for _ in range(permutations))
        drawn = np.array([_on_others(earlier, agrees[np.ix_(o, o)], half, both)[0] for o in orders])
        pvalue = float((1 + (drawn >= index - 1e-12).sum()) / (1 + permutations))
    return Forecast(
        step=float(step),
        concordance=concordance,
        pvalue=pvalue,
        higher_is_earlier=not at_all < 0.5,
        n=n,
        gone=known.size - n,
        pairs=pairs,
    )


def _earlier(times: EventTimes) -> Bools:
    """(n, n): whether the first of two surely came before the second."""
    return np.asarray(times.reached[:, None] & (times.high[:, None] <= times.low[None, :]))


def _agrees(values: FloatArray) -> FloatArray:
    """(n, n): 1 where the first of two has the higher value, 0.5 where they are equal."""
    return np.asarray((np.sign(values[:, None] - values[None, :]) + 1) / 2)


def _on_others(earlier: FloatArray, agrees: FloatArray, half: Bools, weights: FloatArray) -> FloatArray:
    """The index of both halves, each in the direction of the other; for every row of weights, shape (r, n)."""
    right, pairs = [], []
    for which in (half, ~half):
        w = weights[:, which]
        within = np.ix_(which, which)
        pairs.append(np.einsum("ri,ri->r", w @ earlier[within], w))
        right.append(np.einsum("ri,ri->r", w @ (earlier * agrees)[within], w))
    index = np.zeros(len(weights))
    for here, other in ((0, 1), (1, 0)):
        index += np.where(right[other] >= pairs[other] / 2, right[here], pairs[here] - right[here])
    comparable = (pairs[0] > 0) & (pairs[1] > 0)
    return np.where(comparable, index / np.maximum(pairs[0] + pairs[1], 1.0), math.nan)
