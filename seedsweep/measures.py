"""What is measured, and along what: splits, metrics, and a scale's value as a text."""

from __future__ import annotations

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


def plain_number(value: float) -> int | float:
    """The value as an int where it is whole: a field of whole numbers takes no 2.0."""
    return int(value) if float(value).is_integer() else value


def scale_text(value: float) -> str:
    """A scale value as it stands in file names and tables: `2`, `0.5`, `1000001` (never rounded)."""
    return str(plain_number(float(value)))
