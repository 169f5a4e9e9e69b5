"""Every seed in one panel: every population can be drawn, every seed is a dot, and text fits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from seedsweep.analysis import figures, summarise
from seedsweep.analysis.figures import style
from tests.analysis.figures.common import LADDERS, misplaced_texts, summaries_of
from tests.analysis.populations import ACCURACY


def draw_every_seed(name: str) -> Figure:
    names: dict[str, Any] = {"scale_name": "model.depth", "metric_name": "minimum_probability (length-15)"}
    return figures.every_seed(LADDERS[name], summaries_of(name), ACCURACY, **names)


@pytest.mark.parametrize("name", LADDERS)
def test_every_population_fits_and_every_seed_is_a_dot(name: str) -> None:
    figure = draw_every_seed(name)
    assert misplaced_texts(figure) == []
    (axes,) = figure.axes
    dots = [np.asarray(c.get_offsets()) for c in axes.collections if isinstance(c, PathCollection)]
    drawn = np.sort(np.concatenate(dots)[:, 1])
    given = np.concatenate([np.asarray(x, dtype=float) for _, x in sorted(LADDERS[name].items())])
    np.testing.assert_array_equal(drawn, np.sort(given[~np.isnan(given)]))


def test_dots_know_their_seeds() -> None:
    values: dict[float, Any] = {2: [0.9, float("nan"), 0.1, 0.8]}
    figure = figures.every_seed(
        values, summarise(values, ACCURACY), ACCURACY, scale_name="depth", metric_name="accuracy"
    )
    marked = [(rows, np.asarray(dots.get_offsets())[:, 1].tolist()) for dots, rows in style.marked_seeds(figure)]
    assert marked == [([(2, 2)], [0.1]), ([(2, 0), (2, 3)], [0.9, 0.8])]


def test_refuses_summaries_of_other_scales() -> None:
    with pytest.raises(ValueError, match="summaries of these scales are needed"):
        figures.every_seed({1: [0.1]}, summaries_of("bimodal"), ACCURACY, scale_name="d", metric_name="a")
