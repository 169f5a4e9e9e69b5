"""Populations whose seeds form groups: far apart, near, unseen, at a bound, and in one metric or in two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from benchmarks.calibration.cases import (
    ALL,
    DIVERGED,
    METRIC,
    Case,
    Draw,
    Drawn,
    FloatArray,
    Truth,
    at_every,
    one_metric,
)
from benchmarks.calibration.nulls import Sample, beta, normal

WEIGHTS: Final = (0.0, 0.1, 0.3, 0.5, 0.8, 0.95)
"""Share of the better group along a ladder of six scales."""


def two(random: np.random.Generator, n: int, weight: float, low: Sample, high: Sample) -> FloatArray:
    return np.where(random.random(n) < weight, high(random, n), low(random, n))


def ladder(low: Sample, high: Sample, weights: tuple[float, ...] = WEIGHTS, examples: int | None = 91) -> Draw:
    """Two groups whose shares change along the ladder."""

    def draw(random: np.random.Generator, n: int) -> Mapping[float, FloatArray]:
        values = {float(i): two(random, n, weight, low, high) for i, weight in enumerate(weights, 1)}
        if examples is None:
            return values
        return {s: np.round(np.clip(sample, 0, 1) * examples) / examples for s, sample in values.items()}

    return one_metric(draw)


def smaller(weights: tuple[float, ...]) -> dict[float, float]:
    """The share of the smaller group at every scale that has two."""
    return {float(i): min(w, 1 - w) for i, w in enumerate(weights, 1) if 0 < w < 1}


def stuck(weight: float) -> Draw:
    """A share of the seeds stays at .1 at every scale, where the others rise."""
    return one_metric(
        lambda random, n: {
            float(i): two(random, n, weight, normal(rise, 0.05), normal(0.1, 0.05))
            for i, rise in enumerate((0.3, 0.5, 0.7, 0.9), 1)
        }
    )


def heavy(mean: float) -> Sample:
    """Student's t with three degrees of freedom."""
    return lambda random, n: mean + 0.03 * random.standard_t(3, n)


