"""The pictures of a sweep, drawn from values and their summaries. The only module that needs matplotlib.

Figures are plain `matplotlib.figure.Figure` objects: no pyplot, no window, no global state. They are seven
inches wide, the width of a text column, in Okabe and Ito's colours, which colour-blind readers tell apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Patch
from matplotlib.ticker import EngFormatter, MaxNLocator, PercentFormatter

from seedsweep.analysis.bootstrap import Interval
from seedsweep.analysis.samples import FloatArray, as_sample, observed
from seedsweep.analysis.success import SuccessRate
from seedsweep.analysis.summary import ScaleSummary

SUCCESS: Final = "#0072B2"
FAILURE: Final = "#E69F00"
MODE: Final = "#000000"
MEAN: Final = "#D55E00"
INK: Final = "#333333"
GREY: Final = "#777777"

WIDTH: Final = 7.0  # inches
TEXT: Final = 8.0  # points
SMALL: Final = 7.0  # points
BINS: Final = 25
SHARE_TICKS: Final = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
COLUMNS: Final = 4  # panels in a row of learning_curves
LEGEND: Final[dict[str, Any]] = {"frameon": False, "fontsize": SMALL, "handlelength": 1.5, "columnspacing": 1}


def ladder(
    values: Mapping[float, npt.ArrayLike],
    summaries: Sequence[ScaleSummary],
    *,
    scale_name: str,
    metric_name: str,
    at_least: float,
) -> Figure:
    """What happens to a population of seeds along the ladder.

    Above, one histogram per scale and a dot per seed, on a shared axis. Below on the left, the mode, the
    mean and the mean of the successful seeds; on the right, the share of successful seeds and the
    Wasserstein-2 distance to the largest scale. The scales stand at equal distances.

    Parameters
    ----------
    values : mapping from scale to array_like, shape (n_seeds,)
        The final metric of every seed, as given to `summarise`.
    summaries : sequence of ScaleSummary
        What `summarise` returned for these values.
    scale_name, metric_name : str
        Labels of the axes, with the unit if there is one.
    at_least : float
        The metric at which a seed counts as a success.

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
    >>> summaries = summarise(values, at_least=0.5)
    >>> figure = ladder(values, summaries, scale_name="depth", metric_name="accuracy", at_least=0.5)
    >>> [axes.get_title() for axes in figure.findobj(Axes)][:2]
    ['2', '4']
    """
    scales = [summary.scale for summary in summaries]
    if not scales or sorted(values) != scales:
        raise ValueError(f"a ladder needs the summaries of its scales: {sorted(values)} are not {scales}")

    samples = [observed(values[scale]) for scale in scales]
    metric_range = _metric_range(np.concatenate(samples), at_least)

    figure = Figure(figsize=(WIDTH, 5.6), layout="constrained")
    upper, lower = figure.subfigures(2, 1, squeeze=False).flat

    panels = upper.subplots(1, len(scales), sharex=True, sharey=True, squeeze=False)[0]
    _draw_populations(panels, samples, summaries, metric_range, at_least)
    panels[0].set_ylabel(metric_name, fontsize=TEXT, color=INK)
    upper.supxlabel(f"share of seeds at each {scale_name}{_dip_note(summaries)}", fontsize=TEXT, color=INK)
    _legend_of_success(upper, at_least)

    grid = lower.add_gridspec(2, 2)
    location = lower.add_subplot(grid[:, 0])
    _draw_intervals(location, [s.mode for s in summaries], MODE, "s", label="mode", shift=-0.08)
    _draw_intervals(location, [s.mean for s in summaries], MEAN, "o", label="mean")
    successful = [s.mean_given_success for s in summaries]
    _draw_intervals(location, successful, SUCCESS, "^", label="mean | success", shift=0.08)
    location.set(ylim=_with_margin(metric_range))
    location.set_ylabel(metric_name, fontsize=TEXT, color=INK)
    handles = [
        *location.get_legend_handles_labels()[0],
        Patch(color=GREY, alpha=0.3, label=f"{summaries[0].mean.confidence:.0%} interval"),
    ]
    location.legend(handles=handles, **LEGEND, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4)

    success = lower.add_subplot(grid[0, 1], sharex=location)
    _draw_intervals(success, [s.success for s in summaries], SUCCESS, "o")
    success.set(ylim=_with_margin((0.0, 1.0)))
    success.set_title("P(success)", fontsize=TEXT, color=INK, loc="left")

    distance = lower.add_subplot(grid[1, 1], sharex=location)
    _draw_intervals(distance, [s.w2_to_largest for s in summaries], INK, "D")
    reach = [end for s in summaries for end in (s.w2_to_largest.estimate, s.w2_to_largest.high)]
    distance.set(ylim=_with_margin((0.0, float(np.nanmax([*reach, 0.0])) or 1.0)))
    to_largest = f"$W_2$ to {_scale_label(scales[-1])}, in {metric_name}"
    distance.set_title(to_largest, fontsize=TEXT, color=INK, loc="left")

    for axes in (location, success, distance):
        _plain(axes)
    success.tick_params(labelbottom=False)
    location.set_xticks(range(len(scales)), [_scale_label(scale) for scale in scales])
    location.set_xlim(-0.5, len(scales) - 0.5)
    for axes in (location, distance):
        axes.set_xlabel(scale_name, fontsize=TEXT, color=INK)
    return figure


def learning_curves(
    curves: Mapping[float, tuple[npt.ArrayLike, npt.ArrayLike]],
    *,
    scale_name: str,
    metric_name: str,
    at_least: float,
) -> Figure:
    """The learning curve of every seed, one panel per scale, coloured by how it ends.

    Parameters
    ----------
    curves : mapping from scale to (steps, values)
        Steps of the evaluations, shape (n_steps,), and the metric, shape (n_seeds, n_steps). A curve has
        gaps where it is `nan`; a seed whose last value is `nan` ends as a failure.
    scale_name : str
        Stands before the scale in the title of each panel.
    metric_name : str
        Label of the vertical axis, with the unit if there is one.
    at_least : float
        The metric at which a seed counts as a success.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no scale, or the shapes of steps and values do not match.

    Examples
    --------
    >>> figure = learning_curves(
    ...     {2: ([0, 100], [[0.0, 0.1], [0.0, 0.9]])},
    ...     scale_name="depth",
    ...     metric_name="accuracy",
    ...     at_least=0.5,
    ... )
    >>> figure.findobj(Axes)[0].get_title()
    'depth 2'
    """
    if not curves:
        raise ValueError("learning curves need at least one scale")
    scales = sorted(curves)
    steps = {scale: as_sample(curves[scale][0]) for scale in scales}
    values = {scale: np.asarray(curves[scale][1], dtype=np.float64) for scale in scales}
    for scale in scales:
        if steps[scale].size == 0 or values[scale].shape[1:] != steps[scale].shape:
            raise ValueError(
                f"at scale {scale:g}: steps of shape (t,) and values of shape (seeds, t) are needed, not "
                f"{steps[scale].shape} and {values[scale].shape}"
            )

    columns = min(len(scales), COLUMNS)
    rows = math.ceil(len(scales) / columns)
    figure = Figure(figsize=(WIDTH, 0.7 + 1.8 * rows), layout="constrained")
    panels = list(figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat)
    for panel, scale in zip(panels, scales, strict=False):
        _draw_curves(panel, steps[scale], values[scale], at_least)
        succeeded = int((values[scale][:, -1] >= at_least).sum())
        _draw_title(panel, f"{scale_name} {_scale_label(scale)}", f"{succeeded} of {len(values[scale])} succeed")
        _plain(panel)
    for spare in panels[len(scales) :]:
        spare.remove()
    for lowest in panels[max(0, len(scales) - columns) : len(scales)]:
        lowest.tick_params(labelbottom=True)

    everything = np.concatenate([observed(v.ravel()) for v in values.values()])
    last_step = max(float(s.max()) for s in steps.values())
    panels[0].set(xlim=(0, last_step or 1), ylim=_with_margin(_metric_range(everything, at_least)))
    panels[0].xaxis.set_major_locator(MaxNLocator(3))
    panels[0].xaxis.set_major_formatter(EngFormatter(sep=""))
    figure.supxlabel("training step", fontsize=TEXT, color=INK)
    figure.supylabel(metric_name, fontsize=TEXT, color=INK)
    _legend_of_success(figure, at_least)
    return figure


def save(figure: Figure, path: str | Path) -> list[Path]:
    """Write a figure as SVG and as PNG (200 dots per inch).

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : str or Path
        Where, without suffix; missing folders are made and existing files replaced.

    Returns
    -------
    list of Path
        The two files, SVG first.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [file.name for file in save(Figure(), f"{folder}/depth-0.5")]
    ['depth-0.5.svg', 'depth-0.5.png']
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    svg, png = path.with_name(f"{path.name}.svg"), path.with_name(f"{path.name}.png")
    figure.savefig(svg, metadata={"Date": None})
    figure.savefig(png, dpi=200)
    return [svg, png]


