"""Counting what was true and what was said, in one process or several."""

from __future__ import annotations

import math
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from statistics import NormalDist
from typing import Any

from benchmarks.calibration.cases import Case, read


@dataclass
class Tally:
    """Yes and no by question, numbers, and words; tallies of single repetitions are added up."""

    counts: dict[str, list[int]] = field(default_factory=dict)
    """Question: yes, asked."""
    sums: dict[str, list[float]] = field(default_factory=dict)
    """Number: sum, how many."""
    words: dict[str, Counter[str]] = field(default_factory=dict)

    def ask(self, question: str, yes: bool) -> None:
        count = self.counts.setdefault(question, [0, 0])
        count[0] += bool(yes)
        count[1] += 1

    def covers(self, what: str, low: float, high: float, truth: float) -> None:
        """Whether an interval has the truth in it; one that is not defined is not asked."""
        if not math.isnan(low) and not math.isnan(high):
            self.ask(f"covers {what}", low <= truth <= high)

    def number(self, name: str, value: float) -> None:
        if not math.isnan(value):
            total = self.sums.setdefault(name, [0.0, 0])
            total[0] += value
            total[1] += 1

    def word(self, question: str, word: str) -> None:
        self.words.setdefault(question, Counter())[word] += 1

    def add(self, other: Tally) -> None:
        for question, (yes, asked) in other.counts.items():
            count = self.counts.setdefault(question, [0, 0])
            count[0] += yes
            count[1] += asked
        for name, (value, many) in other.sums.items():
            total = self.sums.setdefault(name, [0.0, 0])
            total[0] += value
            total[1] += many
        for question, words in other.words.items():
            self.words.setdefault(question, Counter()).update(words)

    def rate(self, question: str) -> float:
        """`nan` if it was never asked."""
        yes, asked = self.counts.get(question, (0, 0))
        return yes / asked if asked else math.nan

    def to_dict(self) -> dict[str, Any]:
        """Strict JSON: rates with 95 % Wilson limits, means, and how often each word was said."""
        return {
            "rates": {
                question: dict(zip(("rate", "low", "high"), wilson(yes, asked), strict=True))
                | {"yes": yes, "asked": asked}
                for question, (yes, asked) in self.counts.items()
            },
            "means": {name: {"mean": total / many, "n": many} for name, (total, many) in self.sums.items()},
            "words": {question: dict(sorted(words.items())) for question, words in self.words.items()},
        }


def wilson(yes: int, asked: int, confidence: float = 0.95) -> tuple[float, float, float]:
    """A share and its limits, rounded to four digits."""
    z2 = NormalDist().inv_cdf((1 + confidence) / 2) ** 2
    share, middle = yes / asked, (yes + z2 / 2) / (asked + z2)
    half = math.sqrt(z2 * (asked * share * (1 - share) + z2 / 4)) / (asked + z2)
    low, high = 0.0 if yes == 0 else middle - half, 1.0 if yes == asked else middle + half
    return round(share, 4), round(low, 4), round(high, 4)


def repeat(case: Case, seed: int, repetitions: Sequence[int], whole: int) -> Tally:
    """Some repetitions of a case, of which those below `whole` are studied whole."""
    from benchmarks.calibration.direct import ask
    from benchmarks.calibration.whole import examine

    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        for repetition in repetitions:
            random = case.generator(seed, repetition)
            population = read(case, case.draw(random, case.seeds), Path(folder))
            one = Tally()
            found = ask(case, population, one)
            if repetition < whole * case.whole:
                examine(case, population, one, found)
            tally.add(one)
    return tally


def _part(arguments: tuple[str, int, range, int]) -> tuple[str, Tally]:
    from benchmarks.calibration.everything import CASES

    name, seed, repetitions, whole = arguments
    return name, repeat(CASES[name], seed, repetitions, whole)


def measure(cases: Iterable[Case], *, repetitions: int, whole: int, seed: int, processes: int) -> dict[str, Tally]:
    """Every case, in the order in which they are given; the numbers depend on neither order nor processes."""
    size = 10
    parts = [
        (case.name, seed, range(first, min(first + size, repetitions)), whole)
        for case in cases
        for first in range(0, repetitions, size)
    ]
    tallies: dict[str, Tally] = {}
    for done, (name, tally) in enumerate(_map(parts, processes), 1):
        tallies.setdefault(name, Tally()).add(tally)
        print(f"\r{done} of {len(parts)} parts, {name:40}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return tallies


def _map(
    parts: Sequence[tuple[str, int, range, int]], processes: int
) -> Iterator[tuple[str, Tally]]:
    """In the order of the parts, so that sums of numbers are the same in all digits."""
    if processes == 1:
        yield from map(_part, parts)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_part, parts)
