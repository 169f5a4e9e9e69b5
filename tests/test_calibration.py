"""How often what an analysis says is true: some populations of `benchmarks/calibration`, a few times each.

The recorded output of the benchmark has more repetitions, and more populations.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from benchmarks.calibration.cases import read
from benchmarks.calibration.everything import CASES
from benchmarks.calibration.run import repeat
from benchmarks.calibration.tally import Tally, wilson
from benchmarks.calibration.targets import RECORDED, TARGETS, Target, table
from benchmarks.calibration.whole import SENTENCES, sentences
from seedsweep import analysis

REPETITIONS = 40
WHOLE = 8


@cache
def measured(name: str, whole: bool) -> Tally:
    """The same numbers whichever of the tests are run."""
    return repeat(CASES[name], 1, range(WHOLE if whole else REPETITIONS), WHOLE if whole else 0)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("target", "name"),
    [
        pytest.param(target, case.name, id=f"{case.name}, {target.question}")
        for target in TARGETS
        if target.limit != "–"
        for case in target.populations
    ],
)
def test_rate(target: Target, name: str) -> None:
    yes, asked = measured(name, target.whole).counts[target.question]
    assert not target.broken(yes, asked), f"{yes} of {asked}"


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.statement)
def test_recorded_rates(target: Target) -> None:
    recorded = json.loads(RECORDED.read_text())["populations"]
    for case in target.populations:
        rate = recorded[case.name]["rates"][target.question]
        assert not target.broken(rate["yes"], rate["asked"]), f"{case.name}: {rate}"


def test_everything_is_recorded_and_the_docs_have_the_rates() -> None:
    recorded = json.loads(RECORDED.read_text())["populations"]
    assert list(recorded) == list(CASES)
    assert table(recorded) in (RECORDED.parents[1] / "docs" / "background" / "report.md").read_text()


SAID = {
    "seeds agree": "step-alike-100",
    "groups": "groups-far-50",
    "chance decides": "groups-far-50",
    "split elsewhere": "zeros-normal-64",
    "no groups, too few seeds": "intervals-rise-20",
    "in one metric only": "mirage-5sd-100",
    "failures stay": "budget-half-never-100",
    "failures are cut off": "budget-wait-1-100",
    "one run twice": "twice-float-64",
    "capacity is here": "capacity-one-step-50",
    "abruptly": "step-alike-100",
    "smoothly": "rise-alike-100",
}
"""Where every sentence that is counted is said, in one of the first repetitions."""


@pytest.mark.parametrize("name", SENTENCES)
def test_sentences_are_known_by_their_present_wording(name: str, tmp_path: Path) -> None:
    case, (pattern, _) = CASES[SAID[name]], SENTENCES[name]
    for repetition in range(4):
        drawn = case.draw(case.generator(0, repetition), case.seeds)
        examined = analysis.study(read(case, drawn, tmp_path))
        if name == "in one metric only":  # so rare that it has to be made
            scale = examined.scales[0]
            assert scale.mirage is not None
            scale = replace(scale, mirage=replace(scale.mirage, verdict="mirage"))
            examined = replace(examined, scales=(scale,))
        if re.search(pattern, sentences(analysis.findings(examined)), re.MULTILINE):
            return
    pytest.fail(sentences(analysis.findings(examined)))


def test_numbers_follow_from_the_seed() -> None:
    case = CASES["null-hundreds-32"]
    together, apart = repeat(case, 3, range(2), 0), Tally()
    for repetition in range(2):
        apart.add(repeat(case, 3, range(repetition, repetition + 1), 0))
    assert together == apart
    first, again, other = (case.draw(case.generator(3, i), 8)["value"][1.0].tolist() for i in (0, 0, 1))
    assert first == again != other


def test_wilson_limits() -> None:
    assert wilson(0, 60)[:2] == (0.0, 0.0)
    assert wilson(0, 60)[2] == pytest.approx(0.06, abs=0.001)
    assert wilson(30, 60)[1:] == pytest.approx((0.377, 0.623), abs=0.001)
