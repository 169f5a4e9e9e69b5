"""What all figures share: colours, sizes, intervals along a ladder, and how a figure is saved."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import Collection
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Patch
from matplotlib.ticker import EngFormatter, Formatter, MaxNLocator, ScalarFormatter
from matplotlib.transforms import ScaledTranslation

from seedsweep.analysis.figures import shown
from seedsweep.analysis.figures.whole import write_whole
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.results import Interval
from seedsweep.analysis.statistics.samples import Bools, FloatArray, as_sample
from seedsweep.analysis.statistics.success import SuccessRate, succeeds
from seedsweep.criterion import Criterion

SUCCESS: Final = "#0072B2"
FAILURE: Final = "#E69F00"
MODE: Final = "#000000"
MEAN: Final = "#D55E00"
NOISE: Final = "#56B4E9"
BACK: Final = "#009E73"
NEVER: Final = "#BBBBBB"
INK: Final = "#333333"
GREY: Final = "#777777"

WIDTH: Final = 7.0  # inches
TEXT: Final = 8.0  # points
SMALL: Final = 7.0  # points
COLUMNS: Final = 4  # panels in a row
CROWD: Final = 250  # seeds in one panel from which on they are pixels in an SVG too, which would grow to megabytes
SEEN: Final = 0.02  # of the range from 0 to 1: below it all seeds would lie on its lower end
LABEL: Final[dict[str, Any]] = {"fontsize": TEXT, "color": INK}
LEGEND: Final[dict[str, Any]] = {"frameon": False, "fontsize": SMALL, "handlelength": 1.5, "columnspacing": 1}


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
    svg, png = path.with_name(f"{path.name}.svg"), path.with_name(f"{path.name}.png")
    for file, metadata in ((svg, {"Date": None}), (png, None)):
        written = io.BytesIO()
        figure.savefig(written, format=file.suffix[1:], dpi=200, metadata=metadata)
        write_whole(file, written.getvalue())
    return [svg, png]


def panels(count: int, *, height: float) -> tuple[shown.Figure, list[Axes]]:
    """Panels with shared axes, in rows of a height in inches."""
    columns = min(count, COLUMNS)
    rows = math.ceil(count / columns)
    figure = shown.Figure(figsize=(WIDTH, 0.7 + height * rows), layout="constrained")
    axes = list(figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat)
    for spare in axes[count:]:
        spare.remove()
    for lowest in axes[max(0, count - columns) : count]:
        lowest.tick_params(labelbottom=True)
    return figure, axes[:count]


def draw_title(axes: Axes, title: str, note: str) -> None:
    """A title, and below it a note in small print."""
    axes.set_title(title, fontsize=TEXT + 1, color=INK, pad=5 + 1.3 * SMALL * len(note.splitlines()))
    small = axes.annotate(note, (0.5, 1.0), (0, 3), "axes fraction", "offset points", ha="center", va="bottom")
    small.set(fontsize=SMALL, color=INK)


def draw_intervals(
    axes: Axes,
    places: npt.ArrayLike,
    results: Sequence[Interval | SuccessRate | None],
    colour: str,
    marker: str,
    *,
    label: str = "",
    shift: float = 0.0,
) -> None:
    """Estimates along the ladder, each with its interval as a bar; `shift` moves them by so many points."""
    estimate = np.array([math.nan if r is None else float(r) for r in results])
    low = np.array([math.nan if r is None else r.low for r in results])
    high = np.array([math.nan if r is None else r.high for r in results])
    where = axes.transData
    if shift:
        figure = axes.get_figure(root=True)
        assert figure is not None
        where = where + ScaledTranslation(shift / 72, 0.0, figure.dpi_scale_trans)
    line: dict[str, Any] = {"color": colour, "marker": marker, "markersize": 4.0, "linewidth": 1.2, "label": label}
    axes.plot(places, estimate, **line, transform=where)
    axes.vlines(places, low, high, color=colour, linewidth=1.0, transform=where)


@dataclass(frozen=True, eq=False)
class Sample:
    """The seeds of a scale that have a value.

    Attributes
    ----------
    scale : float
    rows : ndarray of int, shape (n,)
        Their places among all seeds of the scale, as they were given.
    values : ndarray of float64, shape (n,)
    groups : tuple of (ndarray of bool, str)
        The failing ones and the successful ones, each with their colour.
    """

    scale: float
    rows: npt.NDArray[np.intp]
    values: FloatArray
    groups: tuple[tuple[Bools, str], tuple[Bools, str]]

    @classmethod
    def of(cls, scale: float, given: npt.ArrayLike, criterion: Criterion) -> Sample:
        sample = as_sample(given)
        rows = np.flatnonzero(~np.isnan(sample))
        successful = succeeds(criterion.oriented(sample[rows]), criterion.least)
        return cls(scale, rows, sample[rows], ((~successful, FAILURE), (successful, SUCCESS)))


def draw_seeds(
    axes: Axes, places: FloatArray, sample: Sample, group: Bools, colour: str, *, size: float, alpha: float
) -> None:
    """A dot for each seed of a group."""
    dots = axes.scatter(places, sample.values[group], s=size, color=colour, alpha=alpha, linewidths=0)
    dots.set_rasterized(sample.values.size > CROWD)
    mark_seeds(dots, sample.scale, sample.rows[group])


def mark_seeds(artist: Collection, scale: float, rows: Iterable[int]) -> None:
    """Keep which seed each part of an artist is, for a page that names it: scale, and place among its seeds."""
    vars(artist)["seeds"] = [(scale, int(row)) for row in rows]


def marked_seeds(figure: Figure) -> list[tuple[Collection, list[tuple[float, int]]]]:
    """The artists that `mark_seeds` has seen and that are no pixels, with their seeds."""
    artists = [artist for artist in figure.findobj(Collection) if isinstance(artist, Collection)]
    return [
        (artist, vars(artist)["seeds"])
        for artist in artists
        if vars(artist).get("seeds") and not artist.get_rasterized()
    ]


def draw_threshold(axes: Axes, criterion: Criterion) -> None:
    axes.axhline(criterion.shown(criterion.least), color=GREY, linewidth=0.8, linestyle="dashed")


def metric_range_of(values: FloatArray, another: float) -> tuple[float, float]:
    """[0, 1] if that holds the values and another one, such as the threshold, and does not crowd them all at its
    end; else the range of these."""
    lowest, highest = float(np.min(values, initial=another)), float(np.max(values, initial=another))
    if lowest >= 0 and SEEN <= highest <= 1:
        return 0.0, 1.0
    return lowest, highest if highest > lowest else lowest + 1.0


def with_margin(ends: tuple[float, float]) -> tuple[float, float]:
    margin = 0.05 * (ends[1] - ends[0])
    return ends[0] - margin, ends[1] + margin


def legend_of_success(figure: Figure | SubFigure, criterion: Criterion, more: Sequence[Artist] = ()) -> None:
    side, other = ("more", "below") if criterion.higher_is_better else ("less", "above")
    handles: list[Artist] = [
        Patch(color=SUCCESS, label=f"ends at {text.given(criterion.shown(criterion.least))} or {side}: success"),
        Patch(color=FAILURE, label=f"ends {other}"),
    ]
    figure.legend(handles=[*handles, *more], **LEGEND, loc="outside upper center", ncols=3)


def mark_steps(axes: Axes, count: int, last: float) -> None:
    """About `count` ticks along steps up to `last`: whole numbers where there are enough of them."""
    axes.xaxis.set_major_locator(MaxNLocator(count, integer=last >= 1))
    axes.xaxis.set_major_formatter(step_format(last))


def step_format(last: float) -> Formatter:
    """Of ticks along steps up to `last`."""
    return EngFormatter(sep="") if last >= 1 else ScalarFormatter()


def plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(labelsize=SMALL, labelcolor=INK, color=GREY, length=3)
    axes.yaxis.get_offset_text().set_fontsize(SMALL)  # the power of ten of large values
