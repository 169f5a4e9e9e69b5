"""Populations whose seeds come and go, or do not; what is said of them, and whether it is true.

The truth of a population is that of its curves without noise, counted with a rule written here by itself: a seed
has come if its curve is at the threshold anywhere, and has gone if in the end it is below that and below half of
what it had at its peak above chance. Shares are those of many seeds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final, Literal

import numpy as np
from scipy.special import expit

from benchmarks.calibration.cases import METRIC, Case, Drawn, FloatArray, Truth, read
from benchmarks.calibration.tally import Tally
from seedsweep import Population, analysis
from seedsweep.analysis.report.transience import transience_findings
from seedsweep.analysis.study.transience import MOST, RARE

CHANCE: Final = 0.5
EVALUATIONS: Final = 60
EXAMPLES: Final = 512
MANY: Final = 20_000
HALF_WAY: Final = EVALUATIONS // 2
FAR: Final = 0.09
"""From the threshold to peaks that are surely above it; nearer ones belong to no share that could be counted."""


@dataclass(frozen=True)
class Coming:
    """How seeds come and go; time is in units of the budget.

    Attributes
    ----------
    come, go : mapping from scale to float
        Shares of the seeds that ever rise, and of these that fall again.
    back : float
        Share, of those that fall, that rise once more.
    at, stay : float
        Median time of the rise, and from there to the fall.
    low, high : float
        Between which peaks lie.
    threshold : float
    noise : str
        "examples": the binomial noise of `EXAMPLES`; "slow": as large, nine tenths of it shared with the
        evaluation before; "training": four times as large, and half of it shared; "wanders": seven times as large,
        and nine tenths shared, of seeds that have the capability.
    """

    come: Mapping[float, float] = field(default_factory=lambda: {1.0: 0.7})
    go: Mapping[float, float] = field(default_factory=lambda: {1.0: 0.0})
    back: float = 0.0
    at: float = 0.2
    stay: float = 0.3
    low: float = 0.75
    high: float = 0.9
    threshold: float = 0.65
    noise: Literal["examples", "slow", "training", "wanders"] = "examples"

    def true_curves(self, random: np.random.Generator, n: int, scale: float) -> FloatArray:
        """Without noise, shape (n, t)."""
        rise = self.at * np.exp(random.normal(0, 0.3, n))
        fall = rise + self.stay * np.exp(random.normal(0, 0.2, n))
        again = fall + 0.15 * np.exp(random.normal(0, 0.2, n))
        height = random.uniform(self.low, self.high, n) - CHANCE
        comes = random.random(n) < self.come[scale]
        goes = comes & (random.random(n) < self.go[scale])
        returns = goes & (random.random(n) < self.back)
        time = np.linspace(0, 1, EVALUATIONS)

        def since(moment: FloatArray, width: float) -> FloatArray:
            return np.asarray(expit((time - moment[:, None]) / width))

        had = comes[:, None] * since(rise, 0.02) - goes[:, None] * since(fall, 0.03)
        return np.asarray(CHANCE + height[:, None] * (had + returns[:, None] * since(again, 0.02)).clip(0, 1))

    def draw(self, random: np.random.Generator, n: int) -> Drawn:
        return {METRIC: {scale: self._measured(random, self.true_curves(random, n, scale)) for scale in self.come}}

    def _measured(self, random: np.random.Generator, curves: FloatArray) -> FloatArray:
        if self.noise == "examples":
            return np.asarray(random.binomial(EXAMPLES, curves) / EXAMPLES)
        size, shared = {"slow": (1.0, 0.9), "training": (4.0, 0.5), "wanders": (7.0, 0.9)}[self.noise]
        noise = random.normal(size=curves.shape)
        for k in range(1, curves.shape[1]):
            noise[:, k] = shared * noise[:, k - 1] + np.sqrt(1 - shared**2) * noise[:, k]
        each = size * np.sqrt(curves * (1 - curves) / EXAMPLES)
        if self.noise == "wanders":
            each *= (curves - CHANCE) / (self.low - CHANCE)
        return np.asarray((curves + each * noise).clip(0, 1))


@dataclass(frozen=True)
class TransientCase(Case):
    """A population with `coming`, which says more of its truth than `truth` could."""

    coming: Coming = field(default_factory=Coming)

    def population(self, seed: int, repetition: int, folder: Path) -> Population:
        return read(self, self.coming.draw(self.generator(seed, repetition), self.seeds), folder)


@dataclass(frozen=True)
class Shares:
    """Of many seeds of one scale: that ever come, that come and go once and for good, that have it half-way
    through the budget and have lost it there; and the half-life of those that come."""

    come: float
    transient: float
    there: float
    gone: float
    half_life: float


@cache
def truth_of(name: str, scale: float) -> Shares:
    coming = next(case.coming for case in TRANSIENTS if case.name == name)
    curves = coming.true_curves(np.random.Generator(np.random.Philox(0)), MANY, scale)
    peak, top = np.argmax(curves, axis=1), np.maximum.accumulate(curves, axis=1)
    above = (curves >= coming.threshold) & (curves > CHANCE)
    lost = (curves < np.minimum(coming.threshold, (top + CHANCE) / 2)) & (top >= coming.threshold)
    begins = lost[:, 1:] & ~lost[:, :-1]
    after = np.arange(EVALUATIONS) > peak[:, None]
    halved = after & (curves < (curves.max(axis=1) + CHANCE)[:, None] / 2)
    come = above.any(axis=1)
    waits = np.where(halved.any(axis=1), np.argmax(halved, axis=1) - peak, np.inf)[come]
    now = HALF_WAY
    return Shares(
        come=float(come.mean()),
        transient=float((lost[:, -1] & (begins.sum(axis=1) == 1)).mean()),
        there=float((above[:, : now + 1].any(axis=1) & ~lost[:, : now + 1].any(axis=1)).mean()),
        gone=float(lost[:, now].mean()),
        half_life=float(np.quantile(waits, 0.5, method="higher")) * 100 if come.any() else np.inf,
    )


def _case(name: str, seeds: int = 48, **coming: object) -> TransientCase:
    made = Coming(**coming)  # type: ignore[arg-type]
    return TransientCase(
        f"transient-{name}-{seeds}",
        seeds,
        made.draw,
        made.threshold,
        Truth(),
        ("transience",),
        whole=0,
        coming=made,
    )


def _everywhere(share: float) -> dict[float, float]:
    return dict.fromkeys((1.0, 2.0, 3.0, 4.0), share)


TRANSIENTS: Final = [
    _case("guesses", come={1.0: 0.0}, threshold=0.5),
    _case("guesses-slow", come={1.0: 0.0}, threshold=0.5, noise="slow"),
    _case("plateau", come={1.0: 1.0}, low=0.78, high=0.82, threshold=0.8),
    _case("plateau-slow", come={1.0: 1.0}, low=0.78, high=0.82, threshold=0.8, noise="slow"),
    _case("plateau-training", come={1.0: 1.0}, low=0.7, high=0.9, threshold=0.8, noise="training"),
    _case("wanders", come={1.0: 0.9}, low=0.75, high=0.75, threshold=0.7, noise="wanders"),
    _case("stays", come={1.0: 0.6}),
    _case("late", go={1.0: 1.0}, at=0.3, stay=1.5),
    _case("true", go={1.0: 0.9}),
    _case("true", 24, go={1.0: 0.9}),
    _case("true-training", go={1.0: 0.9}, noise="training"),
    _case("some", come={1.0: 0.9}, go={1.0: 0.4}),
    _case("back", go={1.0: 0.9}, back=1.0, at=0.15, stay=0.2),
    _case("ladder", come={1.0: 0.1, 2.0: 0.35, 3.0: 0.6, 4.0: 0.9}, go=_everywhere(0.9)),
    _case("ladder-level", come=_everywhere(0.6), go=_everywhere(0.9)),
]

SAYS: Final[dict[str, tuple[str, Callable[[TransientCase], bool]]]] = {
    # What is said, how it is said, and where it is true. Where the wording changes, the pattern has to follow.
    "most lose it again": (r"^No, at .* it comes and goes", lambda case: _lost(case) > MOST and _any(case) > RARE),
    "some lose it again": (
        r"^Not in all seeds, at .* it comes and goes",
        lambda case: _any(case) > RARE,
    ),
    "it depends on the scale": (
        r"The share of seeds that get there (and lose it again )?(rises|falls|depends)",
        lambda case: len(set(case.coming.come.values())) > 1,
    ),
    "not in one direction": (r"not in one direction", lambda case: False),
}


def _any(case: TransientCase) -> float:
    return max(truth_of(case.name, scale).transient for scale in case.coming.come)


def _lost(case: TransientCase) -> float:
    shares = [truth_of(case.name, scale) for scale in case.coming.come]
    return max(one.transient / one.come if one.come else 0.0 for one in shares)


def examine_transience(case: Case, population: Population, tally: Tally) -> None:
    """All sentences, and the shares of which the truth is known."""
    assert isinstance(case, TransientCase)
    found = analysis.transience(population)
    told = transience_findings(found, "scale") if found.shown else ()
    said = "\n".join(finding.text for finding in told)
    for name, (pattern, true) in SAYS.items():
        question = f"{'truly' if true(case) else 'falsely'} says: {name}"
        tally.ask(question, re.search(pattern, said, re.MULTILINE) is not None)
    for scale in found.scales:
        truth = truth_of(case.name, scale.scale)
        emerged = scale.events.emerged.reached
        if truth.come == 0:
            for seed in emerged:
                tally.ask("a seed that guesses emerges", bool(seed))
        if case.coming.low - case.threshold < FAR:
            continue
        tally.covers("share that comes", scale.emerged.low, scale.emerged.high, truth.come)
        tally.covers("share that comes and goes", scale.transient.low, scale.transient.high, truth.transient)
        for name, number, share in (("there", 1, truth.there), ("gone", 2, truth.gone)):
            limits = scale.shares.low[number, HALF_WAY], scale.shares.high[number, HALF_WAY]
            tally.covers(f"share {name} half-way", *limits, share)
        median = scale.half_life.median
        if truth.come > 0 and np.isfinite(truth.half_life):
            tally.covers("half-life", median.low, median.high, truth.half_life)
