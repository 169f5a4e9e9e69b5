"""What would a study with one seed per scale, or the mean of a few, have reported?

Seeds of different scales have nothing in common, so the curve of such a study is an independent draw at every
scale. Drawing many of them from a population shows how often emergence would have been claimed by chance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from seedsweep.analysis.statistics.bootstrap import percentile_interval
from seedsweep.analysis.statistics.results import Interval, Result
from seedsweep.analysis.statistics.samples import (
    FloatArray,
    as_sample,
    generator,
    observed_by_scale,
    require_positive,
    require_threshold,
)
from seedsweep.analysis.statistics.scale_curves import breakthroughness_of_rows, linearity_of_rows
from seedsweep.plotted import Plotted

LEVELS: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Levels of the quantiles in `DrawnDistribution`."""

FEWEST_SCALES: Final = 4
"""On shorter curves breakthroughness is linearity, or the same for every curve."""

CONFIDENCE: Final = 0.95
CURVES_PER_RESAMPLE: Final = 400


@dataclass(frozen=True)
class DrawnDistribution(Result):
    """A statistic of curves over the drawn curves.

    Attributes
    ----------
    quantiles : mapping of float to float
        At 0.05, 0.25, 0.5, 0.75 and 0.95. They are values of drawn curves, never interpolated, so they are
        defined, and may be infinite, where some curves have an infinite breakthroughness.
    share_positive_infinite, share_negative_infinite : float
        Share of the curves whose typical step is zero and whose range is not.
    """

    quantiles: Mapping[float, float]
    share_positive_infinite: float
    share_negative_infinite: float


@dataclass(frozen=True)
class EmergenceClaims(Plotted, Result):
    """How often a study of a few seeds per scale would claim emergence; `float(result)` is the probability.

    Attributes
    ----------
    probability : Interval
        Share of the drawn curves that make the claim, `nan` for fewer than four scales. Its interval is of
        the seeds in the population *and* of the finite number of draws; `n` is the smallest number of seeds of
        a scale.
    monte_carlo_error : float
        Standard error of the estimate from the finite number of draws alone.
    seeds : int
        Seeds per scale whose mean the study reports.
    draws : int
        Curves drawn.
    scales : tuple of float
        Scales in the curves, ascending: those with at least one value.
    threshold : float
        Breakthroughness above which a curve is called emergent.
    at_least : float or None
        Metric from which the capability counts as present.
    breakthroughness, linearity : DrawnDistribution
        Of the drawn curves.
    """

    probability: Interval
    monte_carlo_error: float
    seeds: int
    draws: int
    scales: tuple[float, ...]
    threshold: float
    at_least: float | None
    breakthroughness: DrawnDistribution
    linearity: DrawnDistribution

    def __float__(self) -> float:
        return self.probability.estimate


@dataclass(frozen=True)
class DrawnCurve(Result):
    """One curve with one seed per scale.

    Attributes
    ----------
    values : tuple of float
        One per scale, in the unit of the metric.
    indices : tuple of int
        Where each value stands in the sample of its scale.
    breakthroughness, linearity : float
        Of the curve.
    """

    values: tuple[float, ...]
    indices: tuple[int, ...]
    breakthroughness: float
    linearity: float


@dataclass(frozen=True)
class ExtremeCurves(Result):
    """The most different curves that one population can give.

    Attributes
    ----------
    scales : tuple of float
        Scales in the curves, ascending: those with at least one value.
    most_breakthrough, least_breakthrough : DrawnCurve
        Of all drawn curves, those with the largest and the smallest breakthroughness.
    most_linear, least_linear : DrawnCurve
        Those with the largest and the smallest linearity.
    draws : int
        Curves drawn.
    """

    scales: tuple[float, ...]
    most_breakthrough: DrawnCurve
    least_breakthrough: DrawnCurve
    most_linear: DrawnCurve
    least_linear: DrawnCurve
    draws: int


