"""The figures: every population can be drawn, what is drawn is what was given, and text fits.

How they look was judged by eye; `python -m tests.analysis.test_figures FOLDER` draws them again.
"""

from __future__ import annotations

import math
import sys
from itertools import combinations
from unittest import mock

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text

from seedsweep.analysis import figures, summarise


def population(seeds: int, chance: float) -> np.ndarray:
    random = np.random.default_rng([seeds, int(100 * chance)])
    successful = random.normal(0.9, 0.05, seeds)
    x = np.where(random.random(seeds) < chance, successful, np.abs(random.normal(0, 0.02, seeds)))
    return np.round(np.clip(x, 0, 1) * 91) / 91


LADDERS = {
    "bimodal": {depth: population(64, depth / 4) for depth in (1, 2, 3, 4)},
    "one scale": {6: population(80, 0.5)},
    "eight scales": {scale: population(250, i / 7) for i, scale in enumerate(2**k for k in range(3, 11))},
    "long labels": {mix: population(60, mix) for mix in (0.0125, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.95)},
    "all zero": {depth: np.zeros(64) for depth in (1, 2, 3)},
    "all one": {depth: np.ones(64) for depth in (1, 2)},
    "one seed": {1: [0.0], 2: [0.5], 4: [0.9]},
    "diverged or missing": {1: [math.nan] * 5, 2: [0.0, 0.1, 0.9, math.nan], 4: []},
}


def draw_ladder(name: str) -> Figure:
    values = LADDERS[name]
    summaries = summarise(values, at_least=0.5, lattice=1 / 91)
    names = {"scale_name": "model.depth", "metric_name": "minimum_probability (length-15)"}
    return figures.ladder(values, summaries, **names, at_least=0.5)


def draw_learning_curves(scales: int) -> Figure:
    random = np.random.default_rng(scales)
    steps = np.concatenate([[0], 2 ** np.arange(8), np.linspace(250, 10_000, 40)])
    curves = {}
    for scale in range(1, scales + 1):
        onset = random.gamma(3, 4000 / scale, (64, 1))
        curves[scale] = (steps, 0.95 / (1 + np.exp((onset - steps) / 400)))
    return figures.learning_curves(
        curves, scale_name="depth", metric_name="minimum_probability (length-15)", at_least=0.5
    )


def misplaced_texts(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of drawn texts that overlap, and texts that are cut by the edge of the page."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    drawn: set[Text] = set()
    draw = Text.draw

    def draw_and_record(text: Text, *arguments) -> None:
        drawn.add(text)
        draw(text, *arguments)

    with mock.patch.object(Text, "draw", draw_and_record):
        figure.draw(renderer)
    shown = [text for text in drawn if text.get_visible() and text.get_text().strip()]
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in shown]
    overlaps = [(a, b) for (a, box_a), (b, box_b) in combinations(boxes, 2) if box_a.overlaps(box_b)]
    page = figure.bbox
    cut = [(text, "page") for text, box in boxes if not (page.contains(*box.min) and page.contains(*box.max))]
    return overlaps + cut


@pytest.mark.parametrize("name", LADDERS)
def test_ladder_draws_every_population(name: str) -> None:
    figure = draw_ladder(name)
    assert misplaced_texts(figure) == []
    panels = figure.subfigs[0].axes
    for panel, (scale, x) in zip(panels, sorted(LADDERS[name].items()), strict=True):
        observed = np.asarray(x)[~np.isnan(x)]
        assert panel.get_title() == f"{scale:g}"
        assert panel.texts[0].get_text().startswith(f"n = {len(x)}")
        shares = sum(bar.get_width() for bar in panel.patches)
        assert shares == pytest.approx(len(observed) / max(len(x), 1))
        dots = [c for c in panel.collections if isinstance(c, PathCollection)]
        successes = int((observed >= 0.5).sum())
        assert [len(d.get_offsets()) for d in dots] == [len(observed) - successes, successes]


def test_ladder_draws_the_summaries() -> None:
    values = LADDERS["bimodal"]
    summaries = summarise(values, at_least=0.5)
    figure = figures.ladder(values, summaries, scale_name="depth", metric_name="accuracy", at_least=0.5)
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
    values = {1: [3.2, 3.4, 2.9], 2: [1.1, 1.3, 0.2]}
    summaries = summarise(values, at_least=1.0, bounds=(0, math.inf))
    figure = figures.ladder(values, summaries, scale_name="depth", metric_name="loss (nats)", at_least=1.0)
    low, high = figure.subfigs[0].axes[0].get_ylim()
    assert low < 0.2 < 3.4 < high


