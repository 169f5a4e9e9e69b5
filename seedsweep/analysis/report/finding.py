"""A sentence of a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seedsweep.analysis.statistics.results import Result
from seedsweep.analysis.statistics.rows import Cell


@dataclass(frozen=True)
class Finding(Result):
    """One thing that a study says.

    Attributes
    ----------
    topic : str
        A few words.
    text : str
        One to four sentences, with number, 95 % interval and n.
    """

    topic: str
    text: str


def told_rows(findings: Sequence[Finding], notes: Sequence[str]) -> list[dict[str, Cell]]:
    """Sentences and notes as rows of a topic and a text."""
    return [
        {"topic": one.topic, "text": one.text} for one in [*findings, *(Finding("Note", note) for note in notes)]
    ]
