"""Scales, seeds and tests of a study as its sentences name them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from seedsweep.analysis.statistics import text
from seedsweep.analysis.study.study import ScaleStudy, Study

LISTED: Final = 4
"""Of more scales than that the ends are named."""


def scale_word(study: Study) -> str:
    """What is scaled, in a word."""
    return text.field(study.summary.scale_name)


def at(study: Study, scales: Sequence[ScaleStudy]) -> str:
    """ "depth 2 and 4", or how many and which are the ends."""
    names = [text.scale(scale.scale) for scale in scales]
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
