"""Densities: one row per scale, a tick per seed, peaks where the seeds are, and text fits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from seedsweep.analysis import figures, mode
from tests.analysis.figures.common import LADDERS, misplaced_texts


def draw_densities(name: str) -> Figure:
    return figures.densities(
        LADDERS[name], scale_name="model.depth", metric_name="minimum_probability (length-15)"
    )


@pytest.mark.parametrize("name", LADDERS)
def test_every_population_fits(name: str) -> None:
    figure = draw_densities(name)
    assert misplaced_texts(figure) == []
    panels: list[Any] = figure.axes
    for axes, (scale, x) in zip(panels, sorted(LADDERS[name].items()), strict=True):
        seeds = int(np.isfinite(x).sum())
        assert axes.get_ylabel() == f"{scale:g}\nn = {seeds}"
        density, ticks = axes.lines
        assert len(ticks.get_xdata()) == seeds
        assert density.get_ydata().max() == (pytest.approx(1.0) if seeds else 0.0)


def test_the_peak_is_the_mode() -> None:
    panels: list[Any] = draw_densities("bimodal").axes
    for axes, x in zip(panels, LADDERS["bimodal"].values(), strict=True):
        grid, density = axes.lines[0].get_data()
        assert grid[np.argmax(density)] == pytest.approx(mode(x), abs=0.02)
        assert (grid.min(), grid.max()) == (0.0, 1.0)


def test_an_unbounded_metric_ends_at_its_bound() -> None:
    random = np.random.default_rng(0)
    values: dict[float, Any] = {1: random.gamma(2, 3, 64), 2: random.gamma(1, 0.2, 64)}
    figure = figures.densities(values, scale_name="depth", metric_name="error (nats)", bounds=(0, math.inf))
    assert misplaced_texts(figure) == []
    grid = np.asarray(figure.axes[0].lines[0].get_xdata())
    assert grid.min() == 0.0
    assert grid.max() > max(x.max() for x in values.values())


@pytest.mark.parametrize(("values", "message"), [({}, "at least one scale"), ({2: [math.inf]}, "at scale 2")])
def test_refused_values(values: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        figures.densities(values, scale_name="depth", metric_name="loss")
