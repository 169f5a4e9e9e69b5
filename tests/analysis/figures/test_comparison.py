"""The figure of a comparison: every difference where it is, seen ones filled, and text fits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

import seedsweep
from seedsweep.analysis import Comparison, figures
from tests.analysis.figures.common import misplaced_texts
from tests.analysis.populations import as_curves, chance, table

KINDS = ("four scales", "one scale", "with curves", "one seed")


def compared(kind: str, folder: Path) -> Comparison:
    shares = {"one scale": (0.5,), "one seed": (0.5, 0.9)}.get(kind, (0.1, 0.5, 0.5, 0.9))
    sides = []
    for name, more in (("a", 0.0), ("b", 0.1)):
        values: dict[float, Any] = {
            depth * 1000: x
            for depth, x in chance(*(s + more for s in shares), seeds=1 if kind == "one seed" else 40).items()
        }
        if kind == "with curves":
            values = {depth: as_curves(x, np.arange(40) % 9 + 1) for depth, x in values.items()}
        (folder / name).mkdir()
        sides.append(table(folder / name, {"accuracy": values}))
    return seedsweep.compare(sides[0], sides[1])


def draw(kind: str, folder: Path) -> tuple[Comparison, Figure]:
    found = compared(kind, folder)
    return found, figures.comparison(found)


@pytest.mark.parametrize("kind", KINDS)
def test_text_fits(kind: str, tmp_path: Path) -> None:
    assert misplaced_texts(draw(kind, tmp_path)[1]) == []


def test_every_difference_is_drawn_and_what_is_seen_is_filled(tmp_path: Path) -> None:
    found, figure = draw("with curves", tmp_path)
    panels: list[Any] = figure.axes
    assert len(panels) == 8
    for one, panel, beside in zip(found.questions, panels[::2], panels[1::2], strict=True):
        dots = [line for line in panel.lines if line.get_marker() == "o"]
        assert [line.get_ydata()[0] for line in dots] == [float(row) for row in one.by_scale.values()]
        filled = [line.get_markerfacecolor() != "white" for line in dots]
        assert filled == [one.pvalues[scale] <= 0.05 for scale in one.by_scale]
        assert one.overall is not None
        assert beside.lines[0].get_ydata()[0] == float(one.overall)
