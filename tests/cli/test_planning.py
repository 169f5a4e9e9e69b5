"""`plan --detect`: what it takes, what it says, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seedsweep.analysis.study.planning import Question
from seedsweep.cli.planning import question
from seedsweep.errors import InputError
from tests.cli.test_commands import Command, here, seedsweep_command

__all__ = ["here", "seedsweep_command"]


def test_words_are_a_question() -> None:
    assert question(["split=0.2", "distance=0.5"]) == Question(split=0.2, distance=0.5)
    assert question(["p_success=0.05, difference=0.2"]) == Question(p_success=0.05, difference=0.2)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["splt=0.2"], "did you mean 'split'"),
        (["0.2"], "not a question"),
        (["split=a"], "'a' is not a number"),
        (["p_success=0.5"], "give a number between 0 and 0.5"),
        (["split=0.2", "distance=-1"], "give a number above 0"),
        (["split=0.2", "distance=nan"], "give a number above 0"),
        (["split=0.2"], "give its distance too"),
        (["distance=0.2"], "nothing is asked for"),
        (["difference=0.2", "spread=0.2"], "is of a split"),
        (["difference=0.2", "difference=0.3"], "given twice"),
    ],
)
def test_what_is_no_question_is_one_line(words: list[str], problem: str) -> None:
    with pytest.raises(InputError) as error:
        question(words)
    assert problem in str(error.value)
    assert str(error.value).startswith("--detect")
    assert "\n" not in str(error.value)


def test_plan_answers_a_question(seedsweep_command: Command, here: Path) -> None:
    asked = "plan small.yaml --out out --detect split=0.2 distance=0.5 difference=0.3"
    shown = seedsweep_command(asked)
    assert shown.status == 0
    assert "for a split of 20 %" in shown.out
    assert "with 80 %" in shown.out
    told = json.loads(seedsweep_command(f"{asked} --json").out)
    assert [scale["scale"] for scale in told["detect"]] == [1.0, 2.0]
    assert all(scale["n"] >= 50 for scale in told["detect"])
    assert not (here / "out").exists()


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("plan small.yaml distance=0.5", "distance=0.5: is for --detect"),
        ("plan small.yaml --pilot out", "--pilot out: is for --detect"),
        ("plan small.yaml --detect split=2", "--detect split=2: give a number between 0 and 1"),
        ("plan small.yaml --detect difference=0.2 --pilot nowhere", "no sweep there"),
    ],
)
def test_a_question_that_cannot_be_answered_is_one_line(
    seedsweep_command: Command, here: Path, line: str, problem: str
) -> None:
    ended = seedsweep_command(line)
    assert ended.status == 2
    assert problem in ended.err
    assert not (here / "out").exists()
