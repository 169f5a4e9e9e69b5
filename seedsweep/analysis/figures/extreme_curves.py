"""The same population, by its most and its least emergent seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from seedsweep.analysis.figures import style
from seedsweep.analysis.statistics.emergence import DrawnCurve, ExtremeCurves
from seedsweep.analysis.statistics.samples import generator, observed


def extreme_curves(
    values: Mapping[float, npt.ArrayLike],
    extremes: ExtremeCurves,
    *,
    scale_name: str,
    metric_name: str,
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
    samples = [observed(values[scale]) for scale in extremes.scales]
    everything = np.concatenate(samples)
    figure = Figure(figsize=(style.WIDTH, 2.9), layout="constrained")
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    for panel, curve, title, colour in (
        (left, extremes.most_breakthrough, "most abrupt draw", style.SUCCESS),
        (right, extremes.most_linear, "steadiest draw", style.MEAN),
    ):
        _draw_seeds(panel, samples)
        means = [sample.mean() for sample in samples]
        panel.plot(means, color=style.INK, linewidth=1.0, linestyle="dashed", label="mean of all seeds")
        panel.plot(
            curve.values, color=colour, marker="o", markersize=4.5, linewidth=1.6, label="one seed per scale"
        )
        style.draw_title(panel, title, _numbers(curve))
        style.draw_scales(panel, extremes.scales)
        panel.set_xlabel(scale_name, **style.LABEL)
        style.plain(panel)
    left.set_ylim(style.with_margin(style.metric_range_of(everything, float(everything[0]))))
    left.set_ylabel(metric_name, **style.LABEL)
    handles, labels = left.get_legend_handles_labels()
    handles.append(right.lines[1])
    labels[1:] = ["one seed per scale", "another seed per scale"]
    figure.legend(handles, labels, **style.LEGEND, loc="outside upper center", ncols=3)
    return figure


def _draw_seeds(axes: Axes, samples: list[npt.NDArray[np.float64]]) -> None:
    random = generator()
    for i, sample in enumerate(samples):
        beside = i + random.uniform(-0.12, 0.12, sample.size)
        dots = axes.scatter(beside, sample, s=5.0, color=style.GREY, alpha=0.35, linewidths=0)
        dots.set_rasterized(sample.size > style.CROWD)


def _numbers(curve: DrawnCurve) -> str:
    infinite = math.isinf(curve.breakthroughness)
    breakthroughness = "infinite" if infinite else f"{curve.breakthroughness:.1f}"
    return f"breakthroughness {breakthroughness}, linearity {curve.linearity:.1f}"
