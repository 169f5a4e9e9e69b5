"""What `compare` prints."""

from __future__ import annotations

import math

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from seedsweep import formats
from seedsweep.analysis.report.comparing import ComparisonFindings
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.differences import Difference
from seedsweep.analysis.study.compared import Compared, Comparison
from seedsweep.analysis.study.parts import LEVEL
from seedsweep.cli.numbers import Numbers

HEADS = {"P(success)": "P(success)", "mean": "mean", "W2": "W2", "time": "steps to\nsuccess"}


def comparison(found: Comparison) -> Numbers:
    """B − A at every scale and over the ladder."""
    columns = [text.field(found.scale_name), "seeds A, B\n(pairs)"]
    for one in found.questions:
        columns += [HEADS[one.question], "p"]
    criterion = found.criterion
    side = f"{text.side(criterion)} {text.given(criterion.shown(criterion.least))}"
    title = f"B − A in {found.at}, success {side}"
    for name, label, path in zip("AB", found.names, found.paths, strict=True):
        title += f"\n{name} = {label}, {path}"
    caption = (
        "P(success) in percentage points; below each number its 95 % interval: Newcombe for P, of Gaffke's "
        "limits for the mean, bootstrap for W2, Student for times; time: mean steps, where a seed that does not "
        "get there counts with all of them; p: seeds exchanged between A and B"
    )
    tests = found.questions[0].tests
    caption += f", corrected for {tests} tests (Holm)" if tests > 1 else ""
    table = Numbers(title, columns, caption)
    for scale in found.scales:
        rows = [(one, one.by_scale[scale]) for one in found.questions]
        table.add_row(text.scale(scale), *_row(rows, scale))
    if len(found.scales) > 1:
        overall = [(one, one.overall) for one in found.questions if one.overall is not None]
        table.add_row("all", *_row(overall, None))
    return table


def sentences(told: ComparisonFindings) -> Group:
    """All that is said, the headline last."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", width=18)
    table.add_column()
    for finding in told.findings:
        table.add_row(escape(finding.topic), escape(finding.text))
    for note in told.notes:
        table.add_row("[yellow]Note", escape(note))
    return Group(table, Text(), Text(told.headline, style="bold"))


def _row(rows: list[tuple[Compared, Difference]], scale: float | None) -> list[str]:
    first = rows[0][1]
    cells = [f"{first.n_a}, {first.n_b}\n[dim]({first.pairs})[/dim]"]
    for one, row in rows:
        p = one.pvalues[scale]
        interval = row.difference
        factor = 100.0 if one.question == "P(success)" else 1.0
        written = formats.number if one.question in ("P(success)", "time") else formats.short
        low, high = factor * interval.low, factor * interval.high
        ends = "" if math.isnan(low) else formats.interval(low, high, written)
        style = "bold" if p <= LEVEL else "dim"
        cells.append(f"{written(factor * interval.estimate)}\n[dim]{ends}[/dim]")
        cells.append(f"[{style}]{formats.without_p(formats.pvalue(p))}")
    return cells
