"""Rise and fall: the curves of seeds that get a capability, with their peaks and half-lives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from seedsweep.analysis.figures import style
from seedsweep.analysis.figures.shown import Figure
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.samples import FloatArray, observed
from seedsweep.analysis.statistics.transience import RiseAndFall
from seedsweep.criterion import Criterion


def rise_and_fall(
    curves: Mapping[float, tuple[npt.ArrayLike, RiseAndFall]],
    criterion: Criterion,
    *,
    scale_name: str,
    metric_name: str,
) -> Figure:
    """The learning curves of seeds, one panel per scale: which get there, peak, and lose it by half.

    Parameters
    ----------
    curves : mapping from scale to (values, RiseAndFall)
        The metric, shape (n_seeds, n_steps), and what came and went in it as the criterion orients it.
    criterion : Criterion
        Its threshold is drawn dashed; dotted is what seeds begin with.
    scale_name, metric_name : str
        As they shall stand in the titles and at the vertical axis.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no scale.

    Examples
    --------
    >>> from seedsweep.analysis import rise_and_fall as events_of
    >>> values = [[0.0, 0.0, 0.9, 0.9, 0.9, 0.1, 0.0, 0.0]]
    >>> criterion = Criterion("accuracy", split="test", threshold=0.5)
    >>> curves = {2: (values, events_of(range(8), values, 0.5, chance=0.0))}
    >>> figure = rise_and_fall(curves, criterion, scale_name="depth", metric_name="accuracy")
    >>> figure.findobj(Axes)[0].get_title()
    'depth 2'
    """
    if not curves:
        raise ValueError("this figure needs at least one scale")
    figure, panels = style.panels(len(curves), height=1.8)
    everything = []
    for panel, scale in zip(panels, sorted(curves), strict=True):
        values, found = np.asarray(curves[scale][0], dtype=np.float64), curves[scale][1]
        _draw(panel, scale, values, found, criterion)
        style.draw_threshold(panel, criterion)
        panel.axhline(criterion.shown(found.chance), color=style.GREY, linewidth=0.8, linestyle="dotted")
        came, went = int(found.emerged.reached.sum()), int((found.outcomes == "gone").sum())
        style.draw_title(panel, f"{scale_name} {text.scale(scale)}", f"{came} of {len(values)} come, {went} go")
        style.plain(panel)
        everything.append(observed(values.ravel()))
    last = max(float(found.steps[-1]) for _, found in curves.values())
    ends = style.metric_range_of(np.concatenate(everything), criterion.shown(criterion.least))
    panels[0].set(xlim=(0, last or 1), ylim=style.with_margin(ends))
    style.mark_steps(panels[0], 3, last)
    figure.supxlabel("training step", **style.LABEL)
    figure.supylabel(metric_name, **style.LABEL)
    figure.legend(handles=_handles(), **style.LEGEND, loc="outside upper center", ncols=5)
    return figure


def _draw(panel: Axes, scale: float, values: FloatArray, found: RiseAndFall, criterion: Criterion) -> None:
    emerged, gone = found.emerged.reached, found.outcomes == "gone"
    opacity = min(0.8, max(0.2, 8 / max(len(values), 1)))
    groups = (
        (~emerged, style.NEVER, opacity / 2),
        (emerged & ~gone, style.SUCCESS, opacity),
        (gone, style.FAILURE, opacity),
    )
    for group, colour, alpha in groups:
        rows = np.flatnonzero(group & ~np.isnan(values).all(axis=1))
        lines = [np.column_stack([found.steps, values[row]])[~np.isnan(values[row])] for row in rows]
        drawn = LineCollection(lines, colors=colour, linewidths=0.7, alpha=alpha)
        panel.add_collection(drawn)
        drawn.set_rasterized(len(values) > style.CROWD)
        style.mark_seeds(drawn, scale, rows)
    dots: dict[str, Any] = {"color": style.INK, "linestyle": "none", "zorder": 3}
    peaks = criterion.oriented(found.peak)
    panel.plot(found.peak_step[emerged], peaks[emerged], marker="o", markersize=2.2, **dots)
    halved = found.halved.reached
    level = criterion.oriented(found.halved.level)
    panel.plot(found.halved.middle[halved], level[halved], marker="v", markersize=2.8, alpha=0.7, **dots)


def _handles() -> list[Artist]:
    lines = ((style.SUCCESS, "get there"), (style.FAILURE, "and lose it"), (style.NEVER, "never get there"))
    return [
        *(Line2D([], [], color=colour, label=label) for colour, label in lines),
        Line2D([], [], color=style.INK, marker="o", markersize=3, linestyle="none", label="peak"),
        Line2D([], [], color=style.INK, marker="v", markersize=4, linestyle="none", label="half lost"),
    ]
