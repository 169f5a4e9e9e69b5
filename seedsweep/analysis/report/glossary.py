"""The words of a report, a line each, and the filter that explains them where they stand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from markupsafe import Markup, escape

GLOSSARY: Final[Mapping[str, str]] = {
    "Benjamini–Hochberg": (
        "A correction of p-values for several tests that bounds the share of false alarms among the alarms; "
        "milder than Holm."
    ),
    "bootstrap": "Drawing seeds again with replacement, many times, to see how much a number would vary.",
    "breakthroughness": (
        "How much of a curve's rise over the scales happens in one step, against the median step: large is "
        "abrupt. It is per step of the ladder, however far apart the scales are."
    ),
    "dip": ("Hartigan's statistic: how far the distribution of the seeds is from any with one hump."),
    "diverged": "A seed whose value is not a number; it counts as a failure.",
    "Gaffke": "An interval for the mean of bounded values that keeps its level where few lie far from all others.",
    "Holm": "A correction of p-values for several tests, one per scale: it bounds the chance of any false alarm.",
    "jittered": (
        "With ties spread evenly over the step of the metric, so that the test does not take them for groups."
    ),
    "Kaplan–Meier": (
        "An estimate of how many have not got there yet that allows for runs which end before they do."
    ),
    "lattice": "The values that a share of examples can take: multiples of one over their number.",
    "linearity": "How even a curve's rise over the scales is: large is steady progress.",
    "Log-rank": "A test whether seeds of different scales get there at the same pace.",
    "minimum capacity": (
        "The scale at which the distribution over seeds takes its largest step towards that of the largest scale."
    ),
    "mode": (
        "Where most seeds end: the peak of their smoothed distribution. It jumps where the larger group changes."
    ),
    "noise floor": "The distance between random halves of one scale: what chance alone makes.",
    "p of groups": (
        "How likely seeds of a single group would look as much like several as these do, corrected for the number "
        "of scales; claims of groups rest on it."
    ),
    "P(claim)": "How often a study of so few seeds would report a sudden emergence.",
    "P(success)": "The share of the seeds that end on the good side of the threshold.",
    "rank correlation": (
        "Spearman's: 1 if two metrics put the seeds in the same order, 0 if the orders have nothing in common."
    ),
    "unsaturated": "Without the seeds that are at the lowest or the highest value the metric can take.",
    "W2": (
        "Wasserstein-2 distance: how far, in the unit of the metric, seeds must move for one distribution to "
        "become another."
    ),
    "Wilson": "An interval for a share that holds for few seeds and near 0 and 100 % too.",
}
"""In the order of the alphabet, as the page lists them."""

OTHER: Final[Mapping[str, str]] = {
    "B–H": "Benjamini–Hochberg",
    "Minimum capacity": "minimum capacity",
    "Wasserstein-2": "W2",
    "“Jittered”": "jittered",
    "“unsaturated”": "unsaturated",
    "log-rank": "Log-rank",
}
"""Other spellings."""

_MEANINGS: Final = {str(escape(word)): GLOSSARY[OTHER.get(word, word)] for word in [*GLOSSARY, *OTHER]}
_WORDS: Final = re.compile(
    "|".join(rf"(?<![\w&]){re.escape(word)}(?!\w)" for word in sorted(_MEANINGS, key=len, reverse=True))
)


def explained(words: str) -> Markup:
    """The words as HTML, each term of the glossary with its meaning where it stands first.

    >>> explained("the mode of <x>")
    Markup('the <abbr title="Where most seeds end: the peak of their smoothed distribution. It jumps where the \
larger group changes.">mode</abbr> of &lt;x&gt;')
    """
    seen: set[str] = set()

    def with_meaning(found: re.Match[str]) -> str:
        meaning = _MEANINGS[found[0]]
        if meaning in seen:
            return found[0]
        seen.add(meaning)
        return f'<abbr title="{escape(meaning)}">{found[0]}</abbr>'

    # Found in text that is escaped already: nothing that somebody has named can become markup here.
    return Markup(_WORDS.sub(with_meaning, str(escape(words))))


INSIDE: Final[Mapping[str, str]] = {
    "C": "Concordance: how often, of two seeds, the one that gets there first is the one that was named.",
    "hazard": "The chance, per step, that what has not happened yet happens now.",
    "output": "One of the positions that the task predicts, looked at by itself.",
    "stream": "What is read from every seed at its evaluations beyond the task’s metrics.",
}
"""Words of pages that say what happened inside."""

TRANSIENCE: Final[Mapping[str, str]] = {
    "gone": (
        "Of a seed that got there: surely below the threshold again, and with less than half of what it had at "
        "its peak."
    ),
    "half-life": "Steps from the peak until half of what a seed had there above its begin is lost.",
    "peak": "The highest value of a curve of which single evaluations that stand alone are left out.",
    "surely": (
        "By more than the noise of all evaluations of a seed would take it, with a probability of 99 %; an event "
        "is dated at the crossing itself."
    ),
}
"""Words of pages that say what comes and goes."""

FORECAST: Final[Mapping[str, str]] = {
    "CRPS": (
        "How far a forecast of the whole distribution is from the seeds that are then seen, in the unit of the "
        "metric; 0 is best."
    ),
    "held out": "Of a scale that is known: forecast from the smaller ones as if it were not.",
    "log score": "How little probability a forecast has given to what then happened; 0 is best.",
}
"""Words of pages that have a forecast."""


def with_sections(*sections: Mapping[str, str]) -> dict[str, str]:
    """All words of a page with such sections, in the order of the alphabet."""
    words = dict(GLOSSARY)
    for section in sections:
        words |= section
    return dict(sorted(words.items(), key=lambda entry: entry[0].lower()))
