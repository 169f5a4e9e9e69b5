"""A figure as inline SVG: ids that are unique on the page, text as text, sized by the page."""

from __future__ import annotations

import io
import re

import matplotlib
from markupsafe import Markup, escape
from matplotlib.figure import Figure

DPI = 110
"""Of crowds, which are drawn as pixels."""


def inline_svg(figure: Figure, name: str, alternative: str) -> Markup:
    """An `<svg>` element for an HTML page.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    name : str
        Letters and hyphens; put in front of every id, so that several figures can share a page.
    alternative : str
        What stands for the figure where it is not seen.

    Returns
    -------
    Markup
        Safe to be put into a page: matplotlib has escaped the text in the figure, and this function `alternative`.
    """
    written = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(written, format="svg", dpi=DPI, metadata={"Date": None})
    svg = written.getvalue()
    svg = svg[svg.index("<svg") :]  # without the declaration of a file
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, count=1, flags=re.DOTALL)
    svg = re.sub(r'(<[^<>]*\bid=")', rf"\g<1>{name}-", svg)
    svg = re.sub(r'(url\(#|xlink:href="#)', rf"\g<1>{name}-", svg)
    opening, rest = svg.split(">", 1)
    box = re.search(r'viewBox="[^"]+"', opening)
    assert box is not None, "matplotlib gives every figure a viewBox"
    label = escape(alternative)
    return Markup(
        f'<svg {box[0]} role="img" aria-label="{label}" xmlns="http://www.w3.org/2000/svg" '
        f'xmlns:xlink="http://www.w3.org/1999/xlink">{rest.strip()}'
    )
