"""The figure and the tables of a forecast, as the page and the command have them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from seedsweep.analysis.figures.ladder_forecast import ladder_forecast
from seedsweep.analysis.report.pictures import Picture
from seedsweep.analysis.report.svg import SeedMark, inline_svg
from seedsweep.analysis.report.tables import PageTable
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.extrapolate import Extrapolation
from seedsweep.analysis.study.forecast import LadderForecast


def forecast_picture(
    found: LadderForecast, seeds: Mapping[float, list[SeedMark]], *, categories: bool = False
) -> Picture:
    """What was seen and what is forecast."""
    word = text.field(found.scale_name)
    title = f"What is forecast beyond {word} {text.scale(found.scales[-1])}"
    caption = (
        "On the left every seed, and beside them where seeds are forecast to end: the median, and the ranges of "
        "50 and of 90 % of them. On the right P(success) with 95 % intervals, as seen and as forecast. "
        + ("The largest scale has both: it was forecast from the smaller ones. " if found.held_out else "")
        + "Where there is no forecast nothing is drawn; the text says why."
    )
    figure = ladder_forecast(found, categories=categories)
    return Picture("forecast", title, caption, inline_svg(figure, "forecast", f"{title}. {caption}", seeds))


def forecast_tables(found: LadderForecast) -> Iterator[PageTable]:
    """The forecasts, and how good one of a scale that is known would have been."""
    word = text.field(found.scale_name)
    held = [(one.scale, "held out", one.forecast) for one in found.held_out]
    asked = [(one.scale, one.refused, one.found) for one in found.forecasts]
    yield PageTable(
        "What is forecast",
        f"From {text.seeds(found.n)} of {len(found.scales)} scales, with 95 % intervals: P(success), the mean of "
        f"{found.at}, that of the seeds that succeed, and between which values nine of ten seeds would end.",
        (word, "P(success)", "mean", "mean | success", "nine of ten seeds", "models", "why there is none"),
        tuple(
            (text.scale(scale), *_numbers(made), told if made is None or told == "held out" else "")
            for scale, told, made in [*held, *asked]
        ),
    )
    for one in found.held_out:
        yield PageTable(
            f"How good a forecast of {word} {text.scale(one.scale)} would have been",
            f"It was held out and forecast from {len(one.rests_on)} smaller scales. CRPS is in the unit of "
            f"{found.criterion.metric}, the log score is of success and failure; 0 is best of both, and ∞ where "
            "what was ruled out has happened.",
            ("way", "CRPS", "log score of success"),
            tuple((score.way, text.number(score.crps), text.number(score.log_score)) for score in one.scores),
        )


def _numbers(made: Extrapolation | None) -> tuple[str, ...]:
    if made is None:
        return ("–",) * 5
    low, high = (made.quantiles[level].estimate for level in (min(made.quantiles), max(made.quantiles)))
    models = text.listed([f"{name} {text.percent(weight)}" for name, weight in made.weights.items()])
    share = f"{text.percent(made.success.estimate)} ({text.percent_interval(made.success.low, made.success.high)})"
    means = text.with_interval(made.mean), text.with_interval(made.given_success)
    return share, *means, text.interval(low, high), models
