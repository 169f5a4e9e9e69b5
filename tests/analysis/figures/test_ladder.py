"""The ladder: every population can be drawn, what is drawn is what was given, and text fits."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from seedsweep.analysis import figures, summarise
from tests.analysis.figures.common import LADDERS, misplaced_texts, summaries_of
from tests.analysis.populations import ACCURACY


def draw_ladder(name: str) -> Figure:
    values = LADDERS[name]
    names: dict[str, Any] = {"scale_name": "model.depth", "metric_name": "minimum_probability (length-15)"}
    return figures.ladder(values, summaries_of(name), ACCURACY, **names)


@pytest.mark.parametrize("name", LADDERS)
def test_ladder_draws_every_population(name: str) -> None:
    figure = draw_ladder(name)
    assert misplaced_texts(figure) == []
    panels: list[Any] = figure.subfigs[0].axes
    for panel, (scale, x) in zip(panels, sorted(LADDERS[name].items()), strict=True):
        observed = np.asarray(x)[~np.isnan(x)]
        assert panel.get_title() == f"{scale:g}"
        assert panel.texts[0].get_text().startswith(f"n = {len(x)}")
        shares = sum(bar.get_width() for bar in panel.patches)
        assert shares == pytest.approx(len(observed) / max(len(x), 1))
        dots = [c for c in panel.collections if isinstance(c, PathCollection)]
        successes = int((observed >= 0.5).sum())
        assert [len(np.asarray(d.get_offsets())) for d in dots] == [len(observed) - successes, successes]


def test_ladder_draws_the_summaries() -> None:
    values = LADDERS["bimodal"]
    summaries = summarise(values, ACCURACY)
    figure = figures.ladder(values, summaries, ACCURACY, scale_name="depth", metric_name="accuracy")
    location, success, distance = figure.subfigs[1].axes
    drawn = {line.get_label(): line.get_ydata() for line in location.lines}
    np.testing.assert_array_equal(drawn["mode"], [s.mode.estimate for s in summaries])
    np.testing.assert_array_equal(drawn["mean"], [s.mean.estimate for s in summaries])
    np.testing.assert_array_equal(success.lines[0].get_ydata(), [s.success.rate for s in summaries])
    distances = [s.w2_to_largest.estimate for s in summaries]
    np.testing.assert_array_equal(distance.lines[0].get_ydata(), distances)
    assert location.get_ylabel() == "accuracy"
    assert success.get_title(loc="left") == "P(success)"
    assert distance.get_title(loc="left") == "$W_2$ to 4, in accuracy"


def test_ladder_of_an_unbounded_metric_shows_every_value() -> None:
    values: dict[float, Any] = {1: [3.2, 3.4, 2.9], 2: [1.1, 1.3, 0.2]}
    criterion = replace(ACCURACY, threshold=1.0)
    summaries = summarise(values, criterion, bounds=(0, math.inf))
    figure = figures.ladder(values, summaries, criterion, scale_name="depth", metric_name="loss (nats)")
    low, high = figure.subfigs[0].axes[0].get_ylim()
    assert low < 0.2 < 3.4 < high


def test_ladder_says_how_ties_were_treated() -> None:
    values: dict[float, Any] = {1: [0.0] * 6 + [0.9, 1.0]}
    for lattice, note in ((None, "up to 75 % of the values tied"), (0.1, "p of groups")):
        summaries = summarise(values, ACCURACY, lattice=lattice)
        figure = figures.ladder(values, summaries, ACCURACY, scale_name="depth", metric_name="accuracy")
        assert note in figure.subfigs[0].get_supxlabel()


def test_ladder_refuses_summaries_of_other_scales() -> None:
    summaries = summarise({1: [0.1], 2: [0.2]}, ACCURACY)
    refused: list[tuple[dict[float, Any], Any]] = [({1: [0.1]}, summaries), ({}, ())]
    for values, wrong in refused:
        with pytest.raises(ValueError, match="a ladder needs the summaries of its scales"):
            figures.ladder(values, wrong, ACCURACY, scale_name="depth", metric_name="accuracy")