def _draw_populations(
    panels: Sequence[Axes],
    samples: Sequence[FloatArray],
    summaries: Sequence[ScaleSummary],
    metric_range: tuple[float, float],
    at_least: float,
) -> None:
    """One panel per scale: a horizontal histogram of the seeds and, to the left of it, a dot for each."""
    edges = np.linspace(*metric_range, BINS + 1)
    widest = 0.0
    for panel, sample, summary in zip(panels, samples, summaries, strict=True):
        left = np.zeros(BINS)
        for part, colour in _by_success(sample, at_least):
            share = np.histogram(part, edges)[0] / max(summary.n, 1)
            panel.barh(edges[:-1], share, np.diff(edges), left, align="edge", color=colour)
            left += share
        widest = max(widest, float(left.max()))
    widest = widest or 1.0

    random = np.random.Generator(np.random.Philox(0))
    for panel, sample, summary in zip(panels, samples, summaries, strict=True):
        for part, colour in _by_success(sample, at_least):
            beside = widest * random.uniform(-0.22, -0.05, part.size)
            panel.scatter(beside, part, s=4.0, color=colour, alpha=0.5, linewidths=0)
        panel.axhline(at_least, color=GREY, linewidth=0.8, linestyle="dashed")
        _draw_title(panel, _scale_label(summary.scale), _population_note(summary))
        _plain(panel)
    panels[0].set(xlim=(-0.26 * widest, 1.06 * widest), ylim=_with_margin(metric_range))
    panels[0].set_xticks([0.0, max((tick for tick in SHARE_TICKS if tick <= widest), default=SHARE_TICKS[0])])
    panels[0].xaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))


