"""How often what an analysis says is true: some populations of `benchmarks/calibration`, a few times each.

A limit is broken where the rate is beyond it by more than chance would have it: where all of its 99.9 % Wilson
interval is. The recorded output of the benchmark has more repetitions, and more populations.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import pytest

from benchmarks.calibration.everything import CASES, named
from benchmarks.calibration.run import repeat
from benchmarks.calibration.tally import Tally, wilson


@dataclass(frozen=True)
class Target:
    """What must hold in all cases whose names begin so, except those in which it does not yet."""

    cases: str
    question: str
    at_most: float = 1.0
    at_least: float = 0.0
    whole: bool = False
    """Asked of whole studies."""
    not_yet: tuple[str, ...] = ()


ZEROS = ("zeros-normal-64", "zeros-beta-2-2-64", "zeros-beta-2-4-64")
RISE = ("intervals-rise-20", "intervals-rise-100")
EQUAL = ("equal-scales-20", "equal-scales-64")
NEAR = ("groups-4sd-100", "groups-4sd-200", "groups-3sd-200")
STUCK = ("stuck-07-100", "stuck-07-250", "stuck-10-100", "stuck-10-250", "stuck-15-100")

TARGETS = (
    Target(
        "null-",
        "groups claimed",
        at_most=0.07,
        not_yet=(
            *("null-cut-below-64", "null-cut-below-128", "null-cut-below-91-128"),
            *("null-cut-above-64", "null-cut-above-128", "null-one-example-64"),
            *("null-hundreds-32", "null-hundreds-64", "null-hundreds-128", "null-fifties-64", "null-fifties-128"),
            *("null-percent-of-8-64", "null-percent-of-20-64", "null-percent-of-20-128", "null-percent-of-40-64"),
            *("null-percent-of-40-128", "null-percent-of-45-saturated-64", "null-minus-1-to-0-64"),
            *("null-0-to-2-64", "null-other-tests-64", "null-drifting-lattice-64"),
        ),
    ),
    Target("groups-", "groups claimed where none are", at_most=0.07),
    Target("groups-far-[125]*", "by chance", at_least=0.9),
    Target("groups-zero", "by chance", at_least=0.9),
    Target("groups-4sd-200", "by chance", at_least=0.8),
    Target("zeros-", "by chance, of other seeds than the groups", at_most=0.05, not_yet=ZEROS),
    Target(
        "mirage-[345]sd",
        "groups said to be in one metric only",
        at_most=0.1,
        not_yet=("mirage-3sd-64", "mirage-3sd-100", "mirage-4sd-64", "mirage-4sd-100"),
    ),
    Target(
        "capacity-even",
        "capacity named",
        at_most=0.1,
        not_yet=("capacity-even-20", "capacity-even-50", "capacity-even-100"),
    ),
    Target("equal-scales", "capacity named", at_most=0.07),
    Target("capacity-one-step-50", "capacity right", at_least=0.95),
    Target(
        "once-",
        "one run twice claimed",
        at_most=0.01,
        not_yet=("once-one-between-64", "once-one-between-100", "once-sigmoids-20-64"),
    ),
    Target(
        "twice-",
        "one run twice claimed",
        at_least=0.95,
        not_yet=("twice-nearly-64", "twice-shorter-64", "twice-two-scales-64", "twice-final-values-64"),
    ),
    Target("intervals-", "covers mean", at_least=0.9),
    Target("outliers-", "covers mean", at_least=0.9, not_yet=("outliers-20", "outliers-64")),
    Target("intervals-", "covers P(success)", at_least=0.9),
    Target("intervals-", "covers mean | success", at_least=0.9, not_yet=RISE),
    Target("intervals-two-groups", "covers mode", at_least=0.9),
    Target("intervals-", "covers W2", at_least=0.9),
    Target("equal-scales", "covers W2 of equal scales", at_least=0.9, not_yet=EQUAL),
    Target("intervals-two-groups", "covers claims of 1", at_least=0.9),
    Target("intervals-two-groups", "covers claims of 4", at_least=0.9),
    Target("budget-[wh]", "covers if doubled", at_least=0.9, not_yet=("budget-half-never-slower-100",)),
    Target(
        "budget-wait-4",
        "falsely says: failures are final",
        at_most=0.05,
        whole=True,
        not_yet=("budget-wait-4-100",),
    ),
    Target("groups-far-[12]00", "falsely says: seeds agree", at_most=0.05, whole=True),
    Target("groups-[34]sd-[12]00", "falsely says: seeds agree", at_most=0.05, whole=True, not_yet=NEAR),
    Target("stuck-[012][057]", "falsely says: seeds agree", at_most=0.05, whole=True, not_yet=STUCK),
    Target(
        "groups-far-50",
        "falsely says: test misses most splits",
        at_most=0.05,
        whole=True,
        not_yet=("groups-far-50",),
    ),
    Target("groups-far-50", "direct differs from the study", at_most=0.0, whole=True),
    Target("null-91-saturated-64", "direct differs from the study", at_most=0.0, whole=True),
)

REPETITIONS = 40
WHOLE = 8


@cache
def measured(name: str, whole: bool) -> Tally:
    """The same numbers whichever of the tests are run."""
    return repeat(CASES[name], 1, range(WHOLE if whole else REPETITIONS), WHOLE if whole else 0)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("target", "name"),
    [
        pytest.param(target, case.name, id=f"{case.name}, {target.question}")
        for target in TARGETS
        for case in named([target.cases])
        if case.name not in target.not_yet
    ],
)
def test_rate(target: Target, name: str) -> None:
    yes, asked = measured(name, target.whole).counts[target.question]
    rate, low, high = wilson(yes, asked, 0.999)
    assert low <= target.at_most, f"{yes} of {asked}, {rate}"
    assert high >= target.at_least, f"{yes} of {asked}, {rate}"


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: f"{target.cases} {target.question}")
def test_what_does_not_hold_yet_is_of_the_target(target: Target) -> None:
    assert set(target.not_yet) <= {case.name for case in named([target.cases])}


def test_numbers_follow_from_the_seed() -> None:
    case = CASES["null-hundreds-32"]
    together, apart = repeat(case, 3, range(2), 0), Tally()
    for repetition in range(2):
        apart.add(repeat(case, 3, range(repetition, repetition + 1), 0))
    assert together == apart
    first, again, other = (case.draw(case.generator(3, i), 8)["value"][1.0].tolist() for i in (0, 0, 1))
    assert first == again != other


def test_wilson_limits() -> None:
    assert wilson(0, 60)[:2] == (0.0, 0.0)
    assert wilson(0, 60)[2] == pytest.approx(0.06, abs=0.001)
    assert wilson(30, 60)[1:] == pytest.approx((0.377, 0.623), abs=0.001)
