"""A sentence of a report."""

from __future__ import annotations

from dataclasses import dataclass

from seedsweep.analysis.statistics.results import Result


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
