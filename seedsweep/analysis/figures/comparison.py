"""Two populations beside each other: what each question says at every scale and over the ladder."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from seedsweep import formats
from seedsweep.analysis.figures import style
from seedsweep.analysis.figures.axis import ScaleAxis
from seedsweep.analysis.figures.shown import Figure
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.differences import Difference
from seedsweep.analysis.study.compared import Compared, Comparison
from seedsweep.analysis.study.parts import LEVEL

OF_LADDER: Final = 0.16
"""Share of a panel's width that the mean over the ladder takes."""


def comparison(found: Comparison, *, categories: bool = False) -> Figure:
    """B − A of every question.

    A panel per question: the difference at each scale with its 95 % interval and, to the right, over the ladder.
    Filled are those that are seen, by the corrected p-value; the distance of the distributions has no side, and
    its panel begins at zero.

    Parameters
    ----------
    found : Comparison
    categories : bool
        Draw the scales at equal distances; else they stand where their numbers are.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = (len(found.questions) + 1) // 2
    figure = Figure(figsize=(style.WIDTH, 0.5 + 2.1 * rows), layout="constrained")
    wide = len(found.scales) > 1
    ratios = [1.0, OF_LADDER] * 2 if wide else [1.0] * 2
    grid = figure.add_gridspec(rows, len(ratios), width_ratios=ratios)
    axis = ScaleAxis.of(found.scales, categories=categories)
    for number, one in enumerate(found.questions):
        row, column = divmod(number, 2)
        panel = figure.add_subplot(grid[row, 2 * column if wide else column])
        pvalues = one.pvalues
        for place, (scale, difference) in zip(axis.at, one.by_scale.items(), strict=True):
            _draw(panel, place, difference, pvalues[scale])
        axis.draw(panel, text.field(found.scale_name))
        panels = [panel]
        if wide and one.overall is not None:
            beside = figure.add_subplot(grid[row, 2 * column + 1], sharey=panel)
            _draw(beside, 0.0, one.overall, pvalues[None])
            beside.set(xlim=(-1, 1))
            beside.set_xticks([0.0], ["all"])
            beside.tick_params(labelleft=False)
            panels.append(beside)
        for axes in panels:
            axes.axhline(0.0, color=style.GREY, linewidth=0.8, linestyle="dashed")
            style.plain(axes)
        if one.question == "P(success)":
            panel.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0, symbol=""))
        if one.question == "W2":
            panel.set_ylim(bottom=-0.02 * panel.get_ylim()[1])
        panel.set_title(_title(found, one), **style.LABEL, loc="left")
    handles = [
        Line2D([], [], **_look(seen), color=style.SUCCESS, linestyle="none", label=label)
        for seen, label in ((True, f"seen: corrected p ≤ {text.given(LEVEL)}"), (False, "not seen"))
    ]
    figure.legend(handles=handles, **style.LEGEND, loc="outside upper center", ncols=2)
    return figure


def _draw(axes: Axes, place: float, difference: Difference, pvalue: float) -> None:
    interval = difference.difference
    if np.isnan(interval.estimate):
        return
    axes.vlines([place], [interval.low], [interval.high], color=style.SUCCESS, linewidth=1.2)
    axes.plot([place], [interval.estimate], **_look(pvalue <= LEVEL), color=style.SUCCESS)


def _look(seen: bool) -> dict[str, Any]:
    return {"marker": "o", "markersize": 5.0, "markerfacecolor": style.SUCCESS if seen else "white"}


def _title(found: Comparison, one: Compared) -> str:
    return {
        "P(success)": "P(success), B − A, in percentage points",
        "mean": f"mean of {formats.shortened(found.criterion.metric, 24)}, B − A",
        "W2": f"distance $W_2$, in {formats.shortened(found.criterion.metric, 24)}",
        "time": "steps to success, B − A",
    }[one.question]
