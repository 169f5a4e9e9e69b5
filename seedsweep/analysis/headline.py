"""The verdict on a study as a sentence, and why, for a researcher who has not read the paper."""

from __future__ import annotations

import math

from seedsweep.analysis import wording
from seedsweep.analysis.places import at, budget_verdict, clearest_split, scale_word, under_metrics
from seedsweep.analysis.study import Study
from seedsweep.analysis.verdict import Verdict, split_by_chance, too_thin


def headline(study: Study, word: Verdict) -> tuple[str, str]:
    """The headline, and why."""
    what, scales = scale_word(study), study.scales
    summaries = [scale.summary for scale in scales]
    first, last, ends = scales[0], scales[-1], _ends(study)
    if word == "by chance":
        return _chance(study, ends)
    if word == "absent":
        bound = wording.percent(last.summary.success.high)
        return f"No seed succeeds at any {what}.", (
            f"{wording.seeds(sum(s.n for s in summaries))} were trained and none succeeds. At "
            f"{at(study, [last])}, with {wording.seeds(last.summary.n)}, up to {bound} of all seeds could "
            "still do."
        )
    if word == "everywhere":
        bound = wording.percent(first.summary.success.low)
        return f"Every seed succeeds, from {at(study, [first])} on.", (
            f"All {sum(s.n for s in summaries)} seeds succeed. At {at(study, [first])}, with "
            f"{wording.seeds(first.summary.n)}, at least {bound} of all seeds do."
        )
    if word == "no rise":
        return f"No evidence that {what} matters.", (
            f"Neither the share of successes nor the mean is clearly better than at {at(study, [first])} "
            f"anywhere, with {wording.seeds_per_scale(summaries)} per scale. {ends}"
        )
    if word == "one seed":
        return "Undecided: there is one seed per scale.", (
            f"What is due to {what} and what to the random seed cannot be told apart. {ends}"
        )
    if word == "few seeds":
        thin = too_thin(study)
        return f"Undecided: too few seeds at {at(study, thin)}.", (
            "Some seeds succeed there and others fail. There is no evidence that they form separate groups, "
            f"but with {wording.seeds_per_scale([s.summary for s in thin])} per scale the test would miss "
            f"most splits: this is no evidence against chance either. {ends}"
        )
    if word == "one scale":
        return f"Undecided: there is only one value of {what}.", f"How a capability emerges takes several. {ends}"
    return _shape(study, word, ends)


def _chance(study: Study, ends: str) -> tuple[str, str]:
    places = split_by_chance(study)
    where = at(study, places)
    clearest = clearest_split(places)
    but = []
    if budget_verdict(study, places) == "cut off":
        but.append("seeds were still crossing over when training stopped")
    if study.mirage and all(under_metrics(study, scale) == "mirage" for scale in places):
        but.append(f"the groups show in {study.summary.metric} only, not in a continuous metric")
    headline = f"By chance: at {where} the random seed decides who succeeds"
    reason = (
        f"Runs that differ in nothing but the seed part into separate groups. At {at(study, [clearest])}, "
        f"{wording.out_of(clearest.summary.success)} succeed. {ends}"
    )
    return headline + (f"; but {' and '.join(but)}." if but else "."), reason


def _shape(study: Study, word: Verdict, ends: str) -> tuple[str, str]:
    what = scale_word(study)
    parted = [scale for scale in study.scales if scale.mixed]
    agree = (
        f"At {at(study, parted)} some seeds succeed and others fail, but they show no sign of separate groups "
        f"({wording.seeds_per_scale([s.summary for s in parted])} per scale)."
        if parted
        else "At every scale nearly all seeds end alike."
    )
    if study.abrupt is None:
        return "Undecided: the seeds agree, but there are too few scales.", (
            f"{agree} {ends} Fewer than four scales cannot tell a jump from a steep, even rise."
        )
    often = f"in {wording.percent(study.abrupt)} of the resamples of the seeds"
    step = _largest_step(study)
    if word == "abruptly":
        return f"Abruptly, and alike for all seeds: {step}.", (
            f"{agree} The mean makes most of its rise in one step, and is abrupt by the usual measure "
            f"(breakthroughness) {often}. {ends} What seeds do between these two scales is not known."
        )
    if word == "smoothly":
        return f"Smoothly: the seeds agree, and improve step by step with {what}.", (
            f"{agree} The mean rises over several steps, the largest {step}; it is abrupt by the usual measure "
            f"(breakthroughness) {often}. {ends}"
        )
    return "Undecided: the seeds agree, but the rise may be abrupt or smooth.", (
        f"{agree} The mean is abrupt by the usual measure (breakthroughness) {often}; the largest step is "
        f"{step}. {ends}"
    )


def _ends(study: Study) -> str:
    """Success at the ends of the ladder."""
    first, last = study.scales[0], study.scales[-1]
    if first is last:
        return f"At {at(study, [first])}, {wording.out_of(first.summary.success)} succeed."
    return (
        f"Success goes from {wording.out_of(first.summary.success)} at {at(study, [first])} to "
        f"{wording.out_of(last.summary.success)} at {at(study, [last])}."
    )


def _largest_step(study: Study) -> str:
    sign = 1 if study.summary.higher_is_better else -1
    steps = [
        (sign * (b.summary.mean.estimate - a.summary.mean.estimate), a, b)
        for a, b in zip(study.scales, study.scales[1:], strict=False)
    ]
    _, before, after = max(steps, key=lambda step: -math.inf if math.isnan(step[0]) else step[0])
    return (
        f"from {wording.number(before.summary.mean.estimate)} at {at(study, [before])} to "
        f"{wording.number(after.summary.mean.estimate)} at {at(study, [after])}"
    )
