"""The values that a study is made of, and its parts that need not apply: each of these says why, in `absent`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.stats import rankdata

from seedsweep import formats
from seedsweep.analysis.statistics.coincidence import ALIKE
from seedsweep.analysis.statistics.duplicates import IdenticalCurves, identical_curves
from seedsweep.analysis.statistics.emergence import (
    FEWEST_SCALES,
    DrawnCurve,
    EmergenceClaims,
    ExtremeCurves,
    emergence_claims,
    extreme_curves,
)
from seedsweep.analysis.statistics.groups import GroupTest
from seedsweep.analysis.statistics.mirage import MirageCheck, mirage_check
from seedsweep.analysis.statistics.samples import FloatArray, observed
from seedsweep.analysis.study.survival import SurvivalSummary, summarise_survival
from seedsweep.criterion import Criterion
from seedsweep.measures import Metric

if TYPE_CHECKING:
    from seedsweep.population import Curves, FinalTable, Population

LEVEL: Final = 0.05
"""Of the tests, after correction for the number of scales."""

CLAIMED_BY: Final = (1, 2, 4, 8, 16)
"""Seeds per scale of the studies that are imagined."""


@dataclass(frozen=True, eq=False, repr=False)
class Measured:
    """The values that a study is made of.

    Attributes
    ----------
    values : mapping from scale to ndarray, shape (n_seeds,)
        Final values of the metric that decides about success; `nan` for a diverged seed.
    continuous : mapping from metric to mapping from scale to ndarray, shape (n_seeds,)
        The same seeds, in the same order, under every other metric that does not count examples.
    ranges : mapping from metric to tuple of two floats
        Of these metrics, the smallest and the largest value that there can be.
    curves : mapping from scale to Curves
        Over training, of the metric that decides about success, up to the step at which the seeds are compared;
        empty if only final values are known.
    runs : mapping from scale to Curves
        The same curves as they were measured: with seeds that end early, and beyond that step.
    with_end : mapping from scale to float
        Mean of the same metric with the end token asked for (`METRIC_end`), where that is measured; else empty.
    """

    values: Mapping[float, FloatArray]
    continuous: Mapping[str, Mapping[float, FloatArray]]
    ranges: Mapping[str, tuple[float, float]]
    curves: Mapping[float, Curves]
    runs: Mapping[float, Curves]
    with_end: Mapping[float, float]

    def __repr__(self) -> str:
        seeds = formats.seeds(sum(sample.size for sample in self.values.values()))
        others = formats.listed(list(self.continuous)) or "no other metric"
        return f"<Measured: {seeds} of {formats.counted(len(self.values), 'scale')}; {others}>"


def measure(population: Population, criterion: Criterion) -> Measured:
    """Read the values from the population."""
    final = population.final(criterion.metric, criterion.split)
    on_split = population.reader.measured[criterion.split]
    known = [name for name in population.metrics if name in on_split]
    names = [*known, *(name for name in on_split if name not in known)]
    measured = {name: population.metric(name, criterion.split) for name in names}
    others = [name for name, metric in measured.items() if name != criterion.metric and not metric.counts_examples]
    tables = {name: population.final(name, criterion.split) for name in others}
    runs = population.curves(criterion.metric, criterion.split)
    here = dict(zip(final.scales, final.present, strict=True))
    strict = [population.final(name, criterion.split) for name in measured if name == f"{criterion.metric}_end"]
    return Measured(
        values={scale: final.at(scale) for scale in final.scales},
        continuous={
            name: {scale: row[here[scale]] for scale, row in zip(table.scales, table.values, strict=True)}
            for name, table in tables.items()
        },
        ranges={name: _range(measured[name]) for name in tables},
        curves=judged_curves(final, runs),
        runs=runs,
        with_end={scale: _mean(table.at(scale)) for table in strict for scale in table.scales},
    )


def judged_curves(final: FinalTable, curves: Mapping[float, Curves]) -> dict[float, Curves]:
    """The curves of the seeds of `final`, in its order, up to the step at which they are compared.

    A curve that ends earlier all the same, since the seed did not log at that very step or its last value stands
    for the final one, ends in its final value.
    """
    judged = {}
    for scale, known in curves.items():
        judged[scale] = known
        if final.steps:
            row = final.scales.index(scale)
            rows = np.flatnonzero(np.isin(known.seeds, final.seeds[final.present[row]]))
            columns = known.steps <= final.steps[row]
            values, ends = known.values[rows][:, columns], final.values[row, final.present[row]]
            values[:, -1] = np.where(np.isnan(values[:, -1]), ends, values[:, -1])
            judged[scale] = replace(known, steps=known.steps[columns], seeds=known.seeds[rows], values=values)
    return judged


def _range(metric: Metric) -> tuple[float, float]:
    low, high = metric.bounds
    return low, math.inf if high is None else high


def _mean(sample: FloatArray) -> float:
    values = observed(sample)
    return float(values.mean()) if values.size else math.nan


def claims(
    better: Mapping[float, FloatArray], criterion: Criterion, absent: dict[str, str]
) -> tuple[tuple[EmergenceClaims, ...], float | None]:
    """What small studies would claim, and how often the curve of the means of all seeds is abrupt."""
    sizes = [size for sample in better.values() if (size := observed(sample).size)]
    if len(sizes) < FEWEST_SCALES:
        absent["claims"] = (
            f"breakthroughness tells abrupt from even over four scales or more, and there are {len(sizes)}"
        )
        return (), None
    threshold, fewest = criterion.least, min(sizes)
    by_seeds = [emergence_claims(better, seeds=k, threshold=threshold) for k in CLAIMED_BY if k <= fewest]
    of_all = emergence_claims(better, seeds=fewest, threshold=threshold, draws=1000, resamples=1)
    return tuple(by_seeds), of_all.probability.estimate


def extremes(
    better: Mapping[float, FloatArray], criterion: Criterion, absent: dict[str, str]
) -> ExtremeCurves | None:
    """In the unit of the metric."""
    scales = sum(observed(sample).size > 0 for sample in better.values())
    if scales < FEWEST_SCALES:
        absent["extremes"] = (
            f"an abrupt and a steady curve can be told apart over four scales or more, and there are {scales}"
        )
        return None
    drawn = extreme_curves(better)

    def shown(curve: DrawnCurve) -> DrawnCurve:
        return replace(curve, values=tuple(map(criterion.shown, curve.values)))

    return replace(
        drawn,
        most_breakthrough=shown(drawn.most_breakthrough),
        least_breakthrough=shown(drawn.least_breakthrough),
        most_linear=shown(drawn.most_linear),
        least_linear=shown(drawn.least_linear),
    )


def mirage(
    population: Population,
    criterion: Criterion,
    measured: Measured,
    better: Mapping[float, FloatArray],
    groups: Sequence[GroupTest],
    absent: dict[str, str],
) -> MirageCheck | None:
    """`groups` are the tests of the metric that decides about success, which are made once."""
    if not measured.continuous:
        absent["mirage"] = f"{criterion.metric} is the only metric; a continuous one of the same seeds is needed"
        return None
    metrics: dict[str, Mapping[float, FloatArray]] = {criterion.metric: better}
    bounds = {criterion.metric: bounds_of(population, criterion, inverse=not criterion.higher_is_better)}
    for name, values in measured.continuous.items():
        inverse = _pooled_rank_correlation(better, values) < 0
        metrics[name] = {scale: -sample for scale, sample in values.items()} if inverse else values
        bounds[name] = bounds_of(population, replace(criterion, metric=name), inverse=inverse)
    lattices = {name: population.lattices(name, criterion.split) for name in metrics}
    return mirage_check(
        metrics,
        threshold=criterion.least,
        lattices=lattices,
        bounds=bounds,
        groups={criterion.metric: groups},
        level=LEVEL,
    )


def bounds_of(population: Population, criterion: Criterion, *, inverse: bool = False) -> tuple[float, float]:
    """The range of the metric of a criterion, or of its negative."""
    low, high = _range(population.metric(criterion.metric, criterion.split))
    return (-high, -low) if inverse else (low, high)


def _pooled_rank_correlation(a: Mapping[float, FloatArray], b: Mapping[float, FloatArray]) -> float:
    x, y = (np.concatenate([*values.values(), []]) for values in (a, b))
    both = ~(np.isnan(x) | np.isnan(y))
    x, y = rankdata(x[both]), rankdata(y[both])
    return float(((x - x.mean()) * (y - y.mean())).sum()) if x.size else 0.0


def survival(
    measured: Measured, criterion: Criterion, scale_name: str, absent: dict[str, str]
) -> SurvivalSummary | None:
    if not measured.curves:
        absent["survival"] = "only final values are known; the step of every evaluation is needed"
        return None
    if all(curves.steps.size < 2 for curves in measured.curves.values()):
        absent["survival"] = "there is a single evaluation of every seed; several over the training are needed"
        return None
    lines = {scale: (curves.steps, criterion.oriented(curves.values)) for scale, curves in measured.curves.items()}
    stopped = stopped_curves(measured.curves, measured.runs, criterion)
    found = summarise_survival(lines, threshold=criterion.least, stopped=stopped)
    return replace(found, criterion=criterion, scale_name=scale_name)


def stopped_curves(
    curves: Mapping[float, Curves], runs: Mapping[float, Curves], criterion: Criterion
) -> dict[float, tuple[FloatArray, FloatArray]]:
    """The curves of seeds that end early and are left out, up to the step at which the others are compared, and
    where each ends. A seed whose last value is NaN diverged, and is not among them."""
    stopped = {}
    for scale, judged in curves.items():
        rows = ~np.isin(runs[scale].seeds, judged.seeds)
        values = runs[scale].values[rows][:, : judged.steps.size]
        known = ~np.isnan(values)
        begun = known.any(axis=1)
        if begun.any():
            last = known.shape[1] - 1 - np.argmax(known[begun, ::-1], axis=1)
            stopped[scale] = criterion.oriented(values[begun]), np.asarray(judged.steps, dtype=float)[last]
    return stopped


def duplicates(population: Population, criterion: Criterion, measured: Measured) -> tuple[IdenticalCurves, ...]:
    """By the first continuous metric if there is one, whose values chance does not make equal; of all runs, those
    that end early included. Curves are only read where the ends leave it open that two are one."""
    continuous = next(iter(measured.continuous), None)
    ends = measured.values if continuous is None else measured.continuous[continuous]
    final = population.final(criterion.metric, criterion.split)
    if not measured.curves:
        return identical_curves({scale: (final.seeds_at(scale), x[:, None]) for scale, x in ends.items()})
    if continuous is None:
        runs = measured.runs
    elif final.unfinished is None and not _close(ends):
        return ()  # other ends, other curves, which therefore need not be read
    else:
        runs = population.curves(continuous, criterion.split)
    lines = {scale: (line.seeds, line.values) for scale, line in runs.items()}
    return identical_curves(lines, steps={scale: line.steps for scale, line in runs.items()})


def _close(ends: Mapping[float, FloatArray]) -> bool:
    """Whether two final values, of any scales, may be one, or a seed has none."""
    values = np.concatenate([*ends.values(), []])
    if np.isnan(values).any():
        return True
    values.sort()
    return bool((np.diff(values) <= ALIKE * (values[-1:] - values[:1])).any())
