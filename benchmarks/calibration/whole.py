"""The whole study: its verdict, its intervals, and those of its sentences that can be checked."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Final

from benchmarks.calibration.cases import METRIC, Case, Truth
from benchmarks.calibration.direct import cover
from benchmarks.calibration.tally import Tally
from seedsweep import Population, analysis
from seedsweep.analysis.statistics.budget import STAYING, TURNING

APART: Final = 0.07
"""From this share of the seeds on, a group that sits apart makes "the seeds agree" false."""

SENTENCES: Final[dict[str, tuple[str, Callable[[Truth], bool]]]] = {
    # What is said, how it is said, and where it is false. Where the wording changes, the pattern has to follow.
    "seeds agree": (
        r"seeds agree|all seeds end alike",
        lambda truth: max(truth.groups.values(), default=0) >= APART,
    ),
    "groups": (r"^Yes, (from|at) .*refutes a single group", lambda truth: not truth.groups),
    "chance decides": (r"^By chance", lambda truth: not truth.chance),
    "split elsewhere": (r"^Seeds part, but not into", lambda truth: not truth.groups or truth.chance),
    "no groups, too few seeds": (r"^Undecided: .*no groups are seen", lambda truth: truth.visible),
    "in one metric only": (
        r"not in a continuous metric|^Yes: at .* the groups do not show in",
        lambda truth: truth.in_continuous,
    ),
    "failures stay": (
        r"^No, at .*most of the seeds that fail would not succeed in as many steps again",
        lambda truth: truth.doubled is not None and truth.doubled > STAYING,
    ),
    "failures are cut off": (
        r"^Yes, in good part, at",
        lambda truth: truth.doubled is not None and truth.doubled < TURNING,
    ),
    "one run twice": (r"one run under several names", lambda truth: truth.twice is False),
    "capacity is here": (
        r"takes a step towards that of the largest scale that stands out|which is the largest is unsure",
        lambda truth: truth.capacity is None,
    ),
    "abruptly": (r"^Abruptly", lambda truth: truth.rise == "even"),
    "smoothly": (r"^Smoothly", lambda truth: truth.rise == "step"),
}


def sentences(told: analysis.Findings) -> str:
    """All that a reader is told, a line for each."""
    return "\n".join([told.headline, *(finding.text for finding in told.everything), *told.warnings])


def examine(case: Case, population: Population, tally: Tally, found: list[str] | None) -> None:
    """As `seedsweep report` does; `found` are the groups that the direct test claims."""
    study = analysis.study(population)
    tally.word("verdict", analysis.verdict(study))
    text = sentences(analysis.findings(study))
    for name, (pattern, false) in SENTENCES.items():
        said = re.search(pattern, text, re.MULTILINE) is not None
        tally.ask(f"{'falsely' if false(case.truth) else 'not checked or true'} says: {name}", said)
    if found is not None:
        kinds = [_kind(scale) for scale in study.scales]
        tally.ask("direct differs from the study", kinds != found)
    if not population.curves(METRIC) and "intervals" not in case.asks:
        cover(case, tuple(scale.summary for scale in study.scales), tally)
    if "capacity" not in case.asks and not _is_nan(case.truth.capacity):
        tally.ask("capacity named", study.capacity.scale is not None)


def _kind(scale: analysis.ScaleStudy) -> str:
    """As `direct` tells it."""
    if scale.split is None:
        return ""
    return "too few" if scale.split.kind == "successes and failures" and not scale.mixed else scale.split.kind


def _is_nan(value: float | None) -> bool:
    return value is not None and math.isnan(value)
