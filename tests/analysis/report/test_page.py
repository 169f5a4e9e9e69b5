"""The page as text: complete, self-contained, escaped, well-formed."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

import seedsweep
from seedsweep import formats
from seedsweep.analysis.report import Report
from seedsweep.analysis.report.glossary import GLOSSARY, explained
from seedsweep.analysis.report.page import report as report_function
from seedsweep.analysis.report.svg import MOST_TITLES
from seedsweep.analysis.statistics import text
from tests.analysis.populations import chance, table
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
    assert len(page.all("h1")) == len(page.all("main")) == 1
    head = [tag for tag, _ in page.elements][: [tag for tag, _ in page.elements].index("body")]
    assert head.count("title") == 1  # the others are of seeds
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all(header.get("scope") in ("col", "row") for header in page.all("th"))
    drawings = page.all("svg")
    assert len(drawings) == len(page.all("figure")) == len(page.all("figcaption"))
    assert all(svg["role"] == "img" and len(svg["aria-label"] or "") > 60 for svg in drawings)
    assert all(
        page.elements[i + 1][0] == "summary" for i, (tag, _) in enumerate(page.elements) if tag == "details"
    )
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
    assert {tag for tag, _ in page.elements}.isdisjoint({"img", "iframe", "object", "base", "form"})
    assert [link["href"] for link in page.all("link")] == ["data:,"]
    assert "@import" not in made.html
    assert all((link["href"] or "").startswith("#") for link in page.all("a"))
    assert len(made.html) < 5e6


def test_the_page_lets_itself_do_nothing_but_its_own_script(made: Report) -> None:
    page = Page(made.html)
    assert page.all("script") == [{}]
    (script,) = re.findall(r"<script>(.*?)</script>", made.html, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = [meta["content"] for meta in page.all("meta") if "http-equiv" in meta]
    assert policy is not None
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{digest}'" in policy
    handlers = [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert handlers == []


def test_names_are_escaped(evil: Report) -> None:
    assert EVIL not in evil.html
    assert evil.html.count("<script") == 1
    assert evil.html.count("&lt;script&gt;") > 20
    page = Page(evil.html)
    shown = " ".join(text for texts in page.texts.values() for text in texts)
    for name in ("accuracy", "margin & ", "depth"):
        assert name + EVIL in shown
    assert "a<b>&amp;" in page.texts["h1"]
    assert f"{EVIL}3 and {EVIL}5" in shown
    assert f"seedsweep report '{EVIL}'" in page.texts["pre"]
    assert any(title.startswith(f"seed {EVIL}3 at ") for title in page.texts["title"])
    keys = {mark["data-seed"] or "" for mark in page.all("g") if "data-seed" in mark}
    assert all(re.fullmatch(r"\d+-\d+", key) for key in keys)


def test_what_a_sweep_shows(count: Report) -> None:
    page = Page(count.html)
    headings = page.texts["h3"]
    assert "Every seed, by depth" not in headings  # the verdict is its heading
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
    assert page.texts["h2"][0].startswith("Seeds part, but not into successes and failures: at depth 2, 22 of 64 ")
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
    _, extend, again, spec = page.texts["pre"]  # the first are the sources of "For a paper"
    assert extend == "seedsweep run pocket/count-depth --out runs/count --seeds 0:128"
    assert again == "seedsweep report runs/count"
    assert json.loads(spec) == population.spec


def test_numbers_are_those_of_the_statistics(count: Report) -> None:
    told = json.loads(json.dumps(count.to_dict(), allow_nan=False))
    assert [scale["scale"] for scale in told["study"]["scales"]] == [1, 2, 3, 5]
    assert told["study"]["summary"]["scales"][1]["success"]["successes"] == 27
    assert told["findings"]["verdict"] == "split elsewhere"
    cells = Page(count.html).texts["td"]
    assert "42 % (31–54 %)" in [cell.replace("\u00a0", " ") for cell in cells]


def test_every_seed_has_its_name_and_value_in_every_figure(count: Report) -> None:
    page = Page(count.html)
    final = seedsweep.load(COUNT).final("exact_match", "ood")
    marks = [mark["data-seed"] for mark in page.all("g") if "data-seed" in mark]
    key = f"1-{final.seeds_at(2).tolist().index(27)}"
    # every-seed, ladder, both panels of the extremes, twins, learning curve
    assert marks.count(key) == 6
    assert len(set(marks)) == 4 * 64
    title = f"seed 27 at depth 2: {text.number(final.at(2)[final.seeds_at(2).tolist().index(27)])}"
    assert page.texts["title"].count(title) == 6


def test_crowds_have_no_titles(tmp_path: Path) -> None:
    shares = [0.1, 0.3, 0.5, 0.7]
    made = report_function(table(tmp_path, {"accuracy": chance(*shares, seeds=MOST_TITLES // 4 + 1)}))
    assert not re.search(r'data-seed="\d', made.html)
    assert made.html.count("<image") >= 4
    assert len(made.html) < 2e6


def test_terms_are_explained_in_place_and_at_the_end(count: Report) -> None:
    page = Page(count.html)
    assert {"Holm", "dip", "mode", "P(success)", "bootstrap", "noise floor"} <= set(page.texts["abbr"])
    assert all(len(term["title"] or "") > 20 for term in page.all("abbr"))
    assert [word for word in GLOSSARY if word not in page.texts["dt"]] == []
    assert list(GLOSSARY) == sorted(GLOSSARY, key=str.casefold)
    assert explained("a <b>dip</b> & Holm, dips").count("<abbr") == 2
    assert "<b>" not in explained("a <b>dip</b>")


def test_the_first_screen_comes_before_the_words(count: Report) -> None:
    order = [count.html.index(part) for part in (
        'class="verdict', 'id="figure-every-seed"', 'class="key"', "Trained:", "What would change the verdict:",
        'aria-label="Contents"', 'id="words-found"', 'id="figures"', 'id="tables"', 'id="origin"', 'id="words"',
    )]  # fmt: skip
    assert order == sorted(order)
    page = Page(count.html)
    links = {link["href"] for link in page.all("a")}
    assert {"#words-found", "#figures", "#tables", "#origin", "#words", "#figure-ladder", "#table-1"} <= links
    targets = {attributes.get("id") for _, attributes in page.elements}
    assert {(href or "")[1:] for href in links} <= targets


def test_categories_are_drawn_if_asked_for(tmp_path: Path) -> None:
    population = table(tmp_path, {"accuracy": {1: [0.1, 0.2], 2: [0.1, 0.9], 50: [0.8, 0.9]}})
    assert "depth, log axis" in report_function(population).html
    chosen = report_function(population, categories=True).html
    assert "depth, at equal distances" in chosen
    assert "log axis" not in chosen


def test_little_data_make_a_page_too(tmp_path: Path) -> None:
    made = report_function(table(tmp_path, {"accuracy": {1: [0.5]}}))
    assert Page(made.html).texts["h2"][0] == "Undecided: there is one seed per scale."
    assert set(made.study.absent) == {"claims", "extremes", "mirage", "survival", "variance"}
    nothing = report_function(table(tmp_path, {"accuracy": {1: [float("nan")] * 3, 2: [0.1, float("nan")]}}))
    assert Page(nothing.html).open == []


def test_write_makes_the_folder(count: Report, tmp_path: Path) -> None:
    path = count.write(str(tmp_path / "new" / "page.html"))
    assert path.read_text(encoding="utf-8") == count.html


def test_every_seed_has_the_value_of_the_table_in_every_figure(count: Report) -> None:
    final = seedsweep.load(COUNT).final("exact_match")
    true = {
        (str(seed), formats.scale(scale)): formats.number(value)
        for scale in final.scales
        for seed, value in zip(final.seeds_at(scale), final.at(scale).tolist(), strict=True)
    }
    drawn = 0
    for figure in re.findall(r"<figure.*?</figure>", count.html, flags=re.DOTALL):
        titles = re.findall(r"<title>seed (\S+) at depth (\S+): (\S+)</title>", figure)
        assert {(seed, scale): value for seed, scale, value in titles}.items() <= true.items()
        if titles:
            drawn += 1
            assert len({title[:2] for title in titles}) == len(true)
    assert drawn >= 5
