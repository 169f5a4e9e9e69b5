"""The distribution of seeds at a scale that nobody has trained, from those of smaller ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from seedsweep.analysis.statistics.ladderfit import LEVELS, MODELS, Ladder, Reach
from seedsweep.analysis.statistics.proper import crps
from seedsweep.analysis.statistics.results import Interval, Result
from seedsweep.analysis.statistics.samples import (
    FloatArray,
    generator,
    observed_by_scale,
    require_bounds,
    require_positive,
    require_share,
    require_threshold,
    samples_by_scale,
)
from seedsweep.analysis.statistics.success import success_rate

FEWEST_SCALES: Final = 3
"""Two to fit a line, one to see how far it misses."""

QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)

SPARE: Final = 5.0
"""By what the share of the resamples outside an interval is divided, as weights and models are of these seeds too:
for 95 % those that hold 99 %. Our choice, by simulation."""

WIDEST: Final = 20.0
"""Factor by which an interval is widened at most; what lies beyond the bounds is cut off in any case."""

SEEDS: Final = 999
"""Values of the forecast as a sample."""


@dataclass(frozen=True, eq=False)
class Extrapolation(Result):
    """A forecast for one scale.

    Attributes
    ----------
    scale : float
    success : Interval
        P(success); `n` is the number of seeds it rests on.
    mean, given_success : Interval
        Mean of all seeds, and of those that succeed, in the unit of the metric; `nan` where no seed would.
    quantiles : mapping of float to Interval
        At .05, .25, .5, .75 and .95.
    seeds : ndarray of float, shape (999,)
        The forecast for one seed, as equally likely values, ascending; what is not known of the distribution is
        in it.
    weights : mapping of str to float
        Of the models, "levelled", "one group" and "two groups".
    widened : tuple of two float
        By how much the intervals of P(success) and of the others were widened, after what the ladder's own larger
        scales have shown.
    """

    scale: float
    success: Interval
    mean: Interval
    given_success: Interval
    quantiles: Mapping[float, Interval]
    seeds: FloatArray
    weights: Mapping[str, float]
    widened: tuple[float, float]

    def to_dict(self) -> dict[str, Any]:
        """Without the seeds; levels are text, as JSON's names are."""
        fields = super().to_dict()
        del fields["seeds"]
        fields["quantiles"] = {str(level): one for level, one in fields["quantiles"].items()}
        return fields


