"""Single statistics, called with the arguments that `seedsweep.analysis.study` calls them with.

A whole study takes a second, and the groups in it a hundredth of that. Where the study's way to groups changes,
the one here has to follow: the question "direct differs from the study" is then answered with yes.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from benchmarks.calibration.cases import METRIC, REFERENCE, Case, Draw, FloatArray, numbers_of
from benchmarks.calibration.inside import examine_inside
from benchmarks.calibration.tally import Tally
from benchmarks.calibration.transients import examine_transience
from seedsweep import Criterion, Population, analysis
from seedsweep.analysis.statistics.samples import observed
from seedsweep.analysis.study import parts
from seedsweep.analysis.study.split import group_split

LEVEL = 0.05
MIXED = 0.05
MODE_WITHIN = 0.02
"""So far from the true mode a density estimate may put it; an interval that comes as near counts as right."""


def ask(case: Case, population: Population, tally: Tally) -> list[str] | None:
    """All that the case asks for; which groups are claimed at each scale, if it asks for that: see `_groups`."""
    criterion = population.criterion
    final = population.final(criterion.metric)
    values = {scale: final.at(scale) for scale in final.scales}
    better = {scale: criterion.oriented(sample) for scale, sample in values.items()}
    found = None
    for part in case.asks:
        match part:
            case "groups":
                found = _groups(case, population, better, tally)
            case "intervals":
                rows = analysis.summarise(
                    values, criterion, lattice=population.lattices(METRIC), bounds=_bounds(population)
                )
                cover(case, rows, tally)
            case "claims":
                _claims(case, better, criterion, tally)
            case "capacity":
                _capacity(case, analysis.minimum_capacity(values), tally)
            case "metric":
                _metric(population, better, tally)
            case "budget":
                _budget(case, population, tally)
            case "inside":
                examine_inside(case, population, tally)
            case "transience":
                examine_transience(case, population, tally)
            case "duplicates":
                groups = parts.duplicates(population, criterion, parts.measure(population, criterion))
                tally.ask("one run twice claimed", any(group.same_run for group in groups))
    return found


def _bounds(population: Population) -> tuple[float, float]:
    low, high = population.metrics[METRIC].bounds
    return low, np.inf if high is None else high


def _groups(case: Case, population: Population, better: dict[float, FloatArray], tally: Tally) -> list[str]:
    """Groups by their test, after Holm; by chance where they are the seeds that succeed and those that fail.

    The answer is the kind of split at each scale, empty where none is told.
    """
    criterion, lattices, bounds = population.criterion, population.lattices(METRIC), _bounds(population)
    tests = [
        analysis.group_test(criterion.oriented(sample), lattice=lattices.get(scale), bounds=bounds)
        for scale, sample in better.items()
    ]
    adjusted = analysis.adjust_pvalues([test.pvalue for test in tests])
    found = dict(zip(better, (adjusted <= LEVEL).tolist(), strict=True))
    two_values = np.unique(observed(np.concatenate([*better.values(), []]))).size == 2
    kinds = []
    for (scale, sample), p in zip(better.items(), adjusted.tolist(), strict=True):
        if not found[scale] and not two_values:
            kinds.append("")
            continue
        lattice, rate = lattices.get(scale), analysis.success_rate(sample, criterion.least)
        cluster = analysis.success_cluster(sample, lattice=lattice, bounds=bounds, pvalue=p)
        split = group_split(
            *(sample, cluster, rate, criterion), lattice=lattice, bounds=bounds, two_values=two_values, level=LEVEL
        )
        of_chance = split.kind == "successes and failures" and not MIXED <= rate.rate <= 1 - MIXED
        kinds.append("too few" if of_chance else split.kind)
    tally.ask("groups claimed", any(found.values()))
    if case.truth.groups and (single := [scale for scale in found if scale not in case.truth.groups]):
        tally.ask("groups claimed where none are", any(found[scale] for scale in single))
    for scale in case.truth.groups:
        tally.ask(f"groups claimed at {scale:g}", found[scale])
    tally.ask("by chance", "successes and failures" in kinds)
    tally.ask("split elsewhere only", "elsewhere" in kinds and "successes and failures" not in kinds)
    return kinds


def cover(case: Case, rows: tuple[analysis.ScaleSummary, ...], tally: Tally) -> None:
    """Coverage of every interval of a summary."""
    truth = numbers_of(case.draw, case.threshold)
    for row in rows:
        scale, rate, given = row.scale, row.success, row.mean_given_success
        tally.covers("mean", row.mean.low, row.mean.high, truth.mean[scale])
        tally.covers("P(success)", rate.low, rate.high, truth.success[scale])
        if given is not None and scale in truth.given_success:
            tally.covers("mean | success", given.low, given.high, truth.given_success[scale])
        if scale in case.truth.mode:
            low, high = row.mode.low - MODE_WITHIN, row.mode.high + MODE_WITHIN
            tally.covers("mode", low, high, case.truth.mode[scale])
        if scale != rows[-1].scale:
            alike, found = scale in case.truth.as_largest, row.w2_to_largest
            true = 0.0 if alike else truth.to_largest[scale]
            tally.covers("W2 of equal scales" if alike else "W2", found.low, found.high, true)


def _claims(case: Case, better: dict[float, FloatArray], criterion: Criterion, tally: Tally) -> None:
    for seeds in (1, 4):
        found = analysis.emergence_claims(better, seeds=seeds, threshold=criterion.least).probability
        tally.covers(f"claims of {seeds}", found.low, found.high, _true_claims(case.draw, case.threshold, seeds))


@cache
def _true_claims(draw: Draw, threshold: float, seeds: int) -> float:
    """By the same rule from many seeds."""
    ladder = draw(np.random.Generator(np.random.Philox(1)), REFERENCE)[METRIC]
    many = analysis.emergence_claims(ladder, seeds=seeds, threshold=threshold, draws=100_000, resamples=1)
    return many.probability.estimate


def _capacity(case: Case, found: analysis.MinimumCapacity, tally: Tally) -> None:
    tally.ask("capacity named", found.scale is not None)
    tally.ask("capacity right", found.scale == case.truth.capacity)
    if found.scale is not None:
        tally.number("share of resamples said", found.by_scale[found.scale])


def _metric(population: Population, better: dict[float, FloatArray], tally: Tally) -> None:
    final = population.final("margin")
    low, high = population.metrics["margin"].bounds
    check = analysis.mirage_check(
        {METRIC: better, "margin": {scale: final.at(scale) for scale in final.scales}},
        threshold=population.criterion.least,
        lattices={name: population.lattices(name) for name in (METRIC, "margin")},
        bounds={METRIC: _bounds(population), "margin": (low, np.inf if high is None else high)},
        level=LEVEL,
    )
    tally.ask("groups said to be in one metric only", check.verdict == "mirage")


def _budget(case: Case, population: Population, tally: Tally) -> None:
    for line in population.curves(METRIC).values():
        found = analysis.cut_off(line.steps, line.values, case.threshold)
        tally.word("budget", found.verdict)
        if case.truth.doubled is not None and found.late.n:
            doubled = found.if_doubled
            tally.covers("if doubled", doubled.low, doubled.high, case.truth.doubled)
            tally.ask("if doubled: all of the interval too high", doubled.low > case.truth.doubled)
