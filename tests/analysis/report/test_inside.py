"""The section "What happened inside": where there are streams, and nowhere else."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from benchmarks.calibration.inside import SAYS, SEEN
from benchmarks.calibration.seen import Read, Seen, population
from seedsweep.analysis import findings, inside, study
from seedsweep.analysis.report import Report, report
from seedsweep.analysis.report.glossary import GLOSSARY, INSIDE, with_sections
from seedsweep.analysis.report.inside import inside_findings
from seedsweep.cli import tables as terminal
from tests.analysis.report.test_page import Page

SECTION = "What happened inside"


@pytest.fixture(scope="module")
def made() -> Report:
    return report(population(Seen(shared=0.4, lead=100.0, told=0.9).draw(np.random.default_rng(0), 48)))


def test_page_has_the_section_with_its_figures_and_tables(made: Report) -> None:
    page = Page(made.html)
    assert page.open == []
    assert SECTION in page.texts["h2"]
    assert SECTION in page.texts["a"]
    titles = page.texts["h3"]
    for title in (
        "How many outputs are not learnt yet",
        "How many outputs each seed has learnt",
        "When attention and capability rise",
        "value (probe) seen early, and when seeds succeed",
        "Outputs, one by one",
        "The hazard of an output",
        "Attention against capability",
        "What is seen early, and when seeds succeed",
    ):
        assert title in titles
    for finding in made.findings.inside:
        assert finding.topic in page.texts["b"]
    ids = [attributes["id"] for _, attributes in page.elements if attributes.get("id")]
    assert len(ids) == len(set(ids))
    assert all(word in page.texts["dt"] for word in INSIDE)


def test_pages_without_streams_have_nothing_of_it(count: Report, evil: Report) -> None:
    for without in (count, evil):
        assert without.findings.inside == ()
        assert SECTION not in without.html
        assert "inside" not in without.findings.to_dict()
        words = Page(without.html).texts["dt"]
        assert not set(INSIDE) & set(words)


def test_words_stand_in_the_order_of_the_alphabet() -> None:
    assert list(with_sections(INSIDE)) == sorted([*GLOSSARY, *INSIDE], key=str.lower)


def test_terminal_and_notebook_say_the_same(made: Report) -> None:
    console = Console(width=400, record=True, file=io.StringIO())
    console.print(terminal.findings(made.findings))
    printed = " ".join(console.export_text().split())
    html = made.findings._repr_html_()
    for finding in made.findings.inside:
        assert set(finding.topic.split()) <= set(printed.split())  # in a column that is wrapped
        assert finding.text.split(". ")[0] in printed
        assert finding.topic in html


def test_every_p_of_a_sentence_stands_in_a_table(made: Report) -> None:
    page = Page(made.html)
    cells = set(page.texts["td"])
    for finding in made.findings.inside:
        for p in re.findall(r"p ([=<] [0-9.e-]*[0-9])", finding.text):
            assert p.removeprefix("= ") in cells, finding


SAID = {
    "the luck is the seed's": "inside-shared-48",
    "the hazard rises": "inside-rising-48",
    "the hazard grows with the scale": "inside-plain-48",
    "less than in proportion": "inside-root-48",
    "attention first": "inside-lead-24",
    "attention of that output": "inside-plain-24",
    "early values foretell": "inside-told-48",
}
"""Where a sentence that is counted by the benchmark is said."""

MADE = {
    "outputs hinder each other": "turns",
    "the hazard falls": "slower",
    "the hazard shrinks with the scale": "worse",
    "more than in proportion": "steep",
    "the ladder bends": "bent",
    "capability first": "late",
}
"""Sentences that no population of the benchmark makes true, and which population here does."""


@pytest.mark.parametrize("name", SAYS)
def test_sentences_are_known_by_their_present_wording(name: str) -> None:
    pattern, _ = SAYS[name]
    if name in SAID:
        case = next(case for case in SEEN if case.name == SAID[name])
        read = case.seen.draw(case.generator(0, 0), case.seeds)
    else:
        read = OTHERS[MADE[name]]()
    found = inside(population(read))
    assert found is not None
    said = "\n".join(finding.text for finding in inside_findings(found, "heads"))
    assert re.search(pattern, said, re.MULTILINE), said


def drawn(**seen: Any) -> Read:
    return Seen(**seen).draw(np.random.default_rng(0), 48)


def bent() -> Read:
    """Twice as many heads are twice as fast, up to two."""
    saturated = drawn(heads=(4.0, 8.0, 16.0), slope=0.0, median=750.0)
    return {key: {**by_scale, **saturated[key]} for key, by_scale in drawn(heads=(1.0, 2.0)).items()}


def in_turns() -> Read:
    """Of every two outputs, exactly one is learnt by each seed half-way."""
    read = {key: dict(values) for key, values in drawn(heads=(4.0,)).items()}
    first = np.random.default_rng(1).random(48) < 0.5
    early, late = (np.tile(np.where(np.arange(61) >= step, 1.0, 0.5), (48, 1)) for step in (20, 40))
    for output in range(0, 8, 2):
        read[f"output-{output}", "accuracy"][4.0] = np.where(first[:, None], early, late)
        read[f"output-{output + 1}", "accuracy"][4.0] = np.where(first[:, None], late, early)
        first = np.random.default_rng(output).permutation(first)
    return read


OTHERS: dict[str, Callable[[], Read]] = {
    "turns": in_turns,
    "slower": lambda: drawn(shape=0.6),
    "worse": lambda: drawn(slope=-1.0, median=600.0),
    "steep": lambda: drawn(slope=2.0, median=4000.0),
    "bent": bent,
    "late": lambda: drawn(lead=-100.0),
}


def test_study_and_findings_agree(made: Report) -> None:
    examined = study(population(Seen(shared=0.4, lead=100.0, told=0.9).draw(np.random.default_rng(0), 48)))
    assert findings(examined).inside == made.findings.inside