def fewer_seeds(draw: Draw) -> Draw:
    """The larger the scale, the fewer: all, three quarters, a half, a quarter of the seeds."""

    def drawn(random: np.random.Generator, n: int) -> Drawn:
        sizes = zip(draw(random, n)[METRIC].items(), (4, 3, 2, 1), strict=True)
        return {METRIC: {scale: sample[: n * fourths // 4] for (scale, sample), fourths in sizes}}

    return drawn


def some_diverge(random: np.random.Generator, n: int) -> FloatArray:
    """Two groups of like size, and a tenth of all seeds has no number in the end."""
    values = two(random, n, 0.5, normal(0.1, 0.05), normal(0.8, 0.05))
    return np.where(random.random(n) < 0.1, DIVERGED, values)


def by_another_cause(random: np.random.Generator, n: int) -> Drawn:
    """A score with two groups, and a margin that rises with it, but has one group of its own."""
    score = two(random, n, 0.5, normal(0.2, 0.04), normal(0.8, 0.04))
    return {METRIC: {1.0: score}, "margin": {1.0: score + random.normal(0, 0.4, n)}}


def zeros(rest: Sample) -> Draw:
    """15 of 64 seeds at exactly 0, the others of one group above; one scale."""

    def sample(random: np.random.Generator, n: int) -> FloatArray:
        none = round(n * 15 / 64)
        return np.concatenate([np.zeros(none), rest(random, n - none)])

    return at_every(sample, scales=1)


def three(random: np.random.Generator, n: int) -> FloatArray:
    return np.asarray(random.choice([0.1, 0.5, 0.9], n) + random.normal(0, 0.04, n))


def margins(apart: float) -> Draw:
    """A continuous margin, two groups some standard deviations apart, and a score that is steep where it is 0."""

    def draw(random: np.random.Generator, n: int) -> Drawn:
        margin = two(random, n, 0.5, normal(-apart / 2, 1), normal(apart / 2, 1))
        score = np.round(91 / (1 + np.exp(-8 * margin))) / 91
        return {METRIC: {1.0: score}, "margin": {1.0: margin}}

    return draw


_FAR: Final = ladder(normal(0.1, 0.05), normal(0.9, 0.05))
_CHANCE: Final = Truth(groups=smaller(WEIGHTS), chance=True)
_VISIBLE: Final = Truth(groups=smaller(WEIGHTS), chance=True, visible=True)
_THREE: Final = Truth(
    groups=dict.fromkeys((*ALL, 4.0), 1 / 3), chance=True, visible=True, as_largest=ALL, capacity=None
)
EVEN: Final = (0.0, 0.3, 0.5, 0.7)
_EVEN: Final = Truth(groups=smaller(EVEN), chance=True, visible=True)
_HALVES: Final = Truth(
    groups=dict.fromkeys((*ALL, 4.0), 0.5), chance=True, visible=True, as_largest=ALL, capacity=None
)
_ATOM: Final = Truth(groups={1.0: 15 / 64})

GROUPS: Final = [
    Case("groups-far-20", 20, _FAR, 0.5, _CHANCE),
    Case("groups-far-50", 50, _FAR, 0.5, _VISIBLE),
    Case("groups-far-100", 100, _FAR, 0.5, _VISIBLE),
    Case("groups-far-200", 200, _FAR, 0.5, _VISIBLE),
    *(
        Case(f"groups-4sd-{n}", n, ladder(normal(0.3, 0.1), normal(0.7, 0.1)), 0.5, _CHANCE)
        for n in (50, 100, 200)
    ),
    Case("groups-3sd-200", 200, ladder(normal(0.35, 0.1), normal(0.65, 0.1)), 0.5, _CHANCE),
    Case("groups-zero-50", 50, ladder(normal(0, 0), normal(0.8, 0.12)), 0.5, _VISIBLE),
    Case("groups-three-64", 64, at_every(three), 0.3, _THREE),
    Case("groups-far-12", 12, _FAR, 0.5, _CHANCE),
    Case("groups-few-examples-64", 64, ladder(normal(0.1, 0.1), normal(0.9, 0.1), EVEN, 10), 0.5, _EVEN),
    Case("groups-heavy-tails-64", 64, ladder(heavy(0.2), heavy(0.8), EVEN, None), 0.5, _EVEN),
    Case(
        "groups-missing-seeds-96", 96, fewer_seeds(ladder(normal(0.1, 0.05), normal(0.9, 0.05), EVEN)), 0.5, _EVEN
    ),
    Case("groups-some-diverge-64", 64, at_every(some_diverge), 0.5, _HALVES),
    *(
        Case(
            f"stuck-{100 * weight:02.0f}-{n}",
            n,
            stuck(weight),
            0.5,
            Truth(groups=dict.fromkeys((*ALL, 4.0), weight), chance=True, rise="even"),
            whole=2,
        )
        for weight in (0.03, 0.07, 0.10, 0.15, 0.20)
        for n in (64, 100, 250)
        if n > 64 or weight in (0.07, 0.15)
    ),
    *(
        Case(f"zeros-{name}-64", 64, zeros(rest), threshold, _ATOM)
        for name, rest, threshold in (
            ("normal", normal(0.6, 0.1), 0.6),
            ("beta-2-2", beta(2, 2), 0.5),
            ("beta-2-4", beta(2, 4), 0.3),
        )
    ),
    *(
        Case(f"mirage-smooth-{n}", n, margins(0), 0.5, Truth(groups={1.0: 0.5}, chance=True), ("groups", "metric"))
        for n in (64, 100)
    ),
    Case(
        "mirage-another-cause-100",
        100,
        by_another_cause,
        0.5,
        Truth(groups={1.0: 0.5}, chance=True),
        ("groups", "metric"),
    ),
    *(
        Case(
            f"mirage-{apart}sd-{n}",
            n,
            margins(apart),
            0.5,
            Truth(groups={1.0: 0.5}, chance=True, in_continuous=True),
            ("groups", "metric"),
        )
        for apart in (3, 4, 5)
        for n in (64, 100)
    ),
]
