"""The whole ladder in one table: where the seeds of every scale end."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.bootstrap import bootstrap_interval
from seedsweep.analysis.statistics.drift import NoiseFloor, distance_to_largest, noise_floor
from seedsweep.analysis.statistics.groups import WEIGHT_OF_DIP, GroupTest, group_test
from seedsweep.analysis.statistics.mean import mean_interval
from seedsweep.analysis.statistics.modality import DipResult, dip
from seedsweep.analysis.statistics.mode import mode
from seedsweep.analysis.statistics.multiplicity import adjust_pvalues
from seedsweep.analysis.statistics.results import Interval, Result, jsonable
from seedsweep.analysis.statistics.rows import Cell, Rows
from seedsweep.analysis.statistics.samples import (
    FloatArray,
    LatticeByScale,
    as_sample,
    errors_name,
    lattice_at,
    observed,
    samples_by_scale,
)
from seedsweep.analysis.statistics.sequential import mean_sequence, success_sequence
from seedsweep.analysis.statistics.success import SuccessRate, succeeds, success_rate
from seedsweep.analysis.study.luck import shared_seeds
from seedsweep.criterion import Criterion
from seedsweep.population import ObservedMetric, of_split
from seedsweep.sequential import Aims

if TYPE_CHECKING:
    from seedsweep.population import Population, Unfinished

MeanOf: TypeAlias = Callable[[FloatArray, tuple[float, float]], Interval]

NAMED: Final = 4
"""Unfinished seeds of a scale that a note names."""

NOTHING: Final = Interval(math.nan, math.nan, math.nan, 0, 0, 0.95)
"""Of no seeds."""

UNBOUNDED: Final = (-math.inf, math.inf)

QUANTILES: Final = (0.05, 0.25, 0.75, 0.95)
"""Levels of `ScaleSummary.quantiles`."""


@dataclass(frozen=True)
class ScaleSummary(Result):
    """The population of seeds at one scale.

    Attributes
    ----------
    scale : float
        The value on the ladder.
    n : int
        All seeds.
    n_diverged : int
        Seeds whose value is `nan`. They count as failures in `success` and are left out elsewhere.
    mean : Interval
        Of the seeds that have a value; see `seedsweep.analysis.mean_interval`.
    median : float
        Of the seeds that have a value; `nan` if there are none.
    quantiles : mapping of float to float
        The quantiles at 0.05, 0.25, 0.75 and 0.95 of the seeds that have a value, interpolated as numpy does;
        `nan` if there are none.
    mode : Interval
        See `seedsweep.analysis.mode`.
    success : SuccessRate
        Over all n seeds.
    mean_given_success : Interval or None
        Of the seeds that succeed, between the threshold and the best value there is; see
        `seedsweep.analysis.mean_interval`. None if no seed succeeded, no interval if one did.
    groups : GroupTest
        The test on which a claim of groups rests, of this scale alone; `holm_over` corrects it for the ladder.
    dip : DipResult
        Hartigan's test of this scale alone, the paper's, with the share of tied values.
    w2_to_largest : Interval
        Wasserstein-2 distance to the seeds of the largest scale; 0 for the largest itself.
    noise_floor : NoiseFloor
        What chance alone puts between random halves of these seeds.
    """

    scale: float
    n: int
    n_diverged: int
    mean: Interval
    median: float
    quantiles: Mapping[float, float]
    mode: Interval
    success: SuccessRate
    mean_given_success: Interval | None
    groups: GroupTest
    dip: DipResult
    w2_to_largest: Interval
    noise_floor: NoiseFloor


def summarise(
    values: Mapping[float, npt.ArrayLike],
    criterion: Criterion,
    *,
    lattice: LatticeByScale = None,
    bounds: tuple[float, float] | None = (0.0, 1.0),
    aims: Aims | None = None,
    known_bounds: bool = True,
) -> tuple[ScaleSummary, ...]:
    """Every statistic of this package at every scale of a ladder.

    Parameters
    ----------
    values : mapping from scale to array_like, shape (n_seeds,)
        The final metric of every seed; `nan` for a diverged one. The scales may have different numbers of
        seeds, or none. With `aims`, in the order of the seeds' numbers.
    criterion : Criterion
        Which seed is a success: its threshold, and which way is better. `values` are in the unit of its metric.
    lattice : float or mapping from scale to float, optional
        Step of a lattice-valued metric, for the tests for groups; a scale that is not in the mapping has none.
    bounds : tuple of two floats, or None
        The range of the metric, for the mode, the test for groups and the interval of the mean; None if there is
        none.
    aims : Aims, optional
        What seeds were added for, if somebody looked at them and went on until this precision was reached: the
        intervals of the success rates are then those of `success_sequence`, and those of means of
        `mean_sequence`, where `bounds` are finite and known.
    known_bounds : bool
        Whether somebody has said that the metric has these bounds; else they are guessed from the values.

    Returns
    -------
    tuple of ScaleSummary
        Sorted by scale; empty for an empty mapping.

    Raises
    ------
    ValueError
        If a scale is not a finite number, or a sample, the threshold, the lattice or the bounds are not
        what `dip`, `mode` and `success_rate` accept; the message names the scale.

    Notes
    -----
    Intervals are percentile bootstrap intervals (95 %, 1000 resamples), apart from the Wilson interval of
    the success rate and Gaffke's of the means. The order of the seeds does not matter, unless there are `aims`.

    References
    ----------
    .. [1] Zhao et al., "Random Scaling of Emergent Capabilities", arXiv 2502.17356, Fig. 3 and 4c.

    Examples
    --------
    >>> criterion = Criterion("accuracy", split="test", threshold=0.5)
    >>> small, large = summarise({4: [0.0, 0.9, 0.8, 1.0], 2: [0.0, 0.1, 0.0, 0.8]}, criterion)
    >>> small.scale, small.success.rate, small.mean.estimate
    (2.0, 0.25, 0.225)
    >>> large.w2_to_largest.estimate
    0.0
    """
    samples = samples_by_scale(values)
    in_order = {float(scale): as_sample(sample) for scale, sample in values.items()}
    mean = _mean_of(aims, bounds or UNBOUNDED, known_bounds)
    values_of = {scale: observed(sample) for scale, sample in samples.items()}
    summaries = []
    for scale, sample in samples.items():
        with errors_name(scale):
            summaries.append(
                ScaleSummary(
                    scale=scale,
                    n=sample.size,
                    n_diverged=int(np.isnan(sample).sum()),
                    mean=mean(in_order[scale], bounds or UNBOUNDED),
                    median=_quantiles(observed(sample), [0.5])[0],
                    quantiles=dict(zip(QUANTILES, _quantiles(observed(sample), QUANTILES), strict=True)),
                    mode=bootstrap_interval(partial(mode, bounds=bounds), observed(sample)),
                    success=_success_rate(sample, criterion, aims),
                    mean_given_success=_mean_given_success(in_order[scale], criterion, bounds or UNBOUNDED, mean),
                    groups=group_test(sample, lattice=lattice_at(lattice, scale), bounds=bounds or UNBOUNDED),
                    dip=dip(sample, lattice=lattice_at(lattice, scale)),
                    w2_to_largest=distance_to_largest(scale, values_of),
                    noise_floor=noise_floor(sample),
                )
            )
    return tuple(summaries)


def holm_over(scales: Sequence[ScaleSummary]) -> tuple[float, ...]:
    """p of groups at every scale, corrected for their number by Holm: the one p that sentences, tables and figures
    show and rest on. `nan` at a scale without values."""
    return tuple(adjust_pvalues([scale.groups.pvalue for scale in scales]).tolist())


def holm_texts(scales: Sequence[ScaleSummary]) -> tuple[str, ...]:
    """`holm_over` in words: "p = 0.03", "p < 5e-5", "no test"."""
    tests = sum(scale.groups.n > 0 for scale in scales) / WEIGHT_OF_DIP
    return tuple(text.pvalue(pvalue, tests) for pvalue in holm_over(scales))


def _quantiles(sample: FloatArray, levels: Sequence[float]) -> list[float]:
    return [float(value) for value in np.quantile(sample, levels)] if sample.size else [math.nan] * len(levels)


def _mean_of(aims: Aims | None, bounds: tuple[float, float], known_bounds: bool) -> MeanOf:
    """The mean with an interval, of values within bounds."""
    if not anytime_valid_mean(aims, bounds, known_bounds):
        return lambda sample, bounds: mean_interval(sample, bounds=bounds)
    aim = aims and aims.mean
    return lambda sample, bounds: mean_sequence(sample, bounds=bounds, aim=aim)


def anytime_valid_mean(aims: Aims | None, bounds: tuple[float, float], known_bounds: bool) -> bool:
    """Whether means have intervals that hold whenever one stops."""
    return aims is not None and known_bounds and math.isfinite(bounds[1] - bounds[0])


def _success_rate(sample: FloatArray, criterion: Criterion, aims: Aims | None) -> SuccessRate:
    values = criterion.oriented(sample)
    rate = success_rate(values, criterion.least)
    if aims is not None:
        rate = success_sequence(values, criterion.least, aim=aims.p_success)
    return replace(rate, threshold=criterion.shown(rate.threshold))


def _mean_given_success(
    sample: FloatArray, criterion: Criterion, bounds: tuple[float, float], mean: MeanOf
) -> Interval | None:
    """Given how many there are, the successes are a sample from what lies beyond the threshold."""
    successes = sample[succeeds(criterion.oriented(sample), criterion.least)]
    if not successes.size:
        return None
    threshold, (low, high) = criterion.shown(criterion.least), bounds
    low, high = (max(threshold, low), high) if criterion.higher_is_better else (low, min(threshold, high))
    if low >= high:  # only the best value there is succeeds
        return Interval(low, low, low, successes.size, 0, 0.95)
    return mean(successes, (low, high))


@dataclass(frozen=True)
class PopulationSummary(Rows):
    """Every scale of a population under one metric and one split.

    Attributes
    ----------
    name, path : str
        Of the sweep or the table.
    scale_name : str
        Dotted name of the swept field, or the name of a column.
    criterion : Criterion
        What is summarised, and what success is; it has a threshold.
    threshold_chosen : bool
        Nobody has said what success is: the threshold is the middle of the observed values.
    in_distribution : mapping of float to Interval
        Mean of the same metric on the in-distribution split, per scale; diverged seeds left out. Empty if the
        population knows no such split.
    scales : tuple of ScaleSummary
        In ascending order.
    steps : mapping of float to float
        By scale, the step at which its seeds are compared; empty if only final values are known.
    unfinished : Unfinished or None
        Seeds that end before it, and what became of them.
    told : tuple of str
        What the population's origin says of its numbers.
    aims : Aims or None
        What seeds were added for, if they were: the intervals of P(success) are then anytime-valid.
    anytime_valid_means : bool
        Whether those of means are too: of a metric whose bounds are known.
    """

    name: str
    path: str
    scale_name: str
    criterion: Criterion
    threshold_chosen: bool
    in_distribution: Mapping[float, Interval]
    scales: tuple[ScaleSummary, ...]
    steps: Mapping[float, float]
    unfinished: Unfinished | None
    told: tuple[str, ...] = ()
    aims: Aims | None = None
    anytime_valid_means: bool = False

    def __repr__(self) -> str:
        return f"<PopulationSummary {self._caption()}>"

    def _rows(self) -> list[dict[str, Cell]]:
        return [
            {
                self.scale_name: scale.scale,
                "n": scale.n,
                "n_diverged": scale.n_diverged,
                "mean": scale.mean,
                "mode": scale.mode,
                "p_success": scale.success,
                "mean_given_success": scale.mean_given_success or NOTHING,
                "pvalue_of_groups": pvalue,
                "w2_to_largest": scale.w2_to_largest,
            }
            for scale, pvalue in zip(self.scales, self.pvalues_holm, strict=True)
        ]

    def _caption(self) -> str:
        places = ", ".join(text.scale(scale.scale) for scale in self.scales)
        metric = f"{self.criterion.metric}{of_split(self.criterion.split)}"
        seeds = text.seeds(sum(scale.n for scale in self.scales))
        return f"{self.name}: {metric}, {seeds} at {self._scale_word} {places}"

    def intervals(self, share: str, gaffke: str) -> str:
        """What they are, for the note of a table that has these words for P(success) and Gaffke's interval; with a
        goal, also which of them take the number of seeds as given."""
        if self.aims is None:
            return f"Wilson for {share}, {gaffke} for means, else bootstrap"
        anytime_valid = f"anytime-valid, each scale by itself, for {share}"
        if self.anytime_valid_means:
            return f"{anytime_valid} and means, else, for a number of seeds that is given, bootstrap"
        return f"{anytime_valid}; for a number of seeds that is given {gaffke} for means, else bootstrap"

    @property
    def at_step(self) -> str:
        """ "at step 500", or at which steps; empty if only final values are known."""
        different = dict.fromkeys(self.steps.values())
        if len(different) <= 1:
            return "".join(f"at step {text.number(step)}" for step in different)
        return f"at steps {text.scale(min(different))} to {text.scale(max(different))}, by {self._scale_word}"

    @property
    def pvalues_holm(self) -> tuple[float, ...]:
        """p of groups at every scale, corrected for their number: see `holm_over`."""
        return holm_over(self.scales)

    @property
    def pvalue_texts(self) -> tuple[str, ...]:
        """The same in words: see `holm_texts`."""
        return holm_texts(self.scales)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know about these numbers, a sentence each."""
        notes = [*self.told]
        if self.threshold_chosen:
            middle = text.given(self.criterion.shown(self.criterion.least))
            notes.append(
                f"nobody said what success is: {middle} is the middle of the observed values; give a threshold of "
                "your own"
            )
        if self.unfinished is not None:
            notes.append(self._unfinished_note(self.unfinished))
        if lone := [scale.scale for scale in self.scales if scale.n - scale.n_diverged == 1]:
            notes.append(f"one value only at {_places(self, lone)}: nothing can be said about its spread or modes")
        if diverged := [scale for scale in self.scales if scale.n_diverged]:
            notes.append(
                f"{sum(scale.n_diverged for scale in diverged)} seeds have no final value, at "
                f"{_places(self, [scale.scale for scale in diverged])}: they count as failures in P(success) and "
                "are left out elsewhere"
            )
        return tuple(notes)

    @property
    def _scale_word(self) -> str:
        return text.field(self.scale_name)

    def _unfinished_note(self, unfinished: Unfinished) -> str:
        """Which seeds end early, and what became of them."""
        places = []
        for scale, ends in unfinished.ends.items():
            names = [f"{seed} at step {text.number(step)}" for seed, step in ends.items()]
            more = [f"{len(names) - NAMED} more"] if len(names) > NAMED else []
            places.append(f"{text.scale(scale)} ({text.listed(names[:NAMED] + more)})")
        became = {
            "dropped": "they are left out, and in times to success censored there; --unfinished failed counts "
            "them as failures, last takes what they had",
            "failed": "they count as failures without a value; --unfinished dropped leaves them out",
            "last": "their last values are taken as if measured then; --unfinished dropped leaves them out",
        }
        return (
            f"{text.seeds(unfinished.count)} end before the step at which their scale is compared, at "
            f"{self._scale_word} {text.listed(places)}: {became[unfinished.taken]} (an empty field is no value; "
            "NaN is a seed that diverged)"
        )

    def to_dict(self) -> dict[str, Any]:
        """Ready for ``json.dumps(..., allow_nan=False)``."""
        return {
            "name": self.name,
            "path": self.path,
            "scale_name": self.scale_name,
            "metric": self.criterion.metric,
            "split": self.criterion.split,
            "threshold": self.criterion.threshold,
            "threshold_chosen": self.threshold_chosen,
            "higher_is_better": self.criterion.higher_is_better,
            **({} if self.aims is None else {"aims": _told(self.aims)}),
            **({"anytime_valid_means": True} if self.anytime_valid_means else {}),
            "notes": list(self.notes),
            "unfinished": self.unfinished and self.unfinished.to_dict(),
            "scales": [
                {
                    **scale.to_dict(),
                    "in_distribution_mean": jsonable(self.in_distribution.get(scale.scale)),
                    "step": self.steps.get(scale.scale),
                    "pvalue_holm": jsonable(pvalue),
                }
                for scale, pvalue in zip(self.scales, self.pvalues_holm, strict=True)
            ],
        }


