"""The figures of what comes and goes, each with how to read it."""

from __future__ import annotations

from collections.abc import Iterator

from seedsweep import formats
from seedsweep.analysis import figures
from seedsweep.analysis.report.pictures import Picture
from seedsweep.analysis.report.svg import inline_svg
from seedsweep.analysis.report.transience import ALONG
from seedsweep.analysis.study.study import Study
from seedsweep.analysis.study.transience import Transience
from seedsweep.population import of_split


def transience_pictures(study: Study, found: Transience, scale_name: str) -> Iterator[Picture]:
    """In the order of the section "Comes and goes"."""
    word, criterion = formats.shortened(scale_name), found.criterion
    metric = formats.shortened(f"{criterion.metric}{of_split(criterion.split)}")
    drawn = {
        "outcomes": (
            "Who has it when",
            "Shares of the seeds over training: from above those that never got there yet, have lost it, have it "
            "again, and have it for the first time. Dotted lines are 95 % limits of the first of these, dashed "
            "lines of the last.",
            figures.outcome_shares({scale.scale: scale.shares for scale in found.scales}, scale_name=word),
        ),
        "rise-and-fall": (
            "Rise and fall",
            "A line for every seed that gets there, orange if it has lost it by the end. A dot marks the peak, a "
            "triangle where half of it above the dotted line, at which seeds begin, is lost; the dashed line is "
            "the threshold. Seeds that never get there are grey.",
            figures.rise_and_fall(
                {scale.scale: (study.measured.curves[scale.scale].values, scale.events) for scale in found.scales},
                criterion,
                scale_name=word,
                metric_name=metric,
            ),
        ),
    }
    if len(found.scales) > 1:
        drawn["trend"] = (
            f"Who gets there and who loses it, by {scale_name}",
            "Shares of the seeds with 95 % limits, and the monotone shares that fit best; dotted where the shares "
            "are not monotone.",
            figures.event_trend(
                {words: found.trends[event] for event, words in ALONG.items()},
                scale_name=word,
            ),
        )
    for name, (title, caption, figure) in drawn.items():
        label = f"transience-{name}"
        yield Picture(label, title, caption, inline_svg(figure, label, f"{title}. {caption}", {}))
