"""What every statistic of this package accepts as one sample.

A sample is a one-dimensional array with one value per seed. `nan` stands for a seed that diverged: it has
no value, but it did run. An infinity is neither a value nor a diverged seed, so it is refused.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]


def as_sample(x: npt.ArrayLike) -> FloatArray:
    """`x` as a one-dimensional float64 array, `nan` included.

    Parameters
    ----------
    x : array_like, shape (n,)
        One value per seed.

    Returns
    -------
    ndarray of float64, shape (n,)

    Raises
    ------
    ValueError
        If `x` is not one-dimensional or holds an infinite value.

    Examples
    --------
    >>> as_sample([1, float("nan")])
    array([ 1., nan])
    """
    sample = np.asarray(x, dtype=np.float64)
    if sample.ndim != 1:
        raise ValueError(f"a sample is a one-dimensional array, not one of shape {sample.shape}")
    infinite = int(np.isinf(sample).sum())
    if infinite:
        raise ValueError(f"{infinite} of {sample.size} values are infinite; a seed that diverged is nan")
    return sample


def observed(x: npt.ArrayLike) -> FloatArray:
    """The values of `as_sample(x)` that are not `nan`.

    Parameters
    ----------
    x : array_like, shape (n,)
        One value per seed.

    Returns
    -------
    ndarray of float64, shape (n - number of nan,)

    Raises
    ------
    ValueError
        As `as_sample`.

    Examples
    --------
    >>> observed([1, float("nan")])
    array([1.])
    """
    sample = as_sample(x)
    return sample[~np.isnan(sample)]
