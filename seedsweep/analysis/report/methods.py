"""The statistics paragraph of a paper: which seeds, what success is, which intervals and tests."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Final

from seedsweep.analysis.report.wording import scale_word
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.groups import RESAMPLES, WEIGHT_OF_DIP
from seedsweep.analysis.statistics.rows import Cell, Rows
from seedsweep.analysis.study.parts import LEVEL
from seedsweep.analysis.study.study import Study, study
from seedsweep.population import Population, of_split
from seedsweep.seeds import format_range
from seedsweep.version import __version__

BIBLIOGRAPHY: Final = resources.files("seedsweep.analysis.report").joinpath("methods.bib")

CITED: Final = re.compile(r"\[(\w+\d{4}\w*)\]")
"""How a sentence names its source until it is shown."""


@dataclass(frozen=True)
class Methods(Rows):
    """What the statistics section of a paper must say of a population.

    Attributes
    ----------
    sentences : tuple of str
        Each about one thing, sources by author and year.
    bibtex : str
        The entries of these sources, in the order in which they are named.
    """

    sentences: tuple[str, ...]
    bibtex: str

    def __str__(self) -> str:
        """The paragraph."""
        return " ".join(self.sentences)

    def __repr__(self) -> str:
        return f"<Methods: {len(self.sentences)} sentences>"

    def _rows(self) -> list[dict[str, Cell]]:
        return [{"number": number, "sentence": told} for number, told in enumerate(self.sentences, 1)]


def methods(population: Population, examined: Study | None = None) -> Methods:
    """The statistics paragraph for a paper about a population, with its sources.

    It says what was done and no more; what was tested without a finding is in it, too. Name the model, the data
    and the machine beside it, and whether the criterion was fixed before the seeds were trained: no file knows.

    Parameters
    ----------
    population : Population
        Of a sweep or a table, with at least one finished seed.
    examined : Study, optional
        What `study` returned for it, if that is at hand.

    Returns
    -------
    Methods

    Raises
    ------
    InputError
        If the population cannot be read.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from seedsweep import read_table
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "study.csv")
    ...     _ = file.write_text("depth,run,accuracy\\n1,a,0.1\\n1,b,0.2\\n2,a,0.1\\n2,b,0.9\\n")
    ...     told = methods(read_table(file, scale="depth", seed="run", metric="accuracy", threshold=0.5))
    >>> told.sentences[0]
    'There are 2 seeds at each of depth 1 and 2.'
    """
    examined = study(population) if examined is None else examined
    named = tuple(_sentences(population, examined))
    entries = _entries()
    keys = dict.fromkeys(key for sentence in named for key in CITED.findall(sentence))
    return Methods(
        sentences=tuple(CITED.sub(lambda match: f"({_author_and_year(entries[match[1]])})", s) for s in named),
        bibtex="\n\n".join(entries[key] for key in keys),
    )


def _sentences(population: Population, examined: Study) -> Iterator[str]:
    yield _seeds(population, examined)
    yield from (f"{note[0].upper()}{note[1:].rstrip('.')}." for note in examined.summary.notes)
    yield _success(examined)
    yield _intervals(examined)
    yield from _groups(population, examined)
    yield from _times(examined)
    if len(examined.scales) > 1:
        yield (
            "Distributions of two scales are compared by their Wasserstein-2 distance [zhao2025random], beside "
            "that of random halves of one scale."
        )
    if examined.claims:
        yield (
            "What smaller studies would have claimed is taken from resamples of these seeds, with 1 to "
            f"{examined.claims[-1].seeds} seeds per scale [zhao2025random]."
        )
    yield from _luck(examined)
    if examined.transience is not None:
        yield (
            "What comes and goes is counted by seed, with seeds that end censored there; shares over time are "
            "Aalen–Johansen estimates [aalen1978]."
        )
    yield _made(population)


def _seeds(population: Population, examined: Study) -> str:
    what, counts = scale_word(examined), [scale.summary.n for scale in examined.scales]
    places = text.listed([text.scale(scale.summary.scale) for scale in examined.scales])
    final = population.final(examined.summary.criterion.metric, examined.summary.criterion.split)
    if examined.variance is not None:
        inits, datas = len(set(final.init_seeds.tolist())), len(set(final.data_seeds.tolist()))
        return (
            f"There are {text.listed([text.count(n) for n in counts])} runs at {what} {places}, of {inits} seeds "
            f"of the initial weights by {datas} seeds of the training data."
        )
    if len(set(counts)) == 1:
        told = f"There are {text.seeds(counts[0])} at {'each of ' if len(counts) > 1 else ''}{what} {places}"
    else:
        told = f"There are {text.listed([text.count(n) for n in counts])} seeds at {what} {places}"
    if population.spec is None or "imported" in population.spec:
        return f"{told}."
    first, last = int(final.seeds[0]), int(final.seeds[-1])
    which = f"{first} to {last}" if last - first + 1 == final.seeds.size else format_range(final.seeds.tolist())
    return f"{told} (seeds {which}, each of initial weights and training data)."


def _success(examined: Study) -> str:
    criterion = examined.summary.criterion
    side = "least" if criterion.higher_is_better else "most"
    when = f" {examined.summary.at_step}" if examined.summary.at_step else ""
    return (
        f"A seed succeeds if its {criterion.metric}{of_split(criterion.split)} is at {side} "
        f"{text.given(criterion.shown(criterion.least))}{when}."
    )


def _intervals(examined: Study) -> str:
    summary = examined.summary
    resampled = (
        "percentile bootstrap intervals over seeds, with 1000 resamples, for modes and distances [efron1993]"
    )
    if summary.aims is None:
        return (
            "Intervals are at 95 %: Wilson’s for shares of seeds that succeed [wilson1927], Gaffke’s for means "
            f"[gaffke2005], and {resampled}."
        )
    source = "[robbins1970]" if summary.aims.p_success is None else "[jennison1989]"
    means, fixed = "", "Gaffke’s for means [gaffke2005] and "
    if summary.anytime_valid_means:
        means, fixed = " and, by betting, for means [waudby2024]", ""
    return (
        "Intervals are at 95 %. Those that hold at whatever number of seeds one stops, at each scale by itself, "
        f"are for shares of seeds that succeed {source}{means}; the others take that number as given, "
        f"{fixed}{resampled}."
    )


def _groups(population: Population, examined: Study) -> Iterator[str]:
    criterion = examined.summary.criterion
    tested = [scale for scale in examined.scales if scale.summary.groups.n > 0]
    if not tested:
        return
    lattice = " on the metric’s lattice" if population.lattices(criterion.metric, criterion.split) else ""
    yield (
        "Seeds of a scale are tested against a single group by Hartigan’s dip [hartigan1985], calibrated by "
        f"{RESAMPLES} samples of their smoothed distribution with one mode{lattice} [silverman1981], and by a "
        f"test for small far groups; of the level, {text.given(LEVEL)}, the first has "
        f"{text.percent(WEIGHT_OF_DIP)}."
    )
    what = scale_word(examined)
    told = zip(examined.scales, examined.summary.pvalue_texts, strict=True)
    values = [
        f"{p} at {what} {text.scale(scale.summary.scale)}" for scale, p in told if scale.summary.groups.n > 0
    ]
    corrected = f", corrected for {len(tested)} scales [holm1979]" if len(tested) > 1 else ""
    yield f"This gives {text.listed(values)}{corrected}."


def _times(examined: Study) -> Iterator[str]:
    if examined.survival is None:
        return
    log_rank = examined.survival.log_rank.pvalue
    between = (
        ""
        if math.isnan(log_rank)
        else f", compared between the scales by the log-rank test [mantel1966], {text.pvalue(log_rank)}"
    )
    yield (
        "The time to success is the first evaluation from which on a seed stays at the threshold; one that never "
        f"does is censored at its last. Times are shown as Kaplan–Meier curves [kaplan1958]{between}."
    )


def _luck(examined: Study) -> Iterator[str]:
    if examined.variance is None:
        return
    yield (
        "Shares of the variance of final values due to initial weights, data and their combination are those of a "
        "two-way random-effects model without replication, with intervals by the pigeonhole bootstrap [owen2007]."
    )
    if examined.time_variance:
        yield (
            "Those of log times to success are posterior medians and intervals under normal effects with flat "
            "priors on their standard deviations [gelman2006]; runs that did not succeed are censored."
        )


def _made(population: Population) -> str:
    versions = [run["versions"] for run in population.origin.runs if run.get("versions")]
    trained = dict.fromkeys(
        part.strip() for told in versions for part in told.split(",") if part.strip().startswith("torch ")
    )
    by = f"; trained with {text.listed(list(trained))}" if trained else ""
    return f"Analysed with seedsweep {__version__}{by}."


def _entries() -> dict[str, str]:
    entries = BIBLIOGRAPHY.read_text(encoding="utf-8").strip().split("\n\n")
    return {entry[entry.index("{") + 1 : entry.index(",")]: entry for entry in entries}


def _author_and_year(entry: str) -> str:
    """ "Kaplan & Meier 1958", "Zhao et al. 2025"."""
    authors, year = (re.search(pattern, entry) for pattern in (r"author\s*= \{(.+)\},?\n", r"year = \{(\d+)\}"))
    assert authors is not None, entry
    assert year is not None, entry
    names = [author.partition(",")[0] for author in authors[1].split(" and ")]
    return f"{' & '.join(names) if len(names) < 3 else f'{names[0]} et al.'} {year[1]}"
