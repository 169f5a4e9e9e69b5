"""What is seen early against when the seed gets there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.lines import Line2D

from seedsweep.analysis.figures import style
from seedsweep.analysis.figures.shown import Figure
from seedsweep.analysis.statistics import text
from seedsweep.analysis.study.inside import StreamForecast


def forecasts(found: Sequence[tuple[float, StreamForecast]], *, scale_name: str, stream_name: str) -> Figure:
    """A dot for every seed that still waited: across what was seen early, upwards when it got there.

    Parameters
    ----------
    found : sequence of (scale, StreamForecast)
        Of one stream.
    scale_name, stream_name : str
        As they shall stand in the labels.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no scale.

    Examples
    --------
    >>> from seedsweep.analysis import StreamForecast, event_times, forecast
    >>> times = event_times([0, 10, 20], [[0, 1, 1], [0, 0, 1]], 0.5)
    >>> one = StreamForecast("attention", "mass", forecast([0.4, 0.1], times, 0), 1.0, np.array([0.4, 0.1]), times)
    >>> forecasts([(4, one)], scale_name="heads", stream_name="attention").axes[0].get_title()
    'heads 4'
    """
    if not found:
        raise ValueError("this figure needs at least one scale")
    figure, axes = style.panels(len(found), height=1.9)
    for panel, (scale, one) in zip(axes, found, strict=True):
        waiting = (one.times.low >= one.forecast.step) & ~np.isnan(one.values)
        reached = one.times.reached
        for group, colour, marker in ((reached, style.SUCCESS, "o"), (~reached, style.FAILURE, "^")):
            rows = waiting & group
            at = np.where(reached, one.times.middle, one.times.low)[rows]
            dots = panel.scatter(one.values[rows], at, s=8, color=colour, marker=marker, alpha=0.6, linewidths=0)
            dots.set_rasterized(one.values.size > style.CROWD)
        concordance = text.with_interval(one.forecast.concordance)
        note = f"seen at step {text.scale(one.forecast.step)}\nC {concordance}"
        style.draw_title(panel, f"{scale_name} {text.scale(scale)}", note)
        style.plain(panel)
        panel.yaxis.set_major_formatter(style.step_format(float(one.times.low.max(initial=0.0))))
        panel.locator_params(axis="x", nbins=4)
    figure.supxlabel(f"{stream_name}, seen early", fontsize=style.TEXT, color=style.INK)
    axes[0].set_ylabel("step of success", **style.LABEL)
    kind: dict[str, Any] = {"linestyle": "none", "markersize": 4}
    handles = [
        Line2D([], [], color=style.SUCCESS, marker="o", label="succeeded", **kind),
        Line2D([], [], color=style.FAILURE, marker="^", label="not yet at the end", **kind),
    ]
    figure.legend(handles=handles, **style.LEGEND, loc="outside upper center", ncols=2)
    return figure
