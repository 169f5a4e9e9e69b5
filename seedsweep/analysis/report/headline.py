"""The verdict on a study as a sentence, and why, for a researcher who has not read the paper."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import assert_never

import numpy as np

from seedsweep.analysis.report.transience import clearest, lost_again
from seedsweep.analysis.report.wording import (
    LISTED,
    at,
    corrected_pvalue,
    named_scales,
    scale_word,
    seeds_per_scale,
    split_found,
    threshold_cuts,
    unseen,
)
from seedsweep.analysis.statistics import text
from seedsweep.analysis.study.study import WORTH_SEEING, ScaleStudy, Study
from seedsweep.analysis.study.verdict import (
    Verdict,
    clearest_split,
    of_two_values,
    split_by_chance,
    split_elsewhere,
    too_thin,
)


def headline(study: Study, word: Verdict) -> tuple[str, str]:
    """The headline, and why."""
    what, scales, ends = scale_word(study), study.scales, _ends(study)
    first, last = scales[0], scales[-1]
    match word:
        case "by chance":
            return _chance(study, ends)
        case "comes and goes":
            return _transient(study, ends)
        case "split elsewhere":
            return _elsewhere(study, ends)
        case "two values":
            metric, places = study.summary.criterion.metric, of_two_values(study)
            return f"Undecided: {metric} knows two values only, so groups of seeds would be of its making.", (
                f"At {at(study, places)} some seeds have the one value and others the other. Whether they lie far "
                f"apart takes a metric with values in between. {ends}"
            )
        case "absent":
            return f"No seed succeeds at any {what}.", (
                f"{text.seeds(sum(scale.summary.n for scale in scales))} were trained and none succeeds. At "
                f"{at(study, [last])}, with {text.seeds(last.summary.n)}, up to "
                f"{text.percent(last.summary.success.high)} of all seeds could still do."
            )
        case "everywhere":
            return f"Every seed succeeds, from {at(study, [first])} on.", (
                f"All {sum(scale.summary.n for scale in scales)} seeds succeed. At {at(study, [first])}, with "
                f"{text.seeds(first.summary.n)}, at least {text.percent(first.summary.success.low)} of all seeds "
                "do."
            )
        case "no rise":
            return f"No evidence that {what} matters.", (
                f"Neither the share of successes nor the mean is clearly better than at {at(study, [first])} "
                f"anywhere, with {seeds_per_scale(scales)} per scale. {ends}"
            )
        case "one seed":
            return "Undecided: there is one seed per scale.", (
                f"What is due to {what} and what to the random seed cannot be told apart. {ends}"
            )
        case "few seeds":
            thin = too_thin(study)
            return (
                f"Undecided: at {at(study, thin)} some seeds succeed and some fail; no groups are seen, but "
                f"{seeds_per_scale(thin)} per scale would miss one of {text.percent(WORTH_SEEING)} too often."
            ), f"{_extent(study, thin)} {unseen(study, thin)} {ends}"
        case "one scale":
            return f"Undecided: there is only one value of {what}.", (
                f"How a capability emerges takes several. {ends}"
            )
        case "few scales":
            return f"Undecided: {_alike(study)}, but there are too few scales.", (
                f"{_agreement(study)} {ends} Fewer than four scales cannot tell a jump from a steep, even rise."
            )
        case "abruptly":
            return f"Abruptly, and {_alike(study)}: {_largest_step(study)}.", (
                f"{_agreement(study)} The mean makes most of its rise in one step, and {_abrupt(study)}. "
                f"{ends} What seeds do between these two scales is not known."
            )
        case "smoothly":
            return f"Smoothly: {_alike(study)}, and the mean improves step by step with {what}.", (
                f"{_agreement(study)} The mean rises over several steps, the largest {_largest_step(study)}; it "
                f"{_abrupt(study)}. {ends}"
            )
        case "between":
            return f"Undecided: {_alike(study)}, but the rise may be abrupt or smooth.", (
                f"{_agreement(study)} The mean {_abrupt(study)}; the largest step is {_largest_step(study)}. "
                f"{ends}"
            )
        case _:
            assert_never(word)


def _chance(study: Study, ends: str) -> tuple[str, str]:
    places = split_by_chance(study)
    clearest = clearest_split(places)
    but = []
    if any(scale.cut_off and scale.cut_off.verdict == "cut off" for scale in places):
        but.append("seeds were still crossing over when training stopped")
    if all(scale.mirage and scale.mirage.verdict == "mirage" for scale in places):
        but.append(f"the groups show in {study.summary.criterion.metric} only, not in a continuous metric")
    elif all(scale.mirage and scale.mirage.verdict == "not detected" for scale in places):
        but.append("in a continuous metric no groups are detected")
    first_line = f"By chance: at {at(study, places)} the random seed decides who succeeds"
    first_line += f"; but {' and '.join(but)}." if but else "."
    why = (
        "Runs that differ in nothing but the seed part into separate groups, and these are the seeds that succeed "
        f"and those that fail. At {at(study, [clearest])}, {text.out_of(clearest.summary.success)} succeed; "
        f"{_line(clearest)}."
    )
    if others := split_elsewhere(study):
        first_line += f" At {at(study, others[:1])} they part elsewhere: {split_found(others[0])}."
        why += f" {_where(study, others)}"
    return first_line, f"{why} {ends}"


def _transient(study: Study, ends: str) -> tuple[str, str]:
    found = study.transience
    assert found is not None
    scale, what = clearest(found), scale_word(study)
    where = named_scales(what, [one.scale for one in found.mostly], len(found.scales))
    more = f", at {what} {text.scale(scale.scale)}" if len(found.mostly) > 1 else ""
    return f"Comes and goes: at {where} most seeds that get there lose it again.", (
        f"{lost_again(scale)}{more}: what seeds have at the end of the budget "
        f"does not say what they can learn. {ends}"
    )


def _elsewhere(study: Study, ends: str) -> tuple[str, str]:
    places = split_elsewhere(study)
    clearest = clearest_split(places)
    return (
        f"Seeds part, but not into successes and failures: at {at(study, [clearest])}, {split_found(clearest)}; "
        f"{threshold_cuts(study, clearest)}."
    ), (
        "Runs that differ in nothing but the seed part into separate groups, but the threshold does not lie "
        f"between these. {_where(study, places)} Another threshold would give another share of successes. {ends}"
    )


def _where(study: Study, places: Sequence[ScaleStudy]) -> str:
    """What parts the seeds at some scales, a sentence each."""
    told = [
        f"At {at(study, [scale])}, {split_found(scale)}; {threshold_cuts(study, scale)}."
        for scale in places[:LISTED]
    ]
    return " ".join(told)


def _line(scale: ScaleStudy) -> str:
    """What divides the groups of a scale, which are successes and failures."""
    split = scale.split
    assert split is not None
    assert split.better is not None
    return f"{text.number(split.line)} divides the groups, with {text.out_of(split.better)} in the better one"


def _alike(study: Study) -> str:
    """Seeds of a scale at which some succeed and some fail do not agree, whether groups are seen or not."""
    mixed = any(scale.mixed for scale in study.scales)
    return "no groups of seeds are seen" if mixed else "the seeds agree"


def _agreement(study: Study) -> str:
    """That no groups are seen."""
    parted = [scale for scale in study.scales if scale.mixed]
    if not parted:
        return f"At every scale nearly all seeds end alike. {unseen(study, study.scales)}".strip()
    return (
        f"At {at(study, parted)} some seeds succeed and others fail, but they show no sign of separate groups "
        f"({seeds_per_scale(parted)} per scale). {unseen(study, parted)}"
    )


def _extent(study: Study, scales: Sequence[ScaleStudy]) -> str:
    """Where the seeds of some scales lie, and their p, a sentence each."""
    return " ".join(
        f"At {at(study, [scale])} nine in ten lie between {text.number(scale.summary.quantiles[0.05])} and "
        f"{text.number(scale.summary.quantiles[0.95])}; the test for groups has {corrected_pvalue(study, scale)}."
        for scale in scales[:LISTED]
    )


def _abrupt(study: Study) -> str:
    """How often the curve of the means is abrupt."""
    often = text.percent(math.nan if study.abrupt is None else study.abrupt)
    return f"is abrupt by the usual measure (breakthroughness) in {often} of the resamples of the seeds"


def _ends(study: Study) -> str:
    """Success at the ends of the ladder."""
    first, last = study.scales[0], study.scales[-1]
    if first is last:
        return f"At {at(study, [first])}, {text.out_of(first.summary.success)} succeed."
    return (
        f"Success goes from {text.out_of(first.summary.success)} at {at(study, [first])} to "
        f"{text.out_of(last.summary.success)} at {at(study, [last])}."
    )


def _largest_step(study: Study) -> str:
    means = study.summary.criterion.oriented([scale.summary.mean.estimate for scale in study.scales])
    largest = int(np.argmax(np.nan_to_num(np.diff(means), nan=-math.inf)))
    before, after = study.scales[largest : largest + 2]
    return (
        f"from {text.number(before.summary.mean.estimate)} at {at(study, [before])} to "
        f"{text.number(after.summary.mean.estimate)} at {at(study, [after])}"
    )
