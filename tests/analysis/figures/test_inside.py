"""The figures of what happened inside: what is drawn is what was found, and text fits."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from benchmarks.calibration.seen import Seen, population
from seedsweep.analysis import Inside, event_times, figures, inside
from seedsweep.analysis.figures import style
from tests.analysis.figures.common import misplaced_texts

POPULATIONS: dict[str, tuple[Seen, int]] = {
    "four scales": (Seen(heads=(1.0, 2.0, 4.0, 8.0), shared=0.4, lead=80.0, told=0.9), 64),
    "one scale": (Seen(heads=(4.0,)), 24),
    "eight scales": (Seen(heads=tuple(2.0**k for k in range(8)), outputs=16), 64),
    "nobody": (Seen(median=1e6), 12),
    "one seed": (Seen(outputs=2), 1),
}


@cache
def found(name: str) -> Inside:
    seen, seeds = POPULATIONS[name]
    known = inside(population(seen.draw(np.random.default_rng(0), seeds)))
    assert known is not None
    return known


def draw_outputs_not_yet(name: str) -> Figure:
    times = {scale.scale: scale.times for scale in found(name).scales if scale.times is not None}
    return figures.outputs_not_yet(times, scale_name="heads")


def draw_learnt_together(name: str) -> Figure:
    counts = {s.scale: (s.step, s.dependence) for s in found(name).scales if s.dependence is not None}
    return figures.learnt_together(counts, scale_name="heads")


def draw_event_pairs(name: str) -> Figure:
    rises = {f"heads {s.scale:g}": (s.rises[1], s.rises[0]) for s in found(name).scales if s.rises is not None}
    return figures.event_pairs(rises, first_name="capability", second_name="attention")


def draw_forecasts(name: str) -> Figure:
    streams = [(s.scale, one) for s in found(name).scales for one in s.forecasts if one.split == "probe"]
    return figures.forecasts(streams, scale_name="heads", stream_name="value (probe)")


DRAW: dict[str, Any] = {
    "outputs_not_yet": draw_outputs_not_yet,
    "learnt_together": draw_learnt_together,
    "event_pairs": draw_event_pairs,
}


@pytest.mark.parametrize("name", POPULATIONS)
@pytest.mark.parametrize("kind", DRAW)
def test_text_fits(kind: str, name: str) -> None:
    assert misplaced_texts(DRAW[kind](name)) == []


@pytest.mark.parametrize("name", ["four scales", "one scale", "eight scales"])
def test_forecasts_have_a_mark_for_every_seed_that_waited(name: str) -> None:
    figure = draw_forecasts(name)
    assert misplaced_texts(figure) == []
    streams = [one for s in found(name).scales for one in s.forecasts if one.split == "probe"]
    for panel, one in zip(figure.axes, streams, strict=True):
        assert sum(len(np.asarray(dots.get_offsets())) for dots in panel.collections) == one.forecast.n


def test_lines_end_where_the_share_does() -> None:
    figure = draw_outputs_not_yet("four scales")
    left, right = figure.axes
    for scale, line, scaled in zip(found("four scales").scales, left.lines, right.lines, strict=True):
        share = np.asarray(line.get_ydata())
        assert share[0] == 1
        if scale.learnt < 1:  # the censored are all at the end, so that nothing is estimated
            assert share[-1] == pytest.approx(1 - scale.learnt)
        np.testing.assert_array_equal(np.asarray(scaled.get_xdata()), scale.scale * np.asarray(line.get_xdata()))


def test_bars_are_seeds_and_the_line_is_independence() -> None:
    for panel, scale in zip(draw_learnt_together("four scales").axes, found("four scales").scales, strict=True):
        assert scale.dependence is not None
        assert [
            bar.get_height() for bar in panel.patches if isinstance(bar, Rectangle)
        ] == scale.dependence.counts.tolist()
        np.testing.assert_array_equal(panel.lines[0].get_ydata(), scale.dependence.expected)


def test_colours_are_of_what_surely_comes_first() -> None:
    steps = [0, 10, 20, 30]
    capability = event_times(steps, [[0, 0, 1, 1], [0, 1, 1, 1], [0, 1, 1, 1], [0, 0, 0, 0]], 0.5)
    attention = event_times(steps, [[0, 1, 1, 1], [0, 1, 1, 1], [0, 0, 0, 1], [0, 0, 0, 0]], 0.5)
    figure = figures.event_pairs({"a": (capability, attention)}, first_name="capability", second_name="attention")
    collections = figure.axes[0].collections
    dots = {tuple(np.asarray(one.get_facecolor())[0][:3]): one.get_offsets() for one in collections}
    same, first, later = (np.asarray(dots[to_rgba(c)[:3]]) for c in (style.GREY, style.SUCCESS, style.FAILURE))
    assert (len(same), len(first), len(later)) == (2, 1, 1)
    assert 10 <= first[0][0] <= 20
    assert 0 <= first[0][1] <= 10
    assert (same.max(axis=0) > 30).all()  # what has not happened stands beyond the last evaluation


def test_nothing_to_draw() -> None:
    with pytest.raises(ValueError, match="at least one scale"):
        figures.outputs_not_yet({}, scale_name="heads")
    with pytest.raises(ValueError, match="at least one scale"):
        figures.learnt_together({}, scale_name="heads")
    with pytest.raises(ValueError, match="at least one scale"):
        figures.forecasts([], scale_name="heads", stream_name="a")
    with pytest.raises(ValueError, match="at least one panel"):
        figures.event_pairs({}, first_name="a", second_name="b")
    one, two = (event_times([0, 1], np.zeros((n, 2)), 0.5) for n in (1, 2))
    with pytest.raises(ValueError, match="same things"):
        figures.event_pairs({"a": (one, two)}, first_name="a", second_name="b")
