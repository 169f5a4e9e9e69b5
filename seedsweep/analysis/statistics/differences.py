"""How much do two populations differ? Differences of shares and of means, by pairs as far as there are any."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Final

import numpy as np
from scipy.stats import t as student

from seedsweep.analysis.statistics.mean import mean_interval
from seedsweep.analysis.statistics.results import Interval, Result
from seedsweep.analysis.statistics.samples import FloatArray, generator, require_bounds, require_share
from seedsweep.analysis.statistics.sides import Sides
from seedsweep.analysis.statistics.success import SuccessRate, succeeds, success_rate

EXCHANGES: Final = 4999
"""Of a permutation test, which is then known to 1/5000."""

LARGEST: Final = 20_000_000
"""Values in all exchanged samples together; of more seeds there are fewer, 199 at least."""

POWER: Final = 0.8

ROUNDING: Final = 1e-9
"""Differences that are closer are equal."""


@dataclass(frozen=True, eq=False)
class Difference(Result):
    """B − A of one number of two populations; `float(result)` is the estimate.

    Attributes
    ----------
    a, b : float
        The number of each; `nan` where it has no seeds, or for a distance.
    difference : Interval
        B − A, or the distance of the two.
    pvalue : float
        That seeds could be exchanged between the two; not corrected for other tests. `nan` without seeds.
    spread : float
        Standard deviation of the difference when seeds are exchanged at random; `nan` for a distance.
    by_chance : float
        For a distance, the .95 quantile of what exchanged seeds give; else `nan`.
    n_a, n_b, pairs : int
        Seeds on each side, and how many of them are pairs; over a ladder, of all scales.
    """

    a: float
    b: float
    difference: Interval
    pvalue: float
    spread: float
    by_chance: float
    n_a: int
    n_b: int
    pairs: int
    middle: float = field(repr=False)
    """What exchanged seeds give on average: 0, unless some seeds are pairs and others are not."""
    exchanged: FloatArray = field(repr=False)
    """(r,) What exchanged seeds give, from which the test over a ladder is made; not written as JSON."""

    def __float__(self) -> float:
        return self.difference.estimate

    def detectable(self, tests: int = 1, *, alpha: float = 0.05, power: float = POWER) -> float:
        """The smallest difference that the test of so many seeds would have found with a power.

        Parameters
        ----------
        tests : int
            Whose first step of Holm's correction is taken.
        alpha, power : float
            Level, and wanted probability of p <= alpha.

        Returns
        -------
        float
            By the normal approximation: spread × (z of 1 − alpha / 2 / tests + z of the power). `nan` where
            nothing varies, and for a distance.
        """
        require_share(alpha=alpha, power=power)
        normal = NormalDist()
        found = self.spread * (normal.inv_cdf(1 - alpha / 2 / tests) + normal.inv_cdf(power))
        return found if found > 0 else math.nan

    def to_dict(self) -> dict[str, object]:
        """Without what exchanged seeds give."""
        fields = super().to_dict()
        del fields["middle"], fields["exchanged"]
        return fields


def success_difference(sides: Sides, threshold: float, *, confidence: float = 0.95, stream: int = 0) -> Difference:
    """P(success) of B − that of A.

    Parameters
    ----------
    sides : Sides
        Higher is better; `nan` is a diverged seed and fails.
    threshold : float
        Of success.
    confidence : float
        Of the interval.
    stream : int
        Which random numbers the test uses; differences that are put together need different ones.

    Returns
    -------
    Difference

    Raises
    ------
    ValueError
        If the threshold is not a finite number or `confidence` not between 0 and 1.

    Notes
    -----
    *Interval.* Newcombe's square-and-add intervals of Wilson limits: of independent shares where there are no
    pairs [1]_, of paired ones where all seeds are pairs [2]_ (his method 10 both times). Where some are, the
    correlation of the two shares is that of the pairs, phi, times pairs / sqrt(n m): the general form of Zou and
    Donner [3]_.

    *Test.* Seeds are exchanged between the sides, the two of a pair with each other, all others at random, 4999
    times; two-sided. Of pairs alone this is McNemar's exact test, without any pairs Fisher's exact one, each by
    simulation.

    References
    ----------
    .. [1] R. G. Newcombe, "Interval Estimation for the Difference Between Independent Proportions", Statistics in
       Medicine 17 (1998), 873-890.
    .. [2] R. G. Newcombe, "Improved Confidence Intervals for the Difference Between Binomial Proportions Based on
       Paired Data", Statistics in Medicine 17 (1998), 2635-2650.
    .. [3] G. Y. Zou and A. Donner, "Construction of Confidence Limits About Effect Measures", Statistics in
       Medicine 27 (2008), 1693-1702.

    Examples
    --------
    >>> pairs = Sides.of([0] * 8 + [1] * 4, [1] * 7 + [0] + [1] * 4, range(12), range(12))
    >>> found = success_difference(pairs, 0.5)
    >>> round(float(found), 3), found.difference.low > 0, found.pairs
    (0.583, True, 12)
    """
    of_a, of_b = (succeeds(x, threshold).astype(np.float64) for x in (sides.a, sides.b))
    there = Sides(of_a, of_b, sides.pairs)
    levels = [success_rate(x, 0.5, confidence=confidence) for x in (there.a, there.b)]
    return _difference(there, levels, _square_and_add(there, levels, _phi(there), (0.0, 1.0)), stream)


def mean_difference(
    sides: Sides, *, bounds: tuple[float, float] | None = None, confidence: float = 0.95, stream: int = 0
) -> Difference:
    """Mean of B − mean of A.

    Parameters
    ----------
    sides : Sides
        `nan` (a diverged seed) is left out.
    bounds : tuple of two floats, optional
        The range of the metric, which makes the interval allow for values that were not drawn; either end may be
        infinite.
    confidence, stream
        As for `success_difference`.

    Returns
    -------
    Difference
        A side with one value has no interval: `low` and `high` are `nan`.

    Raises
    ------
    ValueError
        If an option is not what it should be.

    Notes
    -----
    *Interval with bounds.* As that of `success_difference`, with Gaffke's limits of each mean (`mean_interval`) in
    place of Wilson's and the correlation of the pairs in place of phi: a few seeds that end far from all others
    move a mean, and most small samples hold none of them.

    *Interval without.* Student's, with the standard error and the degrees of freedom of Derrick et al. [1]_: those
    of the paired test where all seeds are pairs, of Welch's where none are, between them otherwise. Of times, each
    at most a budget, this is the difference of restricted mean times: a seed that has not got there counts with
    the whole budget, whatever would have come later. Gaffke's limits are there up to three times as wide.

    *Test.* As that of `success_difference`.

    References
    ----------
    .. [1] B. Derrick, B. Russ, D. Toher and P. White, "Test Statistics for the Comparison of Means for Two Samples
       That Include Both Paired and Independent Observations", Journal of Modern Applied Statistical Methods 16
       (2017), 137-157.

    Examples
    --------
    >>> a, b = np.linspace(0.2, 0.4, 20), np.linspace(0.3, 0.5, 20)
    >>> found = mean_difference(Sides.of(a, b, range(20), range(20)))
    >>> round(float(found), 3), found.pvalue < 0.001
    (0.1, True)
    """
    require_share(confidence=confidence)
    known = sides.observed
    if bounds is None:
        half = _half_width(known, confidence)
        levels = [Interval(_mean(x), math.nan, math.nan, x.size, 0, confidence) for x in (known.a, known.b)]
        return _difference(known, levels, lambda estimate: (estimate - half, estimate + half), stream)
    require_bounds(bounds)
    levels = [mean_interval(x, bounds=bounds, confidence=confidence) for x in (known.a, known.b)]
    return _difference(known, levels, _square_and_add(known, levels, _correlation(known), bounds), stream)


def over_ladder(differences: Sequence[Difference]) -> Difference:
    """The mean over scales of the differences at each.

    Parameters
    ----------
    differences : sequence of Difference
        At least one, made with different streams.

    Returns
    -------
    Difference
        Scales that have none are left out; `nan` if none has one.

    Notes
    -----
    All scales count alike, however many seeds they have. The limits are put together from those of the scales as
    those are from limits of the two sides (Zou and Donner 2008): seeds of different scales are independent. The
    test exchanges seeds at every scale.

    Examples
    --------
    >>> scales = [Sides.of([0] * 9 + [1] * k, [0] * 3 + [1] * (6 + k), range(9 + k), range(9 + k)) for k in (1, 3)]
    >>> found = over_ladder([success_difference(one, 0.5, stream=i) for i, one in enumerate(scales)])
    >>> found.difference.estimate, found.pairs, found.pvalue < 0.01
    (0.55, 22, True)
    """
    found = [one for one in differences if not math.isnan(float(one))]
    if not found:
        return differences[0]
    count = len(found)
    estimate = sum(map(float, found)) / count
    below, above = (
        math.sqrt(sum((getattr(one.difference, end) - float(one)) ** 2 for one in found)) / count
        for end in ("low", "high")
    )
    drawn = min(one.exchanged.size for one in found)
    exchanged = np.mean([one.exchanged[:drawn] for one in found], axis=0)
    middle = sum(one.middle for one in found) / count
    confidence = found[0].difference.confidence
    n = sum(one.n_a for one in found)
    return Difference(
        a=sum(one.a for one in found) / count,
        b=sum(one.b for one in found) / count,
        difference=Interval(estimate, estimate - below, estimate + above, n, 0, confidence),
        pvalue=_pvalue(estimate, exchanged, middle),
        spread=float(exchanged.std()),
        by_chance=math.nan,
        n_a=n,
        n_b=sum(one.n_b for one in found),
        pairs=sum(one.pairs for one in found),
        middle=middle,
        exchanged=exchanged,
    )


def exchanges(sides: Sides) -> int:
    """How many a test makes: so many values fit into memory."""
    return max(199, min(EXCHANGES, LARGEST // max(1, sides.both.size)))


def _difference(
    sides: Sides,
    levels: Sequence[SuccessRate | Interval],
    limits: Callable[[float], tuple[float, float]],
    stream: int,
) -> Difference:
    """Of the means of both sides, with limits of their difference; `nan` where a side has no values."""
    a, b = map(float, levels)
    n, m = sides.a.size, sides.b.size
    confidence = levels[0].confidence
    if not n or not m:
        nothing = Interval(math.nan, math.nan, math.nan, n, 0, confidence)
        return Difference(a, b, nothing, math.nan, math.nan, math.nan, n, m, 0, math.nan, np.empty(0))
    to_a, to_b = sides.exchanged(generator([stream, 0]), exchanges(sides))
    values, middle = sides.both, _middle(sides)
    exchanged = values[to_b].mean(axis=1) - values[to_a].mean(axis=1)
    return Difference(
        a=a,
        b=b,
        difference=Interval(b - a, *limits(b - a), n, 0, confidence),
        pvalue=_pvalue(b - a, exchanged, middle),
        spread=float(exchanged.std()),
        by_chance=math.nan,
        n_a=n,
        n_b=m,
        pairs=sides.pairs,
        middle=middle,
        exchanged=exchanged,
    )


def _square_and_add(
    sides: Sides, levels: Sequence[SuccessRate | Interval], correlation: float, bounds: tuple[float, float]
) -> Callable[[float], tuple[float, float]]:
    """Limits of the difference from those of the two sides, which the correlation of their pairs connects."""
    a, b = levels
    size = math.sqrt(sides.a.size * sides.b.size)
    shared = correlation * sides.pairs / size if size else 0.0
    reach = bounds[1] - bounds[0]

    def distance(x: float, y: float) -> float:
        return math.sqrt(max(0.0, x**2 + y**2 - 2 * shared * x * y))

    def limits(estimate: float) -> tuple[float, float]:
        below = distance(float(b) - b.low, a.high - float(a))
        above = distance(b.high - float(b), float(a) - a.low)
        return max(estimate - below, -reach), min(estimate + above, reach)

    return limits


def _half_width(sides: Sides, confidence: float) -> float:
    """Of Student's interval of the difference of the means; `nan` where a side has one value."""
    n, m, k = sides.a.size, sides.b.size, sides.pairs
    if min(n, m) < 2:
        return math.nan
    of_a, of_b = sides.a.var(ddof=1) / n, sides.b.var(ddof=1) / m
    if of_a + of_b == 0:
        return 0.0
    shared = _correlation(sides) * math.sqrt(of_a * of_b) * k / math.sqrt(n * m)
    welch = (of_a + of_b) ** 2 / (of_a**2 / (n - 1) + of_b**2 / (m - 1))
    degrees = k - 1 + (welch - k + 1) / (n + m) * (n + m - 2 * k)
    return float(student.ppf((1 + confidence) / 2, degrees) * math.sqrt(max(0.0, of_a + of_b - 2 * shared)))


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if values.size else math.nan


