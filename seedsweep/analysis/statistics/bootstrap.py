"""How sure is a statistic? Percentile bootstrap intervals."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import SupportsFloat

import numpy as np
import numpy.typing as npt

from seedsweep.analysis.statistics.results import Interval
from seedsweep.analysis.statistics.samples import FloatArray, as_sample, generator, require_positive, require_share


def bootstrap_interval(
    statistic: Callable[..., SupportsFloat],
    *samples: npt.ArrayLike,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap interval of a statistic of one or more independent samples.

    Every sample is resampled with replacement, at its own size and independently of the others; the
    interval runs between two quantiles of the statistic over the resamples.

    Parameters
    ----------
    statistic : callable
        Takes as many one-dimensional arrays as there are samples and returns a float, or a result of this
        package: `float()` of it is its main value.
    *samples : array_like, shapes (n_1,), (n_2,), ...
        One value per seed. `nan` is handed on: the statistic decides what a diverged seed means.
    confidence : float
        Of the interval.
    resamples : int
        How many resamples to draw.
    seed : int
        The same seed gives the same interval, whatever was drawn elsewhere.

    Returns
    -------
    Interval
        An empty sample gives the estimate `nan`. A sample with one value says nothing about spread: `low`
        and `high` are `nan`. A constant sample has an interval of width zero, which is what the method
        says, not certainty. Resamples on which the statistic is `nan` (no seed of the resample succeeds)
        are left out and not counted in `.resamples`.

    Raises
    ------
    ValueError
        If no sample is given, a sample is not one-dimensional or holds an infinite value, `confidence` is
        not between 0 and 1, or `resamples` is not positive.

    Notes
    -----
    The percentile method with 1000 resamples is what the paper uses [1]_. Its limits are order statistics
    (the 25th and the 975th of 1000), never interpolated, so a statistic may be infinite. It does not
    correct bias: a distance of two resamples is on average larger than that of the samples, so near zero
    the interval of a distance can lie above its estimate.

    References
    ----------
    .. [1] Zhao et al., "Random Scaling of Emergent Capabilities", arXiv 2502.17356 (95 % intervals from
       1000 bootstrap samples).
    .. [2] B. Efron and R. Tibshirani, "An Introduction to the Bootstrap", Chapman & Hall 1993, chapter 13.

    Examples
    --------
    >>> import numpy as np
    >>> interval = bootstrap_interval(np.mean, np.arange(100))
    >>> interval.estimate, interval.n, interval.resamples
    (49.5, 100, 1000)
    >>> interval.low < 49.5 < interval.high
    True
    """
    if not samples:
        raise ValueError("a bootstrap interval needs at least one sample")
    require_share(confidence=confidence)
    require_positive(resamples=resamples)
    arrays = [as_sample(sample) for sample in samples]
    smallest = min(array.size for array in arrays)
    estimate = float(statistic(*arrays)) if smallest > 0 else math.nan
    values = np.empty(0)
    if smallest > 1:
        random = generator(seed)
        draws = [array[random.integers(array.size, size=(resamples, array.size))] for array in arrays]
        values = np.array([float(statistic(*resample)) for resample in zip(*draws, strict=True)])
    return percentile_interval(estimate, values, n=arrays[0].size, confidence=confidence)


def percentile_interval(estimate: float, resampled: FloatArray, *, n: int, confidence: float) -> Interval:
    """The interval between two order statistics of the values of resamples, of which `nan` is left out.

    >>> percentile_interval(0.5, np.array([0.1, 0.4, 0.9, math.nan]), n=8, confidence=0.95)
    Interval(estimate=0.5, low=0.1, high=0.9, n=8, resamples=3, confidence=0.95)
    """
    values = resampled[~np.isnan(resampled)]
    if values.size == 0:
        return Interval(estimate, math.nan, math.nan, n, 0, confidence)
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail], method="inverted_cdf")
    return Interval(estimate, float(low), float(high), n, values.size, confidence)
