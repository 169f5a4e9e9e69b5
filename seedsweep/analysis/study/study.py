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

from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.budget import CutOff
from seedsweep.analysis.statistics.clusters import SuccessCluster, success_cluster
from seedsweep.analysis.statistics.crossed import TimeShares
from seedsweep.analysis.statistics.detectable import DetectableSplit, detectable_split
from seedsweep.analysis.statistics.drift import MinimumCapacity, ScaleDrift, drift, minimum_capacity
from seedsweep.analysis.statistics.duplicates import IdenticalCurves
from seedsweep.analysis.statistics.emergence import EmergenceClaims, ExtremeCurves
from seedsweep.analysis.statistics.groups import GroupTest
from seedsweep.analysis.statistics.mirage import MirageCheck, ScaleMirage
from seedsweep.analysis.statistics.modality import DipVariants, dip_variants
from seedsweep.analysis.statistics.power import SeedsNeeded, seeds_needed
from seedsweep.analysis.statistics.results import Result, jsonable
from seedsweep.analysis.statistics.rows import Cell, Rows
from seedsweep.analysis.statistics.samples import FloatArray, observed
from seedsweep.analysis.statistics.variance import CrossedRuns, VarianceShares
from seedsweep.analysis.study import luck, parts
from seedsweep.analysis.study.inside import Inside, inside
from seedsweep.analysis.study.parts import LEVEL, Measured
from seedsweep.analysis.study.split import GroupSplit, group_split
from seedsweep.analysis.study.summary import PopulationSummary, ScaleSummary, summarise_population
from seedsweep.analysis.study.survival import ScaleSurvival, SurvivalSummary
from seedsweep.analysis.study.transience import Transience, shown_transience
from seedsweep.criterion import Criterion
from seedsweep.htmltable import html_table
from seedsweep.plotted import Plotted

if TYPE_CHECKING:
    from seedsweep.population import Population

MIXED: Final = 0.05
"""Where at least this share of the seeds succeeds, and fails, the outcome depends on the seed; our choice."""


WORTH_SEEING: Final = 0.2
"""Share of the seeds: a test that would miss a far group as large says little by finding none; our choice."""

APART: Final = 6.0
"""Standard deviations of a scale: groups that are closer overlap so much that hardly any number of seeds shows a
small one; our choice."""


@dataclass(frozen=True)
class ScaleStudy(Result):
    """All that is known of one scale.

    Attributes
    ----------
    summary : ScaleSummary
    drift : ScaleDrift
        Distances to the largest and to the previous scale, with their noise floor.
    dips : DipVariants
        The dip test with and without ties.
    pvalue_holm : float
        Of `groups`, corrected for the number of scales by Holm.
    multimodal : bool
        Whether `pvalue_holm` is at most `LEVEL`.
    detectable : DetectableSplit
        Which groups the test would have found with a probability of 80 %, at `LEVEL` divided by the number of
        scales. `distance` is that of failures from successes (`Study.apart`), at least 6 standard deviations:
        closer groups of unequal size hardly leave a gap, whatever their number.
    split : GroupSplit or None
        How the seeds part, and whether that is into successes and failures; None where no groups are found, unless
        the metric knows two values only.
    mixed : bool
        Whether the outcome depends on the seed: at least 5 % of the seeds succeed and at least 5 % fail.
    cluster : SuccessCluster
        Success without a threshold, by the corrected test; its `upper` cluster is the better one.
    seeds_needed : SeedsNeeded or None
        For the test to find a group of `WORTH_SEEING` of the seeds at the distance of `detectable`; None where
        groups are found, or the scale is not mixed.
    survival : ScaleSurvival or None
        When the seeds get there, of the values as the criterion orients them; None without learning curves.
    mirage : ScaleMirage or None
        The scale under the metric that decides about success and the continuous ones; None without the latter.
    """

    summary: ScaleSummary
    drift: ScaleDrift
    dips: DipVariants
    pvalue_holm: float
    multimodal: bool
    detectable: DetectableSplit
    split: GroupSplit | None
    mixed: bool
    cluster: SuccessCluster
    seeds_needed: SeedsNeeded | None
    survival: ScaleSurvival | None
    mirage: ScaleMirage | None

    @property
    def scale(self) -> float:
        """The value on the ladder."""
        return self.summary.scale

    @property
    def groups(self) -> GroupTest:
        """The test on which a claim of groups rests, of this scale alone."""
        return self.summary.groups

    @property
    def cut_off(self) -> CutOff | None:
        """Whether the budget explains the failures; None without learning curves."""
        return None if self.survival is None else self.survival.cut_off

    def to_dict(self) -> dict[str, Any]:
        """Ready for ``json.dumps(..., allow_nan=False)``; without the parts that a study has along the ladder."""
        names = (
            *("scale", "dips", "groups", "pvalue_holm", "multimodal", "detectable", "split", "mixed", "cluster"),
            "seeds_needed",
        )
        return {name: jsonable(getattr(self, name)) for name in names}


