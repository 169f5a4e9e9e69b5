"""The distribution of a continuous metric over seeds, scale by scale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from seedsweep.analysis.figures import style
from seedsweep.analysis.figures.shown import Figure
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.mode import kde_bandwidth
from seedsweep.analysis.statistics.samples import FloatArray, observed, samples_by_scale

POINTS: Final = 400
ROW: Final = 0.62  # inches


def densities(
    values: Mapping[float, npt.ArrayLike],
    *,
    scale_name: str,
    metric_name: str,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> Figure:
    """Kernel density estimate of a continuous metric at every scale, one row per scale, smallest above.

    Does bimodality survive a metric without a threshold in it? A tick below each row is one seed. Every row has
    its own height: compare shapes, not heights.

    Parameters
    ----------
    values : mapping from scale to array_like, shape (n_seeds,)
        The metric of every seed; `nan` (a diverged seed) is not drawn.
    scale_name, metric_name : str
        Labels of the axes, with the unit if there is one.
    bounds : tuple of two floats
        The range of the metric, in its unit; either end may be infinite. The density is cut off there.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no scale, or a sample is not one-dimensional or holds an infinite value.

    Notes
    -----
    The kernel and its bandwidth are those of `seedsweep.analysis.mode`. Where at least half of the seeds share
    a value that bandwidth is zero, and 1/100 of the drawn range is taken instead.

    References
    ----------
    .. [1] Zhao et al., "Random Scaling of Emergent Capabilities", arXiv 2502.17356, Fig. 4a, 4b and 15 to 17.

    Examples
    --------
    >>> figure = densities({1: [0.1, 0.2], 2: [0.1, 0.9]}, scale_name="depth", metric_name="min probability")
    >>> len(figure.axes)
    2
    """
    samples = {scale: observed(sample) for scale, sample in samples_by_scale(values).items()}
    if not samples:
        raise ValueError("densities need at least one scale")
    everything = np.concatenate(list(samples.values()))
    low, high = style.metric_range_of(everything, float(everything[0]) if everything.size else 0.0)
    low, high = max(bounds[0], low - 0.05 * (high - low)), min(bounds[1], high + 0.05 * (high - low))
    grid = np.linspace(low, high, POINTS)

    figure = Figure(figsize=(style.WIDTH, 0.6 + ROW * len(samples)), layout="constrained")
    rows = figure.subplots(len(samples), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (scale, sample) in zip(rows, samples.items(), strict=True):
        height = _density(grid, sample, bounds, (high - low) / 100)
        axes.fill_between(grid, height, color=style.SUCCESS, alpha=0.25, linewidth=0)
        axes.plot(grid, height, color=style.SUCCESS, linewidth=1.2)
        (ticks,) = axes.plot(sample, np.full(sample.size, -0.14), "|", color=style.INK, markersize=4, alpha=0.5)
        ticks.set_rasterized(sample.size > style.CROWD)
        axes.set(ylim=(-0.28, 1.1), yticks=[])
        label = f"{text.scale(scale)}\nn = {sample.size}"
        axes.set_ylabel(label, rotation=0, ha="right", va="center", **style.LABEL)
        style.plain(axes)
        axes.spines["left"].set_visible(False)
    for axes in rows[:-1]:
        axes.tick_params(bottom=False)
        axes.spines["bottom"].set_visible(False)
    rows[-1].set_xlim(style.with_margin((low, high)))
    rows[-1].set_xlabel(metric_name, **style.LABEL)
    figure.supylabel(scale_name, **style.LABEL)
    return figure


def _density(grid: FloatArray, sample: FloatArray, bounds: tuple[float, float], narrowest: float) -> FloatArray:
    """With a highest value of 1 on the grid; zero for an empty sample."""
    if sample.size == 0:
        return np.zeros(grid.size)
    bandwidth = max(kde_bandwidth(np.sort(sample), bounds), narrowest) if sample.size > 1 else narrowest
    height = np.exp(-0.5 * ((grid[:, None] - sample) / bandwidth) ** 2).sum(axis=1)
    return np.asarray(height / height.max() if height.max() > 0 else height)
