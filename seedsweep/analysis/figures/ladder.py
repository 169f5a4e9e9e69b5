"""A population of seeds along the ladder: histograms, where seeds end, how many succeed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from seedsweep.analysis.figures import style
from seedsweep.analysis.figures.axis import ScaleAxis
from seedsweep.analysis.figures.shown import Figure
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.samples import generator
from seedsweep.analysis.study.summary import ScaleSummary, holm_texts
from seedsweep.criterion import Criterion

BINS: Final = 25
SHARE_TICKS: Final = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


def ladder(
    values: Mapping[float, npt.ArrayLike],
    summaries: Sequence[ScaleSummary],
    criterion: Criterion,
    *,
    scale_name: str,
    metric_name: str,
    categories: bool = False,
) -> Figure:
    """What happens to a population of seeds along the ladder.

    Above, one histogram per scale and a dot per seed, on a shared axis. Below on the left, the mode, the
    mean and the mean of the successful seeds; on the right, the share of successful seeds and the
    Wasserstein-2 distance to the largest scale, with 95 % intervals as bars.

    Parameters
    ----------
    values : mapping from scale to array_like, shape (n_seeds,)
        The final metric of every seed, as given to `summarise`.
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

    References
    ----------
    .. [1] Zhao et al., "Random Scaling of Emergent Capabilities", arXiv 2502.17356, Fig. 3 and 4c.

    Examples
    --------
    >>> from seedsweep.analysis import summarise
    >>> values = {2: [0.0, 0.1, 0.9], 4: [0.8, 0.9, 1.0]}
    >>> criterion = Criterion("accuracy", split="test", threshold=0.5)
    >>> figure = ladder(
    ...     values, summarise(values, criterion), criterion, scale_name="depth", metric_name="accuracy"
    ... )
    >>> [axes.get_title() for axes in figure.findobj(Axes)][:2]
    ['2', '4']
    """
    scales = [summary.scale for summary in summaries]
    if not scales or sorted(values) != scales:
        raise ValueError(f"a ladder needs the summaries of its scales: {sorted(values)} are not {scales}")

    samples = [style.Sample.of(scale, values[scale], criterion) for scale in scales]
    everything = np.concatenate([sample.values for sample in samples])
    metric_range = style.metric_range_of(everything, criterion.shown(criterion.least))

    figure = Figure(figsize=(style.WIDTH, 5.6), layout="constrained")
    upper, lower = figure.subfigures(2, 1, squeeze=False).flat

    panels = upper.subplots(1, len(scales), sharex=True, sharey=True, squeeze=False)[0]
    _draw_populations(panels, samples, summaries, metric_range, criterion)
    panels[0].set_ylabel(metric_name, **style.LABEL)
    upper.supxlabel(f"share of seeds at each {scale_name}{_test_note(summaries)}", **style.LABEL)
    style.legend_of_success(upper, criterion)

    grid = lower.add_gridspec(2, 2)
    location = lower.add_subplot(grid[:, 0])
    axis = ScaleAxis.of(scales, categories=categories)
    style.draw_intervals(location, axis.at, [s.mode for s in summaries], style.MODE, "s", label="mode", shift=-3)
    style.draw_intervals(location, axis.at, [s.mean for s in summaries], style.MEAN, "o", label="mean")
    successful = [s.mean_given_success for s in summaries]
    style.draw_intervals(location, axis.at, successful, style.SUCCESS, "^", label="mean | success", shift=3)
    location.set(ylim=style.with_margin(metric_range))
    location.set_ylabel(metric_name, **style.LABEL)
    handles = [
        *location.get_legend_handles_labels()[0],
        Line2D(
            [],
            [],
            color=style.GREY,
            linewidth=1.0,
            marker="|",
            markersize=7,
            linestyle="none",
            label=f"{text.percent(summaries[0].mean.confidence)} interval",
        ),
    ]
    location.legend(handles=handles, **style.LEGEND, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4)

    success = lower.add_subplot(grid[0, 1], sharex=location)
    style.draw_intervals(success, axis.at, [s.success for s in summaries], style.SUCCESS, "o")
    success.set(ylim=style.with_margin((0.0, 1.0)))
    success.set_title("P(success)", **style.LABEL, loc="left")

    distance = lower.add_subplot(grid[1, 1], sharex=location)
    style.draw_intervals(distance, axis.at, [s.w2_to_largest for s in summaries], style.INK, "D")
    reach = [end for s in summaries for end in (s.w2_to_largest.estimate, s.w2_to_largest.high)]
    distance.set(ylim=style.with_margin((0.0, float(np.nanmax([*reach, 0.0])) or 1.0)))
    to_largest = f"$W_2$ to {text.scale(scales[-1])}, in {metric_name}"
    distance.set_title(to_largest, **style.LABEL, loc="left")

    for axes in (location, success, distance):
        style.plain(axes)
    success.tick_params(labelbottom=False)
    for axes in (location, distance):
        axis.draw(axes, scale_name)
    return figure


def _draw_populations(
    panels: Sequence[Axes],
    samples: Sequence[style.Sample],
    summaries: Sequence[ScaleSummary],
    metric_range: tuple[float, float],
    criterion: Criterion,
) -> None:
    """One panel per scale: a horizontal histogram of the seeds and, to the left of it, a dot for each."""
    edges = np.linspace(*metric_range, BINS + 1)
    widest = 0.0
    for panel, sample, summary in zip(panels, samples, summaries, strict=True):
        left = np.zeros(BINS)
        for group, colour in sample.groups:
            share = np.histogram(sample.values[group], edges)[0] / max(summary.n, 1)
            panel.barh(edges[:-1], share, np.diff(edges), left, align="edge", color=colour)
            left += share
        widest = max(widest, float(left.max()))
    widest = widest or 1.0

    random = generator()
    for panel, sample, summary, p in zip(panels, samples, summaries, holm_texts(summaries), strict=True):
        for group, colour in sample.groups:
            beside = widest * random.uniform(-0.22, -0.05, int(group.sum()))
            style.draw_seeds(panel, beside, sample, group, colour, size=4.0, alpha=0.5)
        style.draw_threshold(panel, criterion)
        style.draw_title(panel, text.scale(summary.scale), _population_note(summary, p))
        style.plain(panel)
    panels[0].set(xlim=(-0.26 * widest, 1.06 * widest), ylim=style.with_margin(metric_range))
    panels[0].set_xticks([0.0, max((tick for tick in SHARE_TICKS if tick <= widest), default=SHARE_TICKS[0])])
    panels[0].xaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))


def _population_note(summary: ScaleSummary, p: str) -> str:
    diverged = f", {summary.n_diverged} nan" if summary.n_diverged else ""
    return f"n = {summary.n}{diverged}\n{p}"


def _test_note(summaries: Sequence[ScaleSummary]) -> str:
    """What a reader of the tests must know: what p is of, how it was corrected, and about ties."""
    notes = ["p of groups" + (f", corrected for {len(summaries)} scales" if len(summaries) > 1 else "")]
    tied = max((s.dip.tied_share for s in summaries if s.dip.n), default=0.0)
    if tied > 0:
        notes.append(f"up to {text.percent(tied)} of the values tied")
    return f" ({'; '.join(notes)})"
