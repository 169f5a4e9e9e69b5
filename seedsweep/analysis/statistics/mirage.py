"""Does bimodality survive a continuous metric, or is it made by a harsh one?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from seedsweep.analysis.statistics.detectable import DetectableSplit, detectable_split, power_to_find
from seedsweep.analysis.statistics.groups import GroupTest, group_test
from seedsweep.analysis.statistics.modality import DipResult, dip
from seedsweep.analysis.statistics.multiplicity import adjust_pvalues
from seedsweep.analysis.statistics.results import Interval, Result
from seedsweep.analysis.statistics.samples import (
    FloatArray,
    LatticeByScale,
    as_sample,
    errors_name,
    lattice_at,
    require_share,
)
from seedsweep.analysis.statistics.scale_curves import breakthroughness, linearity
from seedsweep.analysis.statistics.separation import (
    difference_in_one_group,
    rank_correlation,
    standardised_difference,
)

MirageVerdict: TypeAlias = Literal["survives", "mirage", "not detected", "mixed", "not multimodal"]

UNBOUNDED: Final = (-math.inf, math.inf)

POWER: Final = 0.8
"""With which a test must have been able to find groups for their absence to be said."""


@dataclass(frozen=True)
class MetricModality(Result):
    """One metric along the ladder.

    Attributes
    ----------
    metric : str
        Its name.
    dips : tuple of DipResult
        At each scale, ascending, with the share of tied values; of jittered values where the metric has a lattice.
    groups : tuple of GroupTest
        At each scale.
    pvalues : tuple of float
        Of `groups`, corrected by Holm over the scales; `nan` where there are no values.
    multimodal : tuple of bool
        Whether the corrected p-value is at most the level.
    breakthroughness, linearity : float
        Of the mean over seeds along the ladder; `nan` for fewer than two scales or where a
        scale has no values.
    """

    metric: str
    dips: tuple[DipResult, ...]
    groups: tuple[GroupTest, ...]
    pvalues: tuple[float, ...]
    multimodal: tuple[bool, ...]
    breakthroughness: float
    linearity: float


@dataclass(frozen=True)
class ScaleMirage(Result):
    """The same seeds of one scale under several metrics.

    Attributes
    ----------
    verdict : str
        As in `MirageCheck`.
    pvalues : mapping of metric to float
        Of the tests for groups, corrected by Holm over the scales; the harsh metric first.
    multimodal : mapping of metric to bool
        Whether the corrected p-value is at most the level.
    agreement : mapping of metric to Interval
        Spearman's rank correlation of each other metric with the harsh one.
    separation : mapping of metric to Interval
        How far apart the seeds on both sides of the threshold are in each other metric.
    one_group : float
        What `separation` would be about if that metric had no groups.
    missed : mapping of metric to DetectableSplit
        What could have gone unseen, of each other metric in which no groups are found; empty where the harsh
        metric has none.
    """

    verdict: MirageVerdict
    pvalues: Mapping[str, float]
    multimodal: Mapping[str, bool]
    agreement: Mapping[str, Interval]
    separation: Mapping[str, Interval]
    one_group: float
    missed: Mapping[str, DetectableSplit]


@dataclass(frozen=True)
class MirageCheck(Result):
    """The same seeds under several metrics.

    Attributes
    ----------
    verdict : str
        "survives", "mirage", "not detected", "mixed" or "not multimodal"; the rule is in `mirage_check`.
    scales : tuple of float
        Ascending.
    verdicts : tuple of str
        The same five words at each scale.
    metrics : tuple of MetricModality
        The harsh metric first.
    agreement : mapping of metric to tuple of Interval
        Spearman's rank correlation of each other metric with the harsh one, at each scale.
    separation : mapping of metric to tuple of Interval
        `standardised_difference` of the seeds at or above the threshold of the harsh metric to those below, in
        each other metric, at each scale.
    one_group : tuple of float
        `difference_in_one_group` of the share of the seeds below the threshold, at each scale.
    missed : mapping of metric to tuple of DetectableSplit or None
        At each scale at which the harsh metric is multimodal and the other one is not: which groups could have
        gone unseen in the latter.
    level : float
        Of the tests.
    """

    verdict: MirageVerdict
    scales: tuple[float, ...]
    verdicts: tuple[MirageVerdict, ...]
    metrics: tuple[MetricModality, ...]
    agreement: Mapping[str, tuple[Interval, ...]]
    separation: Mapping[str, tuple[Interval, ...]]
    one_group: tuple[float, ...]
    missed: Mapping[str, tuple[DetectableSplit | None, ...]]
    level: float

    def at(self, scale: float) -> ScaleMirage:
        """The row of one of `scales`."""
        i = self.scales.index(scale)
        return ScaleMirage(
            verdict=self.verdicts[i],
            pvalues={metric.metric: metric.pvalues[i] for metric in self.metrics},
            multimodal={metric.metric: metric.multimodal[i] for metric in self.metrics},
            agreement={name: intervals[i] for name, intervals in self.agreement.items()},
            separation={name: intervals[i] for name, intervals in self.separation.items()},
            one_group=self.one_group[i],
            missed={name: split for name, splits in self.missed.items() if (split := splits[i]) is not None},
        )


def mirage_check(
    values: Mapping[str, Mapping[float, npt.ArrayLike]],
    *,
    threshold: float = math.nan,
    lattices: Mapping[str, LatticeByScale] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    groups: Mapping[str, Sequence[GroupTest]] | None = None,
    level: float = 0.05,
) -> MirageCheck:
    """The verdict on modality under several metrics of the same seeds, side by side.

    A score that is only given when everything is right can split seeds into two groups that hardly differ. If the
    groups are there in a continuous metric too, they are no such mirage.

    Parameters
    ----------
    values : mapping from metric to mapping from scale to array_like, shape (n_seeds,)
        The final values, higher is better (give the negative of a loss or an error score); the same scales and,
        at each, the same seeds in the same order under every metric. `nan` is a diverged seed. The first metric is
        the harsh one (exact match) that the others are held against.
    threshold : float, optional
        Of the first metric: which of its values are to be compared in the others. Without it there is no
        `separation`, and no absence is claimed.
    lattices : mapping from metric to float or to a mapping from scale to float, optional
        Step between the values that a metric can take, for the metrics and scales that have one.
    bounds : mapping from metric to tuple of two floats, optional
        Range of the metrics that have one.
    groups : mapping from metric to sequence of GroupTest, optional
        The tests of the metrics that are tested already, at every scale.
    level : float
        Of the tests.

    Returns
    -------
    MirageCheck

    Raises
    ------
    ValueError
        If there are fewer than two metrics, their scales or numbers of seeds differ, `lattices` names no metric,
        `level` is not between 0 and 1, or a sample or a lattice is not what `dip` accepts.

    Notes
    -----
    *Rule.* A metric is multimodal at a scale if its `group_test`, corrected by Holm [1]_ over the scales of that
    metric, is at most `level`. At a scale where the first metric is multimodal, the verdict is "survives" if all
    the others are too, and "mixed" if some are. If none is: "mirage" if in each of them two normal groups as large
    and as far apart, in their standard deviations, as the seeds on both sides of the threshold would have been
    found with a probability of 80 %, else "not detected". Where the first metric is not multimodal it is "not
    multimodal". Over the ladder it is the word on which all scales with a multimodal first metric agree, "mixed"
    if they do not.

    A test that finds nothing has not shown that there is nothing, and the halves of a single group are 2.6
    standard deviations apart: at that distance hardly any number of seeds shows two groups, so that "mirage" is
    rare. `separation` says more: it is the larger than `one_group`, the emptier the middle is.

    References
    ----------
    .. [1] S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6
       (1979), 65-70.
    .. [2] R. Schaeffer, B. Miranda and S. Koyejo, "Are Emergent Abilities of Large Language Models a Mirage?",
       2023, arXiv 2304.15004.
    .. [3] Zhao et al., "Random Scaling of Emergent Capabilities", arXiv 2502.17356, Fig. 4ab, 15-17.

    Examples
    --------
    >>> import numpy as np
    >>> probability = np.linspace(0.3, 0.7, 80)
    >>> harsh = np.where(probability > 0.5, 0.9, 0.0) + np.linspace(0, 0.1, 80)
    >>> check = mirage_check({"exact_match": {2: harsh}, "min_probability": {2: probability}}, threshold=0.5)
    >>> check.verdict, check.agreement["min_probability"][0].estimate
    ('not detected', 1.0)
    >>> round(check.separation["min_probability"][0].estimate, 1), round(check.one_group[0], 1)
    (3.4, 2.6)
    """
    lattices = lattices or {}
    if len(values) < 2:
        raise ValueError(f"two metrics at least are held against each other, not {len(values)}")
    for name in lattices:
        if name not in values:
            raise ValueError(f"no values of the metric {name!r}; there are {', '.join(values)}")
    require_share(level=level)
    first, *others = values
    scales = sorted(values[first])
    samples: dict[str, list[FloatArray]] = {}
    for name, by_scale in values.items():
        if sorted(by_scale) != scales:
            raise ValueError(f"the scales of {name} are {sorted(by_scale)}, those of {first} are {scales}")
        samples[name] = [as_sample(by_scale[scale]) for scale in scales]
        for scale, sample, beside in zip(scales, samples[name], samples[first], strict=True):
            with errors_name(scale):
                if sample.size != beside.size:
                    raise ValueError(f"{sample.size} seeds of {name} and {beside.size} of {first}")

    bounds, tested = bounds or {}, groups or {}
    metrics = []
    for name, of in samples.items():
        at_scale, lattice = dict(zip(scales, of, strict=True)), lattices.get(name)
        tests = tested.get(name) or [
            group_test(sample, lattice=lattice_at(lattice, scale), bounds=bounds.get(name, UNBOUNDED))
            for scale, sample in at_scale.items()
        ]
        metrics.append(_modality(name, at_scale, lattice, tests, level))
    alpha = level / max(1, sum(bool(sample.size) for sample in samples[first]))
    above = [sample >= threshold for sample in samples[first]]
    separation = {
        name: tuple(
            standardised_difference(sample[over], sample[~over & ~np.isnan(harsh)])
            for sample, harsh, over in zip(samples[name], samples[first], above, strict=True)
        )
        for name in others
    }
    missed = {
        metric.metric: tuple(
            detectable_split(sample, lattice=lattice_at(lattices.get(metric.metric), scale), alpha=alpha)
            if in_first and not here
            else None
            for scale, sample, in_first, here in zip(
                scales, samples[metric.metric], metrics[0].multimodal, metric.multimodal, strict=True
            )
        )
        for metric in metrics[1:]
    }
    verdicts = tuple(
        _verdict(
            metrics[0].multimodal[i],
            [metric.multimodal[i] for metric in metrics[1:]],
            [(separation[name][i], float(above[i].sum() / max(1, above[i].size))) for name in others],
            alpha,
        )
        for i in range(len(scales))
    )
    agreed = set(verdicts) - {"not multimodal"}
    return MirageCheck(
        verdict="mixed" if len(agreed) > 1 else next(iter(agreed), "not multimodal"),
        scales=tuple(map(float, scales)),
        verdicts=verdicts,
        metrics=tuple(metrics),
        agreement={
            name: tuple(rank_correlation(a, b) for a, b in zip(samples[first], samples[name], strict=True))
            for name in others
        },
        separation=separation,
        one_group=tuple(
            difference_in_one_group(1 - float(over.mean())) if over.size else math.nan for over in above
        ),
        missed=missed,
        level=level,
    )


def _modality(
    name: str,
    samples: Mapping[float, FloatArray],
    lattice: LatticeByScale,
    groups: Sequence[GroupTest],
    level: float,
) -> MetricModality:
    dips = tuple(dip(sample, lattice=lattice_at(lattice, scale)) for scale, sample in samples.items())
    pvalues = tuple(adjust_pvalues([result.pvalue for result in groups]).tolist())
    seen = [sample[~np.isnan(sample)] for sample in samples.values()]
    means = [float(sample.mean()) if sample.size else math.nan for sample in seen]
    return MetricModality(
        metric=name,
        dips=dips,
        groups=tuple(groups),
        pvalues=pvalues,
        multimodal=tuple(pvalue <= level for pvalue in pvalues),
        breakthroughness=breakthroughness(means),
        linearity=linearity(means),
    )


def _verdict(harsh: bool, others: list[bool], apart: list[tuple[Interval, float]], alpha: float) -> MirageVerdict:
    """`apart` is how far apart the seeds on both sides of the threshold are, and which share is above."""
    if not harsh:
        return "not multimodal"
    if any(others):
        return "survives" if all(others) else "mixed"
    visible = all(_would_be_found(separation, share, alpha) for separation, share in apart)
    return "mirage" if visible else "not detected"


def _would_be_found(separation: Interval, share: float, alpha: float) -> bool:
    """Whether groups that are this far apart would be; the lower limit counts, since chance pulls halves apart."""
    if math.isnan(separation.low):
        return False
    return power_to_find(separation.n, share=share, separation=separation.low, alpha=alpha) >= POWER
