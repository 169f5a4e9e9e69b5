"""Claims against seeds: what is drawn is what was given, infinity has an arrow, and text fits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from seedsweep.analysis import EmergenceClaims, emergence_claims, figures
from tests.analysis.figures.common import LADDERS, misplaced_texts

SEEDS = (1, 2, 4, 8, 16, 32)


def results(name: str) -> list[EmergenceClaims]:
    return [emergence_claims(LADDERS[name], threshold=0.5, seeds=k, draws=1000, resamples=20) for k in SEEDS]


def draw_claims(name: str) -> Figure:
    return figures.claims(results(name))


@pytest.mark.parametrize("name", LADDERS)
def test_every_population_fits(name: str) -> None:
    assert misplaced_texts(draw_claims(name)) == []


def test_what_is_drawn_is_what_was_given() -> None:
    given = results("eight scales")
    panels: list[Any] = figures.claims(given).axes
    left, right = panels
    np.testing.assert_array_equal(left.lines[0].get_ydata(), [r.probability.estimate for r in given])
    top = right.get_ylim()[1]
    infinite = [r.seeds for r in given if r.breakthroughness.quantiles[0.95] > top]
    arrows = [line.get_xdata()[0] for line in right.lines if line.get_marker() == "^"]
    assert arrows == infinite != []
    medians = [line.get_ydata()[0] for line in right.lines if line.get_marker() == "o"]
    assert medians == [min(r.breakthroughness.quantiles[0.5], top) for r in given]
    assert right.texts[0].get_text() == "claimed above 21"


def test_refuses_numbers_of_seeds_that_do_not_increase() -> None:
    one, two, *_ = results("bimodal")
    for wrong in ([], [two, one], [one, one]):
        with pytest.raises(ValueError, match="increasing numbers of seeds"):
            figures.claims(wrong)
