"""How far apart are the distributions of two scales, and where does the ladder reach capacity? Wasserstein-2."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from seedsweep.analysis.statistics.bootstrap import bootstrap_interval
from seedsweep.analysis.statistics.results import Interval, Result
from seedsweep.analysis.statistics.samples import (
    FloatArray,
    generator,
    observed,
    observed_by_scale,
    samples_by_scale,
)

Indices: TypeAlias = npt.NDArray[np.int64]

HALVINGS: Final = 200
RESAMPLES: Final = 1000
ALPHA: Final = 0.05

UNEVEN: Final = 0.04
"""Level of the test against an even ladder; less than .05, since hardly any ladder is even to the last digit."""

SURE: Final = 0.95
"""Share of the resamples whose largest step the candidates are."""


@dataclass(frozen=True)
class NoiseFloor(Result):
    """Wasserstein-2 distance between random halves of one scale; `float(result)` is the mean.

    Attributes
    ----------
    mean : float
        Over the halvings, in the unit of the metric; `nan` for fewer than two values.
    high : float
        The .95 quantile over the halvings.
    n : int
        Values at the scale; the halves have n // 2 and n - n // 2.
    """

    mean: float
    high: float
    n: int

    def __float__(self) -> float:
        return self.mean


@dataclass(frozen=True)
class ScaleDrift(Result):
    """How far one scale is from others.

    Attributes
    ----------
    scale : float
        The value on the ladder.
    to_largest : Interval
        Wasserstein-2 distance to the seeds of the largest scale; 0 for the largest itself.
    to_previous : Interval or None
        To the seeds of the next smaller scale; None for the smallest.
    noise_floor : NoiseFloor
        Of the seeds of this scale.
    """

    scale: float
    to_largest: Interval
    to_previous: Interval | None
    noise_floor: NoiseFloor


@dataclass(frozen=True)
class MinimumCapacity(Result):
    """The scale at which the population takes one step towards that of the largest scale that stands out.

    Attributes
    ----------
    scale : float or None
        None if no step is larger than chance would make it, none stands out from an even ladder, or there are
        fewer than three scales.
    candidates : tuple of float
        The scales that may be it: the fewest whose shares add up to 95 %, ascending; empty if there is none.
    scales : tuple of float
        Those that have values, ascending.
    drops : tuple of float
        By how much the squared distance to the largest scale falls from the scale before, in the squared unit of
        the metric; `nan` for the smallest scale.
    noise : tuple of float
        What the drop has to exceed at each scale; `nan` for the smallest.
    shares : tuple of float
        Share of the bootstrap resamples in which the drop to each scale is the largest. It says how far the step
        stands out, and is no probability that a scale is the right one: along an even ladder none is.
    """

    scale: float | None
    candidates: tuple[float, ...]
    scales: tuple[float, ...]
    drops: tuple[float, ...]
    noise: tuple[float, ...]
    shares: tuple[float, ...]

    @property
    def by_scale(self) -> dict[float, float]:
        """The share of each scale."""
        return dict(zip(self.scales, self.shares, strict=True))


def wasserstein2(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Wasserstein-2 distance of two one-dimensional samples, exact also for unequal sizes.

    W2 is the L2 distance of the two quantile functions,

        W2(a, b) = sqrt( integral over q in (0, 1) of (Q_a(q) - Q_b(q))**2 ).

    Parameters
    ----------
    a, b : array_like, shapes (n,) and (m,)
        One value per seed. `nan` (a diverged seed) is dropped.

    Returns
    -------
    float
        In the unit of the samples. `nan` if either sample has no values.

    Raises
    ------
    ValueError
        If a sample is not one-dimensional or holds an infinite value.

    Notes
    -----
    Both quantile functions are steps, so the integral is a finite sum over the merged grid
    {i/n} and {j/m}. W2 is a metric on distributions: symmetric, zero exactly for equal distributions
    (``[0, 1]`` and ``[0, 0, 1, 1]`` are equal), with the triangle inequality.

    The distance of two finite samples of one distribution is above zero, by sampling noise alone.
    (`scipy.stats.wasserstein_distance` is W1.)

    References
    ----------
    .. [1] Zhao et al., "Random Scaling of Emergent Capabilities", arXiv 2502.17356, Fig. 4c.
    .. [2] Villani, "Topics in Optimal Transportation", AMS 2003, Theorem 2.18 (the one-dimensional case).

    Examples
    --------
    >>> wasserstein2([0, 1], [0.5, 1.5])
    0.5
    >>> round(wasserstein2([0, 1], [0, 0, 1]) ** 2, 6)  # Q differs by 1 on (1/2, 2/3)
    0.166667
    """
    a, b = np.sort(observed(a)), np.sort(observed(b))
    n, m = a.size, b.size
    if n == 0 or m == 0:
        return math.nan
    return float(np.sqrt(squared_distances(a[np.newaxis], b[np.newaxis])[0]))