def emergence_claims(
    values: Mapping[float, npt.ArrayLike],
    *,
    seeds: int = 1,
    threshold: float | None = None,
    ratio: float = 3.0,
    draws: int = 10_000,
    resamples: int = 500,
    seed: int = 0,
) -> EmergenceClaims:
    """Probability that a study with `seeds` seeds per scale would have claimed emergence.

    A study draws its seeds at every scale, independently, and reports the curve of their means. It claims
    emergence if the curve's breakthroughness B exceeds `ratio` times that of an even ramp over the same scales,

        B > ratio * (number of scales - 1),

    and, with a `threshold`, if the curve is below it somewhere and reaches it elsewhere.

    Parameters
    ----------
    values : mapping from scale to array_like, shape (n_seeds,)
        The final metric of every seed, higher is better. `nan` (a diverged seed) is dropped: a study repeats
        the run. A scale without any value is left out of the curves.
    seeds : int
        Seeds per scale.
    threshold : float, optional
        Metric from which the capability counts as present. Without it a rise of any height counts, for
        breakthroughness has no unit: 0, 0, 0, 0.01 has an infinite one.
    ratio : float
        How many times as abrupt as an even ramp a curve must be.
    draws : int
        Curves to draw for the estimate.
    resamples : int
        Bootstrap resamples of the population for the interval.
    seed : int
        The same seed gives the same result, whatever was drawn elsewhere.

    Returns
    -------
    EmergenceClaims
        With fewer than four scales the probability is `nan`: the median of two squared steps is their mean, so
        no curve over three scales has a larger B than an even ramp. With fewer than two there is no curve, and
        the quantiles are `nan` too. Where a scale has a single value the interval is `nan`, for it says nothing
        about spread.

    Raises
    ------
    ValueError
        If a scale is not a finite number, a sample is not one-dimensional or holds an infinite value, or
        `seeds`, `draws`, `resamples` or `ratio` is not positive, or if `threshold` is not a finite number.

    See Also
    --------
    extreme_curves : the curves at the ends of this distribution.

    Notes
    -----
    *The rule.* An ability is emergent if it is absent in smaller models and present in larger ones, and not
    to be foreseen from the smaller ones [2]_. Breakthroughness measures the second half, but its sources give
    no threshold. The default of 3 is our choice: all steps of a curve, had each been its typical step, would
    cover less than a third of its range. Even ramps with independent normal noise of one step's size exceed
    it in about 3 of 100 cases with four scales, and more rarely with more.

    *Draws.* Seeds are drawn with replacement, as from a population that looks like the sample. The generator
    is counter-based, and the samples are sorted first: the order of the seeds does not matter.

    *Interval.* 95 %, percentile. In each resample the seeds of every scale are resampled with replacement, and
    400 new curves are drawn from them. So the spread over the resamples is that of the seeds and that of a
    finite number of draws, which makes the interval a little too wide, never too narrow for the draws.
    It has width zero if no resample ever makes the claim; that is what the method says, not certainty.

    References
    ----------
    .. [1] Zhao et al., "Random Scaling of Emergent Capabilities", arXiv 2502.17356, Fig. 1 and 10, Eq. 2, 3.
    .. [2] Wei et al., "Emergent Abilities of Large Language Models", 2022, arXiv 2206.07682.

    Examples
    --------
    >>> lucky = {1: [0.0] * 20, 2: [0.0] * 10 + [0.9] * 10, 3: [0.0] * 4 + [0.9] * 16, 4: [0.9] * 20}
    >>> claims = emergence_claims(lucky, threshold=0.5)  # only 0, 0.9, 0, 0.9 has no step of zero
    >>> round(claims.probability.estimate, 2), claims.threshold, claims.breakthroughness.quantiles[0.5]
    (0.9, 9.0, inf)
    >>> emergence_claims(lucky, threshold=0.5, seeds=32).probability.estimate < 0.01
    True
    """
    require_positive(seeds=seeds, draws=draws, resamples=resamples, ratio=ratio)
    if threshold is not None:
        require_threshold(threshold)
    ladder = observed_by_scale(values)
    samples = list(ladder.values())
    steep = ratio * (len(samples) - 1)
    smallest = min((sample.size for sample in samples), default=0)
    if len(samples) < 2:
        curves = np.empty((0, len(samples)))
    else:
        curves = _draw_means(samples, seeds, draws, generator(seed))
    if len(samples) < FEWEST_SCALES:
        probability = Interval(math.nan, math.nan, math.nan, smallest, 0, CONFIDENCE)
    else:
        claimed = float(_claims(curves, steep, threshold).mean())
        probability = _interval(claimed, samples, seeds, resamples, steep, threshold, seed)
    return EmergenceClaims(
        probability=probability,
        monte_carlo_error=math.sqrt(probability.estimate * (1 - probability.estimate) / draws),
        seeds=seeds,
        draws=len(curves),
        scales=tuple(ladder),
        threshold=steep,
        at_least=threshold,
        breakthroughness=_distribution(breakthroughness_of_rows(curves)),
        linearity=_distribution(linearity_of_rows(curves)),
    )


