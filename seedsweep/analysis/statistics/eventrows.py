"""The times of a ladder as rows, one per seed and output."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from seedsweep.analysis.statistics.events import EventTimes
from seedsweep.analysis.statistics.samples import Bools, FloatArray
from seedsweep.analysis.statistics.weibull import IntervalTimes

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class EventRows:
    """Rows of a ladder, shape (m,) each.

    Attributes
    ----------
    scale : ndarray of float
    seed : ndarray of int
        Numbered through all scales.
    output : ndarray of int
    stratum : ndarray of int
        Outputs, numbered through all scales.
    low, high : ndarray of float
        Of `EventTimes`, from 0 on.
    """

    scale: FloatArray
    seed: Ints
    output: Ints
    stratum: Ints
    low: FloatArray
    high: FloatArray

    @classmethod
    def of(cls, times: Mapping[float, EventTimes]) -> EventRows:
        columns: list[list[FloatArray]] = [[], [], [], [], [], []]
        seeds = strata = 0
        for scale in sorted(times):
            low, high = times[scale].by_output
            seed, output = map(np.asarray, np.indices(low.shape))
            here = (np.full(low.shape, scale), seed + seeds, output, output + strata, np.maximum(low, 0.0), high)
            for column, values in zip(columns, here, strict=True):
                column.append(values.ravel().astype(np.float64))
            seeds, strata = seeds + low.shape[0], strata + low.shape[1]
        scale_, seed_, output_, stratum_, low_, high_ = (np.concatenate([*column, []]) for column in columns)
        return cls(
            scale_, seed_.astype(np.int64), output_.astype(np.int64), stratum_.astype(np.int64), low_, high_
        )

    def from_share_on(self, share: float) -> EventRows:
        """With a clock that starts at every scale when this share of its rows has happened; `at_start` are those.

        The start is told by what happened until then, so that what is memoryless is still so.
        """
        start = np.zeros(self.scale.size)
        for scale in np.unique(self.scale):
            here = self.scale == scale
            ordered = np.sort(self.high[here])
            first = float(ordered[math.ceil(share * ordered.size) - 1]) if share > 0 else 0.0
            start[here] = first if math.isfinite(first) else 0.0
        return replace(self, low=np.maximum(self.low - start, 0.0), high=self.high - start)

    @property
    def at_start(self) -> Bools:
        """There when the clock starts, before which there was no time to wait."""
        return np.asarray(self.high <= 0)

    @property
    def informative(self) -> Bools:
        """Of a stratum in which not all wait to the end, and not all came before anything was known."""
        size = int(self.stratum.max(initial=-1)) + 1
        waiting = ~self.at_start
        happened = np.bincount(self.stratum, waiting & np.isfinite(self.high), size) > 0
        waited = np.bincount(self.stratum, self.low > 0, size) > 0
        return np.asarray((happened & waited)[self.stratum])

    def chosen(self, which: Bools) -> EventRows:
        """Some of the rows."""
        return EventRows(
            self.scale[which],
            self.seed[which],
            self.output[which],
            self.stratum[which],
            self.low[which],
            self.high[which],
        )

    def intervals(self, design: FloatArray) -> IntervalTimes:
        """With what the hazard depends on; the rows of a seed need not be independent."""
        return IntervalTimes(self.low, self.high, design, self.seed)


def indicators(numbers: Ints) -> FloatArray:
    """A column for each different number."""
    names, which = np.unique(numbers, return_inverse=True)
    return np.asarray(np.eye(names.size)[which])