def squared_distances(a: FloatArray, b: FloatArray) -> FloatArray:
    """Squared Wasserstein-2 distance of each row of `a` (r, n) to that of `b` (r, m); rows are sorted."""
    of_a, of_b, lengths = _merged_grid(a.shape[1], b.shape[1])
    return np.asarray((a[:, of_a] - b[:, of_b]) ** 2 @ lengths)


@lru_cache(maxsize=64)  # the bootstrap asks for the same sizes a thousand times
def _merged_grid(n: int, m: int) -> tuple[Indices, Indices, FloatArray]:
    """The intervals on which the quantile functions of n and of m values are constant: which values, how long."""
    # In units of 1/(n m) the points of the grid are integers, and equal ones coincide.
    grid = np.union1d(np.arange(n + 1) * m, np.arange(m + 1) * n)
    left = grid[:-1]
    return left // m, left // n, np.diff(grid) / (n * m)


def noise_floor(x: npt.ArrayLike) -> NoiseFloor:
    """How far apart chance alone puts two groups of seeds of one scale.

    Parameters
    ----------
    x : array_like, shape (n,)
        One value per seed. `nan` (a diverged seed) is dropped.

    Returns
    -------
    NoiseFloor
        Mean and .95 quantile of `wasserstein2` between random halves, over 200 halvings. `nan` for fewer than
        two values, 0 for equal ones.

    Raises
    ------
    ValueError
        If `x` is not one-dimensional or holds an infinite value.

    Notes
    -----
    *Size.* The halves have n/2 seeds, so the floor is that of a comparison of n/2 with n/2 seeds and lies above
    that of whole scales: for a smooth distribution the distance falls as n**(-1/2), for one that is split into
    two clusters, where it is the difference of their shares that varies, as n**(-1/4). For two scales of n seeds
    each, the floor is therefore too high by a factor between 2**(1/4) and 2**(1/2), and is not corrected.

    The generator is counter-based with a fixed key and runs along the sorted values: the result is
    deterministic and does not depend on the order of `x`.

    Examples
    --------
    >>> floor = noise_floor([0.0] * 32 + [1.0] * 32)
    >>> 0.2 < floor.mean < floor.high < 0.7  # the halves differ in their share of ones
    True
    """
    values = np.sort(observed(x))
    if values.size < 2:
        return NoiseFloor(math.nan, math.nan, values.size)
    random = generator()
    half = values.size // 2
    shuffled = random.permuted(np.tile(values, (HALVINGS, 1)), axis=1)
    halves = np.sort(shuffled[:, :half], axis=1), np.sort(shuffled[:, half:], axis=1)
    distances = np.sqrt(squared_distances(*halves))
    return NoiseFloor(float(distances.mean()), float(np.quantile(distances, 0.95)), values.size)


