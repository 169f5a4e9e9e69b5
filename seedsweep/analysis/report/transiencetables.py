"""The tables of what comes and goes."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from seedsweep.analysis.report.tables import PageTable
from seedsweep.analysis.report.transience import median_of, median_step, threshold
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.events import EventTimes
from seedsweep.analysis.study.transience import TOLD, Transience


def transience_tables(found: Transience, scale_name: str) -> Iterator[PageTable]:
    """Every number behind the section "Comes and goes", in the order of the page."""
    yield _outcomes(found, scale_name)
    yield _events(found, scale_name)
    if len(found.scales) > 1:
        yield _along(found, scale_name)


def _outcomes(found: Transience, scale_name: str) -> PageTable:
    return PageTable(
        "What comes and goes",
        f"A seed gets there if it is surely at {threshold(found)} at some evaluation, and loses it if it surely "
        f"is not later, with less than half of what it had above {text.number(found.chance)}. The last four "
        "columns are what the seeds have come to by the end of the budget. The limits of the two shares of seeds "
        "that come and go are corrected for the scales.",
        (
            scale_name, "seeds", "budget", "get there", "come and go, of all", "of those that get there",
            "never", "there", "gone", "back",
        ),
        tuple(
            (
                text.scale(s.scale),
                str(s.n),
                text.scale(s.budget),
                text.share(s.emerged),
                text.share(s.transient),
                text.share(s.lost) if s.lost.n else "–",
                *(str(s.count(outcome)) for outcome in ("never", "there", "gone", "back")),
            )
            for s in found.scales
        ),
    )  # fmt: skip


def _events(found: Transience, scale_name: str) -> PageTable:
    rows = []
    for s in found.scales:
        emerged, events = s.emerged_rows, s.events
        if not emerged.size:
            continue
        rows.append(
            (
                text.scale(s.scale),
                _times(events.emerged),
                median_of(found.criterion.oriented(events.peak[emerged])),
                median_step(events.peak_step[emerged]),
                _times(events.crossed),
                _median(s.half_life.median.estimate),
                median_of(found.criterion.oriented(events.slope[emerged])),
                _times(events.back),
                str(int(events.resurged.reached.sum())),
            )
        )
    return PageTable(
        "When it comes and goes",
        "Of the seeds that get there. An event stands at the middle of the two evaluations between which it lies. "
        "The half-life runs from the peak and allows for seeds that have not lost half by the end; the other "
        "medians are of the seeds in which the event was seen. Resurgence is a rise after the loss by more than a "
        "quarter of the peak, at whatever height.",
        (
            scale_name, "get there at step", "peak", "peak at step", "below the threshold again", "half-life",
            "change per doubling of the steps", "back at step", "seeds with a resurgence",
        ),
        tuple(rows),
    )  # fmt: skip


def _along(found: Transience, scale_name: str) -> PageTable:
    return PageTable(
        f"Who gets there and who loses it, by {scale_name}",
        "Shares of the seeds, and in brackets the monotone shares that fit best. p is of one share at all scales, "
        "by permutation within seeds, corrected for the two rows (Holm).",
        ("seeds that", *(f"{scale_name} {text.scale(scale.scale)}" for scale in found.scales), "monotone", "p"),
        tuple(
            (
                words,
                *(
                    f"{text.percent(rate.rate)} ({text.percent(share)})"
                    for rate, share in zip(trend.rates, trend.fitted, strict=True)
                ),
                "yes" if trend.fits else "no",
                "–" if math.isnan(trend.pvalue) else text.without_p(text.pvalue(trend.pvalue)),
            )
            for words, trend in ((words, found.trends[event]) for event, words in TOLD.items())
        ),
    )


def _times(times: EventTimes) -> str:
    return median_step(times.middle[times.reached]) if times.reached.any() else "–"


def _median(value: float) -> str:
    if math.isnan(value):
        return "–"
    return "beyond the budget" if np.isinf(value) else text.number(value)
