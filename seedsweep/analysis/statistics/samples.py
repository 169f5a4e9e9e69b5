"""What the statistics of this package accept: samples, ladders of them, learning curves, options.

A sample is a one-dimensional array with one value per seed. `nan` stands for a seed that diverged: it has
no value, but it did run. An infinity is neither a value nor a diverged seed, so it is refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]
LatticeByScale: TypeAlias = float | Mapping[float, float] | None
"""Step between the values that a metric can take: at all scales, by scale, or there is none."""


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


def samples_by_scale(values: Mapping[float, npt.ArrayLike]) -> dict[float, FloatArray]:
    """The seeds of every scale of a ladder, sorted, so that no statistic depends on their order.

    Parameters
    ----------
    values : mapping from scale to array_like, shape (n_seeds,)
        One value per seed, `nan` for a diverged one. The scales may have different numbers of seeds, or none.

    Returns
    -------
    dict from float to ndarray of float64
        In ascending order of the scales; `nan` is kept, at the end of each sample.

    Raises
    ------
    ValueError
        If a scale is not a finite number or a sample is not one; the message names the scale.

    Examples
    --------
    >>> samples_by_scale({4: [0.9, 0.1], 2: []})
    {2.0: array([], dtype=float64), 4.0: array([0.1, 0.9])}
    """
    if not all(math.isfinite(scale) for scale in values):
        raise ValueError(f"scales are finite numbers, not {list(values)}")
    samples: dict[float, FloatArray] = {}
    for scale in sorted(values):
        with errors_name(scale):
            samples[float(scale)] = np.sort(as_sample(values[scale]))
    return samples


def observed_by_scale(values: Mapping[float, npt.ArrayLike]) -> dict[float, FloatArray]:
    """`samples_by_scale` without `nan` and without the scales that have no value.

    Parameters
    ----------
    values : mapping from scale to array_like, shape (n_seeds,)
        As for `samples_by_scale`.

    Returns
    -------
    dict from float to ndarray of float64
        In ascending order of the scales, each sample sorted.

    Raises
    ------
    ValueError
        As `samples_by_scale`.

    Examples
    --------
    >>> observed_by_scale({4: [0.9, float("nan")], 2: []})
    {4.0: array([0.9])}
    """
    samples = {scale: observed(sample) for scale, sample in samples_by_scale(values).items()}
    return {scale: sample for scale, sample in samples.items() if sample.size}


def as_curves(steps: npt.ArrayLike, curves: npt.ArrayLike, threshold: float) -> tuple[FloatArray, FloatArray]:
    """Steps and curves as arrays, with the gaps before a later value filled by the value before them."""
    at = as_sample(steps)
    values = np.array(curves, dtype=np.float64)
    if values.size == 0:
        values = values.reshape(0, at.size)
    if at.size == 0 or values.shape[1:] != at.shape:
        raise ValueError(
            f"steps of shape (t,) and curves of shape (seeds, t) are needed, not {at.shape} and {values.shape}"
        )
    if np.isnan(at).any() or np.any(np.diff(at) <= 0):
        raise ValueError("the steps of the evaluations must be numbers in ascending order, none twice")
    if np.isinf(values).any():
        raise ValueError(f"{np.isinf(values).sum()} values are infinite; a seed that diverged is nan")
    require_threshold(threshold)
    missing = np.isnan(values)
    is_gap = missing & np.logical_or.accumulate(~missing[:, ::-1], axis=1)[:, ::-1]
    source = np.maximum.accumulate(np.where(is_gap, 0, np.arange(at.size)), axis=1)
    return at, np.take_along_axis(values, source, axis=1)


def generator(seed: int | Sequence[int] = 0) -> np.random.Generator:
    """Numpy's counter-based generator: the same seed gives the same numbers, whatever was drawn elsewhere.

    Statistics that take no seed all use this one of 0, so that their random numbers are the same, and so is their
    result each time.
    """
    return np.random.Generator(np.random.Philox(seed))


@contextmanager
def errors_name(scale: float) -> Iterator[None]:
    """Puts "at scale …" in front of a ValueError raised inside."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"at scale {scale:g}: {error}") from error


def require_share(**options: float) -> None:
    """Raises ValueError on one that is not between 0 and 1, such as a confidence or the level of a test."""
    for name, value in options.items():
        if not 0 < value < 1:  # also catches nan
            raise ValueError(f"{name} is between 0 and 1, not {value}")


def require_positive(**options: float) -> None:
    """Raises ValueError on one that is not, such as a number of resamples."""
    for name, value in options.items():
        if not value > 0:
            raise ValueError(f"{name} is a positive number, not {value}")


def require_threshold(threshold: float) -> None:
    """Raises ValueError on a threshold of success that is not finite."""
    if not math.isfinite(threshold):
        raise ValueError(f"the success threshold is a finite number, not {threshold}")


def lattice_at(lattice: LatticeByScale, scale: float) -> float | None:
    """The step at one scale.

    >>> lattice_at({1.0: 0.1}, 1), lattice_at({1.0: 0.1}, 2), lattice_at(0.5, 2)
    (0.1, None, 0.5)
    """
    return lattice.get(scale) if isinstance(lattice, Mapping) else lattice


def require_lattice(lattice: float | None) -> None:
    """Raises ValueError on a step between two possible values of a metric that is none."""
    if lattice is not None and not (lattice > 0 and math.isfinite(lattice)):
        raise ValueError(f"lattice is the step between two possible values, a positive number, not {lattice}")


def require_bounds(bounds: tuple[float, float]) -> None:
    """Raises ValueError on a range of a metric that holds nothing."""
    low, high = bounds
    if not low < high:
        raise ValueError(f"bounds are a lower and a higher end, not {bounds}")
