"""A ladder and what is forecast beyond it: P(success), the mean and where seeds end."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from seedsweep import formats
from seedsweep.analysis.figures import style
from seedsweep.analysis.figures.axis import ScaleAxis
from seedsweep.analysis.figures.shown import Figure
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.extrapolate import Extrapolation
from seedsweep.analysis.statistics.results import Interval
from seedsweep.analysis.statistics.samples import generator
from seedsweep.analysis.statistics.success import success_rate
from seedsweep.analysis.study.forecast import LadderForecast

FORECAST: Final = style.MEAN


def ladder_forecast(found: LadderForecast, *, categories: bool = False) -> Figure:
    """What was seen at every scale, and what is forecast for others.

    On the left the seeds, and the forecast as its median and the ranges of 50 and of 90 % of the seeds; on the
    right P(success) with 95 % intervals, Wilson's of what was seen and the forecast's. Scales that were held out
    have both.

    Parameters
    ----------
    found : LadderForecast
    categories : bool
        Draw the scales at equal distances; else they stand where their numbers are.

    Returns
    -------
    matplotlib.figure.Figure
    """
    made: dict[float, Extrapolation] = {one.scale: one.forecast for one in found.held_out}
    made |= {one.scale: one.found for one in found.forecasts if one.found is not None}
    scales = sorted({*found.scales, *made})
    axis = ScaleAxis.of(scales, categories=categories)
    figure = Figure(figsize=(style.WIDTH, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    random = generator()
    for number, (place, scale) in enumerate(zip(axis.at, scales, strict=True)):
        if scale in found.values:
            sample = style.Sample.of(scale, found.values[scale], found.criterion)
            for group, colour in sample.groups:
                beside = axis.beside(number, random.uniform(-0.3, -0.08, int(group.sum())))
                style.draw_seeds(left, np.asarray(beside), sample, group, colour, size=5.0, alpha=0.5)
            rate = success_rate(found.criterion.oriented(found.values[scale]), found.criterion.least)
            _bar(right, place, Interval(rate.rate, rate.low, rate.high, rate.n, 0, rate.confidence), style.SUCCESS)
        if scale in made:
            _ranges(left, float(axis.beside(number, 0.12)), made[scale])
            _bar(right, float(axis.beside(number, 0.12)), made[scale].success, FORECAST)
    style.draw_threshold(left, found.criterion)
    left.set_title(formats.shortened(found.at), **style.LABEL, loc="left")
    right.set_title("P(success)", **style.LABEL, loc="left")
    right.set(ylim=style.with_margin((0.0, 1.0)))
    right.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    for axes in (left, right):
        style.plain(axes)
        axis.draw(axes, text.field(found.scale_name))
    handles = [
        Line2D([], [], marker="o", markersize=4, color=style.SUCCESS, label="seen"),
        Line2D([], [], marker="D", markersize=4, color=FORECAST, label="forecast, 95 % interval"),
        Patch(color=FORECAST, alpha=0.35, label="50 and 90 % of seeds"),
    ]
    figure.legend(handles=handles, **style.LEGEND, loc="outside upper center", ncols=3)
    return figure


def _bar(axes: Axes, place: float, interval: Interval, colour: str) -> None:
    marker = "D" if colour == FORECAST else "o"
    if not math.isnan(interval.estimate):
        axes.vlines([place], [interval.low], [interval.high], color=colour, linewidth=1.2)
        axes.plot([place], [interval.estimate], marker=marker, markersize=4.0, color=colour)


def _ranges(axes: Axes, place: float, made: Extrapolation) -> None:
    wide: dict[str, Any] = {"color": FORECAST, "alpha": 0.35, "capstyle": "butt"}
    levels = np.quantile(made.seeds, [0.05, 0.25, 0.5, 0.75, 0.95])
    axes.vlines([place], [levels[0]], [levels[4]], linewidth=2.0, **wide)
    axes.vlines([place], [levels[1]], [levels[3]], linewidth=7.0, **wide)
    axes.plot([place], [levels[2]], marker="D", markersize=4.0, color=FORECAST)
