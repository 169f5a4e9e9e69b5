"""Scales, seeds and tests of a study as its sentences name them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.budget import CutOff
from seedsweep.analysis.study.study import ScaleStudy, Study

LISTED: Final = 4
"""More scales than that are told by their ends."""


def scale_word(study: Study) -> str:
    """What is scaled, in a word."""
    return text.field(study.summary.scale_name)


def at(study: Study, scales: Sequence[ScaleStudy]) -> str:
    """ "depth 2 and 4", or how many and which are the ends."""
    names = [text.scale(scale.summary.scale) for scale in scales]
    if len(names) > LISTED:
        if len(names) == len(study.scales):
            return f"every {scale_word(study)}"
        return f"{len(names)} of {len(study.scales)} scales ({scale_word(study)} {names[0]} to {names[-1]})"
    return f"{scale_word(study)} {text.listed(names)}"


def seeds_per_scale(scales: Sequence[ScaleStudy]) -> str:
    """ "48 seeds", or "20 to 48 seeds"."""
    counts = sorted({scale.summary.n for scale in scales})
    return text.seeds(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]} seeds"


def corrected_pvalue(study: Study, scale: ScaleStudy) -> str:
    """Of the dip test, by Holm, in words."""
    return text.pvalue(scale.pvalue_holm, len(study.scales))


def clearest_split(scales: Sequence[ScaleStudy]) -> ScaleStudy:
    """The scale with the largest dip."""
    return max(scales, key=lambda scale: scale.summary.dip.statistic)


def under_metrics(study: Study, scale: ScaleStudy) -> str:
    """What the mirage check says of the scale; empty without one."""
    check = study.mirage
    return check.verdicts[check.scales.index(scale.summary.scale)] if check else ""


def cut_off_at(study: Study, scale: ScaleStudy) -> CutOff | None:
    """What the budget says of the seeds that fail there, if curves are known."""
    scales = study.survival.scales if study.survival else ()
    return next((found.cut_off for found in scales if found.scale == scale.summary.scale), None)


def budget_verdict(study: Study, scales: Sequence[ScaleStudy]) -> str:
    """Of the failing seeds of several scales, the worst."""
    verdicts = {found.verdict for scale in scales if (found := cut_off_at(study, scale)) and found.failing}
    return next((word for word in ("cut off", "open", "settled") if word in verdicts), "")
