"""Is one curve over scales an even ramp or a sudden jump? Linearity and breakthroughness."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from seedsweep.analysis.statistics.samples import FloatArray, as_sample


def breakthroughness(y: npt.ArrayLike) -> float:
    """How far the range of a curve exceeds its typical step from scale to scale.

    With steps d_i = y_{i+1} - y_i and the signed range
    I = sign(argmax y - argmin y) * (max y - min y),

        B = I / sqrt(median(d**2)).

    An even ramp of m steps has B = m. A flat curve with one jump has a much larger B, up to infinity.

    Parameters
    ----------
    y : array_like, shape (n_scales,)
        One value per scale, ordered by scale, in any unit: B does not depend on it.

    Returns
    -------
    float
        +inf or -inf where the median step is zero and the range is not; 0.0 for a constant curve (no
        range: nothing emerges); `nan` for fewer than two points and for a curve with a `nan` in it.

    Raises
    ------
    ValueError
        If `y` is not one-dimensional or holds an infinite value.

    See Also
    --------
    linearity : the same ratio with the mean of the squared steps.

    Notes
    -----
    The median of an even number of squares is the mean of the two in the middle. Where the maximum or the
    minimum is reached more than once, its first occurrence gives the sign, so reversing a curve flips the
    sign of B only if both extremes are unique.

    Seeds of different scales have nothing in common: a "single-seed curve" is one draw per scale.

    References
    ----------
    .. [1] Zhao et al., "Random Scaling of Emergent Capabilities", arXiv 2502.17356, Eq. 2 and 3.
    .. [2] Srivastava et al., "Beyond the Imitation Game", 2022, arXiv 2206.04615, Appendix B.

    Examples
    --------
    >>> breakthroughness([0, 0.25, 0.5, 0.75, 1])
    4.0
    >>> round(breakthroughness([0, 0.01, 0.02, 0.9, 0.95]), 6)
    26.348259
    >>> breakthroughness([0, 0, 0, 1, 1])
    inf
    """
    return float(breakthroughness_of_rows(_one_row(y))[0])


def linearity(y: npt.ArrayLike) -> float:
    """How evenly a curve rises from scale to scale.

    With steps d_i = y_{i+1} - y_i and the signed range
    I = sign(argmax y - argmin y) * (max y - min y),

        L = I / sqrt(mean(d**2)).

    An even ramp of m steps has L = m, the largest value m steps can have; its reverse has -m.

    Parameters
    ----------
    y : array_like, shape (n_scales,)
        One value per scale, ordered by scale, in any unit: L does not depend on it.

    Returns
    -------
    float
        0.0 for a constant curve (no range: nothing emerges); `nan` for fewer than two points and for a
        curve with a `nan` in it.

    Raises
    ------
    ValueError
        If `y` is not one-dimensional or holds an infinite value.

    See Also
    --------
    breakthroughness : the same ratio with the median of the squared steps.

    Notes
    -----
    Ties of the maximum or the minimum are resolved as in `breakthroughness`.

    References
    ----------
    .. [1] Zhao et al., "Random Scaling of Emergent Capabilities", arXiv 2502.17356, Eq. 2 and 3.
    .. [2] Srivastava et al., "Beyond the Imitation Game", 2022, arXiv 2206.04615, Appendix B.

    Examples
    --------
    >>> linearity([0, 0.25, 0.5, 0.75, 1])
    4.0
    >>> linearity([1, 0.75, 0.5, 0.25, 0])
    -4.0
    >>> linearity([0, 0, 0, 1, 1])
    2.0
    """
    return float(linearity_of_rows(_one_row(y))[0])


def breakthroughness_of_rows(curves: FloatArray) -> FloatArray:
    """`breakthroughness` of many curves at once, shape (n_curves, n_scales) to (n_curves,).

    >>> breakthroughness_of_rows(np.array([[0.0, 0.5, 1.0], [0.0, 0.0, 0.0]]))
    array([2., 0.])
    """
    return _ratios(curves, np.median)


def linearity_of_rows(curves: FloatArray) -> FloatArray:
    """`linearity` of many curves at once, shape (n_curves, n_scales) to (n_curves,).

    >>> linearity_of_rows(np.array([[0.0, 0.5, 1.0], [1.0, 0.5, 0.0]]))
    array([ 2., -2.])
    """
    return _ratios(curves, np.mean)


def _one_row(y: npt.ArrayLike) -> FloatArray:
    return as_sample(y)[np.newaxis]


def _ratios(curves: FloatArray, average: Callable[..., FloatArray]) -> FloatArray:
    """Signed range over the root of the averaged squared steps, row by row."""
    if curves.shape[1] < 2:
        return np.full(len(curves), math.nan)
    sign = np.sign(np.argmax(curves, axis=1) - np.argmin(curves, axis=1))
    signed_range = sign * np.ptp(curves, axis=1)
    step = np.sqrt(average(np.diff(curves, axis=1) ** 2, axis=1))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = signed_range / step  # no range and no step is 0 / 0, and means 0
    return np.where(signed_range == 0.0, 0.0, ratio)
