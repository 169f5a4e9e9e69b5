"""What the tests of the figures share: populations to draw, and the check that text fits."""

from __future__ import annotations

import math
from functools import cache
from itertools import combinations
from typing import Any
from unittest import mock

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from seedsweep.analysis import ScaleSummary, summarise
from tests.analysis.populations import ACCURACY


def population(seeds: int, chance: float) -> np.ndarray:
    random = np.random.default_rng([seeds, int(100 * chance)])
    successful = random.normal(0.9, 0.05, seeds)
    x = np.where(random.random(seeds) < chance, successful, np.abs(random.normal(0, 0.02, seeds)))
    return np.round(np.clip(x, 0, 1) * 91) / 91


LADDERS: dict[str, dict[float, Any]] = {
    "bimodal": {depth: population(64, depth / 4) for depth in (1, 2, 3, 4)},
    "one scale": {6: population(80, 0.5)},
    "eight scales": {scale: population(250, i / 7) for i, scale in enumerate(2**k for k in range(3, 11))},
    "long labels": {mix: population(60, mix) for mix in (0.0125, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.95)},
    "all zero": {depth: np.zeros(64) for depth in (1, 2, 3)},
    "all one": {depth: np.ones(64) for depth in (1, 2)},
    "one seed": {1: [0.0], 2: [0.5], 4: [0.9]},
    "diverged or missing": {1: [math.nan] * 5, 2: [0.0, 0.1, 0.9, math.nan], 4: []},
}


@cache
def summaries_of(name: str) -> tuple[ScaleSummary, ...]:
    return summarise(LADDERS[name], ACCURACY, lattice=1 / 91)


def misplaced_texts(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of drawn texts that overlap, and texts that are cut by the edge of the page."""
    canvas: Any = FigureCanvasAgg(figure)
    renderer = canvas.get_renderer()
    drawn: set[Text] = set()
    draw = Text.draw

    def draw_and_record(text: Text, *arguments: Any) -> None:
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
