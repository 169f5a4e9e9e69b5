"""How often what `compare` and `forecast` say is true, where the truth is known: as recorded, and a few anew."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.calibration import comparisons, forecasts
from benchmarks.calibration.tally import Tally, wilson

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def broken(yes: int, asked: int, *, at_most: float = 1.0, at_least: float = 0.0) -> bool:
    """By more than chance would have it: all of the 99.9 % interval is beyond the limit."""
    _, low, high = wilson(yes, asked, 0.999)
    return low > at_most or high < at_least


def promised(question: str) -> dict[str, float]:
    """Of a comparison."""
    if question.startswith("falsely said"):
        return {"at_most": 0.05}
    if question.startswith("covers"):
        return {"at_least": 0.9 if "W2" in question else 0.95}
    return {}


def recorded(name: str) -> list[tuple[str, str, int, int]]:
    """Population, question, yes, asked."""
    rows = re.findall(
        r"^(\S.*?)\s{2,}(?:\d+ )?(\S.*?)\s{2,}[\d.]+ +[\d.]+ +[\d.]+ +(\d+) +(\d+)$",
        (BENCHMARKS / name).read_text(),
        re.MULTILINE,
    )
    return [(population, question, int(yes), int(asked)) for population, question, yes, asked in rows]


def test_recorded_comparisons() -> None:
    rows = recorded("comparisons.txt")
    assert {name for name, *_ in rows} == set(comparisons.PAIRS)
    for name, question, yes, asked in rows:
        assert not broken(yes, asked, **promised(question)), f"{name}, {question}: {yes} of {asked}"


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["same-pairs", "same-half-pairs", "same-times", "more-pairs"])
def test_comparisons_anew(name: str) -> None:
    counts = comparisons.measure(comparisons.PAIRS[name], 30, 1).counts
    for question, (yes, asked) in counts.items():
        assert not broken(yes, asked, **promised(question)), f"{question}: {yes} of {asked}"


FORESEEABLE = ("logistic", "logistic, successes rise", "plateau at .7", "all rise together")
UNFORESEEABLE = ("level", "comes at the end", "comes after the end")


def test_recorded_forecasts() -> None:
    rows = recorded("forecasts.txt")
    assert {name for name, *_ in rows} == set(forecasts.LADDERS)
    for name, question, yes, asked in rows:
        limits = {}
        if name in FORESEEABLE and question.startswith("covers"):
            limits = {"at_least": 0.9}
        if name in UNFORESEEABLE and question == "refused":
            limits = {"at_least": 0.9}
        assert not broken(yes, asked, **limits), f"{name}, {question}: {yes} of {asked}"


@pytest.mark.heavy
def test_forecasts_anew() -> None:
    held = Tally()
    for name in FORESEEABLE:
        held.add(forecasts.measure(name, 48, 10, 1))
    assert not broken(*held.counts["covers P(success)"], at_least=0.9)
    for name in UNFORESEEABLE:
        assert not broken(*forecasts.measure(name, 48, 10, 1).counts["refused"], at_least=0.9)
