"""A figure as inline SVG: ids that are unique on the page, text as text, sized by the page."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import matplotlib
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from seedsweep.analysis.figures import style

DPI: Final = 110
"""Of crowds, which are drawn as pixels."""

MOST_TITLES: Final = 2000
"""Seeds in one figure up to which each has its name and value, to be seen when it is pointed at."""


@dataclass(frozen=True)
class SeedMark:
    """A seed at a scale, wherever it is drawn on the page."""

    key: str
    """Digits and a hyphen, the same in every figure."""
    title: str
    """Its name and value."""


def _marked(mark: SeedMark, drawn: str) -> str:
    return f'<g class="seed" data-seed="{escape(mark.key)}"><title>{escape(mark.title)}</title>{drawn.strip()}</g>'


def inline_svg(
    figure: Figure, name: str, alternative: str, seeds: Mapping[float, Sequence[SeedMark]] | None = None
) -> Markup:
    """An `<svg>` element for an HTML page.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    name : str
        Letters and hyphens; put in front of every id, so that several figures can share a page.
    alternative : str
        What stands for the figure where it is not seen.
    seeds : mapping from scale to sequence of SeedMark, optional
        The seeds of each scale, for the dots and curves that are one (`style.mark_seeds`). A figure with more than
        `MOST_TITLES` of them gets none: each costs a hundred bytes.

    Returns
    -------
    Markup
        Safe to be put into a page: matplotlib has escaped the text in the figure, and this function `alternative`.
    """
    marks: list[SeedMark] = []
    artists = style.marked_seeds(figure) if seeds else []
    if sum(len(places) for _, places in artists) <= MOST_TITLES:
        for artist, places in artists:
            # The one thing that matplotlib writes for a part of an artist; taken out again below.
            artist.set_urls([f"seed:{len(marks) + i}" for i in range(len(places))])
            marks += [(seeds or {})[scale][row] for scale, row in places]
    written = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(written, format="svg", dpi=DPI, metadata={"Date": None})
    svg = written.getvalue()
    svg = svg[svg.index("<svg") :]  # without the declaration of a file
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, count=1, flags=re.DOTALL)
    svg = re.sub(r'(<[^<>]*\bid=")', rf"\g<1>{name}-", svg)
    svg = re.sub(r'(url\(#|xlink:href="#)', rf"\g<1>{name}-", svg)
    svg = re.sub(
        r'<a xlink:href="seed:(\d+)"[^>]*>(.*?)</a>', lambda a: _marked(marks[int(a[1])], a[2]), svg, flags=re.S
    )
    opening, rest = svg.split(">", 1)
    box = re.search(r'viewBox="[^"]+"', opening)
    assert box is not None, "matplotlib gives every figure a viewBox"
    label = escape(alternative)
    return Markup(
        f'<svg {box[0]} role="img" aria-label="{label}" xmlns="http://www.w3.org/2000/svg" '
        f'xmlns:xlink="http://www.w3.org/1999/xlink">{rest.strip()}'
    )
