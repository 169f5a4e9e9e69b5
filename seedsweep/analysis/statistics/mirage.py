"""Does bimodality survive a continuous metric, or is it made by a harsh one?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

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

MirageVerdict: TypeAlias = Literal["survives", "mirage", "mixed", "not multimodal"]


@dataclass(frozen=True)
class MetricModality(Result):
    """One metric along the ladder.

    Attributes
    ----------
    metric : str
        Its name.
    dips : tuple of DipResult
        At each scale, ascending, with the share of tied values; of jittered values where the metric has a lattice.
    pvalues : tuple of float
        Of the dips, corrected by Holm over the scales; `nan` where there are no values.
    multimodal : tuple of bool
        Whether the corrected p-value is below the level.
    breakthroughness, linearity : float
        Of the mean over seeds along the ladder; `nan` for fewer than two scales or where a
        scale has no values.
    """

    metric: str
    dips: tuple[DipResult, ...]
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
        Of the dip tests, corrected by Holm over the scales; the harsh metric first.
    multimodal : mapping of metric to bool
        Whether the corrected p-value is below the level.
    agreement : mapping of metric to Interval
        Spearman's rank correlation of each other metric with the harsh one.
    """

    verdict: MirageVerdict
    pvalues: Mapping[str, float]
    multimodal: Mapping[str, bool]
    agreement: Mapping[str, Interval]


@dataclass(frozen=True)
class MirageCheck(Result):
    """The same seeds under several metrics.

    Attributes
    ----------
    verdict : str
        "survives", "mirage", "mixed" or "not multimodal"; the rule is in `mirage_check`.
    scales : tuple of float
        Ascending.
    verdicts : tuple of str
        The same four words at each scale.
    metrics : tuple of MetricModality
        The harsh metric first.
    agreement : mapping of metric to tuple of Interval
        Spearman's rank correlation of each other metric with the harsh one, at each scale.
    level : float
        Of the tests.
    """

    verdict: MirageVerdict
    scales: tuple[float, ...]
    verdicts: tuple[MirageVerdict, ...]
    metrics: tuple[MetricModality, ...]
    agreement: Mapping[str, tuple[Interval, ...]]
    level: float

    def at(self, scale: float) -> ScaleMirage:
        """The row of one of `scales`."""
        i = self.scales.index(scale)
        return ScaleMirage(
            verdict=self.verdicts[i],
            pvalues={metric.metric: metric.pvalues[i] for metric in self.metrics},
            multimodal={metric.metric: metric.multimodal[i] for metric in self.metrics},
            agreement={name: intervals[i] for name, intervals in self.agreement.items()},
        )


def mirage_check(
    values: Mapping[str, Mapping[float, npt.ArrayLike]],
    *,
    lattices: Mapping[str, LatticeByScale] | None = None,
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
    lattices : mapping from metric to float or to a mapping from scale to float, optional
        Step between the values that a metric can take, for the metrics and scales that have one.
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
    *Rule.* A metric is multimodal at a scale if its dip test, corrected by Holm [1]_ over the
    scales of that metric, is below `level`. At a scale where the first metric is multimodal, the verdict is
    "survives" if all the others are too, "mirage" if none is, "mixed" else; where it is not, "not multimodal".
    Over the ladder it is the word on which all scales with a multimodal first metric agree, "mixed" if they do
    not.

    A test that finds nothing has not shown that there is nothing: with fewer than about 80 seeds, "mirage" may be
    want of power. The rank correlation says more then: near 1, both metrics order the seeds alike.

    *Interval of the correlation.* Fisher's z with the standard error sqrt((1 + r**2 / 2) / (n - 3)) [2]_. Below
    four seeds it is [-1, 1]. Where a metric is constant it is that too, and the correlation `nan`;
    where both orders are the same it has width zero. Seeds that are `nan` in either
    metric are left out.

    References
    ----------
    .. [1] S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6
       (1979), 65-70.
    .. [2] D. G. Bonett and T. A. Wright, "Sample Size Requirements for Estimating Pearson, Kendall and Spearman
       Correlations", Psychometrika 65 (2000), 23-28.
    .. [3] R. Schaeffer, B. Miranda and S. Koyejo, "Are Emergent Abilities of Large Language Models a Mirage?",
       2023, arXiv 2304.15004.
    .. [4] Zhao et al., "Random Scaling of Emergent Capabilities", arXiv 2502.17356, Fig. 4ab, 15-17.

    Examples
    --------
    >>> import numpy as np
    >>> probability = np.linspace(0.3, 0.7, 80)
    >>> harsh = np.where(probability > 0.5, 0.9, 0.0) + np.linspace(0, 0.1, 80)
    >>> check = mirage_check({"exact_match": {2: harsh}, "min_probability": {2: probability}})
    >>> check.verdict, check.agreement["min_probability"][0].estimate
    ('mirage', 1.0)
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

    metrics = tuple(
        _modality(name, dict(zip(scales, of, strict=True)), lattices.get(name), level)
        for name, of in samples.items()
    )
    verdicts = tuple(
        _verdict(harsh, continuous)
        for harsh, *continuous in zip(*(metric.multimodal for metric in metrics), strict=True)
    )
    agreed = set(verdicts) - {"not multimodal"}
    return MirageCheck(
        verdict="mixed" if len(agreed) > 1 else next(iter(agreed), "not multimodal"),
        scales=tuple(map(float, scales)),
        verdicts=verdicts,
        metrics=metrics,
        agreement={
            name: tuple(_spearman(a, b) for a, b in zip(samples[first], samples[name], strict=True))
            for name in others
        },
        level=level,
    )


def _modality(
    name: str, samples: Mapping[float, FloatArray], lattice: LatticeByScale, level: float
) -> MetricModality:
    dips = tuple(dip(sample, lattice=lattice_at(lattice, scale)) for scale, sample in samples.items())
    pvalues = tuple(adjust_pvalues([result.pvalue for result in dips]).tolist())
    seen = [sample[~np.isnan(sample)] for sample in samples.values()]
    means = [float(sample.mean()) if sample.size else math.nan for sample in seen]
    return MetricModality(
        metric=name,
        dips=dips,
        pvalues=pvalues,
        multimodal=tuple(pvalue < level for pvalue in pvalues),
        breakthroughness=breakthroughness(means),
        linearity=linearity(means),
    )


def _verdict(harsh: bool, others: list[bool]) -> MirageVerdict:
    if not harsh:
        return "not multimodal"
    return "survives" if all(others) else "mixed" if any(others) else "mirage"


def _spearman(a: FloatArray, b: FloatArray, confidence: float = 0.95) -> Interval:
    both = ~(np.isnan(a) | np.isnan(b))
    n = int(both.sum())
    ranks_a, ranks_b = rankdata(a[both]), rankdata(b[both])
    if n == 0 or np.ptp(ranks_a) == 0 or np.ptp(ranks_b) == 0:
        return Interval(math.nan, -1.0, 1.0, n, resamples=0, confidence=confidence)
    r = round(float(np.corrcoef(ranks_a, ranks_b)[0, 1]), 12)
    if n < 4:
        low, high = -1.0, 1.0
    elif abs(r) == 1:
        low = high = r
    else:
        z = NormalDist().inv_cdf((1 + confidence) / 2)
        half_width = z * math.sqrt((1 + r**2 / 2) / (n - 3))
        low, high = math.tanh(math.atanh(r) - half_width), math.tanh(math.atanh(r) + half_width)
    return Interval(r, low, high, n, resamples=0, confidence=confidence)