def drift(values: Mapping[float, npt.ArrayLike]) -> tuple[ScaleDrift, ...]:
    """Distance of every scale to the largest and to the previous one, with bands and a noise floor.

    Parameters
    ----------
    values : mapping from scale to array_like, shape (n_seeds,)
        The final metric of every seed; `nan` (a diverged seed) is dropped.

    Returns
    -------
    tuple of ScaleDrift
        Sorted by scale; empty for an empty mapping. Distances to or from a scale without values are `nan`.

    Raises
    ------
    ValueError
        If a scale is not a finite number, or a sample is not one-dimensional or holds an infinite value.

    Notes
    -----
    The intervals are percentile bootstrap intervals (95 %, 1000 resamples) of both scales' seeds. Near zero they
    lie above the estimate (see `bootstrap_interval`); hold the estimate against the noise floor there.

    References
    ----------
    .. [1] Zhao et al., "Random Scaling of Emergent Capabilities", arXiv 2502.17356, Fig. 4c.

    Examples
    --------
    >>> small, large = drift({2: [0.0, 0.1, 0.1], 4: [0.8, 0.9, 0.9]})
    >>> round(small.to_largest.estimate, 3), small.to_previous, large.to_largest.estimate
    (0.8, None, 0.0)
    """
    samples = {scale: observed(sample) for scale, sample in samples_by_scale(values).items()}
    return tuple(
        ScaleDrift(
            scale=scale,
            to_largest=distance_to_largest(scale, samples),
            to_previous=None if previous is None else bootstrap_interval(wasserstein2, samples[previous], sample),
            noise_floor=noise_floor(sample),
        )
        for previous, (scale, sample) in zip([None, *samples], samples.items(), strict=False)
    )


def distance_to_largest(scale: float, samples: Mapping[float, FloatArray]) -> Interval:
    """Wasserstein-2 distance of a scale to the largest in `samples`, which have no `nan`; exactly 0 for itself.

    >>> distance_to_largest(4.0, {2.0: np.array([0.1]), 4.0: np.array([0.8])}).estimate
    0.0
    """
    largest = max(samples)
    if scale == largest and samples[scale].size > 0:
        return Interval(0.0, 0.0, 0.0, samples[scale].size, resamples=0, confidence=0.95)
    return bootstrap_interval(wasserstein2, samples[scale], samples[largest])


