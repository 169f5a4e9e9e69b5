"""What happens one size up? Three models of how the distribution of seeds changes along a ladder.

All of them take resampled ladders, an array of shape (r, n) for each scale, and give the quantile function at
another scale, shape (r, levels). Higher is better. Between the bounds of a metric values are moved to where they
have none (`Reach`), so that no forecast leaves them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from seedsweep.analysis.statistics.samples import FloatArray

LEVELS: Final[FloatArray] = (np.arange(199) + 0.5) / 199
"""Of the quantile functions."""

SQUEEZE: Final = 100
"""Values at a bound are taken for half a hundredth of the range inside it, whose logit is finite; our choice."""

SLOPE: Final = 2.5
"""Standard deviation of the prior of a logistic slope, where the ladder has standard deviation 1 [Gelman 2008]."""

TINY: Final = 1e-12

STEPS: Final = 25
"""Of Newton's method; the problem is convex, and ten are enough."""


@dataclass(frozen=True)
class Reach:
    """The range of a metric, and how its values are moved to the whole line.

    Attributes
    ----------
    low, high : float
        Either may be infinite.
    """

    low: float
    high: float

    def out(self, values: FloatArray) -> FloatArray:
        """Logit where there are two bounds, logarithm of the distance to one, else as they are."""
        if math.isfinite(self.low) and math.isfinite(self.high):
            share = (values - self.low) / (self.high - self.low)
            inside = (share.clip(0, 1) * (SQUEEZE - 1) + 0.5) / SQUEEZE
            return np.asarray(np.log(inside / (1 - inside)))
        if math.isfinite(self.low):
            return np.asarray(np.log(np.maximum(values - self.low, TINY)))
        if math.isfinite(self.high):
            return np.asarray(-np.log(np.maximum(self.high - values, TINY)))
        return values

    def back(self, values: FloatArray) -> FloatArray:
        """The inverse of `out`."""
        if math.isfinite(self.low) and math.isfinite(self.high):
            share = (SQUEEZE / (1 + np.exp(-values)) - 0.5) / (SQUEEZE - 1)
            return np.asarray(self.low + (self.high - self.low) * share.clip(0, 1))
        if math.isfinite(self.low):
            return np.asarray(self.low + np.exp(values))
        if math.isfinite(self.high):
            return np.asarray(self.high - np.exp(-values))
        return values


Ladder: TypeAlias = Sequence[FloatArray]
"""A resampled sample of every scale, shape (r, n) each, every row sorted."""

Fit: TypeAlias = Callable[[FloatArray, Ladder, float, float, Reach], FloatArray]
"""From places of the scales on the axis, the ladder, the place that is asked for, and the threshold of success."""


def levelled(at: FloatArray, ladder: Ladder, to: float, least: float, reach: Reach) -> FloatArray:
    """Monotone: no quantile goes back along the ladder, and none goes on beyond its end.

    The quantile functions of all scales by isotonic regression, at the largest scale, in the direction in which
    the means go: its own, pooled with those of scales before that are further on.
    """
    quantiles = np.stack([_quantiles(sample) for sample in ladder])
    n = np.array([sample.shape[1] for sample in ladder], dtype=float)[:, None, None]
    means = quantiles.mean(axis=2)
    rises = means[-1] >= means[0]
    pooled = np.cumsum((n * quantiles)[::-1], axis=0) / np.cumsum(n[::-1], axis=0)
    return np.sort(np.where(rises[:, None], pooled.max(axis=0), pooled.min(axis=0)), axis=1)


def one_group(at: FloatArray, ladder: Ladder, to: float, least: float, reach: Reach) -> FloatArray:
    """All seeds move together: their mean is linear, outside the bounds, and so is the logarithm of their spread.

    The spread stays between the smallest and the largest that was seen; the shape is that of the last two scales.
    """
    moved = [reach.out(sample) for sample in ladder]
    means = np.stack([sample.mean(axis=1) for sample in moved])
    spreads = np.stack([np.maximum(sample.std(axis=1), 1e-3) for sample in moved])
    n = np.array([sample.shape[1] for sample in ladder], dtype=float)[:, None] * np.ones_like(means)
    middle = _line(at, means, n, to)
    spread = np.exp(_line(at, np.log(spreads), n, to)).clip(spreads.min(axis=0), spreads.max(axis=0))
    shape = np.mean(
        [
            _quantiles((s - m[:, None]) / d[:, None])
            for s, m, d in zip(moved[-2:], means[-2:], spreads[-2:], strict=True)
        ],
        axis=0,
    )
    return np.asarray(reach.back(middle[:, None] + spread[:, None] * shape))


