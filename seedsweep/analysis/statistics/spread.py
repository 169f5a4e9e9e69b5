"""Tied values as the continuous ones that they may stand for, so that ties alone never look like groups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from seedsweep.analysis.statistics.samples import Bools, FloatArray

COPIES: Final = 25
"""How many jittered copies of a sample with ties are tested; odd, so that the median is one of them."""

WIDEST: Final = 1 / 3
"""How far beyond an end of the metric values tied there are spread, in ranges of the values at neither end."""

NARROWER: Final = 6
"""How often the width beyond an end of the metric is halved."""

FEWEST_INSIDE: Final = 3
"""Different values away from both ends of the metric, from which on their range says something."""


@dataclass(frozen=True)
class Spread:
    """Every value of a sample as an interval in which it lies, evenly.

    Attributes
    ----------
    low, high : ndarray of float64, shape (n,)
        Ends of the intervals, in the order of the sorted values; equal where a value is exact.
    """

    low: FloatArray
    high: FloatArray

    @property
    def exact(self) -> bool:
        """Whether no value is spread."""
        return bool(np.array_equal(self.low, self.high))

    def copies(self) -> FloatArray:
        """Samples drawn from the intervals, each sorted, always the same: shape (COPIES, n), (1, n) if exact."""
        if self.exact:
            return self.low[None, :]
        uniform = np.random.Generator(np.random.Philox(key=0)).random((COPIES, self.low.size))
        return np.sort(self.low + uniform * (self.high - self.low), axis=1)


def spreads(values: FloatArray, lattice: float | None, bounds: tuple[float, float]) -> Iterator[Spread]:
    """The ways in which the ties of a sample may have come about.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        Sorted, without `nan`, at least one.
    lattice : float or None
        Step between the values that the metric can take.
    bounds : tuple of two floats
        The range of the metric; either end may be infinite.

    Yields
    ------
    Spread
        One, or where values are tied at an end of the metric, one for every width beyond it.

    Notes
    -----
    *Lattice.* A value is spread over one step of the lattice. A unimodal distribution on a lattice becomes a
    unimodal density of steps.

    *Unexplained ties.* Without a lattice a value that occurs once is exact, and tied ones are spread half-way to
    the next different values, as if they were rounded.

    *Ends of the metric.* A seed at exactly 0 may stand for anything that the metric cannot tell from 0: the values
    of max(0, y) are one group wherever those of y are. Values tied at an end are spread beyond it, over at most a
    third of the range of those at neither end. (Our choice: a normal y with its mean inside the range of the
    metric has no more than that beyond an end, at the density that it has there.) A test takes the width that
    speaks most for a single group.
    """
    at_low, at_high = at_ends(values, bounds)
    half = lattice / 2 if lattice else 0.0
    low, high = values - half, values + half
    if not lattice:
        low, high = _halfway(values)
    inside = values[~at_low & ~at_high]
    at_low, at_high = at_low & (at_low.sum() > 1), at_high & (at_high.sum() > 1)  # those that are tied
    widest = WIDEST * float(inside[-1] - inside[0]) if np.unique(inside).size >= FEWEST_INSIDE else 0.0
    if widest == 0 or not (at_low.any() or at_high.any()):
        yield Spread(low, high)
        return
    below, above = ([0.0] if not at.any() else _widths(widest, half) for at in (at_low, at_high))
    for under in below:
        for over in above:
            # Beyond an end nothing is rounded, on this side of it no more than on a lattice.
            yield Spread(
                np.where(at_low, values - max(under, half), np.where(at_high, values - half, low)),
                np.where(at_high, values + max(over, half), np.where(at_low, values + half, high)),
            )


def at_ends(values: FloatArray, bounds: tuple[float, float]) -> tuple[Bools, Bools]:
    """Which values are at the lower and at the upper end, to the rounding of float32."""
    span = bounds[1] - bounds[0]
    rounding = 1e-6 * span if np.isfinite(span) else 0.0
    return values <= bounds[0] + rounding, values >= bounds[1] - rounding


def _halfway(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Intervals of tied values, half-way to their neighbours; at the outermost as far out as in."""
    different, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    if different.size == 1:
        return values, values
    gaps = np.diff(different) / 2
    to_left, to_right = np.append(gaps[:1], gaps), np.append(gaps, gaps[-1:])
    tied = counts > 1
    return (different - to_left * tied)[place], (different + to_right * tied)[place]


def _widths(widest: float, half: float) -> list[float]:
    widths = [widest / 2**k for k in range(NARROWER + 1)]
    return [width for width in widths if width > half] or [half]