def minimum_capacity(values: Mapping[float, npt.ArrayLike]) -> MinimumCapacity:
    """The scale at which the distance to the largest scale drops most sharply, if one drop stands out.

    Parameters
    ----------
    values : mapping from scale to array_like, shape (n_seeds,)
        The final metric of every seed. `nan` (a diverged seed) is dropped, and so are scales without values.

    Returns
    -------
    MinimumCapacity
        With fewer than three scales, none: a single step has no other to stand out from.

    Raises
    ------
    ValueError
        If a scale is not a finite number, or a sample is not one-dimensional or holds an infinite value.

    Notes
    -----
    *Definition.* The paper reads minimum capacity off the Wasserstein-2 distance W of each scale to the largest:
    it is where W drops sharply [1]_. Here it is the scale s_i with the largest drop W(s_{i-1})**2 - W(s_i)**2, if
    that exceeds noise and stands out. The squares are our choice: between two clusters W**2 is the share of seeds
    that differ times the squared gap, while W, its root, drops steeply at the last scales whatever happens. From
    that scale on the population is of the largest scale's kind, most often with both clusters of seeds, and
    earlier than its mode jumps.

    *Noise.* If two neighbours have one distribution, it is that of their pooled seeds. So both are drawn anew
    from the pool, and the largest scale from its own seeds, 1000 times with replacement; the drop has to exceed
    the 1 - 0.05/m quantile of the drops that this gives, where m is the number of steps of the ladder
    (Bonferroni: there are m tests). The last distance is zero by definition, so the last drop is never negative,
    and its noise is larger.

    *Standing out.* Along a ladder of even steps some step is the largest all the same. So by how much the largest
    drop exceeds their mean is held against 1000 bootstrap resamples (every scale resampled with replacement),
    moved to a ladder whose drops are all equal, of which at most 4 % may have a largest drop that exceeds their
    mean as much. A resampled drop is biased against the drop as that is against the truth; the bias is taken off.

    *Which step it is* is another question: of two equal, large ones the ladder is not even either. The shares say
    how often each is the largest of the resamples, and `candidates` are those that one needs for 95 % of them.
    With a single candidate the step is the largest beyond chance, and no correction for having chosen it is
    needed [2]_.

    *None* means that every scale is at capacity, or none is, or W falls so evenly that no step stands out. A
    ladder cannot show a minimum capacity below its second scale.

    Everything is deterministic and does not depend on the order of the seeds.

    References
    ----------
    .. [1] Zhao et al., "Random Scaling of Emergent Capabilities", arXiv 2502.17356, Fig. 4c.
    .. [2] S. Gutmann and Z. Maymin, "Is the Selected Population the Best?", Annals of Statistics 15 (1987),
       456-461.

    Examples
    --------
    >>> capacity = minimum_capacity({1: [0.0] * 20, 2: [0.0] * 6 + [0.9] * 14, 3: [0.0] * 4 + [0.9] * 16})
    >>> capacity.scale, capacity.shares[1] > 0.95
    (2.0, True)
    """
    ladder = observed_by_scale(values)
    scales, samples = tuple(ladder), list(ladder.values())
    if len(scales) < 2:
        undefined = (math.nan,) * len(scales)
        return MinimumCapacity(None, (), scales, undefined, undefined, (0.0,) * len(scales))

    random = generator()
    (drops,) = _drops([x[np.newaxis] for x in samples])
    noise = np.array([_drop_by_chance(samples, i, random) for i in range(1, len(samples))])
    resampled = _drops([_resamples(x, x.size, random) for x in samples])
    bias = resampled.mean(axis=0) - drops
    in_resamples = np.argmax(resampled - 2 * bias, axis=1) + 1
    shares = np.bincount(in_resamples, minlength=len(scales)) / RESAMPLES
    steepest = int(np.argmax(drops)) + 1
    stands_out = len(scales) > 2 and drops[steepest - 1] > noise[steepest - 1]
    if stands_out:
        even = resampled - resampled.mean(axis=0)
        excess = (drops - bias)[steepest - 1] - (drops - bias).mean()
        stands_out = bool(np.mean(even.max(axis=1) - even.mean(axis=1) >= excess) < UNEVEN)
    likeliest = np.argsort(-shares, kind="stable")
    needed = likeliest[: int(np.searchsorted(np.cumsum(shares[likeliest]), SURE - 1e-9)) + 1]
    return MinimumCapacity(
        scale=scales[steepest] if stands_out else None,
        candidates=tuple(scales[i] for i in sorted({*needed.tolist(), steepest})) if stands_out else (),
        scales=scales,
        drops=(math.nan, *drops.tolist()),
        noise=(math.nan, *noise.tolist()),
        shares=tuple(shares.tolist()),
    )


def _resamples(values: FloatArray, size: int, random: np.random.Generator) -> FloatArray:
    """RESAMPLES samples of a size, drawn with replacement, each sorted."""
    return np.sort(values[random.integers(values.size, size=(RESAMPLES, size))], axis=1)


def _drops(ladders: Sequence[FloatArray]) -> FloatArray:
    """Fall of the squared distance to the largest scale from each scale to the next, shape (r, n_scales - 1).

    `ladders` has r samples of every scale, shape (r, n_seeds), each sorted.
    """
    to_largest = [squared_distances(x, ladders[-1]) for x in ladders[:-1]]
    return -np.diff([*to_largest, np.zeros(len(ladders[-1]))], axis=0).T


def _drop_by_chance(samples: Sequence[FloatArray], i: int, random: np.random.Generator) -> float:
    """What the drop from scale i - 1 to scale i stays below if both have the same distribution."""
    pooled = np.concatenate(samples[i - 1 : i + 1])
    alike = [_resamples(pooled, sample.size, random) for sample in samples[i - 1 : i + 1]]
    if i < len(samples) - 1:
        alike.append(_resamples(samples[-1], samples[-1].size, random))
    return float(np.quantile(_drops(alike)[:, 0], 1 - ALPHA / (len(samples) - 1)))