def _draw_title(axes: Axes, title: str, note: str) -> None:
    """A title, and below it a note in small print."""
    axes.set_title(title, fontsize=TEXT + 1, color=INK, pad=5 + 1.3 * SMALL * len(note.splitlines()))
    text = axes.annotate(note, (0.5, 1.0), (0, 3), "axes fraction", "offset points", ha="center", va="bottom")
    text.set(fontsize=SMALL, color=INK)


def _draw_intervals(
    axes: Axes,
    results: Sequence[Interval | SuccessRate | None],
    colour: str,
    marker: str,
    *,
    label: str = "",
    shift: float = 0.0,
) -> None:
    """Estimates along the ladder with a band, and a bar at each scale so that a lone one shows it too."""
    ladder = np.arange(len(results)) + shift
    estimate = np.array([math.nan if r is None else float(r) for r in results])
    low = np.array([math.nan if r is None else r.low for r in results])
    high = np.array([math.nan if r is None else r.high for r in results])
    axes.fill_between(ladder, low, high, color=colour, alpha=0.13, linewidth=0)
    axes.vlines(ladder, low, high, color=colour, linewidth=1.0)
    axes.plot(ladder, estimate, color=colour, marker=marker, markersize=4.0, linewidth=1.2, label=label)


def _draw_curves(axes: Axes, steps: FloatArray, values: FloatArray, at_least: float) -> None:
    succeeds = values[:, -1] >= at_least
    opacity = min(0.9, max(0.35, 10 / max(len(values), 1)))
    for ending, colour in ((~succeeds, FAILURE), (succeeds, SUCCESS)):
        lines = [np.column_stack([steps, curve]) for curve in values[ending]]
        axes.add_collection(LineCollection(lines, colors=colour, linewidths=0.7, alpha=opacity))
    axes.axhline(at_least, color=GREY, linewidth=0.8, linestyle="dashed")


def _by_success(sample: FloatArray, at_least: float) -> tuple[tuple[FloatArray, str], tuple[FloatArray, str]]:
    return (sample[sample < at_least], FAILURE), (sample[sample >= at_least], SUCCESS)


def _population_note(summary: ScaleSummary) -> str:
    diverged = f", {summary.n_diverged} nan" if summary.n_diverged else ""
    pvalue = summary.dip.pvalue_text
    test = f"dip p {pvalue}" if pvalue.startswith("<") else f"dip p = {pvalue}"
    return f"n = {summary.n}{diverged}\n{test if summary.dip.n else 'no dip test'}"


def _scale_label(scale: float) -> str:
    """Short enough for eight on an axis: 0.025, 512, 220k, 12.8M, 1.5B."""
    if scale < 1e5:
        return f"{scale:g}"
    rounded = float(f"{scale:.3g}")
    unit, letter = next((u, x) for u, x in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")) if rounded >= u)
    return f"{rounded / unit:g}{letter}"


def _dip_note(summaries: Sequence[ScaleSummary]) -> str:
    """What a reader of the dip tests must know about ties."""
    jitter = max(s.dip.jittered_by or 0.0 for s in summaries)
    if jitter > 0:
        return f" (dip test on values jittered by {jitter:.2g})"
    tied = max((s.dip.tied_share for s in summaries if s.dip.n), default=0.0)
    return f" (dip test with up to {tied:.0%} tied values)" if tied > 0 else ""


def _metric_range(values: FloatArray, at_least: float) -> tuple[float, float]:
    """[0, 1] if that holds the values and the threshold, else the range of these."""
    lowest, highest = float(np.min(values, initial=at_least)), float(np.max(values, initial=at_least))
    if lowest >= 0 and highest <= 1:
        return 0.0, 1.0
    return lowest, highest if highest > lowest else lowest + 1.0


def _with_margin(ends: tuple[float, float]) -> tuple[float, float]:
    margin = 0.05 * (ends[1] - ends[0])
    return ends[0] - margin, ends[1] + margin


def _legend_of_success(figure: Figure | SubFigure, at_least: float) -> None:
    handles = [
        Patch(color=SUCCESS, label=f"ends at {at_least:g} or more: success"),
        Patch(color=FAILURE, label="ends below"),
    ]
    figure.legend(handles=handles, **LEGEND, loc="outside upper center", ncols=2)


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(labelsize=SMALL, labelcolor=INK, color=GREY, length=3)