def test_ladder_says_how_ties_were_treated() -> None:
    values = {1: [0.0] * 6 + [0.9, 1.0]}
    for lattice, note in ((None, "up to 75% tied values"), (0.1, "jittered by 0.1")):
        summaries = summarise(values, at_least=0.5, lattice=lattice)
        figure = figures.ladder(values, summaries, scale_name="depth", metric_name="accuracy", at_least=0.5)
        assert note in figure.subfigs[0].get_supxlabel()


def test_ladder_refuses_summaries_of_other_scales() -> None:
    summaries = summarise({1: [0.1], 2: [0.2]}, at_least=0.5)
    for values, wrong in (({1: [0.1]}, summaries), ({}, ())):
        with pytest.raises(ValueError, match="a ladder needs the summaries of its scales"):
            figures.ladder(values, wrong, scale_name="depth", metric_name="accuracy", at_least=0.5)


@pytest.mark.parametrize("scales", [1, 4, 6, 8])
def test_learning_curves_draw_every_seed(scales: int) -> None:
    figure = draw_learning_curves(scales)
    assert misplaced_texts(figure) == []
    assert len(figure.axes) == scales
    for panel in figure.axes:
        failing, successful = (len(lines.get_segments()) for lines in panel.collections)
        assert failing + successful == 64
        assert panel.texts[0].get_text() == f"{successful} of 64 succeed"


def test_learning_curves_are_coloured_by_their_end() -> None:
    values = [[0.9, 0.1], [0.1, 0.5], [0.9, math.nan]]
    figure = figures.learning_curves(
        {3: ([0, 10], values)}, scale_name="depth", metric_name="accuracy", at_least=0.5
    )
    failing, successful = figure.axes[0].collections
    assert (to_hex(failing.get_color()[0]), to_hex(successful.get_color()[0])) == ("#e69f00", "#0072b2")
    assert [segment[-1][1] for segment in successful.get_segments()] == [0.5]


@pytest.mark.parametrize(
    ("scale", "label"),
    [(0.0125, "0.0125"), (65_536, "65536"), (219_776, "220k"), (999_999, "1M"), (12_768_256, "12.8M"),
     (1.5e9, "1.5B"), (2e12, "2T"), (-3, "-3")],
)  # fmt: skip
def test_scale_labels_are_short(scale: float, label: str) -> None:
    figure = figures.learning_curves(
        {scale: ([0, 1], [[0.1, 0.2]])}, scale_name="depth", metric_name="accuracy", at_least=0.5
    )
    assert figure.axes[0].get_title() == f"depth {label}"


def test_the_check_finds_misplaced_texts() -> None:
    figure = Figure(figsize=(2, 2))
    for x, text in ((0.4, "wide enough"), (0.5, "to collide"), (0.95, "cut off")):
        figure.text(x, 0.5 if x < 0.9 else 0.9, text)
    assert sorted(misplaced_texts(figure)[0]) == ["to collide", "wide enough"]
    assert misplaced_texts(figure)[1:] == [("cut off", "page")]


@pytest.mark.parametrize(("steps", "values"), [([0], [[0.3]]), ([0, 10], np.empty((0, 2))), ([5], [[math.nan]])])
def test_learning_curves_of_hardly_anything(steps, values) -> None:
    figure = figures.learning_curves(
        {1: (steps, values)}, scale_name="depth", metric_name="accuracy", at_least=0.5
    )
    assert misplaced_texts(figure) == []


@pytest.mark.parametrize(
    "curves", [{}, {1: ([0, 1], [0.1, 0.2])}, {1: ([0, 1], [[0.1]])}, {1: ([], np.empty((3, 0)))}]
)
def test_learning_curves_refuse_other_shapes(curves) -> None:
    with pytest.raises(ValueError, match=r"at least one scale|shape \(t,\)"):
        figures.learning_curves(curves, scale_name="depth", metric_name="accuracy", at_least=0.5)


def test_save_writes_both_formats(tmp_path) -> None:
    svg, png = figures.save(draw_ladder("one seed"), tmp_path / "new" / "depth-0.5")
    assert (svg.name, png.name) == ("depth-0.5.svg", "depth-0.5.png")
    assert "<svg" in svg.read_text(encoding="utf-8")
    assert png.read_bytes().startswith(b"\x89PNG")


if __name__ == "__main__":
    for name in LADDERS:
        figures.save(draw_ladder(name), f"{sys.argv[1]}/ladder {name}")
    for scales in (1, 4, 6, 8):
        figures.save(draw_learning_curves(scales), f"{sys.argv[1]}/learning curves {scales}")
