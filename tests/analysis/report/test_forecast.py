"""A forecast on the page: where it was asked for, with why there is none, and nowhere else."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pytest

import seedsweep
from seedsweep import InputError, Population, analysis
from seedsweep.analysis.report.page import Report, report


@pytest.fixture(scope="module")
def population(tmp_path_factory: pytest.TempPathFactory) -> Population:
    """P(success) rises by a sixth from depth to depth."""
    path = tmp_path_factory.mktemp("ladder") / "<i>study.csv"
    rows = [f"{d},{run},{float(run * 24 < d * 96)}" for d in (1, 2, 3, 4, 5) for run in range(24)]
    path.write_text("depth,run,accuracy\n" + "\n".join(rows))
    return seedsweep.read_table(path, scale="depth", seed="run", metric="accuracy", threshold=0.5)


@pytest.fixture(scope="module")
def made(population: Population) -> Report:
    return report(population, forecast=[6, 60])


def test_what_is_forecast_stands_on_the_page_word_for_word(population: Population, made: Report) -> None:
    """By what `seedsweep.forecast` says of the same scales, with the largest held out."""
    found = seedsweep.forecast(population, [6, 60], holdout=1)
    told = analysis.forecast_findings(found)
    words = _words(made.html)
    assert len(told.findings) == 3
    for finding in told.findings:
        assert _plain(finding.text) in words
    assert "No forecast: it is too far" in words
    for note in told.notes:
        assert _plain(note) in words
    assert "depth 5, held out" in words
    assert "this forecast" in words
    assert 'id="figure-forecast"' in made.html
    assert json.dumps(made.to_dict()["forecast"], allow_nan=False) == json.dumps(
        {**found.to_dict(), **told.to_dict()}, allow_nan=False
    )


def test_its_seeds_are_those_of_the_other_figures(made: Report) -> None:
    start = made.html.index('id="figure-forecast"')
    drawn = made.html[start : made.html.index("</figure>", start)]
    assert set(re.findall(r'data-seed="([0-9-]+)"', drawn)) == set(re.findall(r'data-seed="([0-9-]+)"', made.html))


def test_the_page_is_as_before_where_nobody_asked(population: Population, made: Report) -> None:
    plain = report(population)
    assert plain.forecast is None
    assert "forecast" not in plain.to_dict()
    for words in ('id="forecast"', "What is forecast", "CRPS"):
        assert words not in plain.html
        assert words in made.html
    without = re.sub(r'<section aria-labelledby="forecast">.*?</section>\n\n', "", made.html, flags=re.S)
    assert plain.html[: plain.html.index("<nav")] == without[: without.index("<nav")]


def test_a_ladder_of_three_scales_holds_none_out(population: Population, tmp_path: Path) -> None:
    path = tmp_path / "three.csv"
    rows = [f"{d},{run},{float(run * 24 < d * 144)}" for d in (1, 2, 3) for run in range(24)]
    path.write_text("depth,run,accuracy\n" + "\n".join(rows))
    three = seedsweep.read_table(path, scale="depth", seed="run", metric="accuracy", threshold=0.5)
    found = report(three, forecast=[4]).forecast
    assert found is not None
    assert found.held_out == ()


def test_a_scale_that_is_known_is_refused_by_its_own_name(population: Population) -> None:
    with pytest.raises(InputError, match=r"^forecast=3: a depth beyond the largest, 5, is needed$"):
        report(population, forecast=[3])


def _plain(words: str) -> str:
    return " ".join(words.split())


def _words(html: str) -> str:
    """The text of a page."""
    text = re.sub(r"<(script|style|svg).*?</\1>", " ", html, flags=re.S)
    return _plain(unescape(re.sub(r"</?(abbr)[^>]*>|<[^>]+>", lambda tag: "" if tag[1] else " ", text)))
