"""Extreme curves: the two drawn curves and every seed are in the picture, and text fits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from seedsweep import analysis
from seedsweep.analysis import figures
from tests.analysis.figures.common import LADDERS, misplaced_texts

DRAWABLE = [name for name in LADDERS if name not in ("one scale", "diverged or missing")]


def draw_extreme_curves(name: str) -> Figure:
    values = LADDERS[name]
    extremes = analysis.extreme_curves(values, draws=500)
    return figures.extreme_curves(
        values, extremes, scale_name="model.depth", metric_name="minimum_probability (length-15)"
    )


@pytest.mark.parametrize("name", DRAWABLE)
def test_every_population_fits(name: str) -> None:
    assert misplaced_texts(draw_extreme_curves(name)) == []


def test_the_curves_are_those_of_the_result() -> None:
    values = LADDERS["bimodal"]
    extremes = analysis.extreme_curves(values, draws=500)
    panels: list[Any] = draw_extreme_curves("bimodal").axes
    left, right = panels
    for panel, curve in ((left, extremes.most_breakthrough), (right, extremes.most_linear)):
        mean, drawn = panel.lines
        assert tuple(drawn.get_ydata()) == curve.values
        np.testing.assert_allclose(mean.get_ydata(), [np.mean(x) for x in values.values()])
        assert [len(dots.get_offsets()) for dots in panel.collections] == [64] * 4
        assert f"linearity {curve.linearity:.1f}" in panel.texts[0].get_text()
    assert "breakthroughness infinite" in left.texts[0].get_text()
