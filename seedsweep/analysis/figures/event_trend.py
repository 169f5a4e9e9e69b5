"""How frequent events are along a ladder, with their monotone trends."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.ticker import PercentFormatter

from seedsweep.analysis.figures import style
from seedsweep.analysis.figures.axis import ScaleAxis
from seedsweep.analysis.figures.shown import Figure
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.trend import EventTrend


def event_trend(trends: Mapping[str, EventTrend], *, scale_name: str, categories: bool = False) -> Figure:
    """The share of seeds with an event at every scale, and the monotone shares that fit best.

    These are dotted where the shares are not monotone.

    Parameters
    ----------
    trends : mapping from name to EventTrend
        Of the same ladder.
    scale_name : str
        As it shall stand below the axis.
    categories : bool
        Draw the scales at equal distances; else they stand where their numbers are.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no event.

    Examples
    --------
    >>> from seedsweep.analysis import event_trend as trend_of
    >>> trend = trend_of({100: [True] * 8, 200: [True] * 5 + [False] * 3, 400: [False] * 8})
    >>> figure = event_trend({"ICL": trend}, scale_name="branch step")
    >>> figure.legends[0].get_texts()[0].get_text()
    'ICL (p = 0.0005)'
    """
    if not trends:
        raise ValueError("this figure needs at least one event")
    figure = Figure(figsize=(style.WIDTH, 3.0), layout="constrained")
    panel = figure.subplots()
    scales = sorted({scale for trend in trends.values() for scale in trend.scales})
    axis = ScaleAxis.of(scales, categories=categories)
    width = len(trends) - 1
    for number, ((name, trend), colour) in enumerate(zip(trends.items(), _colours(len(trends)), strict=True)):
        at = axis.at[[scales.index(scale) for scale in trend.scales]]
        shift = 4.0 * (number - width / 2)
        style.draw_intervals(panel, at, trend.rates, colour, "o", shift=shift)
        panel.lines[-1].set_linestyle("none")
        dashes = "solid" if trend.fits else "dotted"
        label = f"{name} ({text.pvalue(trend.pvalue)})"
        panel.plot(at, trend.fitted, linestyle=dashes, color=colour, linewidth=1.2, label=label)
    axis.draw(panel, scale_name, width=style.WIDTH)
    style.plain(panel)
    panel.set_ylim(style.with_margin((0.0, 1.0)))
    panel.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    panel.set_ylabel("seeds", **style.LABEL)
    figure.legend(**style.LEGEND, loc="outside upper center", ncols=3)
    return figure


def _colours(many: int) -> list[str]:
    colours = [style.SUCCESS, style.FAILURE, style.MEAN, style.NOISE, style.INK]
    return [colours[i % len(colours)] for i in range(many)]
