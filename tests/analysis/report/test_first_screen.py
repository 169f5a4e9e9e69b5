"""The numbers beside each verdict, what would change it, and what was trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

import seedsweep
from seedsweep import analysis
from seedsweep.analysis import Study
from seedsweep.analysis.report.first_screen import first_screen, trained
from seedsweep.analysis.study.verdict import Verdict
from tests.analysis.populations import around, chance, table
from tests.analysis.report.conftest import COUNT

POPULATIONS: dict[str, dict[float, np.ndarray]] = {
    "by chance": chance(0, 0.3, 0.6, 1.0),
    "smoothly": around(0.2, 0.4, 0.6, 0.8),
    "absent": around(0.1, 0.1, 0.1, 0.1),
    "one seed": {1: np.array([0.5])},
}


# Where no groups are found there are none elsewhere; where nothing comes nothing goes.
CASES = [
    (name, word)
    for name in POPULATIONS
    for word in get_args(Verdict)
    if word != "comes and goes" and (name == "by chance" or word != "split elsewhere")
]


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Study]:
    """Each population's, made once: a first screen is made of it again for every verdict."""
    folder = tmp_path_factory.mktemp("tables")
    return {name: analysis.study(table(folder, {"accuracy": seeds})) for name, seeds in POPULATIONS.items()}


@pytest.mark.parametrize(("name", "word"), CASES)
def test_any_verdict_has_numbers_and_what_would_change_it(
    name: str, word: Verdict, studies: dict[str, Study]
) -> None:
    study = studies[name]
    first = first_screen(study, word)
    most = 3 if len(study.scales) > 1 else 2
    assert len({number.what for number in first.numbers}) == len(first.numbers) <= 3
    assert len(first.numbers) >= min(most, 2)
    if name != "one seed":
        assert all(number.interval for number in first.numbers)
    assert first.change.endswith(".")
    assert "nan" not in first.change + first.evidence


def test_the_numbers_are_those_of_the_study(studies: dict[str, Study]) -> None:
    first = first_screen(studies["by chance"], "by chance")
    assert [number.what for number in first.numbers] == [
        "P(success) at depth 3",
        "P(success) at depth 4",
        "One-seed studies that would claim a jump",
    ]
    assert first.evidence == (
        "P(success) at depth 3: 60 % (50–69 %, 60 of 100); P(success) at depth 4: 100 % (96–100 %, 100 of 100)."
    )


def test_groups_that_are_not_the_successes(tmp_path: Path) -> None:
    study = analysis.study(table(tmp_path, {"accuracy": POPULATIONS["by chance"]}, threshold=0.9))
    assert analysis.verdict(study) == "split elsewhere"
    first = first_screen(study, "split elsewhere")
    assert first.numbers[0].what == "Seeds in the better group at depth 3"
    assert first.numbers[0].value == "60 %"
    assert first.change.startswith("A threshold that lies between the groups, if one does")
    assert "At depth 3: 0.49 divides the seeds" in first.change


def test_what_was_trained(tmp_path: Path) -> None:
    sweep = seedsweep.load(COUNT)
    study = analysis.study(table(tmp_path, {"accuracy": {1: [0.1, 0.2]}}))
    assert trained(sweep, study) == (
        "task count; gpt-neox decoder (heads 2, head dim 16); 800 steps of 8 examples; 256 runs, depth swept"
    )
    spec = {**(sweep.origin.spec or {}), "train": {"steps": 9, "batch": None, "batch_tokens": 512}}
    by_tokens = replace(sweep, origin=replace(sweep.origin, spec=spec))
    assert "; 9 steps of 512 tokens; 256 runs" in str(trained(by_tokens, study))
    own = replace(sweep, origin=replace(sweep.origin, spec={"task": {"name": "copy"}, "model": None}))
    assert trained(own, study) == "task copy; 256 runs, depth swept"
    assert trained(table(tmp_path, {"accuracy": {1: [0.1, 0.2]}}), study) is None
    stepped = table(tmp_path, {"accuracy": {1: np.array([[0.1, 0.2, 0.3]])}})
    assert trained(stepped, analysis.study(stepped)) == "runs of a table, measured until step 2"
