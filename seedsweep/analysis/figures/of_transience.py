"""The figures of what comes and goes, in the order of the report."""

from __future__ import annotations

from functools import partial

from seedsweep import formats
from seedsweep.analysis.figures.event_trend import event_trend
from seedsweep.analysis.figures.of_study import Drawings
from seedsweep.analysis.figures.outcome_shares import outcome_shares
from seedsweep.analysis.figures.rise_and_fall import rise_and_fall
from seedsweep.analysis.statistics import text
from seedsweep.analysis.study.transience import TOLD, Transience
from seedsweep.population import of_split


def transience_drawings(found: Transience) -> Drawings:
    """`transience-outcomes`, `transience-rise-and-fall`, and with several scales `transience-trend`."""
    word, criterion = formats.shortened(text.field(found.scale_name)), found.criterion
    curves = {scale.scale: (scale.values, scale.events) for scale in found.scales}
    metric = formats.shortened(f"{criterion.metric}{of_split(criterion.split)}")
    shares = {scale.scale: scale.shares for scale in found.scales}
    drawn: Drawings = {
        "transience-outcomes": partial(outcome_shares, shares, scale_name=word),
        "transience-rise-and-fall": partial(rise_and_fall, curves, criterion, scale_name=word, metric_name=metric),
    }
    if len(found.scales) > 1:
        drawn["transience-trend"] = lambda: event_trend(
            {words: found.trends[event] for event, words in TOLD.items()}, scale_name=word
        )
    return drawn
