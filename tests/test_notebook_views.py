"""How objects show themselves at a prompt and in a notebook: short, and every name escaped."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import seedsweep
from seedsweep import analysis, formats
from seedsweep.analysis.report import report

COUNT = Path(__file__).parents[1] / "populations" / "count-depth"
EVIL = "<b onclick=x>&"


class Cells(HTMLParser):
    """The texts of a table, row by row; fails on markup that is none of a table."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        assert tag in {"table", "caption", "thead", "tbody", "tr", "th", "td"}
        assert not attrs
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """Of a sweep, and of a table with markup in every name."""
    path = tmp_path_factory.mktemp("evil") / f"{EVIL}.csv"
    rows = [f"{depth},{EVIL}{run},{run / 16 if depth == 2 else 0}" for depth in (1, 2) for run in range(12)]
    path.write_text("\n".join([f"{EVIL}depth,{EVIL}run,{EVIL}score", *rows]))
    evil = seedsweep.read_table(path, scale=f"{EVIL}depth", seed=f"{EVIL}run", metric=f"{EVIL}score")
    found = {}
    for name, population in {"count": seedsweep.load(COUNT), "evil": evil}.items():
        made = report(population)
        final = population.final(population.criterion.metric)
        found[name] = [population, final, made.study, made.findings, made]
    return found


@pytest.mark.parametrize("name", ["count", "evil"])
def test_views_are_short_and_escaped(objects: dict[str, list[Any]], name: str) -> None:
    for shown in objects[name]:
        html = shown._repr_html_()
        assert len(html) < 8000, type(shown)
        assert Cells(html).rows
        if type(shown) is not analysis.Findings:
            assert len(repr(shown)) < 400, type(shown)
            assert "\n" not in repr(shown)


def test_a_table_shows_the_numbers_of_its_scales(objects: dict[str, list[Any]]) -> None:
    _, final, study, _, _ = objects["count"]
    columns, *rows = Cells(final._repr_html_()).rows
    assert columns == ["model.depth", "seeds", "lowest", "median", "mean", "highest"]
    for scale, row in zip(final.scales, rows, strict=True):
        assert row[:2] == [formats.scale(scale), "64"]
        assert row[4:] == [formats.number(final.at(scale).mean()), formats.number(final.at(scale).max())]
    assert [row[3] for row in Cells(study._repr_html_()).rows[1:]][1].startswith("42 % (31–54 %)")


def test_splits_that_are_numbered_and_measured_alike_are_one_row() -> None:
    population = seedsweep.load(COUNT.parent / "linear-map-heads")
    rows = {row[0]: row[1] for row in Cells(population._repr_html_()).rows}
    both = "accuracy, attention_coverage, attention_entropy, attention_iou, attention_mass, nll, probability"
    assert sorted(rows["output-0 to output-7"].split(", ")) == both.split(", ")
    assert len(rows) <= 14


def test_names_at_the_top() -> None:
    assert [name for name in dir(seedsweep) if name != "__version__" and name.startswith("_")] == []
    assert {"load", "run", "read_table", "report", "analysis"} <= set(dir(seedsweep))
    assert {"Any", "TYPE_CHECKING"}.isdisjoint(dir(seedsweep))
