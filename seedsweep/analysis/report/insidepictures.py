"""The figures of what happened inside, each with how to read it."""

from __future__ import annotations

from collections.abc import Iterator

from seedsweep.analysis.figures.of_inside import inside_drawings, streams
from seedsweep.analysis.report.pictures import Picture
from seedsweep.analysis.report.svg import inline_svg
from seedsweep.analysis.statistics import text
from seedsweep.analysis.study.inside import Inside


def inside_pictures(inside: Inside) -> Iterator[Picture]:
    """In the order of the section "What happened inside"."""
    words = {
        "inside-not-yet": (
            "How many outputs are not learnt yet",
            "Share of all outputs of all seeds, on a log axis: a straight line is a chance per step that does not "
            f"change. On the right steps are multiplied by {text.field(inside.scale_name)}; where the lines are "
            "one there, the chance is in proportion to it.",
        ),
        "inside-together": (
            "How many outputs each seed has learnt",
            "Bars are seeds, at the step at which about half of all outputs are learnt; the line is what "
            "independent outputs would give. Wider than the line: the luck is the seed’s.",
        ),
        "inside-lead": (
            "When attention and capability rise",
            "A dot for every output of every seed, each time at half of its own rise. Below the diagonal "
            "attention is first. Beyond the dashed lines it has not risen by the end.",
        ),
    }
    for number, stream in enumerate(streams(inside)):
        words[f"inside-forecast-{number}"] = (
            f"{stream} seen early, and when seeds succeed",
            "A dot for every seed that still waited at the step above its panel. C is how often, of two seeds, "
            "the one that succeeds first is the one that is named on other seeds; 0.5 is a coin.",
        )
    for name, draw in inside_drawings(inside).items():
        title, caption = words[name]
        yield Picture(name, title, caption, inline_svg(draw(), name, f"{title}. {caption}", {}))
