"""What is said of populations with streams, and whether it is true."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.calibration.cases import Case, Truth
from benchmarks.calibration.seen import Seen, population
from benchmarks.calibration.tally import Tally
from seedsweep import Population, analysis
from seedsweep.analysis.report.inside import inside_findings


@dataclass(frozen=True)
class SeenCase(Case):
    """A population with streams, held in memory; `truth` says nothing that `seen` does not say better."""

    seen: Seen = field(default_factory=Seen)

    def population(self, seed: int, repetition: int, folder: Path) -> Population:
        read = self.seen.draw(self.generator(seed, repetition), self.seeds)
        return population(read, crossed=self.seen.crossed is not None)


def _case(name: str, seeds: int, **seen: object) -> SeenCase:
    made = Seen(**seen)  # type: ignore[arg-type]
    return SeenCase(
        f"inside-{name}-{seeds}", seeds, lambda random, n: {}, 0.9, Truth(), ("inside",), whole=0, seen=made
    )


SEEN: Final = [
    _case("plain", 24),
    _case("plain", 48),
    _case("shared", 24, shared=0.3),
    _case("shared", 48, shared=0.3),
    _case("rising", 48, shape=1.6),
    _case("level", 48, slope=0.0),
    _case("root", 48, slope=0.5),
    _case("lead", 24, lead=80.0),
    _case("unrelated", 24, own=False, harder=1.0, shared=0.3),
    _case("told", 48, shared=0.5, told=0.8),
    _case("crossed", 64, heads=(1.0,), crossed=(0.6, 0.0, 0.4), median=1000.0),
    _case("crossed-censored", 64, heads=(1.0,), crossed=(0.3, 0.3, 0.4), median=2500.0),
]

SAYS: Final[dict[str, tuple[str, Callable[[Seen], bool]]]] = {
    # What is said, how it is said, and where it is true. Where the wording changes, the pattern has to follow.
    "the luck is the seed's": (r"the luck is the seed’s", lambda seen: seen.shared > 0),
    "outputs hinder each other": (r"less likely to have learnt another", lambda seen: False),
    "the hazard rises": (r"Yes, it rises", lambda seen: seen.shape > 1),
    "the hazard falls": (r"among those that still wait it falls", lambda seen: seen.shape < 1),
    "the hazard grows with the scale": (r"Yes(, but less|, more)?.*each doubling of", lambda seen: seen.slope > 0),
    "the hazard shrinks with the scale": (r"^It falls: each doubling", lambda seen: seen.slope < 0),
    "less than in proportion": (r"less than in proportion", lambda seen: seen.slope < 1),
    "more than in proportion": (r"more than in proportion", lambda seen: seen.slope > 1),
    "the ladder bends": (r"it bends", lambda seen: False),
    "attention first": (r"attention passes half", lambda seen: seen.lead > 0),
    "capability first": (r"capability passes half", lambda seen: seen.lead < 0),
    "attention of that output": (r"Yes, at .*closer to each other", lambda seen: seen.own),
    "early values foretell": (r"succeed earlier", lambda seen: seen.told > 0),
}


def examine_inside(case: Case, population: Population, tally: Tally) -> None:
    """All sentences, and the intervals of which the truth is known."""
    assert isinstance(case, SeenCase)
    seen, found = case.seen, analysis.inside(population)
    assert found is not None
    if seen.crossed is None:
        said = "\n".join(finding.text for finding in inside_findings(found, "heads"))
        for name, (pattern, true) in SAYS.items():
            question = f"{'truly' if true(seen) else 'falsely'} says: {name}"
            tally.ask(question, re.search(pattern, said, re.MULTILINE) is not None)
        _cover(seen, found, tally)
        return
    for scale in found.scales:
        if scale.variance is not None:
            parts = scale.variance.init, scale.variance.data, scale.variance.interaction
            for name, part, truth in zip(
                ("initial weights", "data", "the rest"), parts, seen.crossed, strict=True
            ):
                tally.covers(f"share of {name}", part.low, part.high, truth / sum(seen.crossed))


def _cover(seen: Seen, found: analysis.Inside, tally: Tally) -> None:
    for scale in found.scales:
        if scale.dependence is not None and not seen.shared:
            ratio = scale.dependence.ratio
            tally.covers("ratio of variances", ratio.low, ratio.high, 1.0)
        if scale.lead is not None and seen.own:
            tally.covers("lead", scale.lead.median.low, scale.lead.median.high, -seen.lead)
    if found.shape is not None and seen.shape == 1 and not seen.shared:
        tally.covers("shape of the hazard", found.shape.shape.low, found.shape.shape.high, 1.0)
    if found.slope is not None and seen.shape == 1 and not seen.shared:
        tally.covers("slope of the hazard", found.slope.slope.low, found.slope.slope.high, seen.slope)
