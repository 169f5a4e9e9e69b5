"""The tables of what happened inside."""

from __future__ import annotations

import math
from collections.abc import Iterator

from seedsweep.analysis.report.tables import PageTable
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.hazard import HazardSlope
from seedsweep.analysis.study.inside import Inside


def inside_tables(inside: Inside, scale_name: str) -> Iterator[PageTable]:
    """Every number behind the section "What happened inside", in the order of the page."""
    if any(scale.outputs for scale in inside.scales):
        yield _outputs(inside, scale_name)
        yield _hazard(inside)
    if any(scale.lead is not None for scale in inside.scales):
        yield _lead(inside, scale_name)
    if any(scale.forecasts for scale in inside.scales):
        yield _forecasts(inside, scale_name)


def _outputs(inside: Inside, scale_name: str) -> PageTable:
    return PageTable(
        "Outputs, one by one",
        "An output is learnt from the evaluation on from which its accuracy stays at "
        f"{text.given(inside.learnt_at)} or above. The ratio is the variance over seeds of the number of learnt "
        "outputs, at the step at which about half of all are learnt, divided by what independent outputs would "
        "give; p is of independence, corrected for the scales (Holm).",
        (
            scale_name,
            "seeds",
            "outputs",
            "learnt at the end",
            "at step",
            "variance",
            "if independent",
            "ratio",
            "p",
        ),
        tuple(
            (
                text.scale(s.scale),
                str(s.n),
                str(s.outputs),
                text.percent(s.learnt),
                text.scale(s.step),
                text.number(s.dependence.variance),
                text.number(s.dependence.independent),
                text.with_interval(s.dependence.ratio),
                _p(s.pvalue_dependence),
            )
            for s in inside.scales
            if s.dependence is not None
        ),
    )


def _hazard(inside: Inside) -> PageTable:
    rows = []
    if inside.shape is not None:
        shape = inside.shape
        rows.append(
            ("shape: 1 is constant in time", text.with_interval(shape.shape), _p(shape.pvalue), str(shape.events))
        )
    for name, found, part in _slopes(inside):
        number = text.with_interval(found.slope if part == "slope" else found.time_slope)
        rows.append((name, number, _p(found.pvalue), str(found.events)))
    return PageTable(
        "The hazard of an output",
        "The chance, per step, that an output that is not learnt yet is learnt now, by Weibull’s distribution, "
        "known to the intervals between evaluations. Each output at each scale has a rate of its own. The first "
        "two rows are from the time on at which a tenth of a scale’s outputs are learnt. The p of the first is "
        "of a constant hazard, that of the others of one power law along the whole ladder.",
        ("", "estimate", "p", "outputs learnt"),
        tuple(rows),
    )


def _slopes(inside: Inside) -> Iterator[tuple[str, HazardSlope, str]]:
    if inside.slope is not None:
        yield "power of the scale: 1 is in proportion", inside.slope, "slope"
    if inside.collapse is not None:
        yield "power of the scale that times go by, from the first step on", inside.collapse, "time"


def _lead(inside: Inside, scale_name: str) -> PageTable:
    return PageTable(
        "Attention against capability",
        "Steps from half of the rise of an output’s accuracy to half of that of its attention; negative where "
        "attention is ahead. The interval has what the evaluations leave open in it. p of the order is a sign "
        "test over seeds; “exchanged” is the median distance to another output of the same seed, with the p that "
        "an output’s own is no closer. Both are corrected for the scales (Holm).",
        (
            scale_name, "outputs", "median difference", "quartiles", "attention first", "capability first",
            "not told apart", "only attention rises", "only capability",
            "p of the order", "distance", "exchanged", "p",
        ),
        tuple(
            (
                text.scale(s.scale),
                str(s.lead.n),
                text.with_interval(s.lead.median),
                text.interval(*s.lead.quartiles),
                f"{s.lead.before} (in {text.seeds(s.lead.seeds_before)})",
                f"{s.lead.after} (in {text.seeds(s.lead.seeds_after)})",
                str(s.lead.together),
                str(s.lead.first_only),
                str(s.lead.second_only),
                _p(s.pvalue_lead),
                text.number(s.lead.distance),
                text.number(s.lead.exchanged),
                _p(s.pvalue_exchanged),
            )
            for s in inside.scales
            if s.lead is not None
        ),
    )  # fmt: skip


def _forecasts(inside: Inside, scale_name: str) -> PageTable:
    return PageTable(
        "What is seen early, and when seeds succeed",
        "C is how often, of two seeds, the one that succeeds first is the one that the stream names, among those "
        "that still wait at the step, in the direction that other seeds have; 0.5 is a coin. p is corrected for "
        "all scales and streams (Holm).",
        (scale_name, "stream", "seen at step", "seeds waiting", "pairs", "C on other seeds", "earlier with", "p"),
        tuple(
            (
                text.scale(s.scale),
                f"{one.metric} ({one.split})",
                text.scale(one.forecast.step),
                str(one.forecast.n),
                text.count(one.forecast.pairs),
                text.with_interval(one.forecast.concordance),
                "more" if one.forecast.higher_is_earlier else "less",
                _p(one.pvalue_holm),
            )
            for s in inside.scales
            for one in s.forecasts
        ),
    )


def _p(value: float) -> str:
    return "–" if math.isnan(value) else text.without_p(text.pvalue(value))
