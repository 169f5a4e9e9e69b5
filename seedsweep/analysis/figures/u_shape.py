"""Why the mean over seeds may fall and rise again along the ladder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seedsweep.analysis.figures import style
from seedsweep.analysis.figures.axis import ScaleAxis
from seedsweep.analysis.figures.shown import Figure
from seedsweep.analysis.statistics.results import Interval
from seedsweep.analysis.statistics.success import SuccessRate
from seedsweep.analysis.study.summary import ScaleSummary


def u_shape(
    summaries: Sequence[ScaleSummary], *, scale_name: str, metric_name: str, categories: bool = False
) -> Figure:
    """The mean over seeds beside its two factors: how many seeds succeed, and how good those are.

    A mean that falls and rises again may be a share of successes that does, while the seeds that succeed only
    get better. A circle marks the lowest point of a dip: scales on both sides have intervals wholly above its own.

    Parameters
    ----------
    summaries : sequence of ScaleSummary
        What `seedsweep.analysis.summarise` returned.
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
        If there is no scale.

    References
    ----------
    .. [1] Zhao et al., "Random Scaling of Emergent Capabilities", arXiv 2502.17356, Fig. 13 and 14.

    Examples
    --------
    >>> from seedsweep.analysis import summarise
    >>> from seedsweep.criterion import Criterion
    >>> criterion = Criterion("accuracy", split="test", threshold=0.5)
    >>> summaries = summarise({1: [0.6, 0.7], 2: [0.0, 0.8], 4: [0.9, 1.0]}, criterion)
    >>> figure = u_shape(summaries, scale_name="heads", metric_name="accuracy")
    >>> [axes.get_title(loc="left") for axes in figure.axes]
    ['mean', 'P(success)', 'mean | success']
    """
    if not summaries:
        raise ValueError("a U-shape needs at least one scale")
    axis = ScaleAxis.of([summary.scale for summary in summaries], categories=categories)
    figure = Figure(figsize=(style.WIDTH, 2.4), layout="constrained")
    panels = figure.subplots(1, 3, sharex=True, sharey=_fits_shares(summaries))
    for axes, title, results, colour, marker in (
        (panels[0], "mean", [s.mean for s in summaries], style.MEAN, "o"),
        (panels[1], "P(success)", [s.success for s in summaries], style.SUCCESS, "o"),
        (panels[2], "mean | success", [s.mean_given_success for s in summaries], style.SUCCESS, "^"),
    ):
        style.draw_intervals(axes, axis.at, results, colour, marker)
        lowest = lowest_between_higher(results)
        if lowest is not None:
            height = axes.lines[0].get_ydata()[lowest]
            axes.plot(
                axis.at[lowest], height, "o", markersize=11, markerfacecolor="none", markeredgecolor=style.INK
            )
        axes.set_title(title, loc="left", **style.LABEL)
        axis.draw(axes, scale_name, width=style.WIDTH / 3)
        style.plain(axes)
    if _fits_shares(summaries):
        panels[0].set_ylim(style.with_margin((0.0, 1.0)))
    panels[0].set_ylabel(metric_name, **style.LABEL)
    return figure


def _fits_shares(summaries: Sequence[ScaleSummary]) -> bool:
    """Whether the metric can share its axis with the share of successes."""
    ends = [end for s in summaries for end in (s.mean.estimate, s.mean.low, s.mean.high)]
    given = [end for s in summaries if (r := s.mean_given_success) for end in (r.estimate, r.low, r.high)]
    return bool(np.nanmin([*ends, *given, 0.0]) >= 0 and np.nanmax([*ends, *given, 0.0]) <= 1)


def lowest_between_higher(results: Sequence[Interval | SuccessRate | None]) -> int | None:
    """Index of the lowest result, None unless intervals on both sides lie wholly above its own."""
    known = [(i, r) for i, r in enumerate(results) if r is not None and not np.isnan(r.low)]
    if not known:
        return None
    lowest, low_point = min(known, key=lambda pair: float(pair[1]))
    higher = [i for i, r in known if r.low > low_point.high]
    return lowest if higher and higher[0] < lowest < higher[-1] else None
