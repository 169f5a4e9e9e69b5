"""What happened inside the seeds, in sentences; only where streams have read it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from seedsweep.analysis.report.finding import Finding
from seedsweep.analysis.report.wording import named_scales
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.hazard import FEWEST_SEEDS, HazardSlope
from seedsweep.analysis.statistics.lead import LeadLag
from seedsweep.analysis.statistics.results import Interval
from seedsweep.analysis.study.inside import Inside, ScaleInside, StreamForecast
from seedsweep.analysis.study.parts import LEVEL

BENDS = 0.01
"""p from which on the ladder is said to bend: at .05 it was in 7 % of the populations in which it does not
(`benchmarks/calibration`), since outputs of one seed are not independent of each other."""


def inside_findings(inside: Inside, scale_name: str) -> tuple[Finding, ...]:
    """The section "What happened inside": a sentence or two for each question that the streams answer.

    Parameters
    ----------
    inside : Inside
    scale_name : str
        Of what is scaled, in a word.
    """
    told = [
        _independent(inside, scale_name),
        _constant(inside),
        _along(inside, scale_name),
        _first(inside, scale_name),
        _together(inside, scale_name),
        *_foretold(inside, scale_name),
    ]
    return tuple(finding for finding in told if finding is not None)


def at(inside: Inside, scale_name: str, scales: Sequence[float]) -> str:
    """ "heads 2 and 4", or how many and which are the ends."""
    return named_scales(scale_name, scales, len(inside.scales))


def corrected(inside: Inside, tests: int | None = None) -> str:
    """For how many tests a p-value stands corrected, where that is more than one."""
    many = len(inside.scales) if tests is None else tests
    return f", corrected for {many} {'scales' if tests is None else 'tests'}" if many > 1 else ""


def _independent(inside: Inside, scale_name: str) -> Finding | None:
    topic = "Are a seed’s outputs learnt independently?"
    known = [(s, s.dependence) for s in inside.scales if s.dependence and not math.isnan(s.dependence.pvalue)]
    if not known:
        return None
    shown = [(s, found) for s, found in known if s.pvalue_dependence <= LEVEL]
    if not shown:
        scale, clearest = min(known, key=lambda pair: pair[0].pvalue_dependence)
        most = max(found.ratio.high for _, found in known)
        return Finding(
            topic,
            f"No evidence against it: the number of learnt outputs varies over seeds {_ratio(clearest.ratio)} as "
            f"much as if they were, at {at(inside, scale_name, [scale.scale])} where it differs most "
            f"({text.pvalue(scale.pvalue_dependence)}{corrected(inside)}, n = {clearest.n}). Up to "
            f"{text.number(most)} times as much could have gone unseen.",
        )
    sentences = []
    for more, meaning in (
        (True, "a seed that has learnt one is likelier to have learnt another, so that the luck is the seed’s"),
        (False, "a seed that has learnt one is less likely to have learnt another"),
    ):
        of_kind = [(s, found) for s, found in shown if (found.ratio.estimate > 1) == more]
        if of_kind:
            scale, clearest = min(of_kind, key=lambda pair: pair[0].pvalue_dependence)
            where = at(inside, scale_name, [s.scale for s, _ in of_kind])
            place = f", at {scale_name} {text.scale(scale.scale)}" if len(of_kind) > 1 else ""
            sentences.append(
                f"No, at {where}: {meaning}. The number of learnt outputs varies over seeds "
                f"{_ratio(clearest.ratio)} as much as if they were independent{place} at step "
                f"{text.scale(scale.step)} ({text.pvalue(scale.pvalue_dependence)}{corrected(inside)}, "
                f"n = {clearest.n})."
            )
    return Finding(topic, " ".join(sentences))


def _ratio(ratio: Interval) -> str:
    return f"{text.with_interval(ratio)} times"


def _constant(inside: Inside) -> Finding | None:
    found = inside.shape
    topic = "Does the chance to learn an output change with time?"
    if found is None or math.isnan(found.pvalue):
        return None
    said = f"shape {text.with_interval(found.shape)}, 1 is constant; {text.pvalue(found.pvalue)}"
    events = f"{text.count(found.events)} outputs learnt in {text.seeds(found.seeds)}"
    if found.pvalue > LEVEL:
        return Finding(topic, f"No evidence that it does, once the first tenth are learnt ({said}, {events}).")
    if found.shape.estimate > 1:
        return Finding(
            topic,
            f"Yes, it rises: the longer an output has waited, the likelier it is to be learnt in the next step "
            f"({said}, {events}). That is so from the time on at which a tenth of them are learnt.",
        )
    return Finding(
        topic,
        f"Yes, among those that still wait it falls: they are ever less likely to be learnt in the next step, or "
        f"those seeds wait that always were ({said}, {events}).",
    )


def _along(inside: Inside, scale_name: str) -> Finding | None:
    found = inside.slope
    if found is None or math.isnan(found.slope.estimate):
        return None
    slope = found.slope
    factor = f"{text.number(2**slope.estimate)} ({text.interval(2**slope.low, 2**slope.high)})"
    doubling = f"each doubling of {scale_name} multiplies the chance to learn an output in a step by {factor}"
    if slope.low <= 0 <= slope.high:
        answer = f"No evidence that it does: {doubling}, 1 being no change."
    elif slope.high < 0:
        answer = f"It falls: {doubling}."
    elif _changes(inside):
        answer = f"Yes: {doubling}. Whether that is in proportion is open, as the chance changes with time too."
    elif slope.high < 1:
        answer = f"Yes, but less than in proportion: {doubling}."
    elif slope.low > 1:
        answer = f"Yes, more than in proportion: {doubling}."
    else:
        answer = f"Yes: {doubling}, and 2 would be in proportion."
    return Finding(f"Does it grow with {scale_name}?", f"{answer}{_bent(found)}{_collapse(inside, scale_name)}")


def _changes(inside: Inside) -> bool:
    """Whether the hazard is seen to change with time; the clocks of scales start at different points of that."""
    return inside.shape is not None and inside.shape.pvalue <= LEVEL


def _bent(found: HazardSlope) -> str:
    if math.isnan(found.pvalue) or found.pvalue > BENDS:
        return ""
    return f" But not by the same factor all along the ladder ({text.pvalue(found.pvalue)}): it bends."


def _collapse(inside: Inside, scale_name: str) -> str:
    found = inside.collapse
    if found is None or math.isnan(found.time_slope.estimate):
        return ""
    power = found.time_slope
    return f" Times from the first step on are as {scale_name} to the power of {text.with_interval(power)}."


def _first(inside: Inside, scale_name: str) -> Finding | None:
    topic = "Does attention come before capability?"
    known = [(s, s.lead) for s in inside.scales if s.lead is not None and s.lead.n]
    if not known:
        return None
    shown = [(s, lead) for s, lead in known if s.pvalue_lead <= LEVEL]
    if not shown:
        _, most = max(known, key=lambda pair: pair[1].n)
        decided = sum(lead.before + lead.after for _, lead in known)
        n = sum(lead.n for _, lead in known)
        return Finding(
            topic,
            f"No evidence of either order: the evaluations tell {decided} of {text.count(n)} outputs apart, and "
            "seeds differ in which comes first. Where most outputs have both, attention is "
            f"{_steps(most.median)}.",
        )
    sentences = []
    for leads, who in ((True, "attention"), (False, "capability")):
        of_kind = [(s, lead) for s, lead in shown if (lead.seeds_before > lead.seeds_after) == leads]
        if not of_kind:
            continue
        scale, lead = max(of_kind, key=lambda pair: pair[1].n)
        first = max(lead.seeds_before, lead.seeds_after)
        many = lead.seeds_before + lead.seeds_after
        place = f", at {scale_name} {text.scale(scale.scale)}" if len(of_kind) > 1 else ""
        answer = "Where both rise, yes" if leads else "No"
        sentences.append(
            f"{answer}, at {at(inside, scale_name, [s.scale for s, _ in of_kind])} {who} "
            f"passes half of its own rise first, in {first} of {many} seeds in which the order is seen{place} "
            f"({text.pvalue(scale.pvalue_lead)}{corrected(inside)}); {_alone(inside)}. In the median of the "
            f"{lead.n} outputs in which both rise{place}, attention is {_steps(lead.median)}."
        )
    return Finding(topic, " ".join(sentences))


def _alone(inside: Inside) -> str:
    """How often capability rises while attention does not: of these outputs the order is not told."""
    leads = [scale.lead for scale in inside.scales if scale.lead is not None]
    alone = sum(lead.second_only for lead in leads)
    risen = alone + sum(lead.n for lead in leads)
    return (
        f"in {text.percent(alone / risen)} of the {text.count(risen)} outputs whose capability has risen "
        "no head’s attention on their own parents has"
    )


def _steps(median: Interval) -> str:
    """Steps ahead or behind, with what the evaluations leave open."""
    ahead = median.estimate <= 0
    size = text.number(abs(median.estimate))
    return f"{size} steps {'ahead' if ahead else 'behind'} (difference {text.interval(median.low, median.high)})"


def _together(inside: Inside, scale_name: str) -> Finding | None:
    topic = "Is it the attention of that very output?"
    known = [
        (s, s.lead)
        for s in inside.scales
        if s.lead is not None and s.lead.seeds >= FEWEST_SEEDS and not math.isnan(s.lead.pvalue_exchanged)
    ]
    if not known:
        return None
    shown = [(s, lead) for s, lead in known if s.pvalue_exchanged <= LEVEL]
    scale, lead = min(shown or known, key=lambda pair: pair[0].pvalue_exchanged)
    numbers = _closeness(scale, lead, inside)
    place = f" at {scale_name} {text.scale(scale.scale)}"
    if not shown:
        return Finding(
            topic,
            "No evidence of it: an output’s attention and capability are not seen to rise closer than those of "
            f"two outputs of the seed ({numbers},{place}).",
        )
    return Finding(
        topic,
        f"Yes, at {at(inside, scale_name, [s.scale for s, _ in shown])}: an output’s attention and capability "
        f"rise closer to each other than those of two outputs of the same seed ({numbers},{place}).",
    )


def _closeness(scale: ScaleInside, lead: LeadLag, inside: Inside) -> str:
    return (
        f"{text.number(lead.distance)} steps apart in the median against {text.number(lead.exchanged)}, "
        f"{text.pvalue(scale.pvalue_exchanged)}{corrected(inside)}"
    )


def _foretold(inside: Inside, scale_name: str) -> Iterator[Finding]:
    """One finding for each stream."""
    found: dict[tuple[str, str], list[tuple[float, StreamForecast]]] = {}
    for scale in inside.scales:
        for one in scale.forecasts:
            if not math.isnan(one.pvalue_holm):
                found.setdefault((one.split, one.metric), []).append((scale.scale, one))
    tests = sum(len(of_stream) for of_stream in found.values())
    for (split, metric), of_stream in found.items():
        topic = f"Does early {metric} ({split}) foretell when a seed succeeds?"
        shown = [
            (scale, one)
            for scale, one in of_stream
            if one.pvalue_holm <= LEVEL and one.forecast.concordance.low > 0.5
        ]
        clearest, best = min(shown or of_stream, key=lambda pair: (pair[1].pvalue_holm, -pair[1].forecast.pairs))
        read = best.forecast
        numbers = (
            f"C {text.with_interval(read.concordance)} on other seeds, {text.pvalue(best.pvalue_holm)}"
            f"{corrected(inside, tests)}, n = {read.n} that still waited"
        )
        when = f"at {scale_name} {text.scale(clearest)}, seen at step {text.scale(read.step)}"
        if not shown:
            yield Finding(topic, f"No evidence of it ({numbers}; {when}).")
            continue
        side = "more" if read.higher_is_earlier else "less"
        where = at(inside, scale_name, [scale for scale, _ in shown])
        yield Finding(topic, f"Yes, at {where}: those with {side} of it succeed earlier ({numbers}; {when}).")