def extreme_curves(values: Mapping[float, npt.ArrayLike], *, draws: int = 10_000, seed: int = 0) -> ExtremeCurves:
    """The curves with one seed per scale that look most and least like emergence.

    Parameters
    ----------
    values : mapping from scale to array_like, shape (n_seeds,)
        The final metric of every seed. `nan` (a diverged seed) is dropped, and a scale without any value is
        left out of the curves.
    draws : int
        Curves to draw.
    seed : int
        The same seed gives the same curves.

    Returns
    -------
    ExtremeCurves

    Raises
    ------
    ValueError
        If fewer than two scales have a value, if a scale or a sample is not what `emergence_claims` accepts,
        or if `draws` is not positive.

    Notes
    -----
    Of equally extreme curves (many may have an infinite breakthroughness) the one with the largest range is
    returned, then the earliest drawn. The extremes are those of the drawn curves: with more draws they move apart.
    The values do not depend on the order of the seeds.

    References
    ----------
    .. [1] Zhao et al., "Random Scaling of Emergent Capabilities", arXiv 2502.17356, Fig. 1 and 10.

    Examples
    --------
    >>> extremes = extreme_curves({1: [0.0], 2: [0.1, 0.5], 3: [0.2, 1.0]})
    >>> extremes.most_linear.values, extremes.most_linear.indices
    ((0.0, 0.5, 1.0), (0, 1, 1))
    >>> extremes.least_linear.values
    (0.0, 0.5, 0.2)
    """
    require_positive(draws=draws)
    ladder = observed_by_scale(values)
    if len(ladder) < 2:
        raise ValueError(f"a curve over scales needs two scales that have a value, not {list(ladder)}")
    random = generator(seed)
    ranks = np.column_stack([random.integers(sample.size, size=draws) for sample in ladder.values()])
    curves = np.column_stack([x[rank] for x, rank in zip(ladder.values(), ranks.T, strict=True)])
    breakthroughness, linearity = breakthroughness_of_rows(curves), linearity_of_rows(curves)
    in_users_order = [np.argsort(as_sample(values[scale]), kind="stable") for scale in ladder]

    def curve(measure: FloatArray) -> DrawnCurve:
        row = np.lexsort((np.arange(draws), -np.ptp(curves, axis=1), -measure))[0]
        return DrawnCurve(
            values=tuple(curves[row].tolist()),
            indices=tuple(int(order[rank]) for order, rank in zip(in_users_order, ranks[row], strict=True)),
            breakthroughness=float(breakthroughness[row]),
            linearity=float(linearity[row]),
        )

    return ExtremeCurves(
        scales=tuple(ladder),
        most_breakthrough=curve(breakthroughness),
        least_breakthrough=curve(-breakthroughness),
        most_linear=curve(linearity),
        least_linear=curve(-linearity),
        draws=draws,
    )


def _draw_means(samples: Sequence[FloatArray], seeds: int, draws: int, random: np.random.Generator) -> FloatArray:
    """Means of `seeds` values drawn at every scale, shape (draws, n_scales)."""
    means = [x[random.integers(x.size, size=(seeds, draws))].mean(axis=0) for x in samples]
    curves = np.column_stack(means)
    if seeds == 1:
        return curves
    # Equal means of different values differ by rounding; a step of 1e-17 would pass for a very small step.
    largest = np.abs(curves).max()
    quantum = 2.0**-40 * largest if largest > 0 else 1.0
    return np.round(curves / quantum) * quantum


def _claims(curves: FloatArray, steep: float, threshold: float | None) -> npt.NDArray[np.bool_]:
    claims = breakthroughness_of_rows(curves) > steep
    if threshold is not None:
        claims &= (curves.min(axis=1) < threshold) & (curves.max(axis=1) >= threshold)
    return claims


def _interval(
    probability: float,
    samples: Sequence[FloatArray],
    seeds: int,
    resamples: int,
    steep: float,
    threshold: float | None,
    seed: int,
) -> Interval:
    smallest = min(sample.size for sample in samples)
    if smallest == 1:
        return Interval(probability, math.nan, math.nan, smallest, 0, CONFIDENCE)
    random = generator([seed, 1])
    probabilities = np.empty(resamples)
    for i in range(resamples):
        resample = [x[random.integers(x.size, size=x.size)] for x in samples]
        curves = _draw_means(resample, seeds, CURVES_PER_RESAMPLE, random)
        probabilities[i] = _claims(curves, steep, threshold).mean()
    return percentile_interval(probability, probabilities, n=smallest, confidence=CONFIDENCE)


def _distribution(drawn: FloatArray) -> DrawnDistribution:
    if drawn.size == 0:
        return DrawnDistribution(dict.fromkeys(LEVELS, math.nan), math.nan, math.nan)
    quantiles = np.quantile(drawn, LEVELS, method="inverted_cdf")
    return DrawnDistribution(
        quantiles=dict(zip(LEVELS, quantiles.tolist(), strict=True)),
        share_positive_infinite=float(np.mean(drawn == math.inf)),
        share_negative_infinite=float(np.mean(drawn == -math.inf)),
    )
