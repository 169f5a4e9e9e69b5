"""How many outputs are not learnt yet: a straight line is a constant hazard."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from seedsweep.analysis.figures import style
from seedsweep.analysis.figures.shown import Figure
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.events import EventTimes
from seedsweep.analysis.statistics.survival import kaplan_meier


def outputs_not_yet(times: Mapping[float, EventTimes], *, scale_name: str) -> Figure:
    """The share of outputs that are not learnt yet, over steps and over steps times the scale, on a log axis.

    One Kaplan-Meier curve per scale, of all outputs of all seeds together. A constant hazard is a straight line.
    Where the hazard is in proportion to the scale, the lines on the right are one.

    Parameters
    ----------
    times : mapping from scale to EventTimes
        Of arrays of shape (n, o). Scales that are not positive are on the left only.
    scale_name : str
        As it shall stand in the labels.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no scale.

    Examples
    --------
    >>> from seedsweep.analysis import event_times
    >>> steps = [0, 10, 20, 30]
    >>> times = {2: event_times(steps, [[[0, 1, 1, 1], [0, 0, 0, 1]]], 0.5)}
    >>> [axes.get_xlabel() for axes in outputs_not_yet(times, scale_name="heads").axes]
    ['training step', 'training step × heads']
    """
    if not times:
        raise ValueError("this figure needs at least one scale")
    figure = Figure(figsize=(style.WIDTH, 3.0), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    colours = matplotlib.colormaps["viridis"](np.linspace(0.0, 0.8, len(times)))
    lowest = 1.0
    for scale, colour in zip(sorted(times), colours, strict=True):
        low, high = times[scale].low.ravel(), times[scale].high.ravel()
        reached = np.isfinite(high)
        curve = kaplan_meier(np.where(reached, high, low), reached)
        share = np.concatenate([[1.0], curve.survival])
        seen = share > 0  # a logarithmic axis has no place for none
        at = np.concatenate([[0.0], curve.times])[seen]
        lowest = min(lowest, float(share[seen].min()))
        line = {"drawstyle": "steps-post", "color": colour, "linewidth": 1.4, "label": text.scale(scale)}
        left.plot(at, share[seen], **line)
        if scale > 0:
            right.plot(at * scale, share[seen], **line)
    for panel, name in ((left, "training step"), (right, f"training step × {scale_name}")):
        _finish(panel, name, lowest)
    left.set_ylabel("outputs not learnt yet", **style.LABEL)
    handles, names = left.get_legend_handles_labels()
    legend = figure.legend(handles, names, title=scale_name, loc="outside right center", **style.LEGEND)
    legend.get_title().set(fontsize=style.SMALL, color=style.INK)
    return figure


def _finish(panel: Axes, name: str, lowest: float) -> None:
    style.plain(panel)
    panel.set_yscale("log")
    marks = [share for share in (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.001) if share >= lowest / 2]
    panel.set_ylim(min(lowest, marks[-1]) / 1.1, 1.1)
    panel.set_yticks(marks)
    panel.yaxis.set_major_formatter(FuncFormatter(lambda share, _: text.percent(share)))
    panel.yaxis.set_minor_formatter(NullFormatter())
    last = float(panel.dataLim.x1) if panel.lines else 1.0
    panel.set_xlim(0, 1.03 * last or 1.0)
    style.mark_steps(panel, 5, last)
    panel.set_xlabel(name, **style.LABEL)
