"""Two metrics of the same seeds: how far apart one puts those that the other divides, and do they rank alike?"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from seedsweep.analysis.statistics.results import Interval
from seedsweep.analysis.statistics.samples import as_sample, require_share

NORMAL: Final = NormalDist()


def standardised_difference(upper: npt.ArrayLike, lower: npt.ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Difference of two means in standard deviations within the groups (Hedges' g).

    Parameters
    ----------
    upper, lower : array_like, shape (n_1,), (n_2,)
        Values of the two kinds of seeds. `nan` (a diverged seed) is dropped.
    confidence : float
        Of the interval.

    Returns
    -------
    Interval
        `nan` if either kind has fewer than two values or neither varies.

    Raises
    ------
    ValueError
        If a sample is not one-dimensional or holds an infinite value, or `confidence` is not between 0 and 1.

    Notes ----- g = J (m_1 - m_2) / s with the pooled standard deviation s and J = 1 - 3 / (4 (n_1 + n_2 - 2) - 1);
    its interval is g ± z sqrt((n_1 + n_2) / (n_1 n_2) + g**2 / (2 (n_1 + n_2))) [1]_, for normal groups and many
    seeds.

    References
    ----------
    .. [1] L. V. Hedges and I. Olkin, "Statistical Methods for Meta-Analysis", Academic Press 1985, chapter 5,
       Eq. 10 and 14.

    Examples
    --------
    >>> result = standardised_difference([0.8, 0.9, 1.0, 0.9], [0.1, 0.2, 0.1, 0.2])
    >>> round(result.estimate, 2), result.low < result.estimate < result.high
    (9.22, True)
    """
    require_share(confidence=confidence)
    first, second = (sample[~np.isnan(sample)] for sample in map(as_sample, (upper, lower)))
    n_1, n_2 = first.size, second.size
    n = n_1 + n_2
    variance = (
        ((n_1 - 1) * first.var(ddof=1) + (n_2 - 1) * second.var(ddof=1)) / (n - 2) if min(n_1, n_2) > 1 else 0.0
    )
    if not variance > 0:
        return Interval(math.nan, math.nan, math.nan, n, resamples=0, confidence=confidence)
    g = float((1 - 3 / (4 * (n - 2) - 1)) * (first.mean() - second.mean()) / math.sqrt(variance))
    half = NORMAL.inv_cdf((1 + confidence) / 2) * math.sqrt(n / (n_1 * n_2) + g**2 / (2 * n))
    return Interval(g, g - half, g + half, n, resamples=0, confidence=confidence)


def difference_in_one_group(share: float) -> float:
    """The standardised difference of the two parts of one normal group that is cut so that one has this share.

    What `standardised_difference` comes to if a metric has no groups and orders the seeds as the one that divides
    them; 2.6 for halves. `nan` unless the share is between 0 and 1.

    >>> round(difference_in_one_group(0.5), 2), round(difference_in_one_group(0.1), 2)
    (2.65, 2.4)
    """
    if not 0 < share < 1:
        return math.nan
    z = NORMAL.inv_cdf(share)
    height = NORMAL.pdf(z)
    below, above = -height / share, height / (1 - share)  # means of the two parts of a standard normal
    variance = share * (1 + z * below - below**2) + (1 - share) * (1 + z * above - above**2)
    return (above - below) / math.sqrt(variance)


def rank_correlation(a: npt.ArrayLike, b: npt.ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Spearman's rank correlation of the same seeds under two metrics.

    Parameters
    ----------
    a, b : array_like, shape (n,)
        Seeds that are `nan` in either are left out.
    confidence : float
        Of the interval.

    Returns
    -------
    Interval
        Of Fisher's z with the standard error sqrt((1 + r**2 / 2) / (n - 3)) [1]_. Below four seeds it is [-1, 1].
        Where a metric is constant it is that too, and the correlation `nan`; where both orders are the same it has
        width zero.

    References
    ----------
    .. [1] D. G. Bonett and T. A. Wright, "Sample Size Requirements for Estimating Pearson, Kendall and Spearman
       Correlations", Psychometrika 65 (2000), 23-28.

    Examples
    --------
    >>> rank_correlation([1, 2, 3, 5], [0.1, 0.2, 0.3, 0.4]).estimate
    1.0
    """
    first, second = as_sample(a), as_sample(b)
    both = ~(np.isnan(first) | np.isnan(second))
    n = int(both.sum())
    ranks_a, ranks_b = rankdata(first[both]), rankdata(second[both])
    if n == 0 or np.ptp(ranks_a) == 0 or np.ptp(ranks_b) == 0:
        return Interval(math.nan, -1.0, 1.0, n, resamples=0, confidence=confidence)
    r = round(float(np.corrcoef(ranks_a, ranks_b)[0, 1]), 12)
    if n < 4:
        low, high = -1.0, 1.0
    elif abs(r) == 1:
        low = high = r
    else:
        z = NORMAL.inv_cdf((1 + confidence) / 2)
        half_width = z * math.sqrt((1 + r**2 / 2) / (n - 3))
        low, high = math.tanh(math.atanh(r) - half_width), math.tanh(math.atanh(r) + half_width)
    return Interval(r, low, high, n, resamples=0, confidence=confidence)
