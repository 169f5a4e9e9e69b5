"""Counting what was said and what was true."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any


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
