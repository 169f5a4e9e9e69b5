"""How good was a forecast? Proper scores: nobody gains by saying other than what they believe."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from seedsweep.analysis.statistics.samples import observed


def crps(forecast: npt.ArrayLike, seen: npt.ArrayLike) -> float:
    """Continuous ranked probability score of a distribution, given as a sample, over what was seen.

    Parameters
    ----------
    forecast : array_like, shape (m,)
        Values that are equally likely; a single one is a forecast without any doubt.
    seen : array_like, shape (n,)
        `nan` is left out.

    Returns
    -------
    float
        Mean over what was seen, in its unit; 0 is best. `nan` if either is empty.

    Raises
    ------
    ValueError
        If either is not one-dimensional or holds an infinite value.

    Notes
    -----
    E|X − y| − E|X − X'| / 2, with X and X' drawn from the forecast [1]_. Of a single value it is the mean absolute
    error, so that forecasts with and without doubt can be compared.

    References
    ----------
    .. [1] T. Gneiting and A. E. Raftery, "Strictly Proper Scoring Rules, Prediction, and Estimation", Journal of
       the American Statistical Association 102 (2007), 359-378, equation 21.

    Examples
    --------
    >>> crps([0.5], [0.25, 1.0]), crps([0.0, 1.0], [0.0, 1.0])
    (0.375, 0.25)
    """
    x, y = np.sort(observed(forecast)), observed(seen)
    m = x.size
    if not m or not y.size:
        return math.nan
    below = np.searchsorted(x, y)
    sums = np.concatenate([[0.0], np.cumsum(x)])
    away = (sums[-1] - 2 * sums[below] - (m - 2 * below) * y) / m
    apart = 2 * float(((2 * np.arange(m) - m + 1) * x).sum()) / m**2
    return float(away.mean() - apart / 2)


def log_score(probability: float, successes: int, n: int) -> float:
    """Mean of −ln of the probability that was given to what each of n seeds did.

    Parameters
    ----------
    probability : float
        Of success, for every seed.
    successes, n : int
        What was seen.

    Returns
    -------
    float
        0 is best; `inf` where what was ruled out has happened, `nan` for no seeds.

    References
    ----------
    .. [1] I. J. Good, "Rational Decisions", Journal of the Royal Statistical Society B 14 (1952), 107-114.

    Examples
    --------
    >>> round(log_score(0.5, 3, 4), 3), log_score(1.0, 4, 4), log_score(1.0, 3, 4)
    (0.693, 0.0, inf)
    """
    if not n:
        return math.nan
    parts = ((successes, probability), (n - successes, 1 - probability))
    if any(count and not p > 0 for count, p in parts):
        return math.inf
    return abs(-sum(count * math.log(p) for count, p in parts if count) / n)
