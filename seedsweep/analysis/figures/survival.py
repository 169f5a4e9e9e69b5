"""When the seeds of each scale get there, and what a smaller step budget would have found."""

from __future__ import annotations

from typing import Final

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from seedsweep.analysis.figures import style
from seedsweep.analysis.figures.shown import Figure
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.success import success_rate
from seedsweep.analysis.study.survival import SurvivalSummary
from seedsweep.criterion import Criterion

ROW: Final = 0.15  # inches, of the numbers at risk


def survival_curves(
    summary: SurvivalSummary, criterion: Criterion, *, scale_name: str, metric_name: str
) -> Figure:
    """The share of seeds that have not yet reached the threshold for good, over training.

    One Kaplan-Meier curve per scale with its pointwise band; a tick where seeds are censored, which is mostly the
    end of training. Below, how many seeds were still to come. A curve that still falls at its end is one
    that the step budget has cut.

    Parameters
    ----------
    summary : SurvivalSummary
        What `summarise_survival` returned for curves as the criterion orients them.
    criterion : Criterion
        Which way is better, for the title.
    scale_name, metric_name : str
        As they shall stand in the labels.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no scale.

    Examples
    --------
    >>> from seedsweep.analysis import summarise_survival
    >>> summary = summarise_survival({2: ([0, 10], [[0.0, 0.9], [0.0, 0.1]])}, threshold=0.5)
    >>> criterion = Criterion("accuracy", split="test", threshold=0.5)
    >>> figure = survival_curves(summary, criterion, scale_name="depth", metric_name="accuracy")
    >>> figure.axes[0].get_title(loc="left")
    'seeds not yet at accuracy ≥ 0.5, for good'
    """
    colours = _colours(summary)
    figure = Figure(figsize=(style.WIDTH, 3.0 + ROW * len(colours)), layout="constrained")
    heights = (2.6, ROW * len(colours))
    panel, table = figure.subplots(2, 1, sharex=True, height_ratios=heights)
    for scale, colour in zip(summary.scales, colours, strict=True):
        curve = scale.survival
        if curve.n == 0:
            continue
        times = np.concatenate([scale.steps[:1], curve.times])
        nobody_yet = success_rate(np.ones(curve.n), 1.0, confidence=curve.confidence)
        share, low, high = (
            np.concatenate([[start], then])
            for start, then in ((1.0, curve.survival), (nobody_yet.low, curve.low), (1.0, curve.high))
        )
        panel.fill_between(times, low, high, step="post", color=colour, alpha=0.15, linewidth=0)
        panel.plot(
            times, share, drawstyle="steps-post", color=colour, linewidth=1.4, label=text.scale(scale.scale)
        )
        leaving = -np.diff(np.append(curve.at_risk, 0)) - curve.events
        censored = leaving > 0
        ticks = {"marker": "|", "markersize": 7.0, "linestyle": "none", "color": colour}
        panel.plot(curve.times[censored], curve.survival[censored], **ticks)
    _finish(panel, summary)
    threshold = f"{text.side(criterion)} {text.given(criterion.shown(summary.at_least))}"
    panel.set_title(f"seeds not yet at {metric_name} {threshold}, for good", **style.LABEL, loc="left")
    _legend(panel, scale_name)

    panel.tick_params(labelbottom=False)
    ticks_at = [tick for tick in panel.get_xticks() if panel.get_xlim()[0] <= tick <= panel.get_xlim()[1]]
    for row, (scale, colour) in enumerate(zip(summary.scales, colours, strict=True)):
        until, reached = scale.times.steps, scale.times.reached
        for tick in ticks_at:
            still = int(((until > tick) | ((until == tick) & ~reached)).sum())
            shown = str(still) if tick <= scale.steps[-1] else "–"
            table.text(tick, row, shown, ha="center", va="center", fontsize=style.SMALL, color=colour)
    table.set(ylim=(len(colours) - 0.5, -0.5), yticks=[])
    table.set_ylabel("not yet", rotation=0, ha="right", va="center", labelpad=12, **style.LABEL)
    table.set_xlabel("training step", **style.LABEL)
    style.plain(table)
    table.spines["left"].set_visible(False)
    return figure


def budget_sensitivity(summary: SurvivalSummary, *, scale_name: str) -> Figure:
    """P(success) at each scale, had training been stopped earlier, with Wilson bands.

    Where the curves are still rising at the end, failure may be nothing but a budget; the legend gives the verdict
    of `cut_off`.

    Parameters
    ----------
    summary : SurvivalSummary
        What `summarise_survival` returned.
    scale_name : str
        As it shall stand in the legend.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no scale.

    Examples
    --------
    >>> from seedsweep.analysis import summarise_survival
    >>> summary = summarise_survival({2: ([0, 10], [[0.0, 0.9], [0.0, 0.1]])}, threshold=0.5)
    >>> budget_sensitivity(summary, scale_name="depth").axes[0].get_ylabel()
    'P(success)'
    """
    colours = _colours(summary)
    figure = Figure(figsize=(style.WIDTH, 3.0), layout="constrained")
    panel = figure.subplots()
    for scale, colour in zip(summary.scales, colours, strict=True):
        low, high = [rate.low for rate in scale.success], [rate.high for rate in scale.success]
        if scale.cut_off.n:
            label = f"{text.scale(scale.scale)}: {scale.cut_off.verdict}"
            panel.fill_between(scale.steps, low, high, color=colour, alpha=0.15, linewidth=0)
            panel.plot(
                scale.steps,
                [rate.rate for rate in scale.success],
                color=colour,
                linewidth=1.4,
                marker="o",
                markersize=2.5,
                label=label,
            )
    _finish(panel, summary)
    panel.set_ylabel("P(success)", **style.LABEL)
    panel.set_xlabel("step at which training is stopped", **style.LABEL)
    _legend(panel, scale_name)
    return figure


def _colours(summary: SurvivalSummary) -> list[tuple[float, float, float, float]]:
    """From dark to bright with the scale; readable without colour vision, too."""
    if not summary.scales:
        raise ValueError("this figure needs at least one scale")
    return [tuple(c) for c in matplotlib.colormaps["viridis"](np.linspace(0.0, 0.8, len(summary.scales)))]


def _finish(panel: Axes, summary: SurvivalSummary) -> None:
    style.plain(panel)
    first = min(scale.steps[0] for scale in summary.scales)
    last = max(scale.steps[-1] for scale in summary.scales)
    margin = 0.02 * (last - first) or 1.0
    panel.set(xlim=(first - margin, last + margin), ylim=style.with_margin((0.0, 1.0)))
    style.mark_steps(panel, 6, last)
    panel.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))


def _legend(panel: Axes, scale_name: str) -> None:
    handles, _ = panel.get_legend_handles_labels()
    if handles:
        legend = panel.legend(title=scale_name, loc="center left", bbox_to_anchor=(1.0, 0.5), **style.LEGEND)
        legend.get_title().set(fontsize=style.SMALL, color=style.INK)
