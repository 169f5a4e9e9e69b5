"""How results show themselves in a notebook: one small HTML table each, every text escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def html_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with a title; the first column names its rows, the others stand to the right.

    >>> html_table("a & b", ["depth", "seeds"], [["1", "64"]])
    '<table><caption>a &amp; b</caption><thead><tr><th>depth</th><th>seeds</th></tr></thead><tbody><tr><th>1</th>\
<td>64</td></tr></tbody></table>'
    """
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(
        f"<tr><th>{escape(first)}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
        for first, *cells in rows
    )
    caption = f"<caption>{escape(title)}</caption>"
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
