"""Distances: what is drawn is what was given, the marks stand where they belong, and text fits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from seedsweep import analysis
from seedsweep.analysis import figures
from tests.analysis.figures.common import LADDERS, misplaced_texts, summaries_of
from tests.analysis.populations import ACCURACY

NAMES: dict[str, Any] = {"scale_name": "model.depth", "metric_name": "minimum_probability (length-15)"}


def draw_distances(name: str) -> Figure:
    values = LADDERS[name]
    capacity = analysis.minimum_capacity(values)
    return figures.distances(analysis.drift(values), capacity, summaries_of(name), ACCURACY, **NAMES)


@pytest.mark.parametrize(
    "name", ["bimodal", "one scale", "long labels", "all zero", "one seed", "diverged or missing"]
)
def test_every_population_fits(name: str) -> None:
    assert misplaced_texts(draw_distances(name)) == []


def test_what_is_drawn_is_what_was_given() -> None:
    sharp: dict[float, Any] = {
        scale: LADDERS["bimodal"][depth] for scale, depth in ((1, 1), (2, 1), (4, 3), (8, 4))
    }
    sharp[1] = sharp[2] = np.linspace(0, 0.05, 64)
    rows, capacity = analysis.drift(sharp), analysis.minimum_capacity(sharp)
    figure = figures.distances(rows, capacity, analysis.summarise(sharp, ACCURACY), ACCURACY, **NAMES)
    panels: list[Any] = figure.axes
    left, right = panels
    distances, capacity_line, jump = left.lines
    np.testing.assert_array_equal(distances.get_ydata(), [row.to_largest.estimate for row in rows])
    expected = [row.to_previous.estimate for row in rows if row.to_previous]
    np.testing.assert_array_equal(right.lines[0].get_ydata()[1:], expected)
    assert capacity.scale == 4.0
    assert list(capacity_line.get_xdata()) == [4, 4]
    assert list(jump.get_xdata()) == [4, 4]
    assert (
        capacity_line.get_label()
        == f"minimum capacity (largest drop in {100 * capacity.shares[2]:.0f} % of resamples)"
    )
    assert [bar.get_height() for bar in left.patches] == [row.noise_floor.high for row in rows]


def test_no_mark_without_a_capacity_or_a_jump() -> None:
    left, _ = draw_distances("all zero").axes
    assert len(left.lines) == 1


def test_refuses_other_scales() -> None:
    values = LADDERS["one seed"]
    capacity = analysis.minimum_capacity(values)
    for drift in ((), analysis.drift({9: [0.1]})):
        with pytest.raises(ValueError, match="need the summaries of their scales"):
            figures.distances(drift, capacity, analysis.summarise(values, ACCURACY), ACCURACY, **NAMES)
