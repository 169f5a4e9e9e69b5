"""The mean of the seeds, with an interval that allows for what was not drawn."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from seedsweep.analysis.statistics.results import Interval
from seedsweep.analysis.statistics.samples import (
    generator,
    observed,
    require_bounds,
    require_positive,
    require_share,
)


def mean_interval(
    x: npt.ArrayLike,
    *,
    bounds: tuple[float, float] = (0.0, 1.0),
    confidence: float = 0.95,
    resamples: int = 1000,
) -> Interval:
    """The mean of a sample with Gaffke's interval.

    Parameters
    ----------
    x : array_like, shape (n,)
        One value per seed. `nan` (a diverged seed) is dropped.
    bounds : tuple of two floats
        The range of the metric; either end may be infinite. Values beyond are taken for the bound.
    confidence : float
        Of the interval.
    resamples : int
        How many weightings of the sample to draw.

    Returns
    -------
    Interval
        `nan` for no value. One value says nothing about spread: `low` and `high` are `nan`.

    Raises
    ------
    ValueError
        If `x` is not one-dimensional or holds an infinite value, or an option is not what it should be.

    Notes
    -----
    *Why not the bootstrap.* A few seeds in a hundred that end far from all others move the mean, and most small
    samples hold none of them. No resampling of what was drawn knows of what was not: with 2 % of the seeds at .1
    and the others at .9, the percentile, BCa and studentised intervals hold the mean in .44 to .46 of samples of
    20 and in .73 to .74 of 64 (200 samples each). For a metric without bounds no interval of finite length keeps
    its level [3]_; one with bounds has one.

    *Method.* The n values get random weights that are uniform over all that add up to one, as in the Bayesian
    bootstrap, with the lower bound as a value number n + 1 for the lower limit and the upper bound for the upper
    one. The limits are the quantiles of the weighted means. For zeros and ones this is the interval of Clopper
    and Pearson; that it keeps its level for any distribution within the bounds is proved for small n and a
    conjecture otherwise, of which no counterexample is known [2]_. It is wider than the bootstrap's where all
    seeds lie close together far from a bound, by up to 3.7 / n of the distance.

    At an infinite end the most extreme value of the sample stands in for the bound, and no level is promised. In
    simulations (200 samples each) this interval held the mean in .93, .93, .94 of samples of 20, and .97, .97, .95
    of 64, of an exponential distribution and of lognormal ones with sigma .6 and 1; BCa in .90, .90, .92 and .94,
    .94, .95, the studentised bootstrap in .94, .93, .95 and .95 each, at .95 to 1.35 times the width.

    The generator is counter-based with a fixed key and runs along the sorted values.

    References
    ----------
    .. [1] N. Gaffke, "Three Test Statistics for a Nonparametric One-Sided Hypothesis on the Mean of a Nonnegative
       Variable", Mathematical Methods of Statistics 14 (2005), 451-467.
    .. [2] E. Learned-Miller and P. S. Thomas, "A New Confidence Interval for the Mean of a Bounded Random
       Variable", arXiv 1905.06208.
    .. [3] R. R. Bahadur and L. J. Savage, "The Nonexistence of Certain Statistical Procedures in Nonparametric
       Problems", Annals of Mathematical Statistics 27 (1956), 1115-1122.

    Examples
    --------
    >>> interval = mean_interval([0.75] * 64)
    >>> interval.estimate, 0.70 < interval.low < 0.72, 0.76 < interval.high < 0.77
    (0.75, True, True)
    >>> mean_interval([0.0] * 64).low
    0.0
    """
    require_bounds(bounds)
    require_share(confidence=confidence)
    require_positive(resamples=resamples)
    values = np.sort(observed(x))
    n = values.size
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, n, 0, confidence)
    estimate = float(values.mean())
    if n == 1:
        return Interval(estimate, math.nan, math.nan, n, 0, confidence)
    low, high = (
        end if math.isfinite(end) else float(extreme) for end, extreme in zip(bounds, values[[0, -1]], strict=True)
    )
    exponential = generator().exponential(size=(resamples, n + 1))
    weights = exponential / exponential.sum(axis=1, keepdims=True)
    means, last = weights[:, :n] @ values.clip(low, high), weights[:, n]
    tail = (1 - confidence) / 2
    # Weights add up to one but for rounding, which must not lead beyond the bounds.
    lower = float(np.quantile(means + last * low, tail, method="inverted_cdf").clip(low, high))
    upper = float(np.quantile(means + last * high, 1 - tail, method="inverted_cdf").clip(low, high))
    return Interval(estimate, min(lower, estimate), max(upper, estimate), n, resamples, confidence)
