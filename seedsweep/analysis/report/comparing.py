"""A comparison of two populations in sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from seedsweep import formats
from seedsweep.analysis.report.finding import Finding, told_rows
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.differences import POWER, Difference
from seedsweep.analysis.statistics.rows import Cell, Rows
from seedsweep.analysis.study.compared import Compared, Comparison, Question
from seedsweep.analysis.study.parts import LEVEL

TOPICS: Final[dict[Question, str]] = {
    "P(success)": "P(success)",
    "mean": "Mean",
    "W2": "Distribution",
    "time": "Time to success",
}

UNITS: Final[dict[Question, str]] = {"P(success)": " percentage points", "mean": "", "W2": "", "time": " steps"}

NAMED: Final = 4
"""Scales that a sentence lists."""


@dataclass(frozen=True)
class ComparisonFindings(Rows):
    """What a comparison says.

    Attributes
    ----------
    headline : str
        One sentence: of P(success), or of the mean where all seeds of both succeed, or none.
    findings : tuple of Finding
        A sentence or two for each question.
    notes : tuple of str
        What to know: pairs, scales that are left out, the steps.
    """

    headline: str
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<ComparisonFindings: {self.headline}>"

    def _rows(self) -> list[dict[str, Cell]]:
        return told_rows(self.findings, self.notes)

    def _caption(self) -> str:
        return self.headline


def comparison_findings(found: Comparison) -> ComparisonFindings:
    """Put a comparison into words.

    Parameters
    ----------
    found : Comparison

    Returns
    -------
    ComparisonFindings
        Every sentence is of p-values that are corrected for the scales and the ladder.

    Examples
    --------
    >>> import seedsweep
    >>> a, b = map(seedsweep.load, ("runs/adam", "runs/muon"))  # doctest: +SKIP
    >>> print(comparison_findings(seedsweep.compare(a, b)).headline)  # doctest: +SKIP
    """
    told = [Finding(TOPICS[one.question], _sentence(found, one)) for one in found.questions]
    first = found.questions[0]
    rates = [rate for row in first.by_scale.values() for rate in (row.a, row.b)]
    all_alike = len(set(rates)) == 1 and rates[0] in (0.0, 1.0)  # which exchanging seeds does not change
    headline = told[1].text if all_alike else told[0].text
    return ComparisonFindings(headline=headline, findings=tuple(told), notes=_notes(found))


def _sentence(found: Comparison, one: Compared) -> str:
    pvalues = one.pvalues
    scales = [scale for scale, p in pvalues.items() if scale is not None and p <= LEVEL]
    if one.overall is None and scales:
        return f"{_what(found, one, one.main)} at {_places(found, one, scales)}, {_all_by(one, scales)}."
    if one.overall is not None and pvalues[None] <= LEVEL:
        told = (
            f"{_what(found, one, one.overall)}: over {len(one.by_scale)} scales {_how_far(one, one.overall)}"
            f"{'' if one.question == 'W2' else ' on average'}, {formats.pvalue(pvalues[None])}"
        )
        same = [scale for scale in scales if float(one.by_scale[scale]) * float(one.overall) > 0]
        told += f"; at {_places(found, one, same)} {_all_by(one, same)}" if same else "; no single scale shows it"
        other = [scale for scale in scales if scale not in same]
        return told + (
            f"; the other way at {_places(found, one, other)}, {_all_by(one, other)}." if other else "."
        )
    if not scales:
        return _not_seen(found, one)
    parts = []
    for sign in (1, -1):
        if group := [scale for scale in scales if sign * float(one.by_scale[scale]) > 0]:
            what = _what(found, one, one.by_scale[group[0]])
            parts.append(f"{what} at {_places(found, one, group)}, {_all_by(one, group)}")
    return f"{'; '.join(parts)}; over the ladder no difference is seen ({_signed(one, one.main)})."


def _what(found: Comparison, one: Compared, row: Difference) -> str:
    """ "P(success) is higher in B than in A", of the direction of a difference."""
    if one.question == "W2":
        return f"Seeds of A and B end differently in {found.at}"
    if one.question == "time":
        return f"Seeds of B succeed {'later' if float(row) > 0 else 'sooner'} than those of A"
    name = "P(success)" if one.question == "P(success)" else f"The mean of {found.at}"
    return f"{name} is {'higher' if float(row) > 0 else 'lower'} in B than in A"


def _how_far(one: Compared, row: Difference) -> str:
    """ "by 25.8 (15.6–34.8) percentage points", whichever way."""
    return f"W2 is {_size(one, row)}" if one.question == "W2" else f"by {_size(one, row)}{UNITS[one.question]}"


def _all_by(one: Compared, scales: Sequence[float]) -> str:
    """How far at each of some scales, and the largest of their p-values."""
    named = list(scales)[:NAMED]
    sizes = text.listed([_size(one, one.by_scale[scale]) for scale in named])
    told = f"W2 is {sizes}" if one.question == "W2" else f"by {sizes}{UNITS[one.question]}"
    more = f" (of {len(scales) - NAMED} more the table tells)" if len(scales) > NAMED else ""
    largest = formats.pvalue(max(one.pvalues[scale] for scale in scales))
    return f"{told}{more}, {largest}{' at most' if len(scales) > 1 else ''}"


def _size(one: Compared, row: Difference) -> str:
    """Without its sign."""
    way = -1.0 if float(row) < 0 else 1.0
    interval = row.difference
    ends = (interval.low, interval.high) if way > 0 else (-interval.high, -interval.low)
    return _written(one, way * interval.estimate, *ends)


def _signed(one: Compared, row: Difference) -> str:
    interval = row.difference
    return f"{_written(one, interval.estimate, interval.low, interval.high)}{UNITS[one.question]}"


def _written(one: Compared, estimate: float, low: float, high: float) -> str:
    factor = 100.0 if one.question == "P(success)" else 1.0
    ends = "" if math.isnan(low) else f" ({text.interval(factor * low, factor * high)})"
    return f"{text.number(factor * estimate)}{ends}"


def _places(found: Comparison, one: Compared, scales: Sequence[float]) -> str:
    word = text.field(found.scale_name)
    if len(scales) == len(one.by_scale) > 1:
        return f"every {word}"
    return f"{word} {text.listed([text.scale(scale) for scale in list(scales)[:NAMED]])}"


def _not_seen(found: Comparison, one: Compared) -> str:
    """What was not seen, between which limits it lies, and what would have been seen."""
    row, name = one.main, {"P(success)": "P(success)", "mean": f"the mean of {found.at}"}.get(one.question, "")
    over = "" if one.overall is None else f" over {len(one.by_scale)} scales"
    if math.isnan(row.pvalue):
        return f"Nothing can be said of {name or TOPICS[one.question].lower()}: one side has no values."
    if one.question == "W2":
        return (
            f"No difference between the distributions of A and B is seen: their distance W2{over} is "
            f"{text.with_interval(row.difference)}, and chance alone gives up to {text.number(row.by_chance)}."
        )
    what = "the time to success" if one.question == "time" else name
    told = f"No difference in {what} between A and B is seen: B − A{over} is {_signed(one, row)}"
    least = row.detectable(one.tests)
    if math.isnan(least):
        return f"{told}; nothing varies between seeds."
    shown = f"{text.number(100 * least)} points" if one.question == "P(success)" else text.number(least)
    unit = " steps" if one.question == "time" else ""
    return (
        f"{told}; a difference of {shown}{unit} would have been seen with a probability of {text.percent(POWER)}."
    )


def _notes(found: Comparison) -> tuple[str, ...]:
    word = text.field(found.scale_name)
    notes = [found.paired]
    for side, other, only in zip("AB", "BA", found.only, strict=True):
        if only:
            notes.append(
                f"{word} {text.listed([text.scale(scale) for scale in only])} of {side} is left out: {other} does "
                "not have it"
            )
    if found.threshold_chosen:
        notes.append(
            f"nobody said what success is: {text.given(found.criterion.shown(found.criterion.least))} is the "
            "middle of the observed values; give a threshold of your own"
        )
    if found.untimed:
        notes.append(f"no times to success: {found.untimed}")
    return (*notes, *found.notes)
