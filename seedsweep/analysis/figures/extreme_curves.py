"""The same population, by its most and its least emergent seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from seedsweep.analysis.figures import style
from seedsweep.analysis.figures.axis import ScaleAxis
from seedsweep.analysis.figures.shown import Figure
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.emergence import DrawnCurve, ExtremeCurves
from seedsweep.analysis.statistics.samples import FloatArray, as_sample, generator, observed


def extreme_curves(
    values: Mapping[float, npt.ArrayLike],
    extremes: ExtremeCurves,
    *,
    scale_name: str,
    metric_name: str,
    categories: bool = False,
) -> Figure:
    """The curves with one seed per scale that look most like a breakthrough and most like steady progress.

    Every seed is a grey dot. On the left the drawn curve with the largest breakthroughness, on the right that
    with the largest linearity; the mean over all seeds is the same dashed line in both.

    Parameters
    ----------
    values : mapping from scale to array_like, shape (n_seeds,)
        The final metric of every seed, as given to `seedsweep.analysis.extreme_curves`.
    extremes : ExtremeCurves
        What that returned for these values.
    scale_name, metric_name : str
        Labels of the axes, with the unit if there is one.
    categories : bool
        Draw the scales at equal distances; else they stand where their numbers are.

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    .. [1] Zhao et al., "Random Scaling of Emergent Capabilities", arXiv 2502.17356, Fig. 1 and 10.

    Examples
    --------
    >>> from seedsweep import analysis
    >>> values = {1: [0.0, 0.1], 2: [0.0, 0.5], 3: [0.1, 0.9]}
    >>> extremes = analysis.extreme_curves(values)
    >>> figure = extreme_curves(values, extremes, scale_name="depth", metric_name="accuracy")
    >>> len(figure.axes)
    2
    """
    samples = {scale: as_sample(values[scale]) for scale in extremes.scales}
    everything = observed(np.concatenate(list(samples.values())))
    axis = ScaleAxis.of(extremes.scales, categories=categories)
    figure = Figure(figsize=(style.WIDTH, 2.9), layout="constrained")
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    for panel, curve, title, colour in (
        (left, extremes.most_breakthrough, "most abrupt draw", style.SUCCESS),
        (right, extremes.most_linear, "steadiest draw", style.MEAN),
    ):
        _draw_seeds(panel, axis, samples)
        means = [observed(sample).mean() for sample in samples.values()]
        panel.plot(axis.at, means, color=style.INK, linewidth=1.0, linestyle="dashed", label="mean of all seeds")
        line = {"color": colour, "marker": "o", "markersize": 4.5, "linewidth": 1.6}
        panel.plot(axis.at, curve.values, **line, label="one seed per scale")
        style.draw_title(panel, title, _numbers(curve))
        axis.draw(panel, scale_name)
        style.plain(panel)
    left.set_ylim(style.with_margin(style.metric_range_of(everything, float(everything[0]))))
    left.set_ylabel(metric_name, **style.LABEL)
    handles, labels = left.get_legend_handles_labels()
    handles.append(right.lines[1])
    labels[1:] = ["one seed per scale", "another seed per scale"]
    figure.legend(handles, labels, **style.LEGEND, loc="outside upper center", ncols=3)
    return figure


def _draw_seeds(axes: Axes, axis: ScaleAxis, samples: Mapping[float, FloatArray]) -> None:
    random = generator()
    for i, (scale, given) in enumerate(samples.items()):
        rows = np.flatnonzero(~np.isnan(given))
        sample = given[rows]
        beside = axis.beside(i, random.uniform(-0.12, 0.12, sample.size))
        dots = axes.scatter(beside, sample, s=5.0, color=style.GREY, alpha=0.35, linewidths=0)
        dots.set_rasterized(sample.size > style.CROWD)
        style.mark_seeds(dots, scale, rows)


def _numbers(curve: DrawnCurve) -> str:
    infinite = math.isinf(curve.breakthroughness)
    breakthroughness = "infinite" if infinite else text.number(round(curve.breakthroughness, 1))
    return f"breakthroughness {breakthroughness}, linearity {text.number(round(curve.linearity, 1))}"
