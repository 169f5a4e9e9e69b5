"""Everything that this package can say about a population: one call, one result, and why a part is not in it.

The statistics that take higher values for better ones (clusters, claims of emergence, time to a threshold) get the
values as the criterion orients them; clusters and curves over scales are put back into the unit of the metric.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.stats import rankdata

from seedsweep.analysis.statistics.clusters import SuccessCluster, success_cluster
from seedsweep.analysis.statistics.drift import MinimumCapacity, ScaleDrift, drift, minimum_capacity
from seedsweep.analysis.statistics.duplicates import IdenticalCurves, identical_curves
from seedsweep.analysis.statistics.emergence import (
    FEWEST_SCALES,
    DrawnCurve,
    EmergenceClaims,
    ExtremeCurves,
    emergence_claims,
    extreme_curves,
)
from seedsweep.analysis.statistics.mirage import MirageCheck, mirage_check
from seedsweep.analysis.statistics.modality import DipVariants, dip_variants
from seedsweep.analysis.statistics.multiplicity import adjust_pvalues
from seedsweep.analysis.statistics.power import SeedsNeeded, seeds_needed
from seedsweep.analysis.statistics.results import Result, jsonable
from seedsweep.analysis.statistics.samples import FloatArray, observed
from seedsweep.analysis.statistics.variance import VarianceShares, variance_shares
from seedsweep.analysis.study.summary import (
    PopulationSummary,
    ScaleSummary,
    SurvivalSummary,
    summarise_population,
    summarise_survival,
)
from seedsweep.criterion import Criterion

if TYPE_CHECKING:
    from seedsweep.population import Curves, Population

LEVEL: Final = 0.05
"""Of the tests, after correction for the number of scales."""

MIXED: Final = 0.05
"""Where at least this share of the seeds succeeds, and fails, the outcome depends on the seed; our choice."""

CLAIMED_BY: Final = (1, 2, 4, 8, 16)
"""Seeds per scale of the studies that are imagined."""


@dataclass(frozen=True, eq=False)
class Measured:
    """The values that a study is made of.

    Attributes
    ----------
    values : mapping from scale to ndarray, shape (n_seeds,)
        Final values of the metric that decides about success; `nan` for a diverged seed.
    continuous : mapping from metric to mapping from scale to ndarray, shape (n_seeds,)
        The same seeds, in the same order, under every other metric that does not count examples.
    curves : mapping from scale to Curves
        Over training, of the metric that decides about success; empty if only final values are known.
    with_end : mapping from scale to float
        Mean of the same metric with the end token asked for (`METRIC_end`), where that is measured; else empty.
    """

    values: Mapping[float, FloatArray]
    continuous: Mapping[str, Mapping[float, FloatArray]]
    curves: Mapping[float, Curves]
    with_end: Mapping[float, float]


@dataclass(frozen=True)
class ScaleStudy(Result):
    """One scale, beyond its summary.

    Attributes
    ----------
    summary : ScaleSummary
    dips : DipVariants
        The dip test with and without ties.
    pvalue_holm, pvalue_bh : float
        Of `summary.dip`, corrected for the number of scales by Holm, and by Benjamini and Hochberg.
    multimodal : bool
        Whether `pvalue_holm` is below `LEVEL`.
    mixed : bool
        Whether the outcome depends on the seed: at least 5 % of the seeds succeed and at least 5 % fail.
    cluster : SuccessCluster
        Success without a threshold; its `upper` cluster is the better one.
    seeds_needed : SeedsNeeded or None
        To detect the split that this sample shows, at `LEVEL` divided by the number of scales; None where the
        scale is not mixed, so that there is hardly a split to show.
    """

    summary: ScaleSummary
    dips: DipVariants
    pvalue_holm: float
    pvalue_bh: float
    multimodal: bool
    mixed: bool
    cluster: SuccessCluster
    seeds_needed: SeedsNeeded | None


@dataclass(frozen=True, eq=False)
class Study(Result):
    """What can be said about one population.

    Attributes
    ----------
    summary : PopulationSummary
        Name, metric, threshold, and the summary of every scale.
    scales : tuple of ScaleStudy
        Ascending.
    drift : tuple of ScaleDrift
        Distances along the ladder, with their noise floors.
    capacity : MinimumCapacity
    claims : tuple of EmergenceClaims
        Of studies with 1, 2, 4, 8 and 16 seeds per scale, as far as there are so many.
    abrupt : float or None
        Share of the bootstrap resamples of all seeds in which the curve of their means is abrupt by the rule of
        `emergence_claims`.
    extremes : ExtremeCurves or None
    mirage : MirageCheck or None
        The metric that decides about success against the continuous ones.
    survival : SurvivalSummary or None
        Times and thresholds of the negated metric where lower is better.
    variance : mapping of float to VarianceShares, or None
        By scale.
    duplicates : tuple of IdenticalCurves or None
        Groups of seeds with one curve, of the first continuous metric if there is one.
    absent : mapping of str to str
        Which of these are None or empty, and why.
    measured : Measured
        The values.
    """

    summary: PopulationSummary
    scales: tuple[ScaleStudy, ...]
    drift: tuple[ScaleDrift, ...]
    capacity: MinimumCapacity
    claims: tuple[EmergenceClaims, ...]
    abrupt: float | None
    extremes: ExtremeCurves | None
    mirage: MirageCheck | None
    survival: SurvivalSummary | None
    variance: Mapping[float, VarianceShares] | None
    duplicates: tuple[IdenticalCurves, ...] | None
    absent: Mapping[str, str]
    measured: Measured

    def to_dict(self) -> dict[str, Any]:
        """Ready for ``json.dumps(..., allow_nan=False)``; without the values, which are in the population."""
        scales = []
        for scale in self.scales:  # its summary stands in the other
            told = jsonable(scale)
            scales.append({"scale": told.pop("summary")["scale"], **told})
        names = ("drift", "capacity", "claims", "abrupt", "extremes", "mirage", "survival", "duplicates", "absent")
        variance = self.variance and [{"scale": s, **shares.to_dict()} for s, shares in self.variance.items()]
        return {
            "summary": self.summary.to_dict(),
            "scales": scales,
            **{name: jsonable(getattr(self, name)) for name in names},
            "variance": variance,
        }


def study(population: Population) -> Study:
    """Every statistic of this package that applies to a population.

    Parameters
    ----------
    population : Population
        Of a sweep or a table.

    Returns
    -------
    Study
        The parts that do not apply are None or empty, and `absent` says why.

    Raises
    ------
    InputError
        If the population cannot be read.

    Notes
    -----
    Which way a continuous metric points is taken from its rank correlation with the deciding metric over all
    seeds of all scales: a negative one, and the other of the two directions is better.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from seedsweep import read_table
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "study.csv")
    ...     _ = file.write_text("depth,run,accuracy\\n1,a,0.1\\n1,b,0.2\\n2,a,0.1\\n2,b,0.9\\n")
    ...     found = study(read_table(file, scale="depth", seed="run", metric="accuracy"))
    >>> found.absent["claims"]
    'breakthroughness tells abrupt from even over four scales or more, and there are 2'
    """
    summary = summarise_population(population)
    measured = _measure(population, summary.criterion)
    values = measured.values
    criterion = summary.criterion
    better = {scale: criterion.oriented(sample) for scale, sample in values.items()}
    absent: dict[str, str] = {}

    seen = {scale: observed(sample) for scale, sample in better.items()}
    fewest = min((sample.size for sample in seen.values() if sample.size), default=0)
    claims: tuple[EmergenceClaims, ...] = ()
    abrupt = None
    extremes = None
    ladder = [scale for scale, sample in seen.items() if sample.size]
    if len(ladder) < FEWEST_SCALES:
        absent["claims"] = (
            f"breakthroughness tells abrupt from even over four scales or more, and there are {len(ladder)}"
        )
    else:
        told = [k for k in CLAIMED_BY if k <= fewest]
        claims = tuple(emergence_claims(better, seeds=k, threshold=criterion.least) for k in told)
        all_seeds = emergence_claims(better, seeds=fewest, threshold=criterion.least, draws=1000, resamples=1)
        abrupt = all_seeds.probability.estimate
    if len(ladder) < 2:
        absent["extremes"] = f"a curve over scales needs two scales that have a value, and there are {len(ladder)}"
    else:
        extremes = _shown_curves(extreme_curves(better), criterion)

    return Study(
        summary=summary,
        scales=_study_scales(population, summary, values),
        drift=drift(values),
        capacity=minimum_capacity(values),
        claims=claims,
        abrupt=abrupt,
        extremes=extremes,
        mirage=_mirage(population, criterion, measured, better, absent),
        survival=_survival(measured, criterion, absent),
        variance=_variance(population, criterion, absent),
        duplicates=_duplicates(population, criterion, measured, absent),
        absent=absent,
        measured=measured,
    )


def _measure(population: Population, criterion: Criterion) -> Measured:
    final = population.final(criterion.metric, criterion.split)
    others = [
        name
        for name, metric in population.metrics.items()
        if name != criterion.metric and not metric.counts_examples
    ]
    tables = {name: population.final(name, criterion.split) for name in others}
    strict = [
        population.final(name, criterion.split) for name in population.metrics if name == f"{criterion.metric}_end"
    ]
    return Measured(
        values={scale: final.at(scale) for scale in final.scales},
        continuous={name: {scale: table.at(scale) for scale in final.scales} for name, table in tables.items()},
        curves=population.curves(criterion.metric, criterion.split),
        with_end={scale: _mean(table.at(scale)) for table in strict for scale in table.scales},
    )


def _mean(sample: FloatArray) -> float:
    values = observed(sample)
    return float(values.mean()) if values.size else math.nan


def _study_scales(
    population: Population, summary: PopulationSummary, values: Mapping[float, FloatArray]
) -> tuple[ScaleStudy, ...]:
    criterion = summary.criterion
    low, high = population.metrics[criterion.metric].bounds
    bounds = (low, math.inf if high is None else high)
    worst, best = sorted(criterion.oriented(bounds).tolist())
    lattice = population.lattice(criterion.metric, criterion.split)
    pvalues = [scale.dip.pvalue for scale in summary.scales]
    tested = max(1, int(np.sum(~np.isnan(pvalues))))
    found = []
    for scale, holm, bh in zip(
        summary.scales, adjust_pvalues(pvalues), adjust_pvalues(pvalues, "benjamini-hochberg"), strict=True
    ):
        sample = values[scale.scale]
        mixed = MIXED <= scale.success.rate <= 1 - MIXED
        cluster = success_cluster(criterion.oriented(sample), lattice=lattice, bounds=(worst, best))
        found.append(
            ScaleStudy(
                summary=scale,
                dips=dip_variants(sample, lattice=lattice, bounds=bounds),
                pvalue_holm=float(holm),
                pvalue_bh=float(bh),
                multimodal=bool(holm < LEVEL),
                mixed=mixed,
                cluster=_shown_cluster(cluster, criterion),
                seeds_needed=seeds_needed(sample, lattice=lattice, alpha=LEVEL / tested) if mixed else None,
            )
        )
    return tuple(found)


def _shown_cluster(cluster: SuccessCluster, criterion: Criterion) -> SuccessCluster:
    upper, shown = cluster.upper, criterion.shown
    return replace(
        cluster,
        threshold=shown(cluster.threshold),
        lower_mean=shown(cluster.lower_mean),
        upper_mean=shown(cluster.upper_mean),
        upper=None if upper is None else replace(upper, threshold=shown(upper.threshold)),
    )


def _shown_curves(extremes: ExtremeCurves, criterion: Criterion) -> ExtremeCurves:
    def shown(curve: DrawnCurve) -> DrawnCurve:
        return replace(curve, values=tuple(map(criterion.shown, curve.values)))

    return replace(
        extremes,
        most_breakthrough=shown(extremes.most_breakthrough),
        least_breakthrough=shown(extremes.least_breakthrough),
        most_linear=shown(extremes.most_linear),
        least_linear=shown(extremes.least_linear),
    )


def _mirage(
    population: Population,
    criterion: Criterion,
    measured: Measured,
    better: Mapping[float, FloatArray],
    absent: dict[str, str],
) -> MirageCheck | None:
    if not measured.continuous:
        absent["mirage"] = f"{criterion.metric} is the only metric; a continuous one of the same seeds is needed"
        return None
    metrics: dict[str, Mapping[float, FloatArray]] = {criterion.metric: better}
    for name, values in measured.continuous.items():
        inverse = _pooled_rank_correlation(better, values) < 0
        metrics[name] = {scale: -sample for scale, sample in values.items()} if inverse else values
    lattices = {name: population.lattice(name, criterion.split) for name in metrics}
    return mirage_check(
        metrics, lattices={name: step for name, step in lattices.items() if step is not None}, level=LEVEL
    )


def _pooled_rank_correlation(a: Mapping[float, FloatArray], b: Mapping[float, FloatArray]) -> float:
    x, y = (np.concatenate([*values.values(), []]) for values in (a, b))
    both = ~(np.isnan(x) | np.isnan(y))
    x, y = rankdata(x[both]), rankdata(y[both])
    return float(((x - x.mean()) * (y - y.mean())).sum()) if x.size else 0.0


def _survival(measured: Measured, criterion: Criterion, absent: dict[str, str]) -> SurvivalSummary | None:
    if not measured.curves:
        absent["survival"] = "only final values are known; the step of every evaluation is needed"
        return None
    if all(curves.steps.size < 2 for curves in measured.curves.values()):
        absent["survival"] = "there is a single evaluation of every seed; several over the training are needed"
        return None
    lines = {scale: (curves.steps, criterion.oriented(curves.values)) for scale, curves in measured.curves.items()}
    return summarise_survival(lines, threshold=criterion.least)


def _variance(
    population: Population, criterion: Criterion, absent: dict[str, str]
) -> dict[float, VarianceShares] | None:
    final = population.final(criterion.metric, criterion.split)
    shares = {}
    if (final.init_seeds != final.data_seeds).any():
        for row, scale in enumerate(final.scales):
            here = final.present[row]
            found = variance_shares(final.at(scale), final.init_seeds[here], final.data_seeds[here])
            if found.crossed:
                shares[scale] = found
    if not shares:
        absent["variance"] = "seeds of initialisation and of data are not crossed: each run has its own of both"
        return None
    return shares


def _duplicates(
    population: Population, criterion: Criterion, measured: Measured, absent: dict[str, str]
) -> tuple[IdenticalCurves, ...] | None:
    if not measured.curves:
        absent["duplicates"] = "only final values are known; runs are told apart by their learning curves"
        return None
    continuous = next(iter(measured.continuous), None)
    if continuous is None:
        curves = measured.curves
    elif all(np.unique(ends).size == ends.size for ends in measured.continuous[continuous].values()):
        return ()  # other ends, other curves, which therefore need not be read
    else:
        curves = population.curves(continuous, criterion.split)
    return identical_curves({scale: (line.seeds, line.values) for scale, line in curves.items()})
