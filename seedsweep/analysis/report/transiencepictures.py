"""The figures of what comes and goes, each with how to read it."""

from __future__ import annotations

from collections.abc import Iterator

from seedsweep.analysis.figures.of_transience import transience_drawings
from seedsweep.analysis.report.pictures import Picture
from seedsweep.analysis.report.svg import inline_svg
from seedsweep.analysis.statistics import text
from seedsweep.analysis.study.transience import Transience


def transience_pictures(found: Transience) -> Iterator[Picture]:
    """In the order of the section "Comes and goes"."""
    words = {
        "transience-outcomes": (
            "Who has it when",
            "Shares of the seeds over training: from above those that never got there yet, have lost it, have it "
            "again, and have it for the first time. Dotted lines are 95 % limits of the first of these, dashed "
            "lines of the last.",
        ),
        "transience-rise-and-fall": (
            "Rise and fall",
            "A line for every seed that gets there, orange if it has lost it by the end. A dot marks the peak, a "
            "triangle where half of it above the dotted line, at which seeds begin, is lost; the dashed line is "
            "the threshold. Seeds that never get there are grey.",
        ),
        "transience-trend": (
            f"Who gets there and who loses it, by {text.field(found.scale_name)}",
            "Shares of the seeds with 95 % limits, and the monotone shares that fit best; dotted where the shares "
            "are not monotone.",
        ),
    }
    for name, draw in transience_drawings(found).items():
        title, caption = words[name]
        yield Picture(name, title, caption, inline_svg(draw(), name, f"{title}. {caption}", {}))
