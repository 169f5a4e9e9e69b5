"""How good are forecasts of a ladder? Its largest scales, held out, against what people do today."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from seedsweep.analysis.statistics.extrapolate import Extrapolation, extrapolate
from seedsweep.analysis.statistics.proper import crps, log_score
from seedsweep.analysis.statistics.results import Interval, Result
from seedsweep.analysis.statistics.rows import Cell, Rows
from seedsweep.analysis.statistics.samples import FloatArray, generator, observed, observed_by_scale
from seedsweep.analysis.statistics.success import SuccessRate, success_rate
from seedsweep.criterion import Criterion

DRAWS: Final = 200
"""Studies with one seed per scale."""

ROUNDING: Final = 1e-9
"""Of values that are at a quantile of the forecast."""


@dataclass(frozen=True)
class Score(Result):
    """How good one way to forecast was.

    Attributes
    ----------
    way : str
        "this forecast", or what people do: "the largest scale's seeds again", "its mean again", "the means,
        extrapolated", "one seed per scale, extrapolated".
    crps : float
        In the unit of the metric; the smaller the better.
    log_score : float
        Of success; `inf` where what was ruled out has happened.
    """

    way: str
    crps: float
    log_score: float


@dataclass(frozen=True, eq=False)
class HeldOut(Rows):
    """One scale that was held out.

    Attributes
    ----------
    scale : float
    rests_on : tuple of float
        The scales from which it was forecast.
    refused : str
        Why a forecast would not have been given; it is scored all the same.
    forecast : Extrapolation
        In the unit of the metric.
    seen_success : SuccessRate
        Of its seeds.
    seen_mean : float
    inside : float
        Share of its seeds within the forecast's .05 and .95 quantiles; .9 is right.
    scores : tuple of Score
        The forecast first.
    """

    scale: float
    rests_on: tuple[float, ...]
    refused: str
    forecast: Extrapolation
    seen_success: SuccessRate
    seen_mean: float
    inside: float
    scores: tuple[Score, ...]

    def _rows(self) -> list[dict[str, Cell]]:
        return [{"way": one.way, "crps": one.crps, "log_score": one.log_score} for one in self.scores]


def held_out(
    better: Mapping[float, FloatArray],
    holdout: int,
    criterion: Criterion,
    bounds: tuple[float, float],
    why_not: Callable[[Mapping[float, FloatArray], float], str],
) -> tuple[HeldOut, ...]:
    """The largest scales, each forecast from the scales below all that are held out.

    Parameters
    ----------
    better : mapping from scale to ndarray
        Values as the criterion orients them; `nan` for a diverged seed.
    holdout : int
        How many scales.
    criterion : Criterion
        With a threshold.
    bounds : tuple of two floats
        Of the values as they are oriented.
    why_not : callable
        Says of the scales below and one that is held out why no forecast would be given.

    Returns
    -------
    tuple of HeldOut
        Ascending, in the unit of the metric.
    """
    scales = sorted(better)
    known = {scale: better[scale] for scale in scales[: len(scales) - holdout]}
    found = []
    for scale in scales[len(scales) - holdout :]:
        made = extrapolate(known, scale, threshold=criterion.least, bounds=bounds)
        seen, rate = observed(better[scale]), success_rate(better[scale], criterion.least)
        low, high = (float(np.quantile(made.seeds, level)) for level in (0.05, 0.95))
        scores = [Score("this forecast", crps(made.seeds, seen), _log_score(made.success.estimate, rate))]
        scores += _others(known, scale, seen, rate, criterion.least, bounds)
        found.append(
            HeldOut(
                scale=scale,
                rests_on=tuple(known),
                refused=why_not(known, scale),
                forecast=shown(made, criterion),
                seen_success=rate,
                seen_mean=criterion.shown(float(seen.mean())),
                inside=float(((seen >= low - ROUNDING) & (seen <= high + ROUNDING)).mean()),
                scores=tuple(scores),
            )
        )
    return tuple(found)


def _others(
    known: Mapping[float, FloatArray],
    to: float,
    seen: FloatArray,
    rate: SuccessRate,
    least: float,
    bounds: tuple[float, float],
) -> list[Score]:
    """What people do."""
    ladder = observed_by_scale(known)
    scales, samples = np.array(list(ladder)), list(ladder.values())
    last, again = samples[-1], success_rate(known[scales[-1]], least)
    random = generator(1)
    drawn = np.stack([random.choice(sample, DRAWS) for sample in samples])
    means = np.array([[sample.mean()] for sample in samples])

    def point(value: float) -> tuple[float, float]:
        """Scores of a single value, which leaves no doubt."""
        return crps([value], seen), _log_score(float(value >= least), rate)

    lines = [point(value) for value in _extended(scales, drawn, to, bounds)]
    of_means = point(float(_extended(scales, means, to, bounds)[0]))
    ones = [float(np.mean(scores)) for scores in zip(*lines, strict=True)]
    return [
        Score("the largest scale's seeds again", crps(last, seen), _log_score(again.rate, rate)),
        Score("its mean again", *point(float(last.mean()))),
        Score("the means, extrapolated", *of_means),
        Score("one seed per scale, extrapolated", ones[0], ones[1]),
    ]


def _extended(scales: FloatArray, values: FloatArray, to: float, bounds: tuple[float, float]) -> FloatArray:
    """Straight lines through values of shape (scales, r), in the logarithm of the scale, at another one."""
    at = np.array([*scales, to])
    place = np.log(at) if at.min() > 0 else at
    slope, start = np.polyfit(place[:-1], values, 1)
    return np.asarray((start + slope * place[-1]).clip(*bounds))


def _log_score(probability: float, rate: SuccessRate) -> float:
    return log_score(probability, rate.successes, rate.n)


def shown(found: Extrapolation, criterion: Criterion) -> Extrapolation:
    """In the unit of the metric, of values as the criterion orients them."""
    if criterion.higher_is_better:
        return found

    def turned(one: Interval) -> Interval:
        return replace(
            one,
            estimate=criterion.shown(one.estimate),
            low=criterion.shown(one.high),
            high=criterion.shown(one.low),
        )

    return replace(
        found,
        mean=turned(found.mean),
        given_success=turned(found.given_success),
        quantiles={round(1 - level, 6): turned(one) for level, one in reversed(list(found.quantiles.items()))},
        seeds=-found.seeds[::-1],
    )
