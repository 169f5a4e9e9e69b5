"""The section "Comes and goes": where it is so, and nowhere else."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.calibration.transients import SAYS, TRANSIENTS, Coming
from seedsweep.analysis import findings, study, transience
from seedsweep.analysis.report import Report, report
from seedsweep.analysis.report.first_screen import first_screen
from seedsweep.analysis.report.glossary import GLOSSARY, INSIDE, TRANSIENCE, with_sections
from seedsweep.analysis.report.transience import transience_findings
from seedsweep.cli import tables as terminal
from tests.analysis.report.test_page import Page
from tests.analysis.study.test_transience import case, population

SECTION = "Comes and goes"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return report(population("ladder-48", tmp_path_factory.mktemp("made")))


def test_page_has_the_section_with_its_figures_and_tables(made: Report) -> None:
    page = Page(made.html)
    assert page.open == []
    assert SECTION in page.texts["h2"]
    assert SECTION in page.texts["a"]
    for title in (
        "Who has it when",
        "Rise and fall",
        "Who gets there and who loses it, by scale",
        "What comes and goes",
        "When it comes and goes",
    ):
        assert title in page.texts["h3"]
    for finding in made.findings.transience:
        assert finding.topic in page.texts["b"]
    ids = [attributes["id"] for _, attributes in page.elements if attributes.get("id")]
    assert len(ids) == len(set(ids))
    assert all(word in page.texts["dt"] for word in TRANSIENCE)


def test_pages_of_what_stays_have_nothing_of_it(count: Report, evil: Report) -> None:
    for without in (count, evil):
        assert without.findings.transience == ()
        assert SECTION not in without.html
        assert "transience" not in without.findings.to_dict()
        assert not set(TRANSIENCE) & set(Page(without.html).texts["dt"])


def test_words_stand_in_the_order_of_the_alphabet() -> None:
    assert list(with_sections(INSIDE, TRANSIENCE)) == sorted([*GLOSSARY, *INSIDE, *TRANSIENCE], key=str.lower)


def test_the_verdict_and_what_stands_beside_it(made: Report) -> None:
    assert made.findings.verdict == "comes and goes"
    assert made.findings.headline.startswith("Comes and goes: at scale ")
    assert made.findings.headline.endswith("most seeds that get there lose it again.")
    found = made.study.transience
    assert found is not None
    first = first_screen(made.study, "comes and goes")
    assert [number.what.split(" at ")[0] for number in first.numbers] == ["Lost again", "Got there", "Half-life"]
    assert all(number.interval for number in first.numbers)
    assert "holds for the budget" in first.change
    assert f"by step {found.scales[0].budget:g}" in made.findings.findings[0].text


def test_every_verdict_of_what_stays_says_the_budget(made: Report) -> None:
    (told,) = [finding.text for finding in made.findings.transience if finding.topic == "And the other seeds?"]
    assert told.startswith("That they keep it, or never get it, holds for the budget of 5900 steps only.")
    assert told.count(" at step 5900, ") == len(made.study.transience.shown if made.study.transience else ())


def test_terminal_notebook_and_json_say_the_same(made: Report) -> None:
    console = Console(width=400, record=True, file=io.StringIO())
    console.print(terminal.findings(made.findings))
    printed = " ".join(console.export_text().split())
    html = made.findings._repr_html_()
    told = json.loads(json.dumps(made.to_dict(), allow_nan=False))
    for finding, stored in zip(made.findings.transience, told["findings"]["transience"], strict=True):
        assert finding.text.split(". ")[0] in printed
        assert finding.topic in html
        assert stored["text"] == finding.text
    assert len(told["study"]["transience"]["scales"]) == 4


def test_counts_of_sentences_stand_in_the_tables(made: Report) -> None:
    found = made.study.transience
    assert found is not None
    cells = Page(made.html).texts["td"]
    for scale in found.scales:
        for outcome in ("never", "there", "gone", "back"):
            assert str(scale.count(outcome)) in cells


def test_every_p_of_a_sentence_stands_in_a_table(made: Report) -> None:
    cells = set(Page(made.html).texts["td"])
    told = " ".join(finding.text for finding in made.findings.transience)
    found = re.findall(r"p ([=<] [0-9.e-]*[0-9])", told)
    assert len(found) == 2
    for p in found:
        assert p.removeprefix("= ") in cells


def test_where_only_some_lose_it_the_verdict_is_another(tmp_path: Path) -> None:
    found = findings(study(population("some-48", tmp_path)))
    assert found.verdict != "comes and goes"
    assert found.transience[0].text.startswith("Not in all seeds, at scale 1: in some it comes and goes.")


SAID = {
    "most lose it again": "true-48",
    "some lose it again": "some-48",
    "it depends on the scale": "ladder-48",
}
"""Where a sentence that is counted by the benchmark is said."""


@pytest.mark.parametrize("name", SAYS)
def test_sentences_are_known_by_their_present_wording(name: str, tmp_path: Path) -> None:
    pattern, _ = SAYS[name]
    if name in SAID:
        read = population(SAID[name], tmp_path)
    else:  # "not in one direction", which no population of the benchmark makes true
        shares = {1.0: 0.1, 2.0: 0.9, 3.0: 0.9, 4.0: 0.1}
        hump = Coming(come=shares, go=dict.fromkeys(shares, 0.9))
        read = replace(case("ladder-48"), coming=hump).population(0, 0, tmp_path)
    said = "\n".join(finding.text for finding in transience_findings(transience(read), "scale"))
    assert re.search(pattern, said, re.MULTILINE), said


def test_all_populations_of_the_benchmark_can_be_told(tmp_path: Path) -> None:
    """Also those at which nothing is shown: no sentence fails on what it does not expect."""
    for one in TRANSIENTS:
        read = one.population(0, 0, tmp_path)
        found = transience(read)
        if found.shown:
            told = transience_findings(found, "scale")
            assert all("nan" not in finding.text for finding in told)
