"""What `forecast` prints."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from seedsweep import formats
from seedsweep.analysis.report.forecasting import ForecastFindings
from seedsweep.analysis.statistics import text
from seedsweep.analysis.study.forecast import LadderForecast
from seedsweep.cli.numbers import Numbers


def scores(found: LadderForecast) -> Numbers:
    """Of the scales that were held out, this forecast against what people do."""
    word = text.field(found.scale_name)
    columns = ["held out"]
    for one in found.held_out:
        columns += [f"{word} {text.scale(one.scale)}\nCRPS", "log score\nof success"]
    caption = (
        f"CRPS in the unit of {found.criterion.metric}, log score of success and failure: 0 is best; ∞: what was "
        "ruled out has happened"
    )
    table = Numbers(f"{found.name}: {found.at}, {len(found.held_out)} largest held out", columns, escape(caption))
    for number, first in enumerate(found.held_out[0].scores):
        cells = []
        for one in found.held_out:
            score = one.scores[number]
            cells += [formats.number(score.crps), formats.number(score.log_score)]
        table.add_row(first.way, *cells)
    return table


def sentences(told: ForecastFindings) -> Table:
    """All that is said."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", width=20)
    table.add_column()
    for finding in told.findings:
        table.add_row(escape(finding.topic), escape(finding.text))
    for note in told.notes:
        table.add_row("[yellow]Note", escape(note))
    return table
