"""The same seeds under a harsh metric and a continuous one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from seedsweep.analysis.figures import style
from seedsweep.analysis.figures.shown import Figure
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.samples import FloatArray, as_sample, errors_name
from seedsweep.analysis.statistics.success import succeeds
from seedsweep.criterion import Criterion

BINS: Final = 20
BESIDE: Final = 0.2  # size of a histogram, in panels


def metric_twins(
    harsh: Mapping[float, npt.ArrayLike],
    continuous: Mapping[float, npt.ArrayLike],
    criterion: Criterion,
    *,
    scale_name: str,
    harsh_name: str,
    continuous_name: str,
) -> Figure:
    """Each seed under two metrics, one panel per scale, with the histogram of either metric at its side.

    Seeds are coloured by success under the harsh metric. If both histograms have two humps, and the colours do
    not mix in the one of the continuous metric, the two groups are no artefact of the harsh one.

    Parameters
    ----------
    harsh, continuous : mapping from scale to array_like, shape (n_seeds,)
        The same seeds in the same order; `nan` is a diverged seed, which is not drawn.
    criterion : Criterion
        Which seed is a success under the harsh metric.
    scale_name, harsh_name, continuous_name : str
        As they shall stand in the labels, with the unit if there is one.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no scale, or the scales or numbers of seeds of the two metrics differ.

    References
    ----------
    .. [1] Zhao et al., "Random Scaling of Emergent Capabilities", arXiv 2502.17356, Fig. 4ab and 15-19
       (accuracy beside error score, minimum probability and negative log-likelihood).

    Examples
    --------
    >>> figure = metric_twins(
    ...     {2: [0.0, 0.9]},
    ...     {2: [3.1, 0.2]},
    ...     Criterion("accuracy", split="test", threshold=0.5),
    ...     scale_name="depth",
    ...     harsh_name="accuracy",
    ...     continuous_name="error score",
    ... )
    >>> figure.axes[0].get_title()
    'depth 2'
    """
    scales = sorted(harsh)
    if not scales or sorted(continuous) != scales:
        raise ValueError(f"both metrics need the same scales, one at least: {sorted(continuous)} are not {scales}")
    pairs = []
    rows_of = {}
    for scale in scales:
        x, y = as_sample(continuous[scale]), as_sample(harsh[scale])
        with errors_name(scale):
            if x.size != y.size:
                raise ValueError(f"{x.size} seeds of {continuous_name} and {y.size} of {harsh_name}")
        both = ~(np.isnan(x) | np.isnan(y))
        pairs.append((x[both], y[both]))
        rows_of[scale] = np.flatnonzero(both)

    figure, panels = style.panels(len(scales), height=2.1)
    everything_x, everything_y = (np.concatenate(values) for values in zip(*pairs, strict=True))
    x_range = style.metric_range_of(everything_x, float(np.max(everything_x, initial=0.0)))
    y_range = style.metric_range_of(everything_y, criterion.shown(criterion.least))
    panels[0].set(xlim=style.with_margin(x_range), ylim=style.with_margin(y_range))
    panels[0].xaxis.set_major_locator(MaxNLocator(3))
    for panel, scale, (x, y) in zip(panels, scales, pairs, strict=True):
        successful = succeeds(criterion.oriented(y), criterion.least)
        groups = ((~successful, style.FAILURE), (successful, style.SUCCESS))
        for group, colour in groups:
            dots = panel.scatter(x[group], y[group], s=5.0, color=colour, alpha=0.6, linewidths=0)
            dots.set_rasterized(x.size > style.CROWD)
            style.mark_seeds(dots, scale, rows_of[scale][group])
        style.draw_threshold(panel, criterion)
        style.plain(panel)
        _histogram(panel, [(x[group], colour) for group, colour in groups], x_range, upright=True)
        _histogram(panel, [(y[group], colour) for group, colour in groups], y_range, upright=False)
        panel.set_title(f"{scale_name} {text.scale(scale)}", fontsize=style.TEXT + 1, color=style.INK)
    figure.supxlabel(continuous_name, **style.LABEL)
    figure.supylabel(harsh_name, **style.LABEL)
    style.legend_of_success(figure, criterion)
    return figure


def _histogram(
    panel: Axes, groups: list[tuple[FloatArray, str]], ends: tuple[float, float], *, upright: bool
) -> None:
    """A histogram of the groups on top of each other: above the panel, or lying to its right."""
    place = (0.0, 1.0, 1.0, BESIDE) if upright else (1.0, 0.0, BESIDE, 1.0)
    beside = panel.inset_axes(place, sharex=panel if upright else None, sharey=None if upright else panel)
    edges = np.linspace(*ends, BINS + 1)
    base = np.zeros(BINS)
    for values, colour in groups:
        top = base + np.histogram(values, edges)[0]
        beside.stairs(
            top,
            edges,
            baseline=base,
            orientation="vertical" if upright else "horizontal",
            fill=True,
            color=colour,
            linewidth=0,
        )
        base = top
    beside.set_axis_off()
