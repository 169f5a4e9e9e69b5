"""How many pairs of curves of a population agree by chance; see `seedsweep.analysis.identical_curves`."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from seedsweep.analysis.statistics.samples import Bools, FloatArray

ALIKE: Final = 1e-6
"""Share of the range of all values within which two values are one: the rounding of float32 and a little more."""

NEAREST: Final = 5
"""Curves from which the density of curves around one is inferred."""

FARTHER: Final = 3
"""Those of them that are counted: the nearest of all may be near by chance."""

SHARED: Final = 0.5
"""Of the evaluations with a value that different curves have too: of more, the metric takes few values."""

ROWS: Final = 300
"""Curves of which the agreement with all others is counted."""

FEWEST_AGREEING: Final = 20
"""Pairs that agree in one evaluation, of which it can be learnt how many agree in more."""

FEWEST_PAIRS: Final = 4
"""Pairs that agree in k evaluations, from which on it is asked how many agree in one more."""

DENOMINATORS: Final = 5000
"""Largest test set that is looked for."""

DIGITS: Final = 6
"""Most decimals that are taken for a rounding."""


class Chance:
    """What the curves of a population, shape (n, t), say about chance matches."""

    def __init__(self, values: FloatArray) -> None:
        self._values = values
        self._low, self._high = float(np.nanmin(values)), float(np.nanmax(values))
        self._range = self._high - self._low
        self.tolerance = ALIKE * self._range
        """Up to this difference two values are one."""
        previous = np.concatenate([np.full((len(values), 1), np.nan), values[:, :-1]], axis=1)
        moved = np.abs(values - previous) > self.tolerance
        inside = (values > self._low + self.tolerance) & (values < self._high - self.tolerance)
        inside |= ~np.isnan(values) & (values != np.rint(values))  # bounds are whole numbers
        self._inside: Bools = inside
        self.changes: Bools = np.where(np.isnan(previous), inside, moved) & ~np.isnan(values)
        """(n, t) where a curve has another value than before, or begins elsewhere than at a bound."""
        self._resolution = resolution(values)
        self._agreeing = self._count()

    def expected(self, i: int, j: int) -> float:
        """Pairs like (i, j), two curves that agree, that chance would make in the population."""
        both = ~np.isnan(self._values[i]) & ~np.isnan(self._values[j])
        changing = int((self.changes[i] & both).sum())
        if not changing or not self._range:
            return math.inf
        return min(self._by_nearest(i, j, both), self._by_evaluations(changing))

    def _by_nearest(self, i: int, j: int, both: Bools) -> float:
        """From the distances of the nearest other curves, as if curves had one parameter."""
        telling = both & self.changes[i] & self._inside[i]
        if not telling.any():
            return math.inf
        differences = np.abs(self._values[:, both] - self._values[i, both])
        known = ~np.isnan(differences).all(axis=1)
        distances = np.nanmax(differences[known], axis=1)
        others = np.sort(distances[distances > self.tolerance])
        different = self._values[known][distances > self.tolerance][:, telling]
        shared = (np.abs(different - self._values[i, telling]) <= 1e-12 * self._range).any(axis=0)
        if shared.mean() > SHARED:
            return math.inf
        apart = float(np.abs(self._values[i, both] - self._values[j, both]).max())
        within = max(self._resolution / 2, 2 * apart, 1e-12 * self._range)
        nearest = others[:NEAREST]
        rank = np.arange(1, nearest.size + 1)  # the very nearest alone say little, unless there are no more
        density = float((rank / nearest)[-FARTHER:].max()) if nearest.size else 1 / self._range
        return len(self._values) / 2 * density * within

    def _by_evaluations(self, changing: int) -> float:
        """From how many pairs of different curves agree in one, two, three, … of the evaluations that change."""
        pairs = self._agreeing
        most = pairs.size - 1
        if most < 1 or pairs[1] < FEWEST_AGREEING:
            return math.inf
        if changing <= most:
            return float(pairs[changing] + 1)
        following = np.append(pairs, 0.0)
        ratios = (following[1:] + 1) / (following[:-1] + 1)
        told = max(1, int((pairs >= FEWEST_PAIRS).sum()))  # of fewer pairs the next ratio is no more than noise
        return float((pairs[most] + 1) * ratios[max(0, told - 3) : told].max() ** (changing - most))

    def _count(self) -> FloatArray:
        """Pairs of different curves that agree in k changing evaluations or more, for k = 0, 1, … while any do."""
        rows = np.unique(np.linspace(0, len(self._values) - 1, min(ROWS, len(self._values))).astype(int))
        counts = np.zeros(self._values.shape[1] + 1)
        for i in rows.tolist():
            difference = np.abs(self._values - self._values[i])
            different = (difference > self.tolerance).any(axis=1)
            agreeing = ((difference <= self.tolerance) & self.changes[i]).sum(axis=1)[different]
            counts += np.bincount(agreeing, minlength=counts.size)
        at_least = np.cumsum(counts[::-1])[::-1] / 2 * len(self._values) / max(1, rows.size)
        return np.append(at_least[:1], at_least[1:][at_least[1:] > 0])


def resolution(values: FloatArray) -> float:
    """The step of which all values are multiples: 1/m for a small m, a decimal, or float32's; 0 if none is seen.

    >>> resolution(np.array([[0.25, 1.5]])), resolution(np.array([[0.12345, 0.42]]))
    (0.25, 1e-05)
    >>> resolution(np.array([[0.1234567891, 2.7182818284, 0.5772156649]]))
    0.0
    """
    distinct = np.unique(values[~np.isnan(values)])
    few = distinct[:: max(1, distinct.size // 50)]
    for m in (*range(1, DENOMINATORS + 1), *(10**digits for digits in range(4, DIGITS + 1))):
        if _whole(few * m) and _whole(distinct * m):
            return 1.0 / float(m)
    in_float32 = bool((distinct == distinct.astype(np.float32)).all())
    return float(np.finfo(np.float32).eps) * float(np.abs(distinct).max()) / 2 if in_float32 else 0.0


def _whole(values: FloatArray) -> bool:
    """Whether all are whole numbers, but for the rounding of float32."""
    return bool((np.abs(values - np.rint(values)) <= np.minimum(1e-9 + 1e-7 * np.abs(values), 0.02)).all())
