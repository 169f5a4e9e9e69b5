"""The statistics paragraph says what the study did, of every kind of population, and cites what it names."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.calibration.seen import Seen, population
from seedsweep import load
from seedsweep.analysis import methods, study
from seedsweep.analysis.report import methods as module
from seedsweep.criterion import Criterion
from seedsweep.population import Population
from seedsweep.sequential import Aim, Aims
from tests.analysis.populations import chance, table

POPULATIONS = Path(__file__).parents[3] / "populations"
PARENTHESES = re.compile(r"\(([^()]+ \d{4})\)")


def crossed(_: Path) -> Population:
    return population(Seen(heads=(1.0,), shared=0.5).draw(np.random.default_rng(0), 49), crossed=True)


def of_table(folder: Path) -> Population:
    return table(folder, {"accuracy": chance(0, 0.5, 1, seeds=24)})


def of_sweep(_: Path) -> Population:
    return load(POPULATIONS / "count-depth")


def that_comes_and_goes(_: Path) -> Population:
    return load(POPULATIONS / "vectors-four")


KINDS = {"crossed": crossed, "table": of_table, "sweep": of_sweep, "transient": that_comes_and_goes}


def test_numbers_are_those_of_the_study() -> None:
    count = of_sweep(Path())
    examined = study(count)
    told = str(methods(count, examined))
    assert (
        "64 seeds at each of depth 1, 2, 3 and 5 (seeds 0 to 63, each of initial weights and training data)"
        in told
    )
    assert "its exact_match on length-16 is at least 0.5 at step 800" in told
    for scale, p in zip(examined.scales, examined.summary.pvalue_texts, strict=True):
        assert f"{p} at depth {scale.summary.scale:g}" in told
    assert "corrected for 4 scales" in told
    assert "torch 2.13.0" in told


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_cited_is_listed_and_nothing_else(kind: str, tmp_path: Path) -> None:
    told = methods(KINDS[kind](tmp_path))
    cited = dict.fromkeys(PARENTHESES.findall(str(told)))
    listed = [module._author_and_year(entry) for entry in told.bibtex.split("\n\n")]
    assert listed == list(cited)
    assert "[" not in str(told)
    assert all(re.fullmatch(r"[A-Z].+\.", sentence) for sentence in told.sentences)


def test_every_source_of_the_bibliography_is_cited_somewhere() -> None:
    text = Path(str(module.__file__)).read_text()
    assert set(module._entries()) == set(module.CITED.findall(text))


def test_parts_that_do_not_apply_are_not_told(tmp_path: Path) -> None:
    final_only, everything = str(methods(of_table(tmp_path))), str(methods(crossed(tmp_path)))
    assert final_only.startswith("There are 24 seeds at each of depth 1, 2 and 3. A seed succeeds")
    assert "Kaplan" not in final_only
    assert "pigeonhole" not in final_only
    assert "49 runs at heads 1, of 7 seeds of the initial weights by 7 seeds of the training data" in everything
    assert "pigeonhole" in everything
    assert "corrected for" not in everything


@pytest.mark.parametrize("metric", ["exact_match", "error_score"])
def test_seeds_that_were_added_for_a_goal_are_told_to_be(metric: str) -> None:
    """Means of a metric with bounds then hold whenever one stops, those of another do not."""
    count = of_sweep(Path())
    asked = Criterion(metric, "length-16", 0.5, higher_is_better=metric == "exact_match")
    origin = replace(count.origin, aims=Aims(p_success=Aim(0.05, 100)))
    told = str(methods(replace(count, origin=origin, criterion=asked)))
    assert "(Jennison & Turnbull 1989)" in told
    assert "Wilson" not in told
    assert ("by betting, for means" in told) == (metric == "exact_match")
    assert ("Gaffke" in told) == (metric == "error_score")


def test_bibtex_is_balanced() -> None:
    for key, entry in module._entries().items():
        assert entry.startswith("@"), key
        assert entry.count("{") == entry.count("}"), key
        assert {"author", "title", "year"} <= set(re.findall(r"(\w+) *= \{", entry)), key