def _middle(sides: Sides) -> float:
    """Of the difference over all exchanges; not 0 where others than pairs count differently on the two sides."""
    k, n, m = sides.pairs, sides.a.size, sides.b.size
    paired = float(sides.a[:k].sum() + sides.b[:k].sum()) / 2
    alone = np.concatenate([sides.a[k:], sides.b[k:]])
    mean = float(alone.mean()) if alone.size else 0.0
    return (paired + (m - k) * mean) / m - (paired + (n - k) * mean) / n


def _pvalue(seen: float, exchanged: FloatArray, middle: float) -> float:
    """Share of the exchanges, with what was seen as one more, that are as far from their middle as that."""
    extreme = np.abs(exchanged - middle) >= abs(seen - middle) - ROUNDING * max(
        1.0, float(np.abs(exchanged).max())
    )
    return float((1 + extreme.sum()) / (1 + exchanged.size))


def _phi(sides: Sides) -> float:
    """Of the pairs, with Newcombe's correction for continuity."""
    k = sides.pairs
    a, b = sides.a[:k], sides.b[:k]
    of_a, of_b = float(a.sum()), float(b.sum())
    product = of_a * (k - of_a) * of_b * (k - of_b)
    if product == 0:
        return 0.0
    both = float((a * b).sum())
    excess = both * (k - of_a - of_b + both) - (of_a - both) * (of_b - both)
    return (max(excess - k / 2, 0.0) if excess > 0 else excess) / math.sqrt(product)


def _correlation(sides: Sides) -> float:
    """Of the pairs; 0 where one side does not vary."""
    k = sides.pairs
    if k < 2:
        return 0.0
    x, y = sides.a[:k] - sides.a[:k].mean(), sides.b[:k] - sides.b[:k].mean()
    squares = float((x**2).sum() * (y**2).sum())
    return float((x * y).sum()) / math.sqrt(squares) if squares > 0 else 0.0
