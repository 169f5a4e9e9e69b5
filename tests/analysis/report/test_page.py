"""The page as text: complete, self-contained, escaped, well-formed."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

import seedsweep
from seedsweep.analysis.report import Report
from seedsweep.analysis.report.page import report as report_function
from tests.analysis.populations import table
from tests.analysis.report.conftest import COUNT, EVIL

VOID = {"meta", "link", "br"}


class Page(HTMLParser):
    """Elements in order, and whether they are nested rightly."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and data.strip():
            self.texts.setdefault(self.open[-1], []).append(" ".join(data.split()))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(params=["count", "evil"])
def made(request: pytest.FixtureRequest) -> Report:
    page: Report = request.getfixturevalue(request.param)
    return page


def test_page_is_well_formed_and_accessible(made: Report) -> None:
    page = Page(made.html)
    assert page.open == []
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("h1")) == len(page.all("title")) == len(page.all("main")) == 1
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all(header.get("scope") in ("col", "row") for header in page.all("th"))
    drawings = page.all("svg")
    assert len(drawings) == len(page.all("figure")) == len(page.all("figcaption"))
    assert all(svg["role"] == "img" and len(svg["aria-label"] or "") > 60 for svg in drawings)
    for element in page.elements:
        if "aria-labelledby" in element[1]:
            assert any(attributes.get("id") == element[1]["aria-labelledby"] for _, attributes in page.elements)


def test_ids_are_unique_and_references_lead_somewhere(made: Report) -> None:
    ids = re.findall(r'\bid="([^"]+)"', made.html)
    assert len(ids) == len(set(ids)) > 100
    used = set(re.findall(r'url\(#([^)]+)\)|xlink:href="#([^"]+)"', made.html))
    assert used
    assert {a or b for a, b in used} <= set(ids)


def test_page_asks_for_nothing(made: Report) -> None:
    page = Page(made.html)
    names = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert set(re.findall(r'https?://[^\s"<)]+', made.html)) <= names
    assert {tag for tag, _ in page.elements}.isdisjoint({"script", "img", "iframe", "object", "base", "form"})
    assert [link["href"] for link in page.all("link")] == ["data:,"]
    assert "@import" not in made.html
    assert len(made.html) < 5e6


def test_names_are_escaped(evil: Report) -> None:
    assert EVIL not in evil.html
    assert "<script" not in evil.html
    assert evil.html.count("&lt;script&gt;") > 20
    page = Page(evil.html)
    shown = " ".join(text for texts in page.texts.values() for text in texts)
    for name in ("accuracy", "margin & ", "depth"):
        assert name + EVIL in shown
    assert "a<b>&amp;" in page.texts["h1"]
    assert f"{EVIL}3 and {EVIL}5" in shown
    assert f"seedsweep report '{EVIL}'" in page.texts["pre"]


def test_what_a_sweep_shows(count: Report) -> None:
    page = Page(count.html)
    headings = page.texts["h3"]
    for title in (
        "Where the seeds end, by depth",
        "Two studies of one seed per scale, from the same seeds",
        "How often a small study would claim a sudden emergence",
        "How far each scale is from the largest",
        "The same seeds under min_probability",
        "exact_match beside error_score",
        "The learning curve of every seed",
        "How many seeds are not there yet",
        "P(success), had training been stopped earlier",
    ):
        assert title in headings
    assert "The mean falls and rises again" not in headings
    assert page.texts["h2"][0].startswith("By chance: at depth 3 the random seed decides who succeeds; but ")
    assert (
        "variance: seeds of initialisation and of data are not crossed: each run has its own of both."
        in (page.texts["li"])
    )


def test_provenance_and_commands(count: Report) -> None:
    page = Page(count.html)
    population = seedsweep.load(COUNT)
    facts = page.texts["td"]
    assert population.fingerprint in facts
    assert ".venv/bin/seedsweep run pocket/count-depth" in facts
    assert any("torch 2.13.0" in fact for fact in facts)
    extend, again, spec = page.texts["pre"]
    assert extend == "seedsweep run pocket/count-depth --out runs/count --seeds 0:128"
    assert again == "seedsweep report runs/count"
    assert json.loads(spec) == population.spec


def test_numbers_are_those_of_the_statistics(count: Report) -> None:
    told = json.loads(json.dumps(count.to_dict(), allow_nan=False))
    assert [scale["scale"] for scale in told["study"]["scales"]] == [1, 2, 3, 5]
    assert told["study"]["summary"]["scales"][1]["success"]["successes"] == 27
    assert told["findings"]["verdict"] == "by chance"
    cells = Page(count.html).texts["td"]
    assert "42 % (31–54 %)" in [cell.replace("\u00a0", " ") for cell in cells]


def test_little_data_make_a_page_too(tmp_path: Path) -> None:
    made = report_function(table(tmp_path, {"accuracy": {1: [0.5]}}))
    assert Page(made.html).texts["h2"][0] == "Undecided: there is one seed per scale."
    assert set(made.study.absent) == {"claims", "extremes", "mirage", "survival", "variance"}
    nothing = report_function(table(tmp_path, {"accuracy": {1: [float("nan")] * 3, 2: [0.1, float("nan")]}}))
    assert Page(nothing.html).open == []


def test_write_makes_the_folder(count: Report, tmp_path: Path) -> None:
    path = count.write(tmp_path / "new" / "page.html")
    assert path.read_text(encoding="utf-8") == count.html
