"""Scales, seeds and tests of a study as its sentences name them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.groups import WEIGHT_OF_DIP
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
    """Of the test for groups, by Holm, in words."""
    return text.pvalue(scale.pvalue_holm, len(study.scales) / WEIGHT_OF_DIP)


def unseen(study: Study, scales: Sequence[ScaleStudy]) -> str:
    """Which groups the test could have missed at some scales; nothing where that is not known."""
    spread = [scale for scale in scales if scale.detectable.spread > 0]
    if not spread or math.isnan(study.apart):
        return ""
    failures = f"as failures are from successes ({text.number(study.apart)})"
    far = f"as far apart {failures}"
    overlap = [scale for scale in spread if scale.detectable.distance > study.apart]
    shares = [scale.detectable.share for scale in spread if scale not in overlap]
    told = []
    if None in shares:
        told.append(f"Even two equal groups, {far}, could have gone unseen.")
    elif shares:
        largest = text.percent(max(share for share in shares if share is not None))
        told.append(
            f"A stuck group of up to {largest} of the seeds, as far from the others {failures}, could have gone "
            "unseen."
        )
    if overlap:
        told.append(f"At {at(study, overlap)} seeds vary so much that groups {far} overlap, and would be missed.")
    return " ".join(told)
