"""The twins: every seed is drawn under both metrics, counted at the sides, and text fits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from seedsweep.analysis import figures
from tests.analysis.figures.common import LADDERS, misplaced_texts
from tests.analysis.populations import ACCURACY


def continuous(x: Any) -> np.ndarray:
    """An error score that goes with the accuracies."""
    return 6 * (1 - np.asarray(x, dtype=float)) ** 2


def draw_twins(name: str) -> Figure:
    values = LADDERS[name]
    return figures.metric_twins(
        values,
        {scale: continuous(x) for scale, x in values.items()},
        ACCURACY,
        scale_name="depth",
        harsh_name="exact_match (length-15)",
        continuous_name="error_score (length-15)",
    )


@pytest.mark.parametrize("name", LADDERS)
def test_twins_draw_every_seed(name: str) -> None:
    figure = draw_twins(name)
    assert misplaced_texts(figure) == []
    panels: list[Any] = figure.axes
    for panel, (scale, x) in zip(panels, sorted(LADDERS[name].items()), strict=True):
        x = np.asarray(x, dtype=float)
        x = x[~np.isnan(x)]
        assert panel.get_title() == f"depth {scale:g}"
        failing, successful = (dots.get_offsets() for dots in panel.collections)
        np.testing.assert_allclose(failing, np.column_stack([continuous(x), x])[x < 0.5])
        np.testing.assert_allclose(successful, np.column_stack([continuous(x), x])[x >= 0.5])
        for histogram in panel.child_axes:
            failing, successful = (stairs.get_data() for stairs in histogram.patches)
            assert failing.values.sum() == (x < 0.5).sum()
            assert (successful.values - successful.baseline).sum() == (x >= 0.5).sum()


def test_histograms_keep_the_colours_apart() -> None:
    figure = figures.metric_twins(
        {2: [0.0, 0.1, 0.9, math.nan]},
        {2: [0.22, 0.32, 0.82, 0.5]},
        ACCURACY,
        scale_name="depth",
        harsh_name="accuracy",
        continuous_name="probability",
    )
    histogram: Any = figure.axes[0].child_axes[0]
    failing, successful = histogram.patches
    assert (to_hex(failing.get_facecolor()), to_hex(successful.get_facecolor())) == ("#e69f00", "#0072b2")
    np.testing.assert_array_equal(np.flatnonzero(failing.get_data().values), [4, 6])  # of 20 bins
    counts = successful.get_data()
    np.testing.assert_array_equal(np.flatnonzero(counts.values - counts.baseline), [16])


@pytest.mark.parametrize(("harsh", "other"), [({}, {}), ({1: [0.1]}, {2: [0.1]}), ({1: [0.1]}, {1: [0.1, 0.2]})])
def test_twins_need_the_same_seeds(harsh: Any, other: Any) -> None:
    with pytest.raises(ValueError, match=r"same scales, one at least|2 seeds of p and 1 of accuracy"):
        figures.metric_twins(
            harsh, other, ACCURACY, scale_name="depth", harsh_name="accuracy", continuous_name="p"
        )
