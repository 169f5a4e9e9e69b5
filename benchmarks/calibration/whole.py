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

APART: Final = 0.07
"""From this share of the seeds on, a group that sits apart makes "the seeds agree" false."""

SENTENCES: Final[dict[str, tuple[str, Callable[[Truth], bool]]]] = {
    # What is said, how it is said, and where it is false. Where the wording changes, the pattern has to follow.
    "seeds agree": (
        r"seeds agree|alike for all seeds|all seeds end alike",
        lambda truth: max(truth.groups.values(), default=0) >= APART,
    ),
    "groups": (r"^Yes, (from|at) .*refutes a single group", lambda truth: not truth.groups),
    "chance decides": (r"^By chance", lambda truth: not truth.chance),
    "in one metric only": (r"not in a continuous metric", lambda truth: truth.in_continuous),
    "failures are final": (r"failures are final", lambda truth: truth.final is False),
    "one run twice": (r"one run under several names", lambda truth: truth.twice is False),
    "capacity is here": (r"takes its largest step towards", lambda truth: truth.capacity is None),
    "abruptly": (r"^Abruptly", lambda truth: truth.rise == "even"),
    "smoothly": (r"^Smoothly", lambda truth: truth.rise == "step"),
    "test misses most splits": (r"miss(es)? most splits", lambda truth: truth.visible),
    "ties may look like groups": (r"may take ties for groups", lambda truth: False),
}


def examine(case: Case, population: Population, tally: Tally, found: dict[float, bool] | None) -> None:
    """As `seedsweep report` does; `found` is where the direct test claims groups."""
    study = analysis.study(population)
    tally.word("verdict", analysis.verdict(study))
    told = analysis.findings(study)
    text = "\n".join([told.headline, *(finding.text for finding in told.findings), *told.warnings])
    for name, (pattern, false) in SENTENCES.items():
        said = re.search(pattern, text, re.MULTILINE) is not None
        tally.ask(f"{'falsely' if false(case.truth) else 'not checked or true'} says: {name}", said)
    if found is not None:
        tally.ask(
            "direct differs from the study", [scale.multimodal for scale in study.scales] != [*found.values()]
        )
    if not population.curves(METRIC) and "intervals" not in case.asks:
        cover(case, tuple(scale.summary for scale in study.scales), tally)
    if "capacity" not in case.asks and not _is_nan(case.truth.capacity):
        tally.ask("capacity named", study.capacity.scale is not None)


def _is_nan(value: float | None) -> bool:
    return value is not None and math.isnan(value)
