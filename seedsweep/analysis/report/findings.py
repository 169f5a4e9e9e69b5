"""A study in sentences, for a researcher who has not read the paper; no more than the numbers say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from seedsweep.analysis.report.budget import budget_sentence
from seedsweep.analysis.report.continuous import is_it_the_metric
from seedsweep.analysis.report.duplicates import duplicates
from seedsweep.analysis.report.finding import Finding, told_rows
from seedsweep.analysis.report.headline import headline
from seedsweep.analysis.report.inside import inside_findings
from seedsweep.analysis.report.transience import transience_findings
from seedsweep.analysis.report.wording import (
    LISTED,
    at,
    claimed,
    corrected_pvalue,
    cut_off_values,
    how_far,
    scale_word,
    seeds_per_scale,
    split_found,
    unseen,
)
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.crossed import TimeShares
from seedsweep.analysis.statistics.rows import Cell, Rows
from seedsweep.analysis.statistics.variance import VarianceShares
from seedsweep.analysis.study.study import WORTH_SEEING, ScaleStudy, Study
from seedsweep.analysis.study.verdict import Verdict, could_hide_groups, too_thin, verdict

MANY_TIES: Final = 0.2
"""Share of tied values from which on the dip test, without jitter, may take ties for groups."""


@dataclass(frozen=True)
class Findings(Rows):
    """The first screen of a report.

    Attributes
    ----------
    verdict : str
        One of the words of `seedsweep.analysis.verdict`.
    headline : str
        The verdict as a sentence.
    findings : tuple of Finding
        The first says why.
    warnings : tuple of str
        What a reader must know before using these numbers, a sentence each.
    inside : tuple of Finding
        What happened inside the seeds; empty where no streams were read.
    transience : tuple of Finding
        What comes and goes; empty where it is not seen to.
    """

    verdict: Verdict
    headline: str
    findings: tuple[Finding, ...]
    warnings: tuple[str, ...]
    inside: tuple[Finding, ...] = ()
    transience: tuple[Finding, ...] = ()

    @property
    def everything(self) -> tuple[Finding, ...]:
        """All sentences, in the order of the page."""
        return (*self.findings, *self.transience, *self.inside)

    def to_dict(self) -> dict[str, Any]:
        """Ready for ``json.dumps(..., allow_nan=False)``; `inside` and `transience` where they are."""
        sections = ("inside", "transience")
        told = super().to_dict()
        return {name: value for name, value in told.items() if value or name not in sections}

    def __repr__(self) -> str:
        return f"<Findings: {self.headline}>"

    def _rows(self) -> list[dict[str, Cell]]:
        return told_rows(self.everything, self.warnings)

    def _caption(self) -> str:
        return self.headline


def findings(study: Study) -> Findings:
    """Put a study into words: the verdict, what speaks for it, what would settle what is open, and warnings.

    Ranges in brackets are 95 % intervals. "No evidence" is said where a test rejects nothing, and "too few seeds"
    where it could hardly have rejected anything.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from seedsweep import analysis, read_table
    >>> rows = [f"{depth},{run},{depth / 4 + run / 500}" for depth in (1, 2, 3, 4) for run in range(4)]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "study.csv")
    ...     _ = file.write_text("depth,run,accuracy\\n" + "\\n".join(rows))
    ...     study = analysis.study(read_table(file, scale="depth", seed="run", metric="accuracy"))
    >>> findings(study).headline
    'Smoothly: the seeds agree, and the mean improves step by step with depth.'
    """
    word = verdict(study)
    first_line, reason = headline(study, word)
    parts = [
        Finding("Why", reason),
        _groups(study),
        _capacity(study),
        _metric(study),
        _budget(study),
        _one_seed(study),
        _variance(study),
        _open(study),
    ]
    what = scale_word(study)
    return Findings(
        word,
        first_line,
        tuple(part for part in parts if part),
        _warnings(study),
        inside=() if study.inside is None else inside_findings(study.inside, what),
        transience=() if study.transience is None else transience_findings(study.transience, what),
    )


def _groups(study: Study) -> Finding | None:
    """Where the distribution over seeds has several modes."""
    topic = "Do seeds part into groups?"
    tested = [scale for scale in study.scales if scale.summary.dip.n > 1]
    if not tested:
        return None
    split = [scale for scale in tested if scale.multimodal]
    corrected = f", corrected for {len(study.scales)} scales" if len(study.scales) > 1 else ""
    if not split:
        smallest = min(tested, key=lambda scale: scale.pvalue_holm)
        return Finding(
            topic,
            "No evidence of it: the test against a single group has its smallest p at "
            f"{at(study, [smallest])} ({corrected_pvalue(study, smallest)}{corrected}, n = "
            f"{smallest.summary.dip.n}). {unseen(study, tested)}".rstrip()
            + cut_off_values(study),
        )
    first, *more = split
    sentences = [
        f"Yes, from {at(study, [first])} on" if more else f"Yes, at {at(study, [first])}",
        f": the test refutes a single group ({corrected_pvalue(study, first)}{corrected}, n = "
        f"{first.summary.dip.n}).",
        _clusters(first),
    ]
    if more:
        p = text.listed([corrected_pvalue(study, scale) for scale in more])
        sentences.append(f" Also at {at(study, more)} ({p}).")
    others = [scale for scale in tested if scale.mixed and not scale.multimodal]
    if others:
        p = text.listed([corrected_pvalue(study, scale) for scale in others])
        sentences.append(f" No evidence of it at {at(study, others)} ({p}). {unseen(study, others)}".rstrip())
    sentences.append(cut_off_values(study))
    return Finding(topic, "".join(sentences))


def _clusters(scale: ScaleStudy) -> str:
    """The groups of a scale, and whether they are still seen without the seeds at a bound of the metric."""
    cluster, split = scale.cluster, scale.split
    assert split is not None
    sentences = []
    if cluster.supported and cluster.upper is not None:
        sentences.append(
            f" Divided at {text.number(cluster.threshold)}, {text.out_of(cluster.upper)} are in the better "
            f"group, with a mean of {text.number(cluster.upper_mean)}; the others have "
            f"{text.number(cluster.lower_mean)}."
        )
    if split.at_bounds:
        found = split_found(scale)
        sentences.append(
            f" {found[0].upper()}{found[1:]}"
            + (f" ({text.pvalue(split.rest.pvalue)} of these alone)." if split.rest.n else ".")
        )
    return "".join(sentences)


def _capacity(study: Study) -> Finding | None:
    capacity = study.capacity
    topic = "Minimum capacity"
    if len(capacity.scales) < 2:
        return None
    n = seeds_per_scale(study.scales)
    if capacity.scale is None:
        return Finding(
            topic,
            "Not to be placed: no step of the ladder towards the seeds of the largest scale stands out from even "
            f"steps, beyond chance ({n} per scale)."
            if len(capacity.scales) > 2
            else "Not to be placed: there is a single step, and no other from which it could stand out.",
        )
    largest = text.percent(capacity.by_scale[capacity.scale])
    earliest = ", the earliest that this ladder can show" if capacity.scale == capacity.scales[1] else ""
    others = [text.scale(scale) for scale in capacity.candidates if scale != capacity.scale]
    if others:
        return Finding(
            topic,
            f"At {scale_word(study)} {text.scale(capacity.scale)}{earliest}, or at {text.listed(others)}: the "
            "steps towards the distribution of the largest scale are not even, but which is the largest is unsure "
            f"(the first of these in {largest} of the resamples, {n} per scale).",
        )
    return Finding(
        topic,
        f"At {scale_word(study)} {text.scale(capacity.scale)}{earliest}: there the distribution over seeds "
        "takes a step towards that of the largest scale that stands out among the others (the largest in "
        f"{largest} of the resamples, {n} per scale).",
    )


def _metric(study: Study) -> Finding | None:
    """Whether the groups survive a continuous metric, where they are clearest."""
    answer = is_it_the_metric(study)
    return Finding("Is it the metric?", answer) if answer else None


def _budget(study: Study) -> Finding | None:
    """Whether failing seeds were cut off, where the outcome depends on the seed most clearly."""
    topic = "Is it the step budget?"
    mixed = tuple(scale for scale in study.scales if scale.mixed)
    places = tuple(scale for scale in mixed if scale.multimodal) or mixed
    if not places:
        return None
    if study.survival is None:
        return Finding(topic, f"Not to be told: {study.absent['survival']}.")
    sentences = []
    for scale in places[:LISTED]:
        cut_off = scale.cut_off
        if cut_off is None or not cut_off.failing:
            continue
        sentences.append(budget_sentence(cut_off, at(study, [scale])))
    if len(places) > LISTED:
        sentences.append(f"The other {len(places) - LISTED} scales are in the table below.")
    return Finding(topic, " ".join(sentences)) if sentences else None


def _one_seed(study: Study) -> Finding | None:
    topic = "What would one seed have shown?"
    if max(scale.summary.dip.n for scale in study.scales) <= 1:
        return None
    if not study.claims:
        return Finding(topic, f"Not to be told: {study.absent['claims']}.")
    of_one, *more = study.claims
    share, interval = claimed(of_one)
    told = f"A study with one seed per scale would claim a sudden emergence in {share} ({interval}) of cases"
    if more:
        share, interval = claimed(more[-1])
        told += f", one with the mean of {more[-1].seeds} in {share} ({interval})"
    return Finding(topic, f"{told}.")


def _variance(study: Study) -> Finding | None:
    if not study.variance:
        return None
    clearest = max(study.variance, key=lambda scale: study.variance[scale].total if study.variance else 0.0)
    shares = study.variance[clearest]
    told = (
        f"Of the variance of the final values at {scale_word(study)} {text.scale(clearest)}"
        f"{', where seeds differ most' if len(study.variance) > 1 else ''}, {_whose(shares)} "
        f"({shares.n} runs: {shares.n_init} initial weights, {shares.n_data} orders of data)."
    )
    if study.time_variance:
        scale, times = max(study.time_variance.items(), key=lambda pair: pair[1].reached)
        told += (
            f" Of that of log times until success at {scale_word(study)} {text.scale(scale)}, {_whose(times)} "
            f"({times.reached} of {times.n} runs succeeded; the others count as later)."
        )
    return Finding("Initial weights or data?", told)


def _whose(shares: VarianceShares | TimeShares) -> str:
    init, data, interaction = map(text.share, (shares.init, shares.data, shares.interaction))
    return (
        f"{init} is due to the initial weights, {data} to the training data and {interaction} to their "
        "combination and noise"
    )


def _open(study: Study) -> Finding | None:
    """How many more seeds would show a group that is worth seeing, where some seeds succeed and some fail."""
    answers = [
        f"{at(study, [scale])}: about {scale.seeds_needed.text} ({scale.summary.dip.n} there are)"
        for scale in too_thin(study)
        if scale.seeds_needed is not None
    ]
    if not answers:
        return None
    more = f"; {len(answers) - LISTED} more scales in the table below" if len(answers) > LISTED else ""
    return Finding(
        "How many seeds would tell?",
        f"For the test to find a group of {text.percent(WORTH_SEEING)} of the seeds with a probability of 80 %, "
        f"if it is {how_far(study, too_thin(study))}: {'; '.join(answers[:LISTED])}{more}.",
    )


def _warnings(study: Study) -> tuple[str, ...]:
    metric = study.summary.criterion.metric
    warnings = list(study.summary.notes)
    warnings += duplicates(study)
    tied = [
        scale
        for scale in study.scales
        if scale.dips.jittered is None
        and scale.summary.dip.tied_share > MANY_TIES
        and scale.summary.dip.pvalue < 1
    ]
    if tied:
        most = text.percent(max(scale.summary.dip.tied_share for scale in tied))
        warnings.append(
            f"up to {most} of the values are tied, at {at(study, tied)}, for no reason that is known: Hartigan's "
            "dip test may take them for groups, the test for groups spreads them half-way to their neighbours"
        )
    few = could_hide_groups(study)
    if few:
        warnings.append(
            f"{seeds_per_scale(few)} per scale at {at(study, few)}: even a far group of "
            f"{text.percent(WORTH_SEEING)} of them would be missed too often, so groups that are not found may be "
            "there"
        )
    if study.measured.with_end:
        means = text.listed([text.number(mean) for mean in study.measured.with_end.values()])
        warnings.append(
            f"the metric {metric} does not ask for the end token; the mean of {metric}_end, which "
            f"does, is {means} along the ladder"
        )
    return tuple(f"{note[0].upper()}{note[1:]}." for note in warnings)
