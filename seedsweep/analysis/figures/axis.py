"""The horizontal axis of a ladder: scales stand where their numbers are, so that unequal steps look unequal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

import numpy as np
from matplotlib.axes import Axes

from seedsweep.analysis.figures import style
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.samples import FloatArray

DECADE: Final = 10.0
"""Quotient of the ends of a ladder from which on a linear axis would crowd the small scales."""

EVEN: Final = 0.1
"""How far steps, or quotients, may be from their mean to count as even."""

CHARACTERS: Final = 108  # of tick labels that fit into style.WIDTH
LINE: Final = 0.13  # inches that a label takes when it is turned

Kind = Literal["linear", "log", "categories"]


def kind_of(scales: Sequence[float]) -> Kind:
    """Which axis shows the steps of a ladder: log for a geometric ladder, or one of unequal steps over more than a
    decade; else linear. Only positive numbers have a logarithm.

    >>> kind_of([1, 2, 3, 5]), kind_of([1, 2, 4]), kind_of([0.0005, 0.001, 0.01]), kind_of([0, 0.5, 100])
    ('linear', 'log', 'log', 'linear')
    """
    if len(scales) < 2 or min(scales) <= 0:
        return "linear"
    if len(scales) > 2 and _even(np.diff(scales)):
        return "linear"
    geometric = len(scales) > 2 and _even(np.diff(np.log(scales)))
    return "log" if geometric or max(scales) / min(scales) > DECADE else "linear"


def _even(steps: FloatArray) -> bool:
    return bool(np.all(np.abs(steps - steps.mean()) <= EVEN * np.abs(steps.mean())))


@dataclass(frozen=True)
class ScaleAxis:
    """Where the scales of a ladder stand.

    Attributes
    ----------
    scales : tuple of float
        Ascending.
    kind : str
        "linear", "log" or "categories"; the last at equal distances.
    """

    scales: tuple[float, ...]
    kind: Kind

    @classmethod
    def of(cls, scales: Sequence[float], *, categories: bool = False) -> ScaleAxis:
        return cls(tuple(map(float, scales)), "categories" if categories else kind_of(scales))

    @property
    def at(self) -> FloatArray:
        """The place of every scale, in the numbers of the axis."""
        return np.arange(len(self.scales), dtype=float) if self.kind == "categories" else np.array(self.scales)

    @property
    def label(self) -> str:
        """What stands behind the name of the axis."""
        if len(self.scales) < 2:
            return ""
        return {"linear": ", linear axis", "log": ", log axis", "categories": ", at equal distances"}[self.kind]

    def beside(self, number: int, share: float | FloatArray) -> FloatArray:
        """Places beside a scale, in shares of the narrowest step of the ladder; ±0.5 is half-way to the next."""
        drawn = self._drawn()
        steps = np.diff(drawn)
        narrowest = max(float(steps.min()), 0.03 * float(steps.sum())) if steps.size else 1.0
        place = drawn[number] + np.asarray(share) * narrowest
        return np.asarray(np.exp(place) if self.kind == "log" else place, dtype=float)

    def _drawn(self) -> FloatArray:
        """In the unit of the page."""
        return np.log(self.at) if self.kind == "log" else self.at

    @property
    def _ends(self) -> tuple[float, float]:
        return float(self.beside(0, -0.5)), float(self.beside(len(self.scales) - 1, 0.5))

    def _inches(self, width: float) -> FloatArray:
        """From the first scale to each, in a figure of that width of which most is a panel."""
        low, high = self._ends
        reach = math.log(high / low) if self.kind == "log" else high - low
        drawn = self._drawn()
        return np.asarray((drawn - drawn[0]) / reach * 0.8 * width, dtype=float)

    @property
    def names(self) -> list[str]:
        """What stands below the axis."""
        return [text.scale(scale) for scale in self.scales]

    def crowded(self, labels: Sequence[str], width: float) -> bool:
        """Whether labels of the scales collide in a panel of a figure so wide."""
        widths = [len(label) * style.WIDTH / CHARACTERS + 0.05 for label in labels]
        room = [(a + b) / 2 for a, b in pairwise(widths)]
        return bool(np.any(np.diff(self._inches(width)) < room))

    def draw(self, axes: Axes, name: str = "", *, width: float = style.WIDTH / 2) -> None:
        """Ticks at the scales, and the name, in a panel that has so many inches with all that is beside it."""
        if self.kind == "log":
            axes.set_xscale("log")
        axes.minorticks_off()
        labels = self.names
        upright = self.crowded(labels, width)
        if upright:
            places = self._inches(width)
            hidden = set(_hidden(places))
            labels = ["" if number in hidden else label for number, label in enumerate(labels)]
        axes.set_xticks(list(self.at), labels, rotation=90 if upright else 0)
        axes.set_xlim(*self._ends)
        if name:
            axes.set_xlabel(f"{name}{self.label}", **style.LABEL)


def _hidden(places: FloatArray) -> Iterator[int]:
    """Labels for which there is no room even when they are turned; those of both ends stay."""
    shown = places[0]
    for number in range(1, len(places) - 1):
        if places[number] - shown < LINE or places[-1] - places[number] < LINE:
            yield number
        else:
            shown = places[number]
