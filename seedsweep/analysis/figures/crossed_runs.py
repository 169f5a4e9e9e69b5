"""Whose luck it is, to look at: every run in the row of its initial weights and the column of its data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.image import AxesImage

from seedsweep.analysis.figures import shown, style
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.samples import FloatArray
from seedsweep.analysis.statistics.success import succeeds
from seedsweep.analysis.statistics.variance import CrossedRuns
from seedsweep.criterion import Criterion

Seeds: TypeAlias = npt.NDArray[np.int64]

COLOURS: Final = "cividis"
SIDE: Final = 2.1  # inches of a panel
ROOM: Final = 20, 36
"""For the names of seeds: below each other in a panel, and beside each other in all panels of a row."""


def crossed_runs(
    runs: Mapping[float, CrossedRuns], criterion: Criterion, *, scale_name: str, metric_name: str
) -> shown.Figure:
    """A square for every run, one panel per scale; rows are seeds of the initial weights, columns of the data.

    Both are in the order of their median, the best first, so that stripes along rows are luck of the initial
    weights, stripes along columns luck of the data. A run that succeeds has a dot; one that is missing or diverged
    is white, and runs that share neither seed with another are left out.

    Parameters
    ----------
    runs : mapping from scale to CrossedRuns
    criterion : Criterion
        What counts as success.
    scale_name, metric_name : str
        As they shall stand in titles and beside the colours.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no scale.

    Examples
    --------
    >>> from seedsweep.analysis import CrossedRuns
    >>> from seedsweep.criterion import Criterion
    >>> runs = CrossedRuns(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.array([0.1, 0.0, 0.9, 1.0]))
    >>> figure = crossed_runs(
    ...     {2: runs}, Criterion("accuracy", "test", 0.5), scale_name="depth", metric_name="accuracy"
    ... )
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['1', '0']
    """
    if not runs:
        raise ValueError("this figure needs at least one scale")
    columns = min(len(runs), style.COLUMNS - 1)
    rows = -(-len(runs) // columns)
    figure = shown.Figure(figsize=(style.WIDTH, 0.5 + (SIDE + 0.6) * rows), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    known = np.concatenate([each.values[~np.isnan(each.values)] for each in runs.values()])
    colours = Normalize(*style.metric_range_of(known, criterion.shown(criterion.least)))
    for panel, scale in zip(panels, sorted(runs), strict=False):
        drawn = _draw(panel, runs[scale], criterion, colours, room=(ROOM[0], ROOM[1] // columns))
        style.draw_title(panel, f"{scale_name} {text.scale(scale)}", f"{runs[scale].values.size} runs")
    for spare in panels[len(runs) :]:
        spare.remove()
    bar = figure.colorbar(drawn, ax=panels[: len(runs)], shrink=0.8, pad=0.02)
    bar.set_label(metric_name, **style.LABEL)
    bar.ax.tick_params(labelsize=style.SMALL)
    bar.outline.set_visible(False)
    figure.supxlabel("seed of the data", **style.LABEL)
    figure.supylabel("seed of the initial weights", **style.LABEL)
    return figure


def _draw(
    panel: Axes, runs: CrossedRuns, criterion: Criterion, colours: Normalize, room: tuple[int, int]
) -> AxesImage:
    shared = [counts[at] > 1 for at, counts in map(_counted, (runs.init_seeds, runs.data_seeds))]
    used = np.logical_or(*shared)
    inits, row = np.unique(runs.init_seeds[used], return_inverse=True)
    datas, column = np.unique(runs.data_seeds[used], return_inverse=True)
    square = np.full((inits.size, datas.size), np.nan)
    square[row, column] = runs.values[used]
    down, across = (_best_first(criterion.oriented(square), axis=axis) for axis in (1, 0))
    square = square[np.ix_(down, across)]
    image = panel.imshow(square, cmap=colormaps[COLOURS], norm=colours, aspect="auto", interpolation="nearest")
    there = succeeds(criterion.oriented(square.ravel()), criterion.least).reshape(square.shape)
    light = np.nan_to_num(colours(square).filled(0.0)) > 0.5
    size = min(12.0, 400 / max(square.shape))
    for dots, colour in ((there & light, "black"), (there & ~light, "white")):
        up, along = np.nonzero(dots)
        panel.scatter(along, up, s=size, color=colour, linewidths=0)
    named = (inits[down], panel.yaxis), (datas[across], panel.xaxis)
    for (seeds, axis), most in zip(named, room, strict=True):
        if seeds.size <= most:
            axis.set_ticks(range(seeds.size), [str(seed) for seed in seeds])
        else:
            axis.set_ticks([])
    panel.tick_params(labelsize=style.SMALL - 1, labelcolor=style.INK, length=0)
    panel.spines[:].set_visible(False)
    return image


def _counted(seeds: Seeds) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Which of the different seeds each is, and how often each of these occurs."""
    _, at, counts = np.unique(seeds, return_inverse=True, return_counts=True)
    return at, counts


def _best_first(better: FloatArray, axis: int) -> npt.NDArray[np.intp]:
    """By median; rows or columns none of whose runs has a value are last."""
    known = ~np.isnan(better).all(axis=axis)
    medians = np.full(known.shape, -np.inf)
    medians[known] = np.nanmedian(better[known] if axis == 1 else better[:, known], axis=axis)
    return np.argsort(-medians, kind="stable")
