"""Do the values of a metric lie on a lattice, as the share of right answers among n examples does?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from seedsweep.population import Floats

LARGEST_COUNT: Final = 10_000
"""Steps between the smallest and the largest value up to which a lattice is looked for; a finer one makes no ties
to speak of."""

CHANCE: Final = 1e-3
"""Less probable than this it must be that values from anywhere would lie on the lattice as well."""

FLOAT32: Final = 2.0**-24
"""Largest error of a number in float32, of its size."""

WITHIN: Final = 1 / 4
"""Part of a step that may be rounding: more, and decimals themselves lie near every lattice."""

MUCH_COARSER: Final = 2.5
"""How much wider the steps of another lattice must be to be taken where the values are shares k/n too."""

ROUNDED: Final = 0.01
"""Part of a step that the rounding of float32 may come to, of up to ten thousand examples and more."""

FEWEST: Final = 3
"""Fewer different values, beside those that fix the lattice, tell none."""


def lattices_of(values: Mapping[float, npt.ArrayLike]) -> dict[float, float]:
    """The step of the lattice of every scale that has one.

    Parameters
    ----------
    values : mapping from scale to array_like
        Final values of all seeds; `nan` is left out.

    Returns
    -------
    dict from scale to float
        What `lattice_of` finds at the scale, since test sizes may differ along a ladder. A scale with too few
        values to tell has the lattice of all scales together, if they have one.

    Examples
    --------
    >>> steps = lattices_of({1: [0.0, 0.1, 0.3, 0.4, 0.7], 2: [0.05, 0.2, 0.45, 0.55, 0.8], 3: [0.9, 0.95]})
    >>> {scale: round(1 / step) for scale, step in steps.items()}
    {1: 10, 2: 20, 3: 20}
    """
    together = lattice_of(np.concatenate([np.ravel(sample) for sample in values.values()] or [np.empty(0)]))
    found = {scale: lattice_of(sample) or together for scale, sample in values.items()}
    return {scale: step for scale, step in found.items() if step is not None}


def lattice_of(values: npt.ArrayLike) -> float | None:
    """The step of the coarsest lattice on which the values lie, whatever its step and offset, or None.

    Parameters
    ----------
    values : array_like, any shape
        Final values of all seeds; `nan` is left out.

    Returns
    -------
    float or None
        1/n for values between 0 and 1 which all are k/n, as far as their decimals tell; else (or if it is much
        coarser) the step of a lattice through the smallest and the largest value or, for values of at most three
        decimals, the largest number that divides all their differences. None where nothing of this is so, and for
        fewer than three different values beside those that fix the lattice (0 and 1, or the smallest and the
        largest), which tell none.

    Notes
    -----
    Values written with d decimals are compared with the lattice rounded likewise; with more than six, to the
    precision of float32. Taken is the smallest number of steps n up to 10 000 for which m values from anywhere
    would hardly do as well: each lies within the rounding r (in units of the range) of a point of the lattice with
    probability 2 n r < 1/4, and n (2 n r)^m is below 1e-3.

    Examples
    --------
    >>> accuracy = [0.0, 0.2667, 0.5333, 0.9333, 0.6444, 1.0]    # of 45 examples
    >>> round(1 / lattice_of(accuracy))
    45
    >>> lattice_of([300, 500, 800, 1200, 2100]), round(lattice_of([-0.95, -0.9, -0.7, -0.65, -0.2, 0.0]), 6)
    (100.0, 0.05)
    >>> lattice_of([0.0, 0.5, 1.0]) is None, lattice_of([0.1234567, 0.7654321, 0.9182736]) is None
    (True, True)
    """
    finite = np.asarray(values, dtype=np.float64).ravel()
    different = np.unique(finite[~np.isnan(finite)])
    if different.size < FEWEST:
        return None
    decimals = _decimals(different)
    size = float(np.abs(different[[0, -1]]).max())
    rounding = FLOAT32 * size if decimals is None else 0.5 * 10.0**-decimals + 1e-12 * size

    inside = different[(different != 0) & (different != 1)]
    lowest, span = different[0], float(different[-1] - different[0])
    # Both ends are rounded too, so that the places between them are off by up to twice the rounding.
    n = _steps((different[1:-1] - lowest) / span, 2 * rounding / span)
    steps = [] if n is None else [span / n]
    if decimals is not None and decimals <= 3 and inside.size >= FEWEST:
        whole = np.rint((different - lowest) * 10**decimals).astype(np.int64)
        steps.append(float(np.gcd.reduce(whole) / 10**decimals))
    if different[0] >= 0 and different[-1] <= 1 and (shares := _steps(inside, rounding)) is not None:
        # That few values of a share are all even multiples is no coarser lattice.
        return next((step for step in steps if step * shares > MUCH_COARSER), 1 / shares)
    return max(steps, default=None)


def lattice_seen(values: npt.ArrayLike, announced: float) -> float | None:
    """The step that is announced of another scale, unless the values tell another.

    Parameters
    ----------
    values : array_like, any shape
        Final values of all seeds at the scale; `nan` is left out.
    announced : float
        1 / examples of the test at another scale.

    Returns
    -------
    float or None
        What is announced, where the values lie on it and on none much coarser; else what `lattice_of` finds.

    Examples
    --------
    >>> few, many = [0.0, 0.1, 0.3, 0.4, 0.7], [0.02, 0.17, 0.33, 0.5]
    >>> lattice_seen(few, 0.01), lattice_seen(many, 0.01), lattice_seen(many, 0.1)
    (0.1, 0.01, 0.01)
    """
    seen, places = lattice_of(values), np.asarray(values, dtype=np.float64).ravel() / announced
    fits = bool((np.abs(places - np.rint(places))[~np.isnan(places)] < ROUNDED).all())
    return announced if fits and (seen is None or seen < MUCH_COARSER * announced) else seen


def _decimals(values: Floats) -> int | None:
    """How many decimals the values are written with; None for more than six."""
    return next(
        (d for d in range(7) if np.allclose(values, np.round(values, d), rtol=1e-14, atol=1e-12)),
        None,
    )


def _steps(inside: Floats, rounding: float) -> int | None:
    """The smallest n for which all values, between 0 and 1, are some k/n to within the rounding."""
    if inside.size < FEWEST:
        return None
    n = np.arange(2, LARGEST_COUNT + 1)
    n = n[2 * n * rounding < WITHIN]
    n = n[n * (2 * n * rounding) ** inside.size < CHANCE]
    for value in inside:  # a few values leave hardly any n
        n = n[np.abs(value - np.rint(value * n) / n) <= rounding]
    return int(n[0]) if n.size else None
