"""Two times of the same thing against each other: which comes first, and what a change does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from seedsweep.analysis.figures import style
from seedsweep.analysis.figures.shown import Figure
from seedsweep.analysis.statistics.events import EventTimes
from seedsweep.analysis.statistics.samples import FloatArray, generator

BEYOND: Final = 1.08
"""Where those stand that have not happened, in units of the last evaluation."""

COLOURS: Final = (style.GREY, style.SUCCESS, style.FAILURE)
"""Of pairs that the evaluations do not tell apart, of those whose second time is the earlier, and the later."""


def event_pairs(
    pairs: Mapping[str, tuple[EventTimes, EventTimes]], *, first_name: str, second_name: str
) -> Figure:
    """A dot for every pair: across when the first happened, upwards when the second; one panel per title.

    Below the diagonal the second came first. A dot stands anywhere in the intervals that the evaluations leave
    open, so that equal ones are seen. What has not happened stands beyond the dashed lines.

    Parameters
    ----------
    pairs : mapping from title to (EventTimes, EventTimes)
        Of arrays of the same shape: of attention and capability of every output, of seeds without and with a
        change.
    first_name, second_name : str
        As they shall stand at the axes.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no panel, or the shapes differ.

    Examples
    --------
    >>> from seedsweep.analysis import event_times
    >>> a, b = (event_times([0, 10, 20], curve, 0.5) for curve in ([[0, 0, 1]], [[0, 1, 1]]))
    >>> figure = event_pairs({"heads 4": (a, b)}, first_name="without", second_name="with the bias")
    >>> figure.axes[0].get_title()
    'heads 4'
    """
    if not pairs:
        raise ValueError("this figure needs at least one panel")
    if any(first.low.shape != second.low.shape for first, second in pairs.values()):
        raise ValueError("two times of the same things are needed")
    ends = [end for both in pairs.values() for times in both for end in (times.low, times.high)]
    known = np.concatenate([end[np.isfinite(end)].ravel() for end in ends])
    last = float(known.max(initial=0.0)) or 1.0
    figure, axes = style.panels(len(pairs), height=1.9)
    random = generator()
    for panel, (title, (first, second)) in zip(axes, pairs.items(), strict=True):
        x, y = (_place(times, last, random.random(times.low.shape)).ravel() for times in (first, second))
        panel.plot([0, last], [0, last], color=style.GREY, linewidth=0.8)
        for line in (panel.axhline, panel.axvline):
            line(last, color=style.GREY, linewidth=0.6, linestyle="dashed")
        earlier = np.asarray(second.high <= first.low).ravel(), np.asarray(first.high <= second.low).ravel()
        for group, colour in zip((~(earlier[0] | earlier[1]), *earlier), COLOURS, strict=True):
            dots = panel.scatter(x[group], y[group], s=6, color=colour, alpha=0.4, linewidths=0)
            dots.set_rasterized(x.size > style.CROWD)
        panel.set_title(title, fontsize=style.TEXT + 1, color=style.INK)
        _finish(panel, last)
    figure.supxlabel(f"step of {first_name}", fontsize=style.TEXT, color=style.INK)
    figure.supylabel(f"step of {second_name}", fontsize=style.TEXT, color=style.INK)
    marker: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 3}
    names = "not told apart", f"{second_name} first", f"{first_name} first"
    handles = [
        Line2D([], [], color=colour, label=name, **marker) for colour, name in zip(COLOURS, names, strict=True)
    ]
    figure.legend(handles=handles, **style.LEGEND, loc="outside upper center", ncols=3)
    return figure


def _place(times: EventTimes, last: float, between: FloatArray) -> FloatArray:
    """Anywhere between the evaluations; beyond the last for what has not happened."""
    started = np.where(np.isfinite(times.low), times.low, 0.0)
    ended = np.where(times.reached, times.high, 0.0)
    beyond = last * (1 + (BEYOND - 1) * (0.5 + between))
    return np.where(times.reached, started + between * (ended - started), beyond)


def _finish(panel: Axes, last: float) -> None:
    style.plain(panel)
    panel.set(xlim=(-0.02 * last, 1.15 * last), ylim=(-0.02 * last, 1.15 * last))
    style.mark_steps(panel, 3, last)
    panel.yaxis.set_major_locator(MaxNLocator(3, integer=last >= 1))
    panel.yaxis.set_major_formatter(style.step_format(last))
