"""How the distribution over seeds moves along the ladder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from seedsweep.analysis.figures import style
from seedsweep.analysis.figures.axis import ScaleAxis
from seedsweep.analysis.figures.shown import Figure
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.drift import MinimumCapacity, ScaleDrift
from seedsweep.analysis.study.summary import ScaleSummary
from seedsweep.criterion import Criterion


def distances(
    drift: Sequence[ScaleDrift],
    capacity: MinimumCapacity,
    summaries: Sequence[ScaleSummary],
    criterion: Criterion,
    *,
    scale_name: str,
    metric_name: str,
    categories: bool = False,
) -> Figure:
    """Wasserstein-2 distances along the ladder, with their noise floor, minimum capacity and the mode's jump.

    On the left the distance of every scale to the largest, on the right to the previous one. A box is what
    random halves of the same scale are apart: their mean, and up to their .95 quantile. A solid vertical line
    marks the minimum capacity, a dashed one the scale at which the mode makes its largest jump.

    Parameters
    ----------
    drift : sequence of ScaleDrift
        What `seedsweep.analysis.drift` returned.
    capacity : MinimumCapacity
        What `minimum_capacity` returned for the same values.
    summaries : sequence of ScaleSummary
        What `summarise` returned for the same values.
    criterion : Criterion
        Which way is better: there the mode jumps.
    scale_name, metric_name : str
        Label of the axis, and the unit of the distances.
    categories : bool
        Draw the scales at equal distances; else they stand where their numbers are.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no scale, or `drift` and `summaries` do not have the same scales.

    References
    ----------
    .. [1] Zhao et al., "Random Scaling of Emergent Capabilities", arXiv 2502.17356, Fig. 4c.

    Examples
    --------
    >>> from seedsweep import analysis
    >>> values = {1: [0.0, 0.1], 2: [0.0, 0.5], 3: [0.1, 0.9]}
    >>> criterion = Criterion("accuracy", split="test", threshold=0.5)
    >>> figure = distances(
    ...     analysis.drift(values),
    ...     analysis.minimum_capacity(values),
    ...     analysis.summarise(values, criterion),
    ...     criterion,
    ...     scale_name="depth",
    ...     metric_name="accuracy",
    ... )
    >>> [axes.get_title(loc="left") for axes in figure.axes]
    ['$W_2$ to 3, in accuracy', '$W_2$ to the scale before']
    """
    scales = [row.scale for row in drift]
    if not scales or scales != [summary.scale for summary in summaries]:
        raise ValueError(f"distances need the summaries of their scales: {scales} are not those of the summaries")
    figure = Figure(figsize=(style.WIDTH, 2.7), layout="constrained")
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    axis = ScaleAxis.of(scales, categories=categories)
    style.draw_intervals(left, axis.at, [row.to_largest for row in drift], style.INK, "D")
    style.draw_intervals(right, axis.at, [row.to_previous for row in drift], style.INK, "D")
    left.set_title(f"$W_2$ to {text.scale(scales[-1])}, in {metric_name}", loc="left", **style.LABEL)
    right.set_title("$W_2$ to the scale before", loc="left", **style.LABEL)
    for axes in (left, right):
        _draw_noise(axes, axis, drift)
        if capacity.scale is not None:
            often = text.percent(capacity.by_scale[capacity.scale])
            label = f"minimum capacity (largest drop in {often} of resamples)"
            axes.axvline(
                axis.at[scales.index(capacity.scale)], color=style.SUCCESS, linewidth=1.2, label=label, zorder=0
            )
        jump = _largest_jump_of_the_mode(summaries, criterion)
        if jump is not None:
            axes.axvline(
                axis.at[jump],
                color=style.MEAN,
                linewidth=1.2,
                linestyle="dashed",
                label="the mode's largest jump",
                zorder=0,
            )
        axis.draw(axes, scale_name)
        style.plain(axes)
    reach = [end for row in drift for end in (row.to_largest.estimate, row.to_largest.high, row.noise_floor.high)]
    left.set_ylim(style.with_margin((0.0, float(np.nanmax([*reach, 0.0])) or 1.0)))
    handles, labels = left.get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, **style.LEGEND, loc="outside upper center", ncols=3)
    return figure


def _draw_noise(axes: Axes, axis: ScaleAxis, drift: Sequence[ScaleDrift]) -> None:
    """A box at each scale from zero to the .95 quantile of its noise, with the mean as a line."""
    for i, row in enumerate(drift):
        if row.noise_floor.n > 1:
            label = "random halves of one scale" if i == 0 else ""
            left, right = axis.beside(i, np.array([-0.25, 0.25]))
            box: dict[str, Any] = {"color": style.NOISE, "alpha": 0.4, "zorder": 0, "label": label}
            axes.bar(left, row.noise_floor.high, right - left, align="edge", **box)
            axes.hlines(row.noise_floor.mean, left, right, color=style.NOISE, linewidth=1.5, zorder=0)


def _largest_jump_of_the_mode(summaries: Sequence[ScaleSummary], criterion: Criterion) -> int | None:
    """Index of the scale at the end of the mode's largest gain; None if it never gains."""
    where = [i for i, summary in enumerate(summaries) if summary.mode.n]
    rises = np.diff(criterion.oriented([summaries[i].mode.estimate for i in where]))
    return where[int(np.argmax(rises)) + 1] if rises.size and rises.max() > 0 else None
