"""Where do most seeds end? The mode of a kernel density estimate."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import factorial

from seedsweep.analysis.statistics.samples import FloatArray, observed, require_bounds

SPACING: Final = 1 / 4
"""Of the smoothed histogram, in bandwidths."""

TERMS: Final = 32
"""Of the series of a kernel less than a bandwidth from its centre; the next ones are below the rounding."""
FACTORIALS: Final = factorial(np.arange(TERMS))
"""k! of each term."""


def mode(x: npt.ArrayLike, *, bounds: tuple[float, float] | None = (0.0, 1.0)) -> float:
    """The value at which a Gaussian kernel density estimate of the sample is highest.

    Parameters
    ----------
    x : array_like, shape (n,)
        One value per seed. `nan` (a diverged seed) is dropped.
    bounds : tuple of two floats, or None
        The range of the metric, in the unit of `x`; either end may be infinite. None is no bounds.

    Returns
    -------
    float
        One of the values in `x`; the smallest of them if the density has equal peaks. `nan` for an empty
        sample.

    Raises
    ------
    ValueError
        If `x` is not one-dimensional or holds an infinite value, if a value lies outside `bounds` by more
        than the rounding of float32 (1e-6 of the range), or if `bounds` are not in order.

    Notes
    -----
    *Bandwidth.* Silverman's robust rule 0.9 * min(sd, IQR/1.34) * n**(-1/5), but at most 1/20 of the range
    of the metric (of the sample, where the metric is unbounded). The rule alone oversmooths two clusters,
    whose sd is their distance: 32 seeds at 0 and 32 at 0.9 would get 0.18. The cap keeps clusters apart
    that are at least 1/10 of the range apart, and is the same at every scale, so a jump of the mode between
    scales is no jump of the bandwidth. Where the rule gives zero, at least half of the seeds share one
    value (IQR = 0), and that value is the mode.

    *Bounds.* The density is searched at the observed values only, hence inside the bounds. It is not
    reflected at them: reflection doubles the height of a cluster narrower than the bandwidth that sits
    at a bound, so 22 of 64 seeds at exactly 0 would outweigh 42 seeds at 0.9. Without it a narrow cluster
    counts by its number of seeds wherever it sits; a broad one that leans against a bound has its mode
    displaced inwards, by less than a bandwidth.

    The search is exact. In large samples a smoothed histogram says beforehand which values need not be tried, and
    the density at the others is summed as a fast Gauss transform [3]_.

    References
    ----------
    .. [1] B. W. Silverman, "Density Estimation for Statistics and Data Analysis", Chapman & Hall 1986,
       Eq. 3.31.
    .. [2] Zhao et al., "Random Scaling of Emergent Capabilities", arXiv 2502.17356, Fig. 3 (the mode over
       scales; its bandwidth is not given there, the rule above is our choice).
    .. [3] L. Greengard and J. Strain, "The Fast Gauss Transform", SIAM Journal on Scientific and Statistical
       Computing 12 (1991), 79-94.

    Examples
    --------
    >>> mode([0.0] * 20 + [0.88] * 10 + [0.9] * 15 + [0.92] * 10)
    0.9
    >>> mode([2.0, 2.1, 2.2, 7.5], bounds=None)
    2.1
    """
    low, high = bounds = (-math.inf, math.inf) if bounds is None else bounds
    require_bounds(bounds)
    values = np.sort(observed(x))
    if values.size == 0:
        return math.nan
    rounding = 1e-6 * _width(values, (low, high))
    for value in (values[0], values[-1]):
        if not low - rounding <= value <= high + rounding:
            raise ValueError(f"the value {value:g} is outside the bounds {bounds} of the metric")

    bandwidth = kde_bandwidth(values, (low, high))
    if bandwidth == 0:
        return float(np.median(values))
    places, counts = np.unique(values, return_counts=True)
    candidates, density = _near_the_peak(places, counts, bandwidth)
    is_peak = density >= density.max() * (1 - 1e-12)  # equal peaks differ by rounding
    return float(candidates[is_peak][0])


def _near_the_peak(
    places: FloatArray, counts: npt.NDArray[np.int64], bandwidth: float
) -> tuple[FloatArray, FloatArray]:
    """Those of the places at which the density may be highest, and its height there in units of one kernel's.

    The sample is moved to a grid, each value shared by its two neighbours, and the density is read off between two
    points of the grid. A kernel bends by at most 1 / bandwidth**2, so at a spacing of 1/4 bandwidth both together
    change the density by some 3 % of its peak at most.
    """
    position = (places - places[0]) / (bandwidth * SPACING)
    if places.size**2 < 3 * position[-1] + 30_000:  # as fast without
        return places, np.exp(-0.5 * ((places[:, None] - places) / bandwidth) ** 2) @ counts
    left = position.astype(np.int64)
    share = position - left
    grid = np.bincount(left, counts * (1 - share), minlength=left[-1] + 2)
    grid += np.bincount(left + 1, counts * share, minlength=left[-1] + 2)
    reach = round(9 / SPACING)
    smooth = np.convolve(grid, np.exp(-0.5 * (np.arange(-reach, reach + 1) * SPACING) ** 2))[reach:]
    estimate = smooth[left] * (1 - share) + smooth[left + 1] * share
    near = places[estimate >= 0.93 * estimate.max()]
    return near, _density(near, places, counts, bandwidth)


def _density(at: FloatArray, places: FloatArray, counts: npt.NDArray[np.int64], bandwidth: float) -> FloatArray:
    """Height of the density, to rounding.

    In bandwidths from the centre of a box, the kernel of a place u is at t

        exp(-(t - u)**2 / 2) = exp(-t**2 / 2) * sum over k of t**k * exp(-u**2 / 2) * u**k / k!,

    so that the places are summed once for all t in the box, which is two bandwidths wide.
    """
    boxes = np.floor((at - at[0]) / (2 * bandwidth))
    density = np.empty(at.size)
    for box in np.unique(boxes):
        inside = boxes == box
        centre = at[0] + (2 * box + 1) * bandwidth
        u = (places - centre) / bandwidth
        reached = np.abs(u) < 10
        u = u[reached]
        sums = (counts[reached] * np.exp(-0.5 * u**2)) @ np.vander(u, TERMS, increasing=True)
        t = (at[inside] - centre) / bandwidth
        series = np.vander(t, TERMS, increasing=True) @ (sums / FACTORIALS)
        density[inside] = np.exp(-0.5 * t**2) * series
    return density


def kde_bandwidth(values: FloatArray, bounds: tuple[float, float]) -> float:
    """Bandwidth of the density whose peak is the `mode`, by the rule given there.

    `values` are sorted, at least one, without `nan`; an infinite end of `bounds` is no bound. Zero if at least
    half of the values are equal.

    >>> round(kde_bandwidth(np.array([0.0, 0.01, 0.9, 0.91]), (0.0, 1.0)), 3)
    0.05
    """
    return min(_silverman(values), _width(values, bounds) / 20)


def _width(values: FloatArray, bounds: tuple[float, float]) -> float:
    width = bounds[1] - bounds[0]
    return width if math.isfinite(width) else float(values[-1] - values[0])


def _silverman(values: FloatArray) -> float:
    # As np.quantile, which would sort them again, thousands of times in a bootstrap.
    last = values.size - 1
    lower_quartile, upper_quartile = np.interp([0.25 * last, 0.75 * last], np.arange(last + 1), values)
    if lower_quartile == upper_quartile:
        return 0.0
    spread = min(values.std(ddof=1), (upper_quartile - lower_quartile) / 1.34)
    return float(0.9 * spread * values.size**-0.2)
