"""Scales, seeds and tests of a study as its sentences name them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.duplicates import IdenticalCurves
from seedsweep.analysis.statistics.emergence import EmergenceClaims
from seedsweep.analysis.study.split import SATURATED
from seedsweep.analysis.study.study import APART, ScaleStudy, Study
from seedsweep.criterion import Criterion
from seedsweep.population import of_split

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


def named_scales(scale_name: str, scales: Sequence[float], of: int) -> str:
    """ "heads 2 and 4", or how many of all there are and which are the ends."""
    names = [text.scale(scale) for scale in scales]
    if len(names) <= LISTED:
        return f"{scale_name} {text.listed(names)}"
    if len(names) == of:
        return f"all {of} scales"
    return f"{len(names)} of {of} scales ({scale_name} {names[0]} to {names[-1]})"


def seeds_per_scale(scales: Sequence[ScaleStudy]) -> str:
    """ "48 seeds", or "20 to 48 seeds"."""
    counts = sorted({scale.summary.n for scale in scales})
    return text.seeds(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]} seeds"


def corrected_pvalue(study: Study, scale: ScaleStudy) -> str:
    """Of the test for groups, by Holm, in words."""
    return study.summary.pvalue_texts[study.scales.index(scale)]


def unseen(study: Study, scales: Sequence[ScaleStudy]) -> str:
    """Which groups the test could have missed at some scales; nothing where that is not known."""
    spread = [scale for scale in scales if scale.detectable.spread > 0]
    if not spread or math.isnan(study.apart):
        return ""
    failures = f"as failures are from successes ({text.number(study.apart)})"
    overlap = [scale for scale in spread if _overlap(study, scale)]
    shares = [scale.detectable.share for scale in spread if scale not in overlap]
    told = []
    if None in shares:
        told.append(f"Even two equal groups, as far apart {failures}, could have gone unseen.")
    elif shares:
        largest = text.percent(max(share for share in shares if share is not None))
        told.append(
            f"A stuck group of up to {largest} of the seeds, as far from the others {failures}, could have gone "
            "unseen."
        )
    if blind := [scale for scale in overlap if scale.detectable.even_distance is None]:
        told.append(
            f"At {at(study, blind)} seeds are too few for their spread to see even two equal groups with a "
            "probability of 80 %, at any distance."
        )
    if seeing := [scale for scale in overlap if scale.detectable.even_distance is not None]:
        seen = [
            f"from {text.number(scale.detectable.even_distance)} apart on at {at(study, [scale])}"
            for scale in seeing[:LISTED]
            if scale.detectable.even_distance is not None
        ]
        others = f" ({len(seeing) - LISTED} more scales are in the tables)" if len(seeing) > LISTED else ""
        told.append(
            "Where seeds vary much, only groups of like size would have been seen with a probability of 80 %: "
            f"{text.listed(seen)}{others}."
        )
    return " ".join(told)


def how_far(study: Study, scales: Sequence[ScaleStudy]) -> str:
    """Of which groups the seeds that are needed are told: "as far from the others as failures are from …"."""
    failures = f"as far from the others as failures are from successes ({text.number(study.apart)})"
    overlap = [scale for scale in scales if _overlap(study, scale)]
    if not overlap:
        return failures
    deviations = f"{text.number(APART)} standard deviations"
    return f"{deviations} away" if len(overlap) == len(scales) else f"{failures}, or {deviations} if that is more"


def _overlap(study: Study, scale: ScaleStudy) -> bool:
    """Whether seeds vary so much that groups as far apart as failures and successes would overlap."""
    return scale.detectable.distance > study.apart


def claimed(claims: EmergenceClaims) -> tuple[str, str]:
    """How often small studies would claim emergence, and its interval; of how many draws, where all agree."""
    p = claims.probability
    if p.low == p.high:
        return text.percent(p.estimate), f"of {text.count(claims.draws)} draws from these seeds"
    return text.percent(p.estimate), text.percent_interval(p.low, p.high)


def cut_off_values(study: Study) -> str:
    """Many seeds at an end of the metric that are no group by themselves, in a sentence for each scale."""
    told = []
    for scale in study.scales:
        ends = scale.dips.floor_share, scale.dips.ceiling_share
        if scale.multimodal or not SATURATED <= sum(ends) < 1:
            continue
        counts = [round(share * scale.dips.raw.n) for share in ends]
        exactly = [
            f"{count} of {scale.summary.n} seeds are exactly {text.number(end)}"
            for count, end in zip(counts, study.bounds, strict=True)
            if count
        ]
        told.append(
            f" At {at(study, [scale])}, {text.listed(exactly)}: a metric cuts off there what may vary beyond, so "
            "that these alone are no group."
        )
    return "".join(told[:LISTED])


def split_found(scale: ScaleStudy) -> str:
    """The groups of a scale: "22 of 64 seeds are exactly 0, and among the other 42 no groups are seen"."""
    split, n = scale.split, scale.summary.n
    assert split is not None
    if split.at_bounds:
        ends = [(split.at_lowest, split.lowest), (split.at_highest, split.highest)]
        (first, end), *more = [(count, text.number(end)) for count, end in ends if count]
        exactly = f"{first} of {n} seeds are exactly {end}" + "".join(
            f" and {count} exactly {end}" for count, end in more
        )
        rest = split.rest.n
        return exactly + (f", and among the other {rest} no groups are seen" if rest else "")
    if split.better is None:
        return "groups are seen, but no one line divides them"
    return f"{text.number(split.line)} divides the seeds, with {split.better.successes} of {n} on its better side"


def threshold_cuts(study: Study, scale: ScaleStudy) -> str:
    """What the threshold does to them: "the threshold of 0.5 divides these, 27 of which succeed"."""
    criterion, split, success = study.summary.criterion, scale.split, scale.summary.success
    assert split is not None
    threshold = f"the threshold of {text.given(criterion.shown(criterion.least))}"
    if success.successes in (0, success.n):
        return f"they all {'fail' if not success.successes else 'meet'} {threshold}"
    if split.at_bounds:
        ends = ((split.at_lowest, split.lowest), (split.at_highest, split.highest))
        others = success.successes - sum(
            count for count, end in ends if criterion.oriented(end) >= criterion.least
        )
        return f"{threshold} divides these, {others} of which succeed"
    if split.better is None:
        return f"{success.successes} of {success.n} meet {threshold}"
    below = split.better.n - split.better.successes
    if success.successes < split.better.successes:
        return f"{threshold} divides these, {success.successes} of which succeed"
    return f"{threshold} divides the other {below}, {success.successes - split.better.successes} of which succeed"


def group_names(study: Study, group: IdenticalCurves) -> list[str]:
    """Seeds with one curve: "3" and "5 at depth 2", or with the scale of each where it is not the same."""
    names = [str(seed) for seed in group.seeds]
    if len(set(group.scales)) == 1:
        return [*names[:-1], f"{names[-1]} at {scale_word(study)} {text.scale(group.scale)}"]
    places = [f"{scale_word(study)} {text.scale(scale)}" for scale in group.scales]
    return [f"{name} at {place}" for name, place in zip(names, places, strict=True)]


def success_word(criterion: Criterion) -> str:
    """What a seed that succeeds does."""
    side = "least" if criterion.higher_is_better else "most"
    metric = f"{criterion.metric}{of_split(criterion.split)}"
    return f"{metric} is at {side} {text.given(criterion.shown(criterion.least))}"