def two_groups(at: FloatArray, ladder: Ladder, to: float, least: float, reach: Reach) -> FloatArray:
    """Successes and failures: the share is logistic, and each group's mean linear outside the bounds."""
    there = [sample >= least for sample in ladder]
    n = np.array([sample.shape[1] for sample in ladder], dtype=float)[:, None]
    successes = np.stack([good.sum(axis=1) for good in there]).astype(float)
    share = _logistic(at, successes, n, to)
    moved = [reach.out(sample) for sample in ladder]
    line = float(reach.out(np.array([least]))[0])
    good = np.maximum(_group(at, moved, there, to), line)
    bad = np.minimum(_group(at, moved, [~which for which in there], to), line - TINY)
    found = np.empty((len(share), LEVELS.size))
    for row, p in enumerate(share):
        fails = 1 - p > LEVELS
        found[row, fails] = np.interp(LEVELS[fails] / (1 - p), LEVELS, bad[row])
        found[row, ~fails] = np.interp((LEVELS[~fails] - (1 - p)) / p, LEVELS, good[row])
    values = reach.back(found)
    # Moving there and back rounds; a failure is below the threshold all the same.
    fails = LEVELS[None, :] < (1 - share)[:, None]
    return np.where(fails, np.minimum(values, np.nextafter(least, -math.inf)), np.maximum(values, least))


MODELS: Final[Mapping[str, Fit]] = {"levelled": levelled, "one group": one_group, "two groups": two_groups}


def _quantiles(sorted_rows: FloatArray) -> FloatArray:
    """At `LEVELS`, shape (r, levels)."""
    n = sorted_rows.shape[1]
    places = (LEVELS * n - 0.5).clip(0, n - 1)
    low = np.floor(places).astype(int)
    part = places - low
    high = np.minimum(low + 1, n - 1)
    return np.asarray(sorted_rows[:, low] * (1 - part) + sorted_rows[:, high] * part)


def _line(at: FloatArray, values: FloatArray, weights: FloatArray, to: float) -> FloatArray:
    """Weighted least squares over the scales, of values of shape (scales, r), at another place."""
    total = weights.sum(axis=0)
    x, y = (weights * at[:, None]).sum(axis=0) / total, (weights * values).sum(axis=0) / total
    apart = at[:, None] - x
    squares = (weights * apart**2).sum(axis=0)
    slope = np.where(squares > 0, (weights * apart * (values - y)).sum(axis=0) / np.maximum(squares, TINY), 0.0)
    return np.asarray(y + slope * (to - x))


def _logistic(at: FloatArray, successes: FloatArray, n: npt.ArrayLike, to: float) -> FloatArray:
    """P(success) at another place, with a weak prior of the slope that keeps it finite where groups are parted."""
    middle, unit = float(at.mean()), float(at.std())
    x = ((at - middle) / unit)[:, None]
    total = np.asarray(n) + 0.5  # half a seed of each kind and scale: no share is 0 or 1 for sure
    k = successes + 0.25
    a, b = np.zeros(successes.shape[1]), np.zeros(successes.shape[1])
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-(a + b * x)))
        w = total * p * (1 - p)
        g0, g1 = (k - total * p).sum(axis=0), ((k - total * p) * x).sum(axis=0) - b / SLOPE**2
        h00, h01, h11 = w.sum(axis=0) + TINY, (w * x).sum(axis=0), (w * x**2).sum(axis=0) + 1 / SLOPE**2
        det = h00 * h11 - h01**2
        a = a + ((h11 * g0 - h01 * g1) / det).clip(-2, 2)
        b = b + ((h00 * g1 - h01 * g0) / det).clip(-2, 2)
    return np.asarray((1 / (1 + np.exp(-(a + b * (to - middle) / unit)))).clip(1e-6, 1 - 1e-6))


def _group(at: FloatArray, moved: Ladder, there: Sequence[npt.NDArray[np.bool_]], to: float) -> FloatArray:
    """Quantile functions of those seeds that are there; their shape is that of all scales, about each mean."""
    counts = np.stack([which.sum(axis=1) for which in there]).astype(float)
    sums = np.stack([(sample * which).sum(axis=1) for sample, which in zip(moved, there, strict=True)])
    means = sums / np.maximum(counts, 1)
    middle = _line(at, means, np.maximum(counts, TINY), to)
    found = np.empty((counts.shape[1], LEVELS.size))
    for row in range(len(found)):
        rest = [s[row][w[row]] - m[row] for s, w, m in zip(moved, there, means, strict=True)]
        shape = np.sort(np.concatenate(rest))
        found[row] = middle[row] + (_quantiles(shape[None])[0] if shape.size else 0.0)
    return found