def extrapolate(
    values: Mapping[float, npt.ArrayLike],
    to: float,
    *,
    threshold: float,
    bounds: tuple[float, float] = (0.0, 1.0),
    confidence: float = 0.95,
    resamples: int = 400,
) -> Extrapolation:
    """Forecast the distribution of seeds at another scale.

    Parameters
    ----------
    values : mapping from scale to array_like, shape (n_seeds,)
        Higher is better. A diverged seed (`nan`) fails, and has no value.
    to : float
        The scale that is asked for, beyond the largest.
    threshold : float
        Of success.
    bounds : tuple of two floats
        The range of the metric; either end may be infinite.
    confidence : float
        Of the intervals.
    resamples : int
        Of the seeds of every scale.

    Returns
    -------
    Extrapolation

    Raises
    ------
    ValueError
        If there are fewer than three scales with values, or an option is not what it should be.

    Notes
    -----
    *Models* (`ladderfit`). "levelled": the quantile functions, made monotone, stay where they are at the largest
    scale. "one group": all seeds move together, their mean linear in the logarithm of the scale, outside the
    metric's bounds. "two groups": P(success) is logistic, and successes and failures move, each linearly.
    (Linear in the scale itself where one is not positive.)

    *Weights.* Every scale from the third on is forecast from the smaller ones. A model's weight is the inverse
    square of its mean score there, the CRPS [1]_, as Bates and Granger weigh forecasts by their errors [2]_.

    *Intervals.* Percentiles over resamples of the seeds at every scale, each fitted by one of the models, as
    often as it has weight; for 95 % those that hold 99 % of the resamples, since weights and models come from
    the same seeds. Then those of P(success), and those of all else by the mean, are widened on both sides of the
    estimate until they hold what was seen at each of these scales, with its own sampling error; this allows for
    what is wrong with all three models. It rests on as many scales as there are, less two. That of P(success) is
    never narrower than Wilson's of as many seeds as the largest scale has.

    References
    ----------
    .. [1] T. Gneiting and A. E. Raftery, "Strictly Proper Scoring Rules, Prediction, and Estimation", Journal of
       the American Statistical Association 102 (2007), 359-378.
    .. [2] J. M. Bates and C. W. J. Granger, "The Combination of Forecasts", Operational Research Quarterly 20
       (1969), 451-468.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> ladder = {s: random.random(64) < 1 / (1 + 8 / s**2) for s in (1, 2, 4, 8)}
    >>> found = extrapolate({s: 0.1 + 0.8 * x for s, x in ladder.items()}, 12, threshold=0.5)
    >>> found.success.estimate > 0.85, found.success.low < 0.95 < found.success.high
    (True, True)
    """
    require_share(confidence=confidence)
    require_positive(resamples=resamples)
    require_threshold(threshold)
    require_bounds(bounds)
    ladder = observed_by_scale(values)
    if len(ladder) < FEWEST_SCALES:
        raise ValueError(f"a forecast needs the seeds of {FEWEST_SCALES} scales or more, not of {len(ladder)}")
    everything = samples_by_scale(values)
    diverged = sum(np.isnan(x).sum() for x in everything.values()) / sum(x.size for x in everything.values())
    fit = _Fit(threshold, Reach(*bounds), 1.0 - float(diverged), confidence, resamples)
    weights = fit.weights(ladder)
    found = fit.combined(ladder, to, weights)
    of_success, of_rest = fit.misses(ladder)

    def widened(interval: Interval, factor: float, low: float, high: float) -> Interval:
        estimate = interval.estimate
        ends = (estimate - factor * (estimate - interval.low), estimate + factor * (interval.high - estimate))
        return Interval(estimate, max(ends[0], low), min(ends[1], high), interval.n, resamples, confidence)

    success = widened(found.success, of_success, 0.0, 1.0)
    largest = ladder[max(ladder)].size
    sampled = success_rate(np.arange(largest) < success.estimate * largest - 1e-9, 0.5, confidence=confidence)
    success = replace(success, low=min(success.low, sampled.low), high=max(success.high, sampled.high))
    return Extrapolation(
        scale=float(to),
        success=success,
        mean=widened(found.mean, of_rest, *bounds),
        given_success=widened(found.given_success, of_rest, threshold, bounds[1]),
        quantiles={level: widened(one, of_rest, *bounds) for level, one in found.quantiles.items()},
        seeds=found.seeds,
        weights=weights,
        widened=(of_success, of_rest),
    )