def summarise_population(population: Population) -> PopulationSummary:
    """Summarise the final values of the metric and split that decide about success.

    A metric that is a share of a split's examples lies on a lattice; the dip test is then run on jittered values
    (see `seedsweep.analysis.dip`). Without a threshold of success, the middle between the smallest and the largest
    value is taken; 0 if there are no values.
    """
    criterion = population.criterion
    metric = population.metric(criterion.metric, criterion.split)
    low, high = metric.bounds
    bounds = (low, math.inf if high is None else high)
    known_bounds = not isinstance(metric, ObservedMetric)
    final = population.final(criterion.metric, criterion.split)
    values = {scale: final.at(scale) for scale in final.scales}
    threshold_chosen = criterion.threshold is None
    if threshold_chosen:
        criterion = replace(criterion, threshold=_middle(values))
    # Of another criterion too: what was looked at decided how many seeds there are.
    aims = population.origin.aims
    if aims is not None and criterion.metric != _metric_of_goal(population):
        aims = aims._replace(mean=None)  # it is in the unit of another metric
    mean = _mean_of(aims, bounds, known_bounds)
    in_distribution = {}
    near = [split.name for split in population.splits.values() if split.role == "in-distribution"]
    measured = population.reader.measured
    # What a stream reads has a split of its own, which has no role, and may be measured nowhere else.
    if criterion.split in near or [criterion.metric in measured.get(name, ()) for name in near] == [True]:
        inside = population.final(criterion.metric, split="in-distribution")
        in_distribution = {scale: mean(inside.at(scale), bounds) for scale in inside.scales}
    return PopulationSummary(
        name=population.name,
        path=population.path,
        scale_name=population.scale_name,
        criterion=criterion,
        threshold_chosen=threshold_chosen,
        in_distribution=in_distribution,
        steps=dict(zip(final.scales, final.steps, strict=False)),
        unfinished=final.unfinished,
        scales=summarise(
            values,
            criterion,
            lattice=population.lattices(criterion.metric, criterion.split),
            bounds=bounds,
            aims=aims,
            known_bounds=known_bounds,
        ),
        told=(*population.origin.notes, *shared_seeds(final)),
        aims=aims,
        anytime_valid_means=anytime_valid_mean(aims, bounds, known_bounds),
    )


def _metric_of_goal(population: Population) -> str | None:
    """The metric of which a goal is the mean, also where another one is looked at."""
    success: Mapping[str, Any] = (population.origin.spec or {}).get("success", {})
    return success.get("metric")


def _told(aims: Aims) -> dict[str, dict[str, float]]:
    return {name: aim._asdict() for name, aim in aims._asdict().items() if aim is not None}


def _middle(values: Mapping[float, FloatArray]) -> float:
    everything = observed(np.concatenate([*values.values(), []]))
    return float((everything.min() + everything.max()) / 2) if everything.size else 0.0


def _places(summary: PopulationSummary, scales: list[float]) -> str:
    return f"{text.field(summary.scale_name)} {text.listed([text.scale(scale) for scale in scales])}"
