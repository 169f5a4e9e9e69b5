"""A comparison as one HTML page that needs nothing else: in words, as a figure and as a table."""

from __future__ import annotations

import math

from seedsweep import formats
from seedsweep.analysis.figures.comparison import comparison
from seedsweep.analysis.report.comparing import comparison_findings
from seedsweep.analysis.report.pictures import Picture
from seedsweep.analysis.report.svg import inline_svg
from seedsweep.analysis.report.tables import PageTable
from seedsweep.analysis.report.templates import rendered
from seedsweep.analysis.report.wording import success_word
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.differences import Difference
from seedsweep.analysis.study.compared import Compared, Comparison


def comparison_page(found: Comparison, *, command: str | None = None, categories: bool = False) -> str:
    """The page of a comparison.

    Parameters
    ----------
    found : Comparison
    command : str, optional
        The command that makes it, for the page.
    categories : bool
        Draw the scales at equal distances; else they stand where their numbers are.

    Returns
    -------
    str
        HTML.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from seedsweep import compare, read_table
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "study.csv")
    ...     _ = file.write_text("depth,run,accuracy\\n1,a,0.1\\n1,b,0.2\\n2,a,0.1\\n2,b,0.9\\n")
    ...     population = read_table(file, scale="depth", seed="run", metric="accuracy", threshold=0.5)
    >>> comparison_page(compare(population, population)).startswith("<!doctype html>")
    True
    """
    title, caption = (
        "B − A, question by question",
        (
            "The difference at each scale with its 95 % interval and, where there are several, over the ladder. "
            "Filled are those that are seen, by the corrected p-value; the "
            "distance of the distributions has no side."
        ),
    )
    svg = inline_svg(comparison(found, categories=categories), "comparison", f"{title}. {caption}")
    return rendered(
        "comparison.html",
        a=found.names[0],
        b=found.names[1],
        what=text.field(found.scale_name),
        scales=text.listed([text.scale(scale) for scale in found.scales]),
        success=success_word(found.criterion),
        words=comparison_findings(found),
        picture=Picture("comparison", title, caption, svg),
        tables=[_numbers(found, one) for one in found.questions],
        origin={f"{side}, {name}": path for side, name, path in zip("AB", found.names, found.paths, strict=True)},
        command=command,
    )


METHODS = {
    "P(success)": "Shares of the seeds that succeed; the interval is Newcombe's, of Wilson limits.",
    "mean": "Means of the metric; the interval is of Gaffke's limits.",
    "W2": (
        "Wasserstein-2 distance of the two distributions; the interval is by bootstrap, 0 unless the test "
        "refutes it."
    ),
    "time": (
        "Mean steps until a seed succeeds for good; one that does not within the budget counts with all of it. "
        "The interval is Student's."
    ),
}
"""How each question is answered."""


def _numbers(found: Comparison, one: Compared) -> PageTable:
    corrected = f", corrected for {one.tests} tests (Holm)" if one.tests > 1 else ""
    return PageTable(
        one.question,
        f"{METHODS[one.question]} p is of seeds that are exchanged between A and B{corrected}. The last column is "
        "the difference that would have been seen with a probability of 80 %.",
        (text.field(found.scale_name), "seeds of A", "of B", "pairs", "A", "B", "B − A", "p", "would be seen"),
        tuple(_row(one, scale, row) for scale, row in one.rows),
    )


def _row(one: Compared, scale: float | None, row: Difference) -> tuple[str, ...]:
    least = row.detectable(one.tests)
    share = one.question == "P(success)"
    sides = [text.percent(value) if share else text.number(value) for value in (row.a, row.b)]
    return (
        "all" if scale is None else text.scale(scale),
        *(text.count(number) for number in (row.n_a, row.n_b, row.pairs)),
        *("–" if math.isnan(value) else told for value, told in zip((row.a, row.b), sides, strict=True)),
        text.with_interval(row.difference),
        formats.without_p(formats.pvalue(one.pvalues[scale])),
        text.number(least),
    )
