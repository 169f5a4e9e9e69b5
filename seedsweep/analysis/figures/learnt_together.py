"""How many outputs each seed has learnt, beside what independent outputs would give."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from seedsweep.analysis.figures import style
from seedsweep.analysis.figures.shown import Figure
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.dependence import OutputDependence


def learnt_together(found: Mapping[float, tuple[float, OutputDependence]], *, scale_name: str) -> Figure:
    """Seeds by the number of outputs that they have learnt, at the step at which about half of all are.

    Parameters
    ----------
    found : mapping from scale to (step, OutputDependence)
        What `output_dependence` returned at that step.
    scale_name : str
        As it shall stand in the titles.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no scale.

    Examples
    --------
    >>> from seedsweep.analysis import output_dependence
    >>> figure = learnt_together({4: (500, output_dependence([[1, 1], [0, 0], [1, 0]]))}, scale_name="heads")
    >>> figure.axes[0].get_title()
    'heads 4'
    """
    if not found:
        raise ValueError("this figure needs at least one scale")
    figure, axes = style.panels(len(found), height=1.9)
    for panel, (scale, (step, dependence)) in zip(axes, sorted(found.items()), strict=True):
        numbers = np.arange(dependence.outputs + 1)
        panel.bar(numbers, dependence.counts, width=0.8, color=style.NOISE)
        panel.plot(numbers, dependence.expected, color=style.INK, linewidth=1.0, marker="o", markersize=2.5)
        ratio = text.with_interval(dependence.ratio)
        style.draw_title(panel, f"{scale_name} {text.scale(scale)}", f"step {text.scale(step)}\nratio {ratio}")
        style.plain(panel)
        panel.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        panel.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    figure.supxlabel("outputs that a seed has learnt", fontsize=style.TEXT, color=style.INK)
    axes[0].set_ylabel("seeds", **style.LABEL)
    handles = [
        Patch(color=style.NOISE, label="seeds"),
        Line2D([], [], color=style.INK, marker="o", markersize=2.5, label="if outputs were learnt independently"),
    ]
    figure.legend(handles=handles, **style.LEGEND, loc="outside upper center", ncols=2)
    return figure
