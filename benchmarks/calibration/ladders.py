"""Populations for the intervals, and ladders with and without a step that stands out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from benchmarks.calibration.cases import ALL, Case, FloatArray, Truth, at_every, one_metric
from benchmarks.calibration.groups import ladder, smaller, two
from benchmarks.calibration.nulls import Sample, beta, normal


def outliers(random: np.random.Generator, n: int) -> FloatArray:
    """Two of a hundred seeds fail."""
    return two(random, n, 0.02, normal(0.9, 0.04), normal(0.1, 0.04))


def _beta_ladder(random: np.random.Generator, n: int) -> Mapping[float, FloatArray]:
    """One group that rises evenly."""
    return {float(i): random.beta(2 * i, 10 - 2 * i, n) for i in (1, 2, 3, 4)}


def _step(random: np.random.Generator, n: int) -> Mapping[float, FloatArray]:
    """All seeds alike, and one step."""
    return {float(i): normal(0.1 if i < 3 else 0.85, 0.04)(random, n) for i in (1, 2, 3, 4, 5)}


def _rise(random: np.random.Generator, n: int) -> Mapping[float, FloatArray]:
    """All seeds alike, and even steps."""
    return {float(i): normal(0.2 * i - 0.06, 0.03)(random, n) for i in (1, 2, 3, 4)}


LOW: Final[Sample] = normal(0.1, 0.03)
HIGH: Final[Sample] = normal(0.9, 0.03)
UNEVEN: Final = (0.15, 0.3, 0.7, 0.85)
EVEN: Final = (0.1, 0.294, 0.469, 0.63, 0.758)
"""The squared distance to the largest scale falls by .124, .112, .103, .082."""
TWO_STEPS: Final = (0.0, 0.39, 0.7025, 0.7025)
"""It falls by .25 and .20, then no more."""
ONE_STEP: Final = (0.05, 0.05, 0.6, 0.6, 0.6)


def _capacity(name: str, weights: tuple[float, ...], n: int, at: float | None) -> Case:
    alike = tuple(float(i) for i, weight in enumerate(weights[:-1], 1) if weight == weights[-1])
    truth = Truth(groups=smaller(weights), chance=True, as_largest=alike, capacity=at)
    return Case(f"capacity-{name}-{n}", n, ladder(LOW, HIGH, weights, None), 0.5, truth, ("capacity",))


_ALIKE: Final = Truth(as_largest=ALL, capacity=None)

LADDERS: Final = [
    *(Case(f"outliers-{n}", n, at_every(outliers), 0.5, _ALIKE, ("groups", "intervals")) for n in (20, 64)),
    *(
        Case(f"equal-scales-{n}", n, at_every(beta(2, 8)), 0.2, _ALIKE, ("intervals", "capacity"))
        for n in (20, 64)
    ),
    *(
        Case(
            f"intervals-two-groups-{n}",
            n,
            ladder(LOW, HIGH, UNEVEN, None),
            0.5,
            Truth(groups=smaller(UNEVEN), chance=True, mode={1.0: 0.1, 2.0: 0.1, 3.0: 0.9, 4.0: 0.9}),
            ("intervals", "claims"),
        )
        for n in (20, 64)
    ),
    *(
        Case(
            f"intervals-rise-{n}",
            n,
            one_metric(_beta_ladder),
            0.5,
            # Of beta(a, b) with a + b = 10: (a - 1) / 8.
            Truth(rise="even", mode={1.0: 1 / 8, 2.0: 3 / 8, 3.0: 5 / 8, 4.0: 7 / 8}),
            ("groups", "intervals"),
        )
        for n in (20, 100)
    ),
    Case(
        "rise-alike-100", 100, one_metric(_rise), 0.44, Truth(rise="even", capacity=None), ("groups", "capacity")
    ),
    Case(
        "step-alike-100",
        100,
        one_metric(_step),
        0.5,
        Truth(rise="step", as_largest=(3.0, 4.0), capacity=3.0),
        ("groups", "capacity"),
    ),
    *(_capacity("even", EVEN, n, None) for n in (20, 50, 100)),
    *(_capacity("two-steps", TWO_STEPS, n, 2.0) for n in (20, 50, 100)),
    *(_capacity("one-step", ONE_STEP, n, 3.0) for n in (20, 50)),
]
