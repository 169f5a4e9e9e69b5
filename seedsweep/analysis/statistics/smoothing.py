"""What of a learning curve is noise of its evaluations, and what a seed without a capability reaches by chance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from seedsweep.analysis.statistics.results import Result
from seedsweep.analysis.statistics.samples import FloatArray, require_positive, require_share

Ints = npt.NDArray[np.int64]

RESIDUAL: Final = 4 / 3 - math.sqrt(3) / math.pi
"""Variance of a normal value minus the median of itself and its two neighbours, in units of its own variance."""


def running_median(values: FloatArray) -> FloatArray:
    """Medians of every evaluation with its two neighbours, shape (n, t); `nan` from where a curve ends.

    A value that stands alone, above or below both neighbours, is replaced by one of them; a rise or a fall stays
    where it is, however steep. The first value stays as it is, and the last gets the median before it, so that no
    single evaluation says what a seed has come to.

    >>> running_median(np.array([[0.0, 0.0, 0.9, 0.1, 0.8, 0.9, 0.2]]))
    array([[0. , 0. , 0.1, 0.8, 0.8, 0.8, 0.8]])
    """
    smooth = values.copy()
    if values.shape[1] < 3:
        return smooth
    inner = np.sort(np.stack([values[:, :-2], values[:, 1:-1], values[:, 2:]]), axis=0)[1]
    whole = ~np.isnan(values[:, :-2] + values[:, 2:])
    smooth[:, 1:-1] = np.where(whole, inner, values[:, 1:-1])
    ends = last_known(values)
    rows = np.flatnonzero((ends >= 2) & whole[np.arange(len(values)), np.maximum(ends - 2, 0)])
    smooth[rows, ends[rows]] = smooth[rows, ends[rows] - 1]
    return smooth


def last_known(values: FloatArray) -> Ints:
    """The place of the last value of every row; -1 without any.

    >>> last_known(np.array([[math.nan, 0.1, math.nan], [0.1, 0.2, 0.3]]))
    array([1, 2])
    """
    known = ~np.isnan(values)
    ends = values.shape[1] - 1 - known[:, ::-1].argmax(axis=1)
    return np.asarray(np.where(known.any(axis=1), ends, -1))


def evaluation_noise(values: FloatArray) -> FloatArray:
    """Standard deviation of one evaluation of every curve, from what stands out beside both neighbours.

    Parameters
    ----------
    values : ndarray of float, shape (n, t)
        `nan` from where a curve ends.

    Returns
    -------
    ndarray of float, shape (n,)
        0 for a curve of fewer than three values.

    Notes
    -----
    Root mean square of the differences from the running median of three, divided by what these are of independent
    normal noise, (4/3 - √3/π)^½. Whatever rises or falls through three evaluations adds nothing. Spikes do, so
    that of a curve with spikes less is said.

    Examples
    --------
    >>> noisy = np.random.default_rng(0).normal(0.5, 0.1, (1, 4000))
    >>> bool(abs(evaluation_noise(noisy)[0] - 0.1) < 0.005)
    True
    >>> evaluation_noise(np.linspace(0, 1, 9)[None])
    array([0.])
    """
    if values.shape[1] < 3:
        return np.zeros(len(values))
    beside = (values - running_median(values))[:, 1:-1]
    beside = np.where(np.isnan(values[:, :-2] + values[:, 2:]), math.nan, beside)
    count = (~np.isnan(beside)).sum(axis=1)
    squares = np.nansum(beside**2, axis=1)
    return np.asarray(np.sqrt(squares / np.maximum(count, 1) / RESIDUAL))


@dataclass(frozen=True)
class ChanceMaximum(Result):
    """The best of many evaluations of a seed that only guesses; `float(result)` is the expectation.

    Attributes
    ----------
    expected : float
        Of the largest share of right answers.
    limit : float
        What it exceeds with a probability of at most 1 - confidence.
    confidence : float
    """

    expected: float
    limit: float
    confidence: float

    def __float__(self) -> float:
        return self.expected


def chance_maximum(chance: float, *, examples: int, evaluations: int, confidence: float = 0.99) -> ChanceMaximum:
    """How high the best of many evaluations of a seed comes that has learnt nothing.

    Parameters
    ----------
    chance : float
        The probability that a guess is right.
    examples : int
        Of each evaluation.
    evaluations : int
        Of each seed, taken as independent, which is the worst case: where a seed answers alike each time its
        evaluations are too, and the maximum is lower.
    confidence : float
        Of the limit.

    Returns
    -------
    ChanceMaximum

    Raises
    ------
    ValueError
        If `chance` or `confidence` is not between 0 and 1, or a number is not positive.

    Notes
    -----
    The largest of m independent binomial counts has the distribution F(k)^m. A criterion of emergence belongs
    above the limit: else some seeds "emerge" by being looked at often.

    Examples
    --------
    >>> best = chance_maximum(0.5, examples=512, evaluations=100)
    >>> round(best.expected, 3), round(best.limit, 3)
    (0.555, 0.582)
    """
    require_share(chance=chance, confidence=confidence)
    require_positive(examples=examples, evaluations=evaluations)
    at_most = binom.cdf(np.arange(examples + 1), examples, chance) ** evaluations
    return ChanceMaximum(
        expected=float((1 - at_most[:-1]).sum() / examples),
        limit=float(np.argmax(at_most >= confidence) / examples),
        confidence=confidence,
    )
