"""What is promised of the statements of an analysis, and what is only told of them.

python -m benchmarks.calibration.targets        # the recorded rates of all of these as a table in Markdown
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.calibration.cases import Case
from benchmarks.calibration.everything import named
from benchmarks.calibration.tally import wilson

RECORDED: Final = Path(__file__).parents[1] / "calibration.json"


@dataclass(frozen=True)
class Target:
    """A statement, and how often it may be made or has to be right; without a limit the rate is only told.

    Attributes
    ----------
    statement : str
    cases : tuple of str
        How the names of the populations begin.
    question : str
        What is counted there.
    at_most, at_least : float
        The limit.
    whole : bool
        Whether it is asked of whole studies.
    """

    statement: str
    cases: tuple[str, ...]
    question: str
    at_most: float = 1.0
    at_least: float = 0.0
    whole: bool = False

    @property
    def limit(self) -> str:
        """ "≤ .07", "≥ .9", or a dash."""
        if self.at_most < 1:
            return f"≤ {self.at_most:g}".replace("0.", ".")
        return f"≥ {self.at_least:g}".replace("0.", ".") if self.at_least > 0 else "–"

    @property
    def populations(self) -> list[Case]:
        return named(self.cases)

    def broken(self, yes: int, asked: int) -> bool:
        """By more than chance would have it: all of the 99.9 % Wilson interval is beyond the limit."""
        _, low, high = wilson(yes, asked, 0.999)
        return low > self.at_most or high < self.at_least

    def row(self, recorded: Mapping[str, Any]) -> str:
        """Statement, limit, rate over all populations, and the population with the worst one."""
        rates = {case.name: recorded[case.name]["rates"][self.question] for case in self.populations}
        yes, asked = (sum(rate[count] for rate in rates.values()) for count in ("yes", "asked"))
        worst = (min if self.at_least > 0 else max)(rates, key=lambda name: float(rates[name]["rate"]))
        share = f"{yes / asked:.3f} ({yes} of {asked})".removeprefix("0")
        other = (
            f"{rates[worst]['rate']:.2f}".removeprefix("0") + f" {worst}"
            if len(rates) > 1 and self.limit != "–"
            else ""
        )
        return f"| {self.statement} | {self.limit} | {share} | {other} |"


LADDERS: Final = ("intervals-",)

_SEEN: Final = [
    f"inside-{name}" for name in ("plain", "shared", "rising", "level", "root", "lead", "unrelated", "told")
]
_INDEPENDENT: Final = [f"inside-{name}" for name in ("plain", "rising", "level", "root", "lead")]
_CONSTANT: Final = [name for name in _SEEN if name != "inside-rising"]
_IN_PROPORTION: Final = [f"inside-{name}" for name in ("plain", "shared", "rising", "lead", "unrelated", "told")]
_TOGETHER: Final = [name for name in _SEEN if name != "inside-lead"]
_UNTOLD: Final = [name for name in _SEEN if name != "inside-told"]

_GUESSES: Final = "a seed that guesses emerges"
_STAYING: Final = [f"transient-{name}" for name in ("guesses", "plateau", "stays", "late", "back")]
_COUNTED: Final = [f"transient-{name}" for name in ("stays", "late", "true-48", "true-24", "some", "ladder")]

TARGETS: Final = (
    Target("groups are found where the seeds form one", ("null-",), "groups claimed", at_most=0.07),
    Target(
        "groups are found at the scales of a ladder that have one",
        ("groups-[34]s", "groups-f", "groups-[hmz]"),
        "groups claimed where none are",
        at_most=0.07,
    ),
    Target("by chance, where the seeds form one group", ("null-",), "by chance", at_most=0.07),
    Target("by chance, of groups that the threshold cuts", ("zeros-",), "by chance", at_most=0.05),
    Target(
        "by chance, where it is true and visible",
        ("groups-far-[125]0", "groups-few", "groups-[hmz]", "groups-some"),
        "by chance",
        at_least=0.9,
    ),
    Target("by chance, two groups of 12 seeds", ("groups-far-12",), "by chance"),
    Target(
        "by chance, groups 4 standard deviations apart, 200 seeds", ("groups-4sd-200",), "by chance", at_least=0.8
    ),
    Target(
        "“seeds part, but not into successes and failures”, where they are",
        ("groups-far-[12]00", "stuck-"),
        "falsely says: split elsewhere",
        at_most=0.05,
        whole=True,
    ),
    Target(
        "“the seeds agree”, where 7 % or more are stuck, or groups overlap",
        ("groups-far-[12]00", "groups-[34]sd-[12]00", "stuck-[012][057]"),
        "falsely says: seeds agree",
        at_most=0.05,
        whole=True,
    ),
    Target(
        "“no groups are seen”, where they are plain",
        ("groups-far-50", "groups-far-[12]00", "groups-[mz]", "groups-some"),
        "falsely says: no groups, too few seeds",
        at_most=0.05,
        whole=True,
    ),
    Target(
        "groups in one metric only, where the other has them too",
        ("mirage-[345]sd",),
        "groups said to be in one metric only",
        at_most=0.1,
    ),
    Target("a minimum capacity on an even ladder", ("capacity-even",), "capacity named", at_most=0.1),
    Target("a minimum capacity on equal scales", ("equal-scales",), "capacity named", at_most=0.07),
    Target("the right capacity, one step, 50 seeds", ("capacity-one-step-50",), "capacity right", at_least=0.85),
    Target("the right capacity, one step, 20 seeds", ("capacity-one-step-20",), "capacity right"),
    Target("the right capacity, of two steps", ("capacity-two-steps",), "capacity right"),
    Target("one run under two names, of independent seeds", ("once-",), "one run twice claimed", at_most=0.01),
    Target(
        "a copy is found: floats, 1e-9 apart, shorter, of another scale, final values",
        ("twice-[fnst]",),
        "one run twice claimed",
        at_least=0.95,
    ),
    Target("a copy is found: on 91 examples", ("twice-91",), "one run twice claimed", at_least=0.8),
    Target("a copy is found: on 20 examples", ("twice-20",), "one run twice claimed"),
    Target("mean in its interval", (*LADDERS, "outliers-"), "covers mean", at_least=0.9),
    Target("mean in its interval, seeds that diverge", ("null-some-di",), "covers mean", at_least=0.9, whole=True),
    Target("P(success) in its interval", LADDERS, "covers P(success)", at_least=0.9),
    Target("mean given success in its interval", LADDERS, "covers mean | success", at_least=0.9),
    Target("mode in its interval", ("intervals-two-groups",), "covers mode", at_least=0.9),
    Target("W2 in its interval", LADDERS, "covers W2", at_least=0.9),
    Target(
        "W2 of equal scales in its interval (the noise floor is beside it)",
        ("equal-",),
        "covers W2 of equal scales",
    ),
    Target(
        "claims of one-seed studies in their interval",
        ("intervals-two-groups",),
        "covers claims of 1",
        at_least=0.9,
    ),
    Target("claims of four-seed studies in theirs", ("intervals-two-groups",), "covers claims of 4", at_least=0.9),
    Target(
        "share that succeeds in twice the steps in its interval, at an even pace",
        ("budget-wait",),
        "covers if doubled",
        at_least=0.9,
    ),
    Target("the same, where half never get there", ("budget-half",), "covers if doubled"),
    Target(
        "“would not succeed in as many steps again”, where most would",
        ("budget-wait-1",),
        "falsely says: failures stay",
        at_most=0.05,
        whole=True,
    ),
    Target(
        "“cut off by the budget”, where less than a quarter would succeed",
        ("budget-wait-4", "budget-half"),
        "falsely says: failures are cut off",
        at_most=0.05,
        whole=True,
    ),
    Target(
        "the fast way of this benchmark differs from the study",
        ("groups-far-50", "groups-some", "null-91-saturated-64", "null-one-example", "zeros-"),
        "direct differs from the study",
        at_most=0.0,
        whole=True,
    ),
    *(
        Target(f"“{said}”, where {false}", tuple(cases), f"falsely says: {name}", at_most=0.05)
        for said, false, name, cases in (
            ("the luck is the seed’s", "outputs are independent", "the luck is the seed's", _INDEPENDENT),
            ("less likely to have learnt another", "they are not", "outputs hinder each other", _SEEN),
            ("the chance to learn an output rises", "it does not", "the hazard rises", _CONSTANT),
            ("it falls", "it does not", "the hazard falls", _SEEN),
            ("it grows with the scale", "it does not", "the hazard grows with the scale", ["inside-level"]),
            ("it grows less than in proportion", "it is in proportion", "less than in proportion", _IN_PROPORTION),
            ("it grows more than in proportion", "it is not more", "more than in proportion", _SEEN),
            ("it bends", "it follows one power", "the ladder bends", _SEEN),
            ("attention passes half of its rise first", "neither is first", "attention first", _TOGETHER),
            ("capability passes half of its rise first", "it is not first", "capability first", _SEEN),
            (
                "an output’s attention and capability rise closer to each other",
                "only the seed links them",
                "attention of that output",
                ["inside-unrelated"],
            ),
            ("those with more of it succeed earlier", "it tells nothing", "early values foretell", _UNTOLD),
        )
    ),
    *(
        Target(f"{what}, {where}", (case,), f"truly says: {name}", at_least=0.8)
        for what, where, name, case in (
            ("the luck is the seed’s", "correlation .3, 48 seeds", "the luck is the seed's", "inside-shared-48"),
            ("the chance rises", "shape 1.6, 48 seeds", "the hazard rises", "inside-rising-48"),
            (
                "it grows with the scale",
                "in proportion, 24 seeds",
                "the hazard grows with the scale",
                "inside-plain-24",
            ),
            ("less than in proportion", "by the root, 48 seeds", "less than in proportion", "inside-root-48"),
            ("attention is first", "by 80 steps, 24 seeds", "attention first", "inside-lead-24"),
            ("it is that output’s attention", "24 seeds", "attention of that output", "inside-plain-24"),
            ("early values foretell", "correlation .8, 48 seeds", "early values foretell", "inside-told-48"),
        )
    ),
    *(
        Target(f"{what} in its interval", tuple(cases), f"covers {name}", at_least=0.9)
        for what, name, cases in (
            ("ratio of variances of independent outputs", "ratio of variances", ["inside-plain"]),
            ("shape of a constant hazard", "shape of the hazard", ["inside-plain", "inside-root"]),
            ("power of the hazard along the ladder", "slope of the hazard", ["inside-plain", "inside-root"]),
            ("lead of attention", "lead", ["inside-plain", "inside-shared", "inside-lead"]),
        )
    ),
    Target("a seed that only guesses gets there", ("transient-guesses-48",), _GUESSES, at_most=0.01),
    Target("the same, where evaluations follow each other", ("transient-guesses-slow",), _GUESSES, at_most=0.04),
    *(
        Target(f"“{said}”, where {false}", tuple(cases), f"falsely says: {name}", at_most=limit)
        for said, false, name, cases, limit in (
            (
                "most seeds that get there lose it again",
                "they keep it, never get it, or have it again",
                "most lose it again",
                [*_STAYING, "transient-wanders", "transient-some"],
                0.05,
            ),
            ("in some it comes and goes", "in none it does", "some lose it again", _STAYING, 0.05),
            ("in some it comes and goes", "the metric wanders", "some lose it again", ["transient-wanders"], 0.15),
            (
                "the share depends on the scale",
                "it does not",
                "it depends on the scale",
                ["transient-ladder-level"],
                0.07,
            ),
            ("not in one direction", "it is", "not in one direction", ["transient-ladder"], 0.05),
        )
    ),
    *(
        Target(f"{what}, {where}", (case,), f"truly says: {name}", at_least=0.8)
        for what, where, name, case in (
            ("most lose it again", "nine in ten do, 48 seeds", "most lose it again", "transient-true-48"),
            ("most lose it again", "nine in ten do, 24 seeds", "most lose it again", "transient-true-24"),
            ("in some it comes and goes", "in four of ten, 48 seeds", "some lose it again", "transient-some-48"),
            (
                "the share depends on the scale",
                ".1 to .9, 48 seeds",
                "it depends on the scale",
                "transient-ladder-48",
            ),
        )
    ),
    Target(
        "most lose it again, nine in ten do, noise four times that of the examples",
        ("transient-true-training",),
        "truly says: most lose it again",
    ),
    *(
        Target(f"{what} in its interval", tuple(cases), f"covers {name}", at_least=0.9)
        for what, name, cases in (
            ("share of seeds that get there", "share that comes", [*_COUNTED, "transient-back"]),
            ("share that gets there and loses it", "share that comes and goes", [*_COUNTED, "transient-back"]),
            ("share that has it half-way", "share there half-way", _COUNTED),
            ("share that has lost it half-way", "share gone half-way", _COUNTED),
        )
    ),
    Target(
        "share that has it half-way, of seeds gone briefly", ("transient-back",), "covers share there half-way"
    ),
    Target("half-life in its interval", ("transient-true-48", "transient-ladder"), "covers half-life"),
    *(
        Target(
            f"share of {name} in the variance of log times in its interval",
            ("inside-crossed",),
            f"covers share of {name}",
        )
        for name in ("initial weights", "data", "the rest")
    ),
)


def table(recorded: Mapping[str, Any]) -> str:
    """All targets, a row each."""
    head = "| statement | limit | rate | worst population |\n|---|---|---|---|"
    return "\n".join([head, *(target.row(recorded) for target in TARGETS)])


if __name__ == "__main__":
    print(table(json.loads(RECORDED.read_text())["populations"]))
