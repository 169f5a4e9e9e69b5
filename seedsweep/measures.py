"""What is measured, and along what: splits, metrics, and a scale's value as a text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from seedsweep.section import Settings


class Split(Settings):
    """One evaluation set of a task."""

    name: str
    role: Literal["in-distribution", "out-of-distribution"]
    examples: int
    """Examples it holds: a share of right answers is a multiple of 1 / examples."""


class Metric(Settings):
    """One number that a task reports for every split."""

    name: str
    bounds: tuple[float, float | None]
    """Smallest and largest possible value; None: there is no largest."""
    counts_examples: bool = False
    """Whether it is a share of the split's examples, hence a multiple of 1 / examples."""


def in_ranges(names: Iterable[str]) -> list[str]:
    """Names in their order; three or more in a row that end in numbers which count up are written as one.

    >>> in_ranges(["test", "output-0", "output-1", "output-2", "length-8", "length-9"])
    ['test', 'output-0 to output-2', 'length-8', 'length-9']
    """
    runs: list[list[str]] = []
    for name in names:
        if runs and name == _following(runs[-1][-1]):
            runs[-1].append(name)
        else:
            runs.append([name])
    return [text for run in runs for text in (run if len(run) < 3 else [f"{run[0]} to {run[-1]}"])]


def _following(name: str) -> str | None:
    found = re.fullmatch(r"(.*?)(0|[1-9][0-9]*)", name, re.DOTALL)
    return found and f"{found[1]}{int(found[2]) + 1}"


def plain_number(value: float) -> int | float:
    """The value as an int where it is whole: a field of whole numbers takes no 2.0."""
    return int(value) if float(value).is_integer() else value


def scale_text(value: float) -> str:
    """A scale value as it stands in file names and tables: `2`, `0.5`, `1000001` (never rounded)."""
    return str(plain_number(float(value)))
