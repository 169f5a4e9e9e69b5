"""The toys of presets/program/vectors.py: what becomes of many seeds, and how many are trained in a CPU second.

    python -m benchmarks.vectors        # two minutes of one core

Seeds from 100,000 on, which are in no population. Every step is looked at, so that times are exact.

Recorded: benchmarks/results/vectors.*; docs/vectors.md says what the numbers mean.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks import recording

PROGRAM = Path(__file__).parent.parent / "presets" / "program" / "vectors.py"
THREE: dict[str, Any] = {"dimension": 20, "formula": "code", "clamped": [], "learning_rate": 1.0}
FOUR: dict[str, Any] = {
    "mu": 0.1,
    "alpha": 0.1,
    "dimensions": [20, 20, 20, 160],
    "formula": "code",
    "learning_rate": 1.0,
}
SUMS = {"formula": "thesis", "learning_rate": 1 / (8000 * 64_000)}
"""‖·‖² as sums, at the rate at which M1·M2 alone is descended as with means and without the halves."""
PACKS = (16, 100, 300, 1000, 4000)


def load_toys() -> ModuleType:
    """The program's module, afresh."""
    spec = importlib.util.spec_from_file_location("vectors", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass
class Course:
    """What one relative loss of all seeds has done."""

    escape: np.ndarray
    """The first step at which it was at half its null or below, infinite if it never was."""
    below: np.ndarray
    """How many of the steps that were looked at it was there."""
    losses: dict[int, np.ndarray]
    """At the steps asked for."""


def train(toy: str, n: int, steps: int, at: Iterable[int] = (), every: int = 1, **given: Any) -> dict[str, Any]:
    """Train n seeds; courses by split, all other metrics as they were last reported but for the first cosine."""
    toys, keep = load_toys(), {*at, steps}
    toys.__dict__["schedule"] = lambda steps: (range(0, steps + 1, every), (0, steps))
    found: dict[str, Any] = {}

    def report(step: int, split: str = "all", **values: np.ndarray) -> None:
        for name, value in values.items():
            if name != "relative_loss":
                found[name] = found["cosine"] if name == "cosine" and step else value.copy()
                continue
            course = found.setdefault(split, Course(np.full(n, np.inf), np.zeros(n), {}))
            course.escape[(value <= 0.5) & np.isinf(course.escape)] = step
            course.below += every * (value <= 0.5)
            if step in keep:
                course.losses[step] = value.copy()

    seeds = np.arange(100_000, 100_000 + n)
    getattr(toys, toy)(**given, steps=steps, init_seeds=seeds, data_seeds=seeds, report=report)
    return found


def three(n: int) -> Iterable[str]:
    """Escapes of three vectors."""
    found = train("three", n, 3000, at=(1000,), **THREE)
    course, positive = found["all"], found["cosine"] > 0
    early = course.losses[1000]
    yield f"three, dimension 20, n {n}: escaped by 1000 {share(course.escape <= 1000)}, by 3000 " + share(
        course.escape <= 3000
    )
    yield f"  escape times, 5/25/50/75 %: {quantiles(course.escape, 0.05, 0.25, 0.5, 0.75)}"
    yield f"  loss at 1000 below .1: {share(early < 0.1)}, above .9: {share(early > 0.9)}"
    for name, which in (("positive", positive), ("negative", ~positive)):
        times = course.escape[which]
        yield f"  product of cosines {name}: n {which.sum()}, median {quantiles(times, 0.5)}, by 1000 " + share(
            times <= 1000
        )
    for clamped in (["c"], ["b", "c"]):
        times = train("three", n, 3000, **THREE | {"clamped": clamped})["all"].escape
        yield f"  clamped {' and '.join(clamped)}: 50/95 % {quantiles(times, 0.5, 0.95)}, last {times.max():.0f}"
    for dimension in (10, 20, 40, 80):
        times = train("three", n, 2000, **THREE | {"dimension": dimension})["all"].escape
        yield f"three, dimension {dimension}, n {n}: escaped by 2000 {share(times <= 2000)}"


def waiting(n: int) -> Iterable[str]:
    """Whether those that have not escaped ever do."""
    for dimension in (10, 20, 40, 80):
        times = train("three", n, 100_000, every=10, **THREE | {"dimension": dimension})["all"].escape
        told = (f"{steps} {share(times <= steps)}" for steps in (2000, 4000, 8000, 20_000, 100_000))
        yield f"three, dimension {dimension}, n {n}: escaped by {', '.join(told)}"


def four(n: int, steps: int, name: str, **changes: Any) -> str:
    """Outcomes of four vectors."""
    found = train("four", n, steps, every=4, **FOUR | changes)
    m1, m2 = found["M1"], found["M2"]
    learned, persistent, second = np.isfinite(m1.escape), m1.losses[steps] <= 0.5, np.isfinite(m2.escape)
    transient = learned & ~persistent
    told = (
        f"four, {name}, n {n}, {steps} steps: M1 learned {share(learned)}, transient {share(transient)}, "
        f"persistent {share(persistent)}, M2 learned {share(second)}, neither {share(~learned & ~second)}\n"
        f"  median time of M1 {quantiles(m1.escape[learned], 0.5)}"
    )
    if transient.any():
        told += f"; where transient, below half for a median of {np.median(m1.below[transient]):.0f}"
    if second.any():
        rise = found["largest_rise"][second]
        told += (
            f"\n  rise of M2 where it is learned: above .01 in {share(rise > 0.01)}, median {np.median(rise):.2f}"
        )
    return told


def rates() -> Iterable[str]:
    """By how many seeds are in a call, with the preset's schedule."""
    toys = load_toys()
    for toy, steps, given in (("three", 2000, THREE), ("four", 16_000, FOUR)):
        told = []
        for n in PACKS:
            seeds, began = np.arange(n), time.process_time()
            getattr(toys, toy)(
                **given, steps=steps, init_seeds=seeds, data_seeds=seeds, report=lambda *_, **__: None
            )
            told.append(f"{n / (time.process_time() - began):.0f} in calls of {n}")
        yield f"{toy}, {steps} steps, seeds in a CPU second: {', '.join(told)}"


def share(which: np.ndarray) -> str:
    return f"{which.mean():.3f}"


def quantiles(times: np.ndarray, *shares: float) -> str:
    return "/".join(f"{time:.0f}" for time in np.quantile(times, shares, method="inverted_cdf"))


def main() -> None:
    """Train, print and record."""
    lines = []

    def tell(line: str) -> None:
        print(line, flush=True)
        lines.append(line)

    for line in (*rates(), *three(10_000), *waiting(1000)):
        tell(line)
    for mu in (0, 0.003, 0.01, 0.03, 0.1):
        tell(four(2000, 16_000, f"mu {mu}", mu=mu))
    tell(four(2000, 16_000, "mu 0.1, without halves", formula="without halves"))
    tell(four(2000, 16_000, "mu 0.1, sums", **SUMS))
    tell(four(500, 160_000, "mu 0.003", mu=0.003))
    recording.write("vectors", "python -m benchmarks.vectors", lines, "\n".join(lines))


if __name__ == "__main__":
    main()
