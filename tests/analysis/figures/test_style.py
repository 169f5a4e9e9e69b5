"""Saving a figure, and the tests' own check of misplaced text."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from seedsweep.analysis import figures
from tests.analysis.figures.common import misplaced_texts
from tests.analysis.figures.test_ladder import draw_ladder


def test_the_check_finds_misplaced_texts() -> None:
    figure = Figure(figsize=(2, 2))
    for x, text in ((0.4, "wide enough"), (0.5, "to collide"), (0.95, "cut off")):
        figure.text(x, 0.5 if x < 0.9 else 0.9, text)
    assert sorted(misplaced_texts(figure)[0]) == ["to collide", "wide enough"]
    assert misplaced_texts(figure)[1:] == [("cut off", "page")]


def test_save_writes_both_formats(tmp_path: Path) -> None:
    svg, png = figures.save(draw_ladder("one seed"), tmp_path / "new" / "depth-0.5")
    assert (svg.name, png.name) == ("depth-0.5.svg", "depth-0.5.png")
    assert "<svg" in svg.read_text(encoding="utf-8")
    assert png.read_bytes().startswith(b"\x89PNG")
