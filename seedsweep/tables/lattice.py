"""Do the values of a metric lie on a lattice, as the share of right answers among n examples does?"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

LARGEST_COUNT: Final = 10_000
"""Examples up to which a lattice is looked for; a finer one makes no ties to speak of."""

CHANCE: Final = 1e-3
"""Less probable than this it must be that values from anywhere would lie on the lattice as well."""

FLOAT32: Final = 2.0**-24
"""Largest error of a number between 0 and 1 in float32."""


def lattice_of(values: npt.ArrayLike) -> float | None:
    """The step of the coarsest lattice on which the values of a share lie, or None.

    Parameters
    ----------
    values : array_like, any shape
        Final values of all seeds; `nan` is left out.

    Returns
    -------
    float or None
        1/n for values between 0 and 1 which all are k/n, as far as their decimals tell; else the last decimal, if
        they have at most three; 1.0 for whole numbers, some beyond 1. None where nothing of this is so, and for
        fewer than three different values beside 0 and 1, which tell no lattice.

    Notes
    -----
    Values written with d decimals are compared with k/n rounded likewise; with more than six, to the precision of
    float32. Taken is the smallest n up to 10 000 for which m values from anywhere would hardly do as well: each
    lies within the rounding r of a k/n with probability 2 n r, and n (2 n r)^m is below 1e-3.

    Examples
    --------
    >>> accuracy = [0.0, 0.2667, 0.5333, 0.9333, 0.6444, 1.0]    # of 45 examples
    >>> round(1 / lattice_of(accuracy))
    45
    >>> lattice_of([0.0, 0.5, 1.0]) is None, lattice_of([0.1234567, 0.7654321, 0.9182736]) is None
    (True, True)
    """
    finite = np.asarray(values, dtype=np.float64).ravel()
    different = np.unique(finite[~np.isnan(finite)])
    inside = different[(different != 0) & (different != 1)]
    if inside.size < 3:
        return None
    if inside[0] < 0 or inside[-1] > 1:
        return 1.0 if np.array_equal(inside, np.rint(inside)) else None

    decimals = next((d for d in range(1, 7) if np.abs(inside - np.round(inside, d)).max() < 1e-12), None)
    rounding = FLOAT32 if decimals is None else 0.5 * 10.0**-decimals + 1e-12
    n = np.arange(2, LARGEST_COUNT + 1)
    n = n[n * np.minimum(1.0, 2 * n * rounding) ** inside.size < CHANCE]
    for value in inside:  # a few values leave hardly any n
        n = n[np.abs(value - np.rint(value * n) / n) <= rounding]
    if n.size:
        return float(1 / n[0])
    return 10.0**-decimals if decimals is not None and decimals <= 3 else None
