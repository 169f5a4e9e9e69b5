"""Commands: words first, values afterwards, and no shell in between unless it is asked for."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedsweep.workers.programs.template import parse

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


def test_words_are_those_of_a_shell_and_values_stay_in_their_word() -> None:
    template = parse("train --lr={lr} 'a {name} b' {{x}} {layers} n={layers}", shell=False)
    assert template.names == {"lr", "name", "layers"}
    assert template.fill({"lr": 1e-5, "name": "it's; rm", "layers": [1, 2]}) == [
        *("train", "--lr=1e-05", "a it's; rm b", "{x}", "1", "2", "n=1,2")
    ]  # fmt: skip


def test_a_command_may_go_over_several_lines() -> None:
    for text in ("train \\\n  --lr {lr} \\\n  x\n", "train\n  --lr {lr}\n  x"):
        assert parse(text, shell=False).fill({"lr": 1}) == ["train", "--lr", "1", "x"]


@given(TEXTS)
def test_a_text_arrives_whatever_it_is(text: str) -> None:
    assert parse("program {a} x{a}", shell=False).fill({"a": text}) == ["program", text, f"x{text}"]


@given(TEXTS)
def test_a_shell_gives_the_same_text(text: str) -> None:
    command = parse("printf '%s' {a}", shell=True).fill({"a": text})
    assert subprocess.run(command, capture_output=True, check=True).stdout.decode() == text


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("train 'a", "no closing quotation; close every quote in it"),
        ("train {a", r"a brace is left open in '{a'; write {{ and }} for braces of its own"),
        ("train a}", "a brace is left open"),
        ("train {}", "only the name of a parameter may stand in braces, in '{}'"),
        ("train {a:.2f}", "only the name of a parameter may stand in braces"),
        ("train {a!r}", "only the name of a parameter may stand in braces"),
        ("  ", "is empty; write for example"),
    ],
)
def test_what_is_wrong_is_said(command: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(command, shell=False)
