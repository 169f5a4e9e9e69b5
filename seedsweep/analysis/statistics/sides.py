"""The seeds of two populations at one scale, in pairs where both trained the same seed."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedsweep.analysis.statistics.samples import FloatArray, as_sample

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sides:
    """Two samples, of which some values belong together.

    Attributes
    ----------
    a, b : ndarray of float, shapes (n,) and (m,)
        One value per seed. The first `pairs` of both are pairs, in the same order; `nan` is a diverged seed.
    pairs : int
        Seeds that both have.
    """

    a: FloatArray
    b: FloatArray
    pairs: int

    def __repr__(self) -> str:
        return f"Sides(a=<{self.a.size} values>, b=<{self.b.size} values>, pairs={self.pairs})"

    @classmethod
    def of(
        cls, a: npt.ArrayLike, b: npt.ArrayLike, seeds_a: Sequence[Hashable], seeds_b: Sequence[Hashable]
    ) -> Sides:
        """Put those of the same name together.

        Parameters
        ----------
        a, b : array_like, shapes (n,) and (m,)
            One value per seed, `nan` for a diverged one.
        seeds_a, seeds_b : sequence, lengths n and m
            What each seed is called; on one side no two are called the same.

        Returns
        -------
        Sides
            Sorted by value, so that no statistic depends on the order of the seeds.

        Raises
        ------
        ValueError
            If a side does not have one name per value, or a name twice.

        Examples
        --------
        >>> Sides.of([0.1, 0.9, 0.5], [0.7, 0.2], [1, 2, 3], [3, 4])
        Sides(a=<3 values>, b=<2 values>, pairs=1)
        """
        x, y = as_sample(a), as_sample(b)
        places = dict(zip(seeds_a, range(x.size), strict=True)), dict(zip(seeds_b, range(y.size), strict=True))
        if (len(places[0]), len(places[1])) != (x.size, y.size):
            raise ValueError("one side has two seeds of the same name")
        common = [name for name in places[0] if name in places[1]]
        here, there = ([side[name] for name in common] for side in places)
        return cls._sorted(x[here], y[there], np.delete(x, here), np.delete(y, there))

    @property
    def observed(self) -> Sides:
        """Without diverged seeds; whose partner diverged is no pair any more."""
        k = self.pairs
        known_a, known_b = ~np.isnan(self.a), ~np.isnan(self.b)
        both = known_a[:k] & known_b[:k]
        alone_a = np.concatenate([self.a[:k][known_a[:k] & ~both], self.a[k:][known_a[k:]]])
        alone_b = np.concatenate([self.b[:k][known_b[:k] & ~both], self.b[k:][known_b[k:]]])
        return self._sorted(self.a[:k][both], self.b[:k][both], alone_a, alone_b)

    @property
    def both(self) -> FloatArray:
        """All values, those of A first."""
        return np.concatenate([self.a, self.b])

    def exchanged(self, random: np.random.Generator, count: int) -> tuple[Places, Places]:
        """Who might as well have been on which side, if it makes no difference: places in `both`.

        Returns
        -------
        tuple of ndarray of int, shapes (count, n) and (count, m)
            The two of a pair change sides or do not; all others are dealt out anew.
        """
        n, k = self.a.size, self.pairs
        change = random.random((count, k)) < 0.5
        of_a, of_b = np.arange(k), n + np.arange(k)
        alone = np.concatenate([np.arange(k, n), n + np.arange(k, self.b.size)])
        dealt = random.permuted(np.tile(alone, (count, 1)), axis=1)
        return (
            np.concatenate([np.where(change, of_b, of_a), dealt[:, : n - k]], axis=1),
            np.concatenate([np.where(change, of_a, of_b), dealt[:, n - k :]], axis=1),
        )

    def resampled(self, random: np.random.Generator, count: int) -> tuple[Places, Places]:
        """Places in `both` of bootstrap resamples: pairs are drawn as such, all others by side."""
        n, m, k = self.a.size, self.b.size, self.pairs
        pairs = random.integers(max(k, 1), size=(count, k))
        of_a = k + random.integers(max(n - k, 1), size=(count, n - k))
        of_b = k + random.integers(max(m - k, 1), size=(count, m - k))
        return np.concatenate([pairs, of_a], axis=1), n + np.concatenate([pairs, of_b], axis=1)

    @classmethod
    def _sorted(cls, a: FloatArray, b: FloatArray, alone_a: FloatArray, alone_b: FloatArray) -> Sides:
        order = np.lexsort((b, a))
        return cls(
            np.concatenate([a[order], np.sort(alone_a)]), np.concatenate([b[order], np.sort(alone_b)]), a.size
        )
