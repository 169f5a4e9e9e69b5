"""One p-value per claim: corrected, and the same in words, tables, figure and JSON, of page and terminal."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from matplotlib.text import Text
from rich.console import Console

from seedsweep.analysis import figures, findings, study
from seedsweep.analysis.report.tables import tables
from seedsweep.analysis.report.wording import corrected_pvalue
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.results import jsonable
from seedsweep.cli import tables as terminal
from tests.analysis.populations import SHIPPED, around, chance, studied, table

P = r"p [=<] [0-9.e-]*[0-9]|no test"


def shown(p: str) -> str:
    """A p-value without its words."""
    return p.removeprefix("p ").removeprefix("= ").strip()


@pytest.mark.parametrize(
    "known",
    [
        *sorted(path.name for path in SHIPPED.iterdir() if path.is_dir()),
        chance(0, 0.4, 0.6, 1),
        around(0.2, 0.5, 0.8),
        around(0.2, 0.5, 0.8) | {4: [], 5: [0.3, 0.4]},
    ],
)
def test_words_tables_figure_and_json_tell_the_same_p(known: Any, tmp_path: Path) -> None:
    examined = studied(known) if isinstance(known, str) else study(table(tmp_path, {"accuracy": known}))
    of_groups = [shown(corrected_pvalue(examined, scale)) for scale in examined.scales]

    pages = {page.title: page for page in tables(examined)}
    columns = [("Is there more than one group of seeds?", "p of groups")]
    if examined.mirage is not None:
        columns.append(("The same seeds under continuous metrics", examined.summary.criterion.metric))
    for title, column in columns:
        page = pages[title]
        assert [row[page.columns.index(column)] for row in page.rows] == of_groups
    assert not any("Holm" in column for column in pages["Hartigan's dip test"].columns)

    told = json.loads(json.dumps(examined.to_dict(), allow_nan=False))
    for where in (told["scales"], told["summary"]["scales"], examined.summary.to_dict()["scales"]):
        assert [row["pvalue_holm"] for row in where] == [jsonable(scale.pvalue_holm) for scale in examined.scales]

    groups = next(finding.text for finding in findings(examined).findings if "groups" in finding.topic)
    in_words = re.findall(P, groups)
    rest = {text.pvalue(scale.split.rest.pvalue) for scale in examined.scales if scale.split is not None}
    assert in_words
    assert {shown(p) for p in in_words if p not in rest} <= set(of_groups)

    console = Console(width=100, record=True, file=io.StringIO())
    console.print(terminal.summary(examined.summary))
    printed = console.export_text()
    corrected = f"corrected for {len(of_groups)} scales (Holm)"
    assert (corrected in " ".join(printed.split())) == (len(of_groups) > 1)
    assert all(p in printed for p in of_groups)

    drawn = figures.ladder(
        examined.measured.values,
        examined.summary.scales,
        examined.summary.criterion,
        scale_name="scale",
        metric_name="metric",
    )
    written = " ".join(words.get_text() for words in drawn.findobj(match=Text))
    assert [shown(p) for p in re.findall(rf"n = \d+\s({P})", written)] == of_groups

    clusters = next(page for page in tables(examined) if page.title.startswith("Two groups"))
    supported = [row[clusters.columns.index("supported")] for row in clusters.rows]
    for scale, answer in zip(examined.scales, supported, strict=True):
        assert scale.multimodal or answer != "yes"  # no table says more than the sentence