@dataclass(frozen=True, eq=False)
class Study(Plotted, Rows):
    """What can be said about one population.

    Attributes
    ----------
    summary : PopulationSummary
        Name, metric, threshold, and the summary of every scale.
    scales : tuple of ScaleStudy
        Ascending.
    capacity : MinimumCapacity
    claims : tuple of EmergenceClaims
        Of studies with 1, 2, 4, 8 and 16 seeds per scale, as far as there are so many.
    apart : float
        From the mean of all seeds that fail, at any scale, to that of all that succeed, in the unit of the metric;
        `nan` without the one or the other.
    bounds : tuple of two floats
        The range of the metric.
    abrupt : float or None
        Share of the bootstrap resamples of all seeds in which the curve of their means is abrupt by the rule of
        `emergence_claims`.
    extremes : ExtremeCurves or None
    mirage : MirageCheck or None
        The metric that decides about success against the continuous ones.
    survival : SurvivalSummary or None
        Of the values as the criterion orients them.
    crossed_runs : mapping of float to CrossedRuns
        By scale, the runs whose initial weights and data are crossed; empty if they are not.
    variance : mapping of float to VarianceShares, or None
        Of the final values, by scale, where initial weights and data are crossed.
    time_variance : mapping of float to TimeShares
        Of the time until success, by scale; empty where they are not crossed, and where too few runs succeed.
    duplicates : tuple of IdenticalCurves
        Groups of seeds with one curve, of the first continuous metric if there is one; with one final value, where
        only these are known.
    absent : mapping of str to str
        Which of these are None or empty, and why.
    measured : Measured
        The values.
    inside : Inside or None
        What happened inside the seeds; None where no streams were read.
    transience : Transience or None
        What comes and goes; None where it is not seen to, and where nobody has said what success is.
    """

    summary: PopulationSummary
    scales: tuple[ScaleStudy, ...]
    capacity: MinimumCapacity
    claims: tuple[EmergenceClaims, ...]
    apart: float
    bounds: tuple[float, float]
    abrupt: float | None
    extremes: ExtremeCurves | None
    mirage: MirageCheck | None
    survival: SurvivalSummary | None
    crossed_runs: Mapping[float, CrossedRuns]
    variance: Mapping[float, VarianceShares] | None
    time_variance: Mapping[float, TimeShares]
    duplicates: tuple[IdenticalCurves, ...]
    absent: Mapping[str, str]
    measured: Measured
    inside: Inside | None = None
    transience: Transience | None = None

    def __repr__(self) -> str:
        return f"<Study {self._caption()}>"

    def _repr_html_(self) -> str:
        columns = [text.field(self.summary.scale_name), "seeds", "mean", "P(success)", "p of groups"]
        rows = [
            [
                text.scale(scale.scale),
                text.count(scale.summary.n),
                text.with_interval(scale.summary.mean),
                text.share(scale.summary.success),
                text.without_p(told),
            ]
            for scale, told in zip(self.scales, self.summary.pvalue_texts, strict=True)
        ]
        return html_table(self._caption(), columns, rows)

    def _rows(self) -> list[dict[str, Cell]]:
        return [
            {**row, "budget": "" if scale.cut_off is None else scale.cut_off.verdict}
            for row, scale in zip(self.summary._rows(), self.scales, strict=True)
        ]

    def _caption(self) -> str:
        """What was studied; what came of it is said by `findings`."""
        return self.summary._caption()

    def to_dict(self) -> dict[str, Any]:
        """Ready for ``json.dumps(..., allow_nan=False)``; without the values, which are in the population."""
        names = ("capacity", "claims", "apart", "abrupt", "extremes", "mirage", "survival", "duplicates", "absent")
        return {
            "summary": self.summary.to_dict(),
            "scales": [scale.to_dict() for scale in self.scales],
            "drift": [scale.drift.to_dict() for scale in self.scales],
            **{name: jsonable(getattr(self, name)) for name in names},
            "variance": self.variance
            and [{"scale": scale, **shares.to_dict()} for scale, shares in self.variance.items()],
            "time_variance": [{"scale": scale, **times.to_dict()} for scale, times in self.time_variance.items()],
            **({} if self.inside is None else {"inside": self.inside.to_dict()}),
            **({} if self.transience is None else {"transience": self.transience.to_dict()}),
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
    ...     examined = study(read_table(file, scale="depth", seed="run", metric="accuracy"))
    >>> examined.absent["claims"]
    'breakthroughness tells abrupt from even over four scales or more, and there are 2'
    """
    summary = summarise_population(population)
    criterion = summary.criterion
    final = population.final(criterion.metric, criterion.split)
    crossed = luck.crossed_runs(final)
    measured = parts.measure(population, criterion)
    better = {scale: criterion.oriented(sample) for scale, sample in measured.values.items()}
    absent: dict[str, str] = {}
    claims, abrupt = parts.claims(better, criterion, absent)
    apart = _success_to_failure(better, criterion)
    extremes = parts.extremes(better, criterion, absent)
    mirage = parts.mirage(population, criterion, measured, better, [row.groups for row in summary.scales], absent)
    survival = parts.survival(measured, criterion, population.scale_name, absent)
    return Study(
        summary=summary,
        scales=_study_scales(population, summary, measured, better, apart, mirage, survival),
        capacity=minimum_capacity(measured.values),
        claims=claims,
        apart=apart,
        bounds=parts.bounds_of(population, criterion),
        abrupt=abrupt,
        extremes=extremes,
        mirage=mirage,
        survival=survival,
        crossed_runs=crossed,
        variance=luck.variance(crossed, absent),
        time_variance=luck.time_variance(final, measured.curves, criterion),
        duplicates=parts.duplicates(population, criterion, measured),
        absent=absent,
        measured=measured,
        inside=inside(population, criterion),
        transience=None
        if summary.threshold_chosen
        else shown_transience(
            measured.curves,
            measured.runs,
            criterion,
            population.lattices(criterion.metric, criterion.split),
            population.scale_name,
        ),
    )


def _study_scales(
    population: Population,
    summary: PopulationSummary,
    measured: Measured,
    better: Mapping[float, FloatArray],
    apart: float,
    mirage: MirageCheck | None,
    survival: SurvivalSummary | None,
) -> tuple[ScaleStudy, ...]:
    criterion = summary.criterion
    bounds = parts.bounds_of(population, criterion)
    worst, best = sorted(criterion.oriented(bounds).tolist())
    lattices = population.lattices(criterion.metric, criterion.split)
    holm = summary.pvalues_holm
    tested = max(1, sum(row.groups.n > 0 for row in summary.scales))
    times = {} if survival is None else {row.scale: row for row in survival.scales}
    two_values = _two_values(population, criterion, measured)
    scales = []
    for i, (row, distances) in enumerate(zip(summary.scales, drift(measured.values), strict=True)):
        sample, lattice = measured.values[row.scale], lattices.get(row.scale)
        seen = observed(sample)
        spread = float(seen.std(ddof=1)) if seen.size > 1 else 0.0
        mixed = MIXED <= row.success.rate <= 1 - MIXED
        cluster = _shown_cluster(
            success_cluster(better[row.scale], lattice=lattice, bounds=(worst, best), pvalue=holm[i]),
            criterion,
        )
        dips = dip_variants(sample, lattice=lattice, bounds=bounds)
        multimodal = holm[i] <= LEVEL
        detectable = detectable_split(
            sample, distance=max(apart, APART * spread), lattice=lattice, alpha=LEVEL / tested
        )
        scales.append(
            ScaleStudy(
                summary=row,
                drift=distances,
                dips=dips,
                pvalue_holm=holm[i],
                multimodal=multimodal,
                detectable=detectable,
                split=group_split(
                    sample,
                    cluster,
                    row.success,
                    criterion,
                    lattice=lattice,
                    bounds=bounds,
                    two_values=two_values,
                    level=LEVEL,
                )
                if multimodal or two_values
                else None,
                mixed=mixed,
                cluster=cluster,
                seeds_needed=_seeds_needed(sample, detectable, lattice) if mixed and not multimodal else None,
                survival=times.get(row.scale),
                mirage=None if mirage is None else mirage.at(row.scale),
            )
        )
    return tuple(scales)


def _seeds_needed(sample: FloatArray, detectable: DetectableSplit, lattice: float | None) -> SeedsNeeded | None:
    """To find what is worth seeing; None without a distance to look at."""
    if math.isnan(detectable.distance) or detectable.spread == 0:
        return None
    return seeds_needed(
        sample, distance=detectable.distance, share=WORTH_SEEING, lattice=lattice, alpha=detectable.alpha
    )


def _success_to_failure(better: Mapping[float, FloatArray], criterion: Criterion) -> float:
    """From the mean of all that succeed to that of all that fail; `nan` without the one or the other."""
    values = observed(np.concatenate([*better.values(), []]))
    succeed = values >= criterion.least
    return float(values[succeed].mean() - values[~succeed].mean()) if 0 < succeed.sum() < values.size else math.nan


def _two_values(population: Population, criterion: Criterion, measured: Measured) -> bool:
    """Whether the metric knows two values only. A share of many examples, all right or all wrong, knows more."""
    split = population.splits.get(criterion.split)
    counts = population.metric(criterion.metric, criterion.split).counts_examples
    if split is not None and counts and split.examples > 1:
        return False
    return np.unique(observed(np.concatenate([*measured.values.values(), []]))).size == 2


def _shown_cluster(cluster: SuccessCluster, criterion: Criterion) -> SuccessCluster:
    upper, shown = cluster.upper, criterion.shown
    return replace(
        cluster,
        threshold=shown(cluster.threshold),
        line=shown(cluster.line),
        lower_mean=shown(cluster.lower_mean),
        upper_mean=shown(cluster.upper_mean),
        upper=None if upper is None else replace(upper, threshold=shown(upper.threshold)),
    )
