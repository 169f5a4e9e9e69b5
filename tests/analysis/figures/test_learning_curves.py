"""Learning curves: every seed is drawn, in the colour of its end, and text fits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from seedsweep.analysis import figures
from seedsweep.criterion import Criterion
from tests.analysis.figures.common import misplaced_texts
from tests.analysis.populations import ACCURACY


def draw_learning_curves(scales: int) -> Figure:
    random = np.random.default_rng(scales)
    steps = np.concatenate([[0], 2 ** np.arange(8), np.linspace(250, 10_000, 40)])
    curves: dict[float, Any] = {}
    for scale in range(1, scales + 1):
        onset = random.gamma(3, 4000 / scale, (64, 1))
        curves[scale] = (steps, 0.95 / (1 + np.exp((onset - steps) / 400)))
    return figures.learning_curves(
        curves, ACCURACY, scale_name="depth", metric_name="minimum_probability (length-15)"
    )


@pytest.mark.parametrize("scales", [1, 4, 6, 8])
def test_learning_curves_draw_every_seed(scales: int) -> None:
    figure = draw_learning_curves(scales)
    assert misplaced_texts(figure) == []
    assert len(figure.axes) == scales
    panels: list[Any] = figure.axes
    for panel in panels:
        failing, successful = (len(lines.get_segments()) for lines in panel.collections)
        assert failing + successful == 64
        assert panel.texts[0].get_text() == f"{successful} of 64 succeed"


def test_learning_curves_are_coloured_by_their_end() -> None:
    values = [[0.9, 0.1], [0.1, 0.5], [0.9, math.nan]]
    figure = figures.learning_curves({3: ([0, 10], values)}, ACCURACY, scale_name="depth", metric_name="accuracy")
    panel: Any = figure.axes[0]
    failing, successful = panel.collections
    assert (to_hex(failing.get_color()[0]), to_hex(successful.get_color()[0])) == ("#e69f00", "#0072b2")
    assert [segment[-1][1] for segment in successful.get_segments()] == [0.5]


def test_learning_curves_of_a_loss_and_of_runs_that_end_early() -> None:
    values = [[0.9, 0.1], [0.4, math.nan], [0.9, 0.6]]
    figure = figures.learning_curves(
        {3: ([0, 10], values)},
        Criterion("loss", split="test", threshold=0.5, higher_is_better=False),
        scale_name="depth",
        metric_name="loss",
        ends={3: [0.1, 0.4, 0.6]},
    )
    panel: Any = figure.axes[0]
    failing, successful = panel.collections
    assert [segment[-1].tolist() for segment in successful.get_segments()] == [[10, 0.1], [0, 0.4]]
    assert [segment[-1][1] for segment in failing.get_segments()] == [0.6]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "ends at 0.5 or less: success",
        "ends above",
    ]
    assert figure.axes[0].texts[0].get_text() == "2 of 3 succeed"


@pytest.mark.parametrize(
    ("scale", "label"),
    [(0.0125, "0.0125"), (65_536, "65536"), (219_776, "220k"), (999_999, "1M"), (12_768_256, "12.8M"),
     (1.5e9, "1.5B"), (2e12, "2T"), (-3, "−3")],
)  # fmt: skip
def test_scale_labels_are_short(scale: float, label: str) -> None:
    figure = figures.learning_curves(
        {scale: ([0, 1], [[0.1, 0.2]])}, ACCURACY, scale_name="depth", metric_name="accuracy"
    )
    assert figure.axes[0].get_title() == f"depth {label}"


@pytest.mark.parametrize(("steps", "values"), [([0], [[0.3]]), ([0, 10], np.empty((0, 2))), ([5], [[math.nan]])])
def test_learning_curves_of_hardly_anything(steps: Any, values: Any) -> None:
    figure = figures.learning_curves({1: (steps, values)}, ACCURACY, scale_name="depth", metric_name="accuracy")
    assert misplaced_texts(figure) == []


@pytest.mark.parametrize(
    "curves", [{}, {1: ([0, 1], [0.1, 0.2])}, {1: ([0, 1], [[0.1]])}, {1: ([], np.empty((3, 0)))}]
)
def test_learning_curves_refuse_other_shapes(curves: Any) -> None:
    with pytest.raises(ValueError, match=r"at least one scale|shape \(t,\)"):
        figures.learning_curves(curves, ACCURACY, scale_name="depth", metric_name="accuracy")
