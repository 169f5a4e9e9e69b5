"""What share of the seeds succeeds, and how good are those that do?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from seedsweep.analysis.statistics.results import Result
from seedsweep.analysis.statistics.samples import as_sample, require_share, require_threshold


@dataclass(frozen=True)
class SuccessRate(Result):
    """A share of seeds with its Wilson score interval; `float(result)` is the rate.

    Attributes
    ----------
    rate : float
        successes / n; `nan` for n = 0.
    low, high : float
        The interval; [0, 1] for n = 0, where nothing is known.
    n : int
        All seeds, diverged ones included.
    successes : int
        Seeds at or above the threshold.
    threshold : float
        From which value on a seed succeeds.
    confidence : float
        Of the interval, between 0 and 1.
    """

    rate: float
    low: float
    high: float
    n: int
    successes: int
    threshold: float
    confidence: float

    def __float__(self) -> float:
        return self.rate


def success_rate(x: npt.ArrayLike, threshold: float, *, confidence: float = 0.95) -> SuccessRate:
    """Share of seeds that succeed (see `succeeds`), with its Wilson score interval.

    Parameters
    ----------
    x : array_like, shape (n,)
        One value per seed, higher is better. `nan` is a diverged seed and counts as a failure.
    threshold : float
        In the unit of `x`.
    confidence : float
        Of the interval.

    Returns
    -------
    SuccessRate

    Raises
    ------
    ValueError
        If `x` is not one-dimensional or holds an infinite value, if `threshold` is not a finite number or
        `confidence` not between 0 and 1.

    Notes
    -----
    The Wilson interval stays inside [0, 1] and keeps a width at 0 of n and n of n: 0 of 64 gives
    [0, 0.057]. It has no continuity correction.

    References
    ----------
    .. [1] E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", Journal of
       the American Statistical Association 22 (1927), 209-212.
    .. [2] Zhao et al., "Random Scaling of Emergent Capabilities", arXiv 2502.17356, Fig. 3 (P(success)).

    Examples
    --------
    >>> result = success_rate([0.0, 0.5, 0.9, float("nan")], threshold=0.5)
    >>> result.successes, result.n, result.rate
    (2, 4, 0.5)
    >>> round(result.low, 3), round(result.high, 3)
    (0.15, 0.85)
    """
    require_share(confidence=confidence)
    succeeded = succeeds(x, threshold)
    n, successes = succeeded.size, int(succeeded.sum())
    if n == 0:
        return SuccessRate(math.nan, 0.0, 1.0, n, successes, float(threshold), confidence)
    rate = successes / n
    low, high = wilson(rate, n, confidence)
    return SuccessRate(
        rate=rate,
        low=low,
        high=high,
        n=n,
        successes=successes,
        threshold=float(threshold),
        confidence=confidence,
    )


def wilson(rate: float, n: float, confidence: float) -> tuple[float, float]:
    """The score interval of a share of n seeds [1]_ of `success_rate`.

    >>> low, high = wilson(0.5, 4, 0.95)
    >>> round(low, 2), round(high, 2)
    (0.15, 0.85)
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    centre = (rate + z**2 / (2 * n)) / (1 + z**2 / n)
    half_width = z / (1 + z**2 / n) * math.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    return 0.0 if rate == 0 else centre - half_width, 1.0 if rate == 1 else centre + half_width


def mean_given_success(x: npt.ArrayLike, threshold: float) -> float:
    """Mean of the values of the seeds that succeed (see `succeeds`): how good a seed is, given that it does.

    Parameters
    ----------
    x : array_like, shape (n,)
        One value per seed, higher is better. `nan` is a diverged seed and counts as a failure.
    threshold : float
        In the unit of `x`.

    Returns
    -------
    float
        In the unit of `x`; `nan` if no seed succeeds.

    Raises
    ------
    ValueError
        If `x` is not one-dimensional or holds an infinite value, or if `threshold` is not a finite number.

    References
    ----------
    .. [1] Zhao et al., "Random Scaling of Emergent Capabilities", arXiv 2502.17356, Fig. 3.

    Examples
    --------
    >>> mean_given_success([0.0, 0.5, 1.0, float("nan")], threshold=0.5)
    0.75
    """
    sample = as_sample(x)
    successful = sample[succeeds(sample, threshold)]
    return float(successful.mean()) if successful.size else math.nan


def succeeds(x: npt.ArrayLike, threshold: float) -> npt.NDArray[np.bool_]:
    """Which seeds succeed: those with ``x >= threshold``.

    Parameters
    ----------
    x : array_like, shape (n,)
        One value per seed, higher is better; see `seedsweep.criterion.Criterion.oriented` for a loss. `nan` is a
        diverged seed, which never succeeds.
    threshold : float
        In the unit of `x`. The comparison is made in float64: 0.7 stored as float32 is below 0.7.

    Returns
    -------
    ndarray of bool, shape (n,)

    Raises
    ------
    ValueError
        If `x` is not one-dimensional or holds an infinite value, or if `threshold` is not a finite number.

    Examples
    --------
    >>> succeeds([0.2, 0.5, float("nan")], 0.5)
    array([False,  True, False])
    """
    sample = as_sample(x)
    require_threshold(threshold)
    return sample >= threshold