@dataclass(frozen=True)
class _Fit:
    """What all fits of a ladder share."""

    threshold: float
    reach: Reach
    finished: float
    """Share of the seeds that do not diverge."""
    confidence: float
    resamples: int

    def weights(self, ladder: Mapping[float, FloatArray]) -> dict[str, float]:
        """Of the models, by their scores at the larger scales of the ladder; equal where there is none."""
        scores = dict.fromkeys(MODELS, 0.0)
        for known, scale in _folds(ladder):
            for name in MODELS:
                scores[name] += crps(self.rows(name, _once(known), list(known), scale)[0], ladder[scale])
        smallest = 1e-3 * max(scores.values()) or 1.0
        inverse = {name: max(score, smallest) ** -2 for name, score in scores.items()}
        return {name: value / sum(inverse.values()) for name, value in inverse.items()}

    def misses(self, ladder: Mapping[float, FloatArray]) -> tuple[float, float]:
        """Factors that make the intervals of P(success) and of the mean hold what larger scales have shown."""
        factors = [1.0, 1.0]
        for known, scale in _folds(ladder):
            found, seen = self.combined(known, scale, self.weights(known)), ladder[scale]
            rate = success_rate(seen, self.threshold, confidence=self.confidence)
            error = 2.0 * float(seen.std()) / math.sqrt(seen.size)
            mean = float(seen.mean())
            for which, (interval, low, high) in enumerate(
                ((found.success, rate.low, rate.high), (found.mean, mean - error, mean + error))
            ):
                missed = max(low - interval.high, interval.low - high, 0.0)
                if missed > 0:
                    half = (
                        (interval.high - interval.estimate)
                        if low > interval.high
                        else (interval.estimate - interval.low)
                    )
                    factors[which] = max(factors[which], (half + missed) / max(half, missed / WIDEST))
        return min(factors[0], WIDEST), min(factors[1], WIDEST)

    def combined(
        self, ladder: Mapping[float, FloatArray], to: float, weights: Mapping[str, float]
    ) -> Extrapolation:
        """A forecast whose intervals are those of resampling and of the models alone."""
        scales = list(ladder)
        random = generator([0, len(ladder)])
        drawn = [
            np.sort(x[random.integers(x.size, size=(self.resamples, x.size))], axis=1) for x in ladder.values()
        ]
        counts = {name: round(weight * self.resamples) for name, weight in weights.items()}
        rows = np.concatenate(
            [self.rows(name, [x[:count] for x in drawn], scales, to) for name, count in counts.items() if count]
        )
        fitted = np.concatenate([self.rows(name, _once(ladder), scales, to) for name in weights])
        n = sum(x.size for x in ladder.values())
        share = np.array(list(weights.values()))

        def interval(statistic: Callable[[FloatArray], FloatArray]) -> Interval:
            at_all, resampled = statistic(fitted), statistic(rows)
            known, seen = ~np.isnan(at_all), resampled[~np.isnan(resampled)]
            if not known.any() or not seen.size:
                return Interval(math.nan, math.nan, math.nan, n, self.resamples, self.confidence)
            estimate = float((share * known) @ np.where(known, at_all, 0.0) / (share * known).sum())
            tail = (1 - self.confidence) / SPARE / 2
            low, high = np.quantile(seen, [tail, 1 - tail], method="inverted_cdf").tolist()
            return Interval(estimate, min(low, estimate), max(high, estimate), n, self.resamples, self.confidence)

        return Extrapolation(
            scale=to,
            success=interval(lambda q: self.finished * (q >= self.threshold).mean(axis=1)),
            mean=interval(lambda q: q.mean(axis=1)),
            given_success=interval(self._given_success),
            quantiles={level: interval(_column(int(np.searchsorted(LEVELS, level)))) for level in QUANTILES},
            seeds=np.quantile(rows, (np.arange(SEEDS) + 0.5) / SEEDS),
            weights=weights,
            widened=(1.0, 1.0),
        )

    def rows(self, name: str, ladder: Ladder, scales: list[float], to: float) -> FloatArray:
        """Quantile functions of one model."""
        at = np.array([*scales, to])
        place = np.log(at) if at.min() > 0 else at
        return MODELS[name](place[:-1], ladder, float(place[-1]), self.threshold, self.reach)

    def _given_success(self, quantiles: FloatArray) -> FloatArray:
        there = quantiles >= self.threshold
        many = there.sum(axis=1)
        return np.where(many > 0, (quantiles * there).sum(axis=1) / np.maximum(many, 1), math.nan)


def _column(number: int) -> Callable[[FloatArray], FloatArray]:
    return lambda quantiles: quantiles[:, number]


def _once(ladder: Mapping[float, FloatArray]) -> Ladder:
    """The seeds themselves in place of a resample."""
    return [np.sort(x)[None] for x in ladder.values()]


def _folds(ladder: Mapping[float, FloatArray]) -> list[tuple[dict[float, FloatArray], float]]:
    """Every scale from the third on, with the smaller ones."""
    scales = list(ladder)
    return [({s: ladder[s] for s in scales[:k]}, scales[k]) for k in range(2, len(scales))]
