"""The U-shape: the mean beside its factors, a mark only on a dip that the intervals show, and text fits."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from seedsweep.analysis import figures, summarise
from tests.analysis.figures.common import LADDERS, misplaced_texts, population, summaries_of
from tests.analysis.populations import ACCURACY

NAMES: dict[str, Any] = {"scale_name": "model.heads", "metric_name": "exact_match"}
U: dict[float, Any] = {heads: population(64, chance) for heads, chance in ((1, 0.8), (2, 0.3), (4, 0.4), (8, 1.0))}


def draw_u_shape(name: str) -> Figure:
    return figures.u_shape(summaries_of(name) if name in LADDERS else summarise(U, ACCURACY), **NAMES)


@pytest.mark.parametrize("name", LADDERS)
def test_every_population_fits(name: str) -> None:
    assert misplaced_texts(draw_u_shape(name)) == []


def test_the_dip_of_the_mean_and_of_the_successes_is_marked() -> None:
    summaries = summarise(U, ACCURACY)
    panels: list[Any] = draw_u_shape("U").axes
    drawn = [panel.lines[0].get_ydata() for panel in panels]
    np.testing.assert_array_equal(drawn[0], [s.mean.estimate for s in summaries])
    np.testing.assert_array_equal(drawn[1], [s.success.rate for s in summaries])
    given_success = [s.mean_given_success.estimate for s in summaries if s.mean_given_success]
    np.testing.assert_array_equal(drawn[2], given_success)
    marks = [[list(line.get_xdata()) for line in panel.lines[1:]] for panel in panels]
    assert marks == [[[2]], [[2]], []]


def test_a_rising_mean_has_no_mark() -> None:
    assert [len(panel.lines) for panel in draw_u_shape("bimodal").axes][:2] == [1, 1]


def test_a_metric_that_is_no_share_has_its_own_axis() -> None:
    summaries = summarise({1: [3.0, 4.0], 2: [9.0, 7.0]}, replace(ACCURACY, threshold=5.0), bounds=(0, math.inf))
    figure = figures.u_shape(summaries, **NAMES)
    assert misplaced_texts(figure) == []
    assert figure.axes[0].get_ylim()[1] > 8
    assert figure.axes[1].get_ylim()[1] < 1.5


def test_refuses_no_scale() -> None:
    with pytest.raises(ValueError, match="at least one scale"):
        figures.u_shape((), **NAMES)
