"""Does an event get more, or less, frequent along a ladder? Shares with a monotone trend."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression
from scipy.special import xlogy

from seedsweep.analysis.statistics.rows import Cell, Rows
from seedsweep.analysis.statistics.samples import FloatArray, generator, require_positive
from seedsweep.analysis.statistics.success import SuccessRate, success_rate, wilson
from seedsweep.plotted import Plotted


@dataclass(frozen=True, eq=False)
class EventTrend(Plotted, Rows):
    """How frequent an event is along a ladder; `float(result)` is the p-value.

    Attributes
    ----------
    scales : tuple of float
        Ascending: those with seeds.
    rates : tuple of SuccessRate
        The share of the seeds of each scale with the event, with Wilson's interval.
    fitted : ndarray of float, shape (k,)
        The monotone shares that fit best.
    rises : bool
        Whether these rise with the scale, or fall.
    statistic : float
        How much likelier the seeds are with these than with one share for all: twice the difference of the
        logarithms.
    pvalue : float
        Of one share for all, by permutation; `nan` where there is nothing to compare.
    fits : bool
        Whether the shares are monotone as far as can be seen: no scale's interval, corrected for their number,
        excludes the fitted share.
    paired : bool
        Whether seeds were permuted within themselves.
    """

    scales: tuple[float, ...]
    rates: tuple[SuccessRate, ...]
    fitted: FloatArray
    rises: bool
    statistic: float
    pvalue: float
    fits: bool
    paired: bool

    def _rows(self) -> list[dict[str, Cell]]:
        rows = zip(self.scales, self.rates, self.fitted.tolist(), strict=True)
        return [{"scale": scale, "n": rate.n, "rate": rate, "fitted": fitted} for scale, rate, fitted in rows]

    def __float__(self) -> float:
        return self.pvalue


def event_trend(
    happened: Mapping[float, npt.ArrayLike],
    *,
    seeds: Mapping[float, Sequence[Hashable]] | None = None,
    permutations: int = 1999,
) -> EventTrend:
    """The share of seeds with an event at every scale, and whether it rises or falls with the scale.

    Parameters
    ----------
    happened : mapping from scale to array_like of bool, shape (n_seeds,)
        Scales are ordered by their numbers, and nothing else is made of these: a branch step is a scale.
    seeds : mapping from scale to sequence, optional
        Which seed each is. Where seeds come at several scales, as branches of the same runs do, what they have in
        common is then allowed for.
    permutations : int

    Returns
    -------
    EventTrend

    Raises
    ------
    ValueError
        If there is not one seed for each value, or `permutations` is not positive.

    Notes
    -----
    Isotonic regression of the shares, weighted by the seeds, is the maximum likelihood fit under a monotone order
    [1]_; of rising and falling the likelier one is kept. The test compares its likelihood with that of a constant,
    against the same of permuted outcomes: over all seeds, or within each seed, which is exact if a seed's outcomes
    are exchangeable over scales. So there is power against any monotone shape, a step among them.

    References
    ----------
    .. [1] R. E. Barlow, D. J. Bartholomew, J. M. Bremner and H. D. Brunk, "Statistical Inference under Order
       Restrictions", Wiley 1972, sections 1.2 and 4.3.

    Examples
    --------
    >>> early, late = [True] * 14 + [False] * 2, [True] * 3 + [False] * 13
    >>> found = event_trend({100: early, 200: early, 400: late, 800: late})
    >>> found.rises, found.pvalue < 0.01, found.fitted
    (False, True, array([0.875 , 0.875 , 0.1875, 0.1875]))
    """
    require_positive(permutations=permutations)
    outcomes = {scale: np.asarray(happened[scale], dtype=np.float64).ravel() for scale in sorted(happened)}
    outcomes = {scale: values for scale, values in outcomes.items() if values.size}
    names = {
        scale: list(range(values.size)) if seeds is None else list(seeds[scale])
        for scale, values in outcomes.items()
    }
    if any(len(names[scale]) != values.size for scale, values in outcomes.items()):
        raise ValueError("one seed is needed for each outcome, at every scale")
    values = np.concatenate([*outcomes.values(), np.empty(0)])
    counts = np.array([len(sample) for sample in outcomes.values()], dtype=np.float64)
    edges = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)[:-1]
    numbered: dict[Hashable, int] = {}
    group = np.array(
        [
            numbered.setdefault(name, len(numbered)) if seeds is not None else 0
            for here in names.values()
            for name in here
        ],
        dtype=np.int64,
    )
    paired = seeds is not None and len(numbered) < values.size
    group = group if paired else np.zeros_like(group)

    if len(outcomes) < 2 or values.min() == values.max():
        fitted = np.array([sample.mean() for sample in outcomes.values()])
        rises, statistic, pvalue = True, math.nan, math.nan
    else:
        fitted, rises, statistic = _fit(np.add.reduceat(values, edges), counts)
        random, order = generator(), np.argsort(group, kind="stable")
        permuted, as_large = np.empty_like(values), 0
        for _ in range(permutations):
            permuted[order] = values[np.lexsort((random.random(values.size), group))]
            as_large += _fit(np.add.reduceat(permuted, edges), counts)[2] >= statistic - 1e-9
        pvalue = (1 + as_large) / (1 + permutations)
    limits = [wilson(sample.mean(), sample.size, 1 - 0.05 / len(outcomes)) for sample in outcomes.values()]
    return EventTrend(
        scales=tuple(map(float, outcomes)),
        rates=tuple(success_rate(sample, 1.0) for sample in outcomes.values()),
        fitted=fitted,
        rises=rises,
        statistic=statistic,
        pvalue=pvalue,
        fits=all(low - 1e-9 <= share <= high + 1e-9 for share, (low, high) in zip(fitted, limits, strict=True)),
        paired=paired,
    )


def _fit(events: FloatArray, counts: FloatArray) -> tuple[FloatArray, bool, float]:
    """The better of the rising and the falling fit, whether it rises, and twice its gain over a constant."""
    rates, overall = events / counts, events.sum() / counts.sum()

    def likelihood(share: FloatArray) -> float:
        return float((xlogy(events, share) + xlogy(counts - events, 1 - share)).sum())

    constant = likelihood(np.full_like(rates, overall))
    fits = [(isotonic_regression(rates, weights=counts, increasing=up).x.clip(0, 1), up) for up in (True, False)]
    gains = [2 * (likelihood(fit) - constant) for fit, _ in fits]
    best = int(gains[1] > gains[0])
    return fits[best][0], fits[best][1], gains[best]
