"""Populations with learning curves: what the step budget decides, and runs that are there twice."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from benchmarks.calibration.cases import METRIC, Case, Draw, FloatArray, Truth

EVALUATIONS: Final = 40
NEVER: Final = 1e9


def curves(draw: Callable[[np.random.Generator, int], FloatArray]) -> Draw:
    """At one scale."""
    return lambda random, n: {METRIC: {1.0: draw(random, n)}}


def jumps(waits: Callable[[np.random.Generator, int], FloatArray]) -> Draw:
    """From about .05 to about .9 after a wait, in units of the budget."""

    def draw(random: np.random.Generator, n: int) -> FloatArray:
        moments = np.linspace(0, 1, EVALUATIONS)
        level = np.where(moments >= waits(random, n)[:, None], 0.9, 0.05)
        return np.asarray(level + random.normal(0, 0.01, level.shape))

    return curves(draw)


def exponential(mean: float) -> Draw:
    return jumps(lambda random, n: random.exponential(mean, n))


def half_never(mean: float) -> Draw:
    """Half of the seeds are through soon, the others never: who still waits is less and less likely to jump."""
    return jumps(lambda random, n: np.where(random.random(n) < 0.5, NEVER, random.exponential(mean, n)))


def ramps(random: np.random.Generator, n: int) -> FloatArray:
    """Straight lines, each at its own pace, all of which are through before the budget is spent a second time."""
    pace = random.uniform(0.5, 1.4, n)
    lines = np.minimum(pace[:, None] * np.linspace(0, 1, EVALUATIONS), 1)
    return np.asarray(lines + random.normal(0, 0.01, lines.shape))


def saturating(random: np.random.Generator, n: int, t: int = 20) -> FloatArray:
    """Independent noisy rises."""
    pace, end = random.uniform(1, 6, n), random.uniform(0.5, 1, n)
    rise = end[:, None] * (1 - np.exp(-pace[:, None] * np.linspace(0, 1, t)))
    return np.asarray(np.clip(rise + random.normal(0, 0.02, rise.shape), 0, 1))


def copied(examples: int | None, differs: float = 0.0, fewer: int = 0) -> Draw:
    """Seed 1 is seed 0, perhaps but for a rounding, or without its last evaluations."""

    def draw(random: np.random.Generator, n: int) -> FloatArray:
        values = saturating(random, n)
        values = values if examples is None else np.round(values * examples) / examples
        values[1] = values[0] + differs
        values[1, values.shape[1] - fewer :] = math.nan
        return values

    return curves(draw)


def at_two_scales(random: np.random.Generator, n: int) -> dict[str, dict[float, FloatArray]]:
    """One run under two scales."""
    first, second = saturating(random, n), saturating(random, n)
    second[0] = first[0]
    return {METRIC: {1.0: first, 2.0: second}}


def final_values(random: np.random.Generator, n: int) -> dict[str, dict[float, FloatArray]]:
    """No curves, and two seeds with one value in all digits."""
    values = saturating(random, n)[:, -1] * 0.9 + random.random(n) / 1000
    values[1] = values[0]
    return {METRIC: {1.0: values}}


def one_between(t: int) -> Draw:
    """Independent seeds that jump from 0 to 1, with one value of 45 examples in between."""

    def draw(random: np.random.Generator, n: int) -> FloatArray:
        moment = random.integers(1, t - 1, n)[:, None]
        between = (random.integers(1, 45, n) / 45)[:, None]
        place = np.arange(t)
        return np.where(place < moment, 0.0, np.where(place == moment, between, 1.0))

    return curves(draw)


def sigmoids(random: np.random.Generator, n: int) -> FloatArray:
    """Independent seeds that differ in the moment of their rise only, on 20 examples."""
    moment = random.uniform(0.2, 0.8, n)[:, None]
    return np.asarray(np.round(20 / (1 + np.exp(-12 * (np.linspace(0, 1, 20) - moment)))) / 20)


def _waiting(mean: float) -> float:
    """Share of the smaller group when the budget is spent: those who wait, or those who are through."""
    return min(math.exp(-1 / mean), 1 - math.exp(-1 / mean))


def _doubled(mean: float) -> float:
    """Share of those who still wait that are through in as many steps again."""
    return 1 - math.exp(-1 / mean)


def _half_doubled(mean: float) -> float:
    """The same of `half_never`: of those who wait when the budget is spent, few are of the half that jumps."""
    late = 0.5 * math.exp(-1 / mean)
    return late / (0.5 + late) * (1 - math.exp(-1 / mean))


CURVES: Final = [
    *(
        Case(
            f"budget-wait-{mean}-{n}",
            n,
            exponential(mean),
            0.5,
            Truth(groups={1.0: _waiting(mean)}, chance=True, doubled=_doubled(mean)),
            ("budget",),
        )
        for mean, n in ((1, 32), (1, 100), (2, 100), (4, 100))
    ),
    *(
        Case(
            f"budget-{name}-{n}",
            n,
            half_never(mean),
            0.5,
            Truth(groups={1.0: 0.5}, chance=True, doubled=_half_doubled(mean)),
            ("budget",),
        )
        for name, mean, n in (("half-never", 0.1, 32), ("half-never", 0.1, 100), ("half-never-slower", 0.2, 100))
    ),
    Case("budget-ramps-100", 100, curves(ramps), 0.9, Truth(), ("budget",)),
    *(
        Case(f"twice-{name}-64", 64, draw, 0.5, Truth(twice=True), ("duplicates",))
        for name, draw in (
            ("float", copied(None)),
            ("91", copied(91)),
            ("20", copied(20)),
            ("nearly", copied(None, differs=1e-9)),
            ("shorter", copied(None, fewer=2)),
            ("two-scales", at_two_scales),
            ("final-values", final_values),
        )
    ),
    *(
        Case(f"once-{name}", n, draw, 0.5, Truth(twice=False), ("duplicates",))
        for name, n, draw in (
            ("saturating-91-64", 64, curves(lambda r, n: np.round(saturating(r, n) * 91) / 91)),
            ("one-between-64", 64, one_between(12)),
            ("one-between-100", 100, one_between(16)),
            ("sigmoids-20-64", 64, curves(sigmoids)),
        )
    ),
]
