"""The figures of what comes and goes: what is drawn is what was found, and text fits."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure

from benchmarks.calibration.transients import TRANSIENTS, Coming
from seedsweep.analysis import Transience, figures, transience
from seedsweep.analysis.figures import style
from seedsweep.population import Population
from tests.analysis.figures.common import misplaced_texts


def along(*come: float) -> dict[float, float]:
    return {float(scale): share for scale, share in enumerate(come, 1)}


POPULATIONS: dict[str, tuple[Coming, int]] = {
    "four scales": (Coming(come=along(0.1, 0.4, 0.7, 0.9), go=along(0.9, 0.9, 0.9, 0.1), back=0.3), 64),
    "one scale": (Coming(go=along(0.9)), 48),
    "eight scales": (Coming(come=along(*np.linspace(0, 1, 8)), go=along(*np.linspace(1, 0, 8))), 64),
    "nobody": (Coming(come=along(0, 0), go=along(0, 0)), 12),
    "many seeds": (Coming(go=along(0.9)), 300),
}


@cache
def found(name: str) -> tuple[Population, Transience]:
    coming, seeds = POPULATIONS[name]
    with tempfile.TemporaryDirectory() as folder:
        read = replace(TRANSIENTS[0], coming=coming, seeds=seeds, threshold=0.65).population(0, 0, Path(folder))
        return read, transience(read)


def draw_outcome_shares(name: str) -> Figure:
    shares = {scale.scale: scale.shares for scale in found(name)[1].scales}
    return figures.outcome_shares(shares, scale_name="matched")


def draw_rise_and_fall(name: str) -> Figure:
    read, told = found(name)
    lines = read.curves("value")
    curves = {scale.scale: (lines[scale.scale].values, scale.events) for scale in told.scales}
    return figures.rise_and_fall(curves, told.criterion, scale_name="matched", metric_name="icl")


def draw_event_trend(name: str) -> Figure:
    told = found(name)[1]
    trends = {"get there": told.trends["emerged"], "get there and lose it again": told.trends["transient"]}
    return figures.event_trend(trends, scale_name="matched")


DRAW: dict[str, Any] = {
    "outcome_shares": draw_outcome_shares,
    "rise_and_fall": draw_rise_and_fall,
    "event_trend": draw_event_trend,
}


@pytest.mark.parametrize("name", POPULATIONS)
@pytest.mark.parametrize("kind", DRAW)
def test_text_fits(kind: str, name: str) -> None:
    assert misplaced_texts(DRAW[kind](name)) == []


def test_areas_are_the_shares() -> None:
    figure, told = draw_outcome_shares("four scales"), found("four scales")[1]
    for panel, scale in zip(figure.axes, told.scales, strict=True):
        areas = [artist for artist in panel.collections if isinstance(artist, PolyCollection)]
        tops = [float(np.asarray(area.get_paths()[0].vertices)[:, 1].max()) for area in areas]
        layers = [scale.shares.there, scale.shares.back, scale.shares.gone, scale.shares.never]
        assert tops == pytest.approx([layer.max() for layer in np.cumsum(layers, axis=0)])


def test_a_line_for_every_seed_and_a_mark_for_every_peak_and_half_life() -> None:
    figure, told = draw_rise_and_fall("four scales"), found("four scales")[1]
    for panel, scale in zip(figure.axes, told.scales, strict=True):
        lines = [artist for artist in panel.collections if isinstance(artist, LineCollection)]
        gone = scale.count("gone")
        counts = (64 - scale.emerged.successes, scale.emerged.successes - gone, gone)
        assert tuple(len(line.get_segments()) for line in lines) == counts
        marks = {line.get_marker(): line for line in panel.get_lines()}
        peaks, halves = (np.asarray(marks[kind].get_xydata()) for kind in ("o", "v"))
        emerged, halved = scale.emerged_rows, scale.events.halved.reached
        assert np.array_equal(peaks, np.column_stack([scale.events.peak_step, scale.events.peak])[emerged])
        assert np.array_equal(halves[:, 0], scale.events.halved.middle[halved])
        assert np.array_equal(halves[:, 1], scale.events.halved.level[halved])


def test_a_trend_that_is_not_monotone_is_dotted() -> None:
    figure, told = draw_event_trend("four scales"), found("four scales")[1]
    trends = [told.trends["emerged"], told.trends["transient"]]
    fits = [line for line in figure.axes[0].get_lines() if line.get_linestyle() != "None"]
    for line, trend, colour in zip(fits, trends, (style.SUCCESS, style.FAILURE), strict=True):
        assert np.array_equal(np.asarray(line.get_ydata()), trend.fitted)
        assert line.get_color() == colour
        assert (line.get_linestyle() == "-") == trend.fits
    assert [trend.fits for trend in trends] == [True, False]


@pytest.mark.parametrize("draw", [figures.outcome_shares, figures.event_trend])
def test_nothing_to_draw(draw: Any) -> None:
    with pytest.raises(ValueError, match="needs at least one"):
        draw({}, scale_name="depth")
