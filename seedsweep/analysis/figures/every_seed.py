"""The whole population in one small panel: what a reader sees first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from seedsweep.analysis.figures import style
from seedsweep.analysis.figures.axis import ScaleAxis
from seedsweep.analysis.figures.shown import Figure
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.samples import generator
from seedsweep.analysis.study.summary import ScaleSummary
from seedsweep.criterion import Criterion

SIZE: Final = (5.0, 3.5)
"""Inches: narrow, so that its letters can still be read on a phone."""

BINS: Final = 25
DOTS: Final = (-0.3, -0.04)
HISTOGRAM: Final = 0.42
"""Places beside a scale of the dots, and of the widest bar, in steps of the ladder."""


def every_seed(
    values: Mapping[float, npt.ArrayLike],
    summaries: Sequence[ScaleSummary],
    criterion: Criterion,
    *,
    scale_name: str,
    metric_name: str,
    categories: bool = False,
) -> Figure:
    """Every seed of every scale: a dot to the left of its scale, a histogram to the right, the mean across.

    Parameters
    ----------
    values : mapping from scale to array_like, shape (n_seeds,)
        The final metric of every seed, as given to `summarise`; `nan` (a diverged seed) is not drawn.
    summaries : sequence of ScaleSummary
        What `summarise` returned for these values.
    criterion : Criterion
        Which seed is a success; its threshold is drawn.
    scale_name, metric_name : str
        Labels of the axes, with the unit if there is one.
    categories : bool
        Draw the scales at equal distances; else they stand where their numbers are.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no scale, or `values` and `summaries` do not have the same scales.

    Examples
    --------
    >>> from seedsweep.analysis import summarise
    >>> values = {2: [0.0, 0.1, 0.9], 4: [0.8, 0.9, 1.0]}
    >>> criterion = Criterion("accuracy", split="test", threshold=0.5)
    >>> figure = every_seed(
    ...     values, summarise(values, criterion), criterion, scale_name="depth", metric_name="accuracy"
    ... )
    >>> [label.get_text() for label in figure.axes[0].get_xticklabels()]
    ['2', '4']
    """
    scales = [summary.scale for summary in summaries]
    if not scales or sorted(values) != scales:
        raise ValueError(f"the summaries of these scales are needed: {sorted(values)} are not {scales}")
    samples = [style.Sample.of(scale, values[scale], criterion) for scale in scales]
    everything = np.concatenate([sample.values for sample in samples])
    metric_range = style.metric_range_of(everything, criterion.shown(criterion.least))
    edges = np.linspace(*metric_range, BINS + 1)
    axis = ScaleAxis.of(scales, categories=categories)

    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    random = generator()
    for number, sample in enumerate(samples):
        counts = [np.histogram(sample.values[group], edges)[0] for group, _ in sample.groups]
        widest = max(1, int(np.max(np.sum(counts, axis=0))))
        left = np.zeros(BINS)
        for (group, colour), count in zip(sample.groups, counts, strict=True):
            right = left + HISTOGRAM * count / widest
            begin, end = axis.beside(number, left), axis.beside(number, right)
            axes.barh(edges[:-1], end - begin, np.diff(edges), begin, align="edge", color=colour, alpha=0.45)
            left = right
            beside = axis.beside(number, random.uniform(*DOTS, int(group.sum())))
            style.draw_seeds(axes, beside, sample, group, colour, size=7.0, alpha=0.6)
    rates = [text.percent(summary.success.rate) for summary in summaries]
    if not axis.crowded(rates, SIZE[0]):
        for place, rate in zip(axis.at, rates, strict=True):
            above = axes.annotate(rate, (place, 1.0), (0, 3), axes.get_xaxis_transform(), "offset points")
            above.set(fontsize=style.TEXT, color=style.SUCCESS, ha="center")
    style.draw_intervals(axes, axis.at, [s.mean for s in summaries], style.INK, "o", label="mean, 95 % interval")
    style.draw_threshold(axes, criterion)
    axes.set_ylim(style.with_margin(metric_range))
    axes.set_ylabel(metric_name, **style.LABEL)
    axis.draw(axes, scale_name, width=SIZE[0])
    style.plain(axes)
    style.legend_of_success(figure, criterion, axes.get_legend_handles_labels()[0])
    return figure
