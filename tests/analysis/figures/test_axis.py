"""The axis of a ladder: scales stand where their numbers are, unless they shall be categories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from seedsweep.analysis import figures, summarise
from seedsweep.analysis.figures.axis import Kind, ScaleAxis, kind_of
from tests.analysis.figures.common import LADDERS, misplaced_texts, population
from tests.analysis.populations import ACCURACY


@pytest.mark.parametrize(
    ("scales", "kind"),
    [
        ([4], "linear"),
        ([1, 2], "linear"),
        ([1, 2, 3, 5], "linear"),
        ([2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24], "linear"),  # even steps, whatever their reach
        ([70e6, 160e6], "linear"),
        ([70e6, 1.5e9], "log"),
        ([64, 128, 256], "log"),
        ([0.0005, 0.001, 0.0015, 0.01, 0.1], "log"),
        ([0, 0.001, 0.1], "linear"),  # zero has no logarithm
        ([-2, 0, 50], "linear"),
    ],
)
def test_which_axis(scales: Sequence[float], kind: Kind) -> None:
    assert kind_of(scales) == kind


def drawn(scales: Sequence[float], categories: bool) -> Any:
    values: dict[float, Any] = {scale: population(20, 0.5) for scale in scales}
    axes: Any = figures.u_shape(
        summarise(values, ACCURACY), scale_name="mix", metric_name="accuracy", categories=categories
    ).axes
    return axes[0]


def test_scales_stand_where_their_numbers_are() -> None:
    panel = drawn([0.0005, 0.001, 0.01], categories=False)
    assert panel.get_xscale() == "log"
    np.testing.assert_array_equal(panel.lines[0].get_xdata(), [0.0005, 0.001, 0.01])
    assert panel.get_xlabel() == "mix, log axis"
    assert [label.get_text() for label in panel.get_xticklabels()] == ["0.0005", "0.001", "0.01"]
    places = panel.transData.transform([(scale, 0.5) for scale in (0.0005, 0.001, 0.01)])[:, 0]
    assert np.diff(places)[1] > 3 * np.diff(places)[0]


def test_categories_only_by_choice() -> None:
    panel = drawn([0.0005, 0.001, 0.01], categories=True)
    np.testing.assert_array_equal(panel.lines[0].get_xdata(), [0, 1, 2])
    assert panel.get_xlabel() == "mix, at equal distances"
    assert drawn([1, 2, 3, 5], categories=False).get_xlabel() == "mix, linear axis"


def test_places_beside_a_scale_keep_to_themselves() -> None:
    for scales in ([1, 2, 3, 5], [0.001, 0.002, 0.1], [7]):
        axis = ScaleAxis.of(scales)
        edges = np.array([axis.beside(i, np.array([-0.5, 0.5])) for i in range(len(scales))])
        assert (edges[:, 0] < axis.at).all()
        assert (axis.at < edges[:, 1]).all()
        assert (edges[:-1, 1] <= edges[1:, 0] * (1 + 1e-12)).all()


def test_labels_that_have_no_room_are_left_out_and_the_ends_stay() -> None:
    scales = [1.0, 1.01, 1.02, 1.03, 500.0, 1000.0]
    figure = Figure(figsize=(3.5, 2), layout="constrained")
    axes: Any = figure.subplots()
    ScaleAxis.of(scales).draw(axes, "width")
    assert misplaced_texts(figure) == []
    shown = [label.get_text() for label in axes.get_xticklabels()]
    assert (shown[0], shown[-1]) == ("1", "1000")
    assert "" in shown


def test_intervals_are_bars_and_no_bands() -> None:
    summaries = summarise(LADDERS["bimodal"], ACCURACY)
    figure = figures.ladder(LADDERS["bimodal"], summaries, ACCURACY, scale_name="depth", metric_name="accuracy")
    location: Any = figure.subfigs[1].axes[0]
    bars = [[tuple(segment[:, 1]) for segment in lines.get_segments()] for lines in location.collections]
    assert bars[0] == [(s.mode.low, s.mode.high) for s in summaries]
    assert len(bars) == 3
