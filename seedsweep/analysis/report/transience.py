"""What comes and goes, in sentences; only where it is seen to."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from seedsweep.analysis.report.finding import Finding
from seedsweep.analysis.report.wording import named_scales
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.results import Interval
from seedsweep.analysis.study.parts import LEVEL
from seedsweep.analysis.study.transience import TOLD, ScaleTransience, Transience


def transience_findings(found: Transience, scale_name: str) -> tuple[Finding, ...]:
    """The section "Comes and goes".

    Parameters
    ----------
    found : Transience
        With a scale at which that is shown.
    scale_name : str
        Of what is scaled, in a word.
    """
    told = [_stays(found, scale_name), _budget(found, scale_name), _pace(found, scale_name)]
    return (*told, *_along(found, scale_name))


def clearest(found: Transience) -> ScaleTransience:
    """Where most seeds come and go, of the scales at which that is most of those that come, if there are any."""
    return max(found.mostly or found.shown, key=lambda scale: scale.transient.rate)


def lost_again(scale: ScaleTransience) -> str:
    """ "36 of the 40 seeds that get there have lost it again by step 3000"."""
    lost = scale.transient.successes
    return (
        f"{lost} of the {scale.emerged.successes} seeds that get there have lost it again by step "
        f"{text.scale(scale.budget)}"
    )


def threshold(found: Transience) -> str:
    """ "accuracy ≥ 0.65"."""
    criterion = found.criterion
    return f"{criterion.metric} {text.side(criterion)} {text.given(criterion.shown(criterion.least))}"


def median_of(values: np.ndarray) -> str:
    """ "0.8 (quartiles 0.75–0.84)" of what is known."""
    known = values[~np.isnan(values)]
    if not known.size:
        return "–"
    low, middle, high = np.quantile(known, [0.25, 0.5, 0.75]).tolist()
    return f"{text.number(middle)} (quartiles {text.interval(low, high)})"


def median_step(values: np.ndarray) -> str:
    """ "1068 (quartiles 839–1553)" of what is known."""
    known = values[~np.isnan(values)]
    if not known.size:
        return "–"
    low, middle, high = np.quantile(known, [0.25, 0.5, 0.75]).round().tolist()
    return f"{text.scale(middle)} (quartiles {text.scale(low)}–{text.scale(high)})"


def _stays(found: Transience, scale_name: str) -> Finding:
    """Whether what seeds get they keep, and where not."""
    scale, many = clearest(found), len(found.scales)
    places = [one.scale for one in (found.mostly or found.shown)]
    where = named_scales(scale_name, places, many)
    rate = scale.lost
    share = f"{text.percent(rate.rate)}, {text.percent_interval(rate.low, rate.high)}"
    answer = (
        f"No, at {where} it comes and goes."
        if found.mostly
        else f"Not in all seeds, at {where}: in some it comes and goes."
    )
    corrected = f"; limits corrected for {many} scales" if many > 1 else ""
    at = f"At {scale_name} {text.scale(scale.scale)}, " if len(places) > 1 else ""
    return Finding(
        "Do seeds keep what they get?",
        f"{answer} {at}{lost_again(scale)} and not had it since ({share}{corrected}). They were surely at "
        f"{threshold(found)}, beyond what noise makes of so many evaluations, and surely are not any more: they "
        f"have less than half of what they had at their peak above {text.number(found.chance)}, where seeds "
        "begin.",
    )


def _budget(found: Transience, scale_name: str) -> Finding:
    """What the others have come to, which holds for the budget."""
    told = []
    for scale in found.shown:
        parts = [
            f"{scale.count(outcome)} {words}"
            for outcome, words in (
                ("never", "without it so far"),
                ("there", "with it still"),
                ("back", "with it again"),
            )
            if scale.count(outcome)
        ]
        if again := scale.count("gone") - scale.transient.successes:
            parts.append(f"{again} that lost it more than once, or diverged")
        if parts:
            told.append(
                f"At {scale_name} {text.scale(scale.scale)} there are, of {text.seeds(scale.n)} at step "
                f"{text.scale(scale.budget)}, {text.listed(parts)}."
            )
    budgets = [text.scale(budget) for budget in sorted({scale.budget for scale in found.shown})]
    steps = budgets[0] if len(budgets) == 1 else f"{budgets[0]} to {budgets[-1]}"
    first = f"That they keep it, or never get it, holds for the budget of {steps} steps only."
    return Finding("And the other seeds?", " ".join([first, *told]) if told else f"There are none. {first}")


def _pace(found: Transience, scale_name: str) -> Finding:
    """How high, when, and how fast it goes."""
    scale = clearest(found)
    emerged, events = scale.emerged_rows, scale.events
    peaks = found.criterion.oriented(events.peak[emerged])
    slopes = found.criterion.oriented(events.slope[emerged])
    median = scale.half_life.median
    return Finding(
        "How fast does it go?",
        f"Half of what a seed has at its peak is lost {_steps(median)} steps later, in the median of the "
        f"{text.seeds(median.n)} that get there at {scale_name} {text.scale(scale.scale)}. Their peaks are "
        f"{median_of(peaks)}, at step {median_step(events.peak_step[emerged])}; from there "
        f"{found.criterion.metric} changes by {median_of(slopes)} with each doubling of the steps.",
    )


def _steps(median: Interval) -> str:
    if math.isinf(median.estimate):
        return "more than the budget’s"
    high = text.number(median.high) if math.isfinite(median.high) else "beyond the budget"
    return f"{text.number(median.estimate)} ({text.number(median.low)}–{high})"


def _along(found: Transience, scale_name: str) -> Iterator[Finding]:
    """Whether to get it, and to lose it, depends on the scale."""
    if len(found.scales) < 2:
        return
    sentences = []
    for event, words in TOLD.items():
        trend = found.trends[event]
        p = trend.pvalue
        if math.isnan(p):
            continue
        share = f"the share of seeds that {words}"
        if p > LEVEL:
            sentences.append(f"No evidence that {share} rises or falls with {scale_name} ({text.pvalue(p)}).")
        elif trend.fits:
            ends = f"from {text.percent(trend.fitted[0])} to {text.percent(trend.fitted[-1])}"
            way = "rises" if trend.rises else "falls"
            sentences.append(f"{share.capitalize()} {way} with {scale_name}, {ends} ({text.pvalue(p)}).")
        else:
            rates = text.listed([text.percent(rate.rate) for rate in trend.rates])
            sentences.append(
                f"{share.capitalize()} depends on {scale_name} ({text.pvalue(p)}), but not in one direction: it "
                f"is {rates} along the ladder."
            )
    if sentences:
        yield Finding(f"Does it depend on {scale_name}?", " ".join(sentences))
