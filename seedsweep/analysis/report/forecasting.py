"""A forecast of a ladder's next scales in sentences."""

from __future__ import annotations

import math
from dataclasses import dataclass

from seedsweep import formats
from seedsweep.analysis.report.finding import Finding, told_rows
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.results import Interval
from seedsweep.analysis.statistics.rows import Cell, Rows
from seedsweep.analysis.study.forecast import LadderForecast, ScaleForecast
from seedsweep.analysis.study.holdout import HeldOut


@dataclass(frozen=True)
class ForecastFindings(Rows):
    """What a forecast says.

    Attributes
    ----------
    findings : tuple of Finding
        A line for every scale that was asked for, with the forecast or why there is none, and one for each that
        was held out.
    notes : tuple of str
        What to know.
    """

    findings: tuple[Finding, ...]
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<ForecastFindings: {formats.counted(len(self.findings), 'line')}>"

    def _rows(self) -> list[dict[str, Cell]]:
        return told_rows(self.findings, self.notes)

    def _caption(self) -> str:
        return "What is forecast"


def forecast_findings(found: LadderForecast) -> ForecastFindings:
    """Put a forecast into words.

    Parameters
    ----------
    found : LadderForecast

    Returns
    -------
    ForecastFindings

    Examples
    --------
    >>> import seedsweep
    >>> found = seedsweep.forecast(seedsweep.load("runs/count-depth"), to=[7])  # doctest: +SKIP
    >>> forecast_findings(found).findings[0].text  # doctest: +SKIP
    """
    word = text.field(found.scale_name)
    told = [Finding(f"{word} {text.scale(one.scale)}", _forecast(found, one)) for one in found.forecasts]
    told += [Finding(f"{word} {text.scale(one.scale)}, held out", _held_out(one)) for one in found.held_out]
    notes = []
    if any(one.found is not None for one in found.forecasts):
        notes.append(
            f"a forecast supposes that nothing else changes beyond {word} {text.scale(found.scales[-1])}"
            + ("" if found.held_out else ": --holdout says how good forecasts of this ladder have been")
        )
    if found.threshold_chosen:
        notes.append(
            f"nobody said what success is: {text.given(found.criterion.shown(found.criterion.least))} is the "
            "middle of the observed values; give a threshold of your own"
        )
    return ForecastFindings(tuple(told), tuple(notes))


def _forecast(found: LadderForecast, one: ScaleForecast) -> str:
    if one.found is None:
        return f"No forecast: {one.refused}."
    made = one.found
    told = f"P(success) {_share(made.success)}; mean of {found.at} {text.with_interval(made.mean)}"
    if not math.isnan(made.given_success.estimate):
        told += f", of the seeds that succeed {text.with_interval(made.given_success)}"
    low, high = (made.quantiles[level].estimate for level in (min(made.quantiles), max(made.quantiles)))
    models = text.listed([f"{name} {text.percent(weight)}" for name, weight in made.weights.items()])
    return (
        f"{told}; nine of ten seeds between {text.number(low)} and {text.number(high)}. "
        f"From {text.seeds(found.n)} of {len(found.scales)} scales; models: {models}."
    )


def _held_out(one: HeldOut) -> str:
    made, seen = one.forecast, one.seen_success
    inside = "in" if made.success.low <= seen.rate <= made.success.high else "outside"
    told = (
        f"P(success) {_share(made.success)} was forecast from {len(one.rests_on)} smaller scales, and is "
        f"{text.percent(seen.rate)}, {inside} the interval; the mean {text.with_interval(made.mean)}, and is "
        f"{text.number(one.seen_mean)}. {text.percent(one.inside)} of the seeds lie where 90 % should. "
    )
    ours, *others = one.scores
    beaten = [other.way for other in others if ours.crps < other.crps]
    told += (
        f"CRPS {text.number(ours.crps)}: better than {text.listed(beaten)}"
        if beaten
        else (f"CRPS {text.number(ours.crps)}")
    )
    better = [f"{other.way} ({text.number(other.crps)})" for other in others if ours.crps >= other.crps]
    told += f"{'; ' if beaten else ', '}no better than {text.listed(better)}." if better else "."
    if one.refused:
        told += f" Had nobody asked to hold it out, there would be no forecast: {one.refused}."
    return told


def _share(interval: Interval) -> str:
    return f"{text.percent(interval.estimate)} ({text.percent_interval(interval.low, interval.high)})"
