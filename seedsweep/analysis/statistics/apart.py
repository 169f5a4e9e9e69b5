"""How far apart are the distributions of two populations? Wasserstein-2, held against exchanged seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from seedsweep.analysis.statistics.differences import Difference, exchanges
from seedsweep.analysis.statistics.drift import squared_distances, wasserstein2
from seedsweep.analysis.statistics.results import Interval
from seedsweep.analysis.statistics.samples import FloatArray, generator, require_share
from seedsweep.analysis.statistics.sides import Places, Sides

RESAMPLES: Final = 1000


def distribution_distance(scales: Sequence[Sides], *, confidence: float = 0.95) -> Difference:
    """Wasserstein-2 distance of A and B; over several scales, the root of the mean of its squares.

    Parameters
    ----------
    scales : sequence of Sides
        One or more. `nan` (a diverged seed) is left out, and so are scales at which a side has no values.
    confidence : float
        Of the interval.

    Returns
    -------
    Difference
        `difference` is the distance, in the unit of the metric.

    Raises
    ------
    ValueError
        If `confidence` is not between 0 and 1.

    Notes
    -----
    *Test.* Seeds are exchanged as in `success_difference`; one-sided, since a distance is never negative.

    *Interval.* The distance of two samples of one distribution is above zero, so that its bootstrap interval never
    holds zero. Here the lower limit is 0 unless the test refutes equality at 1 − confidence. Otherwise limits are
    quantiles of the squared distances of 1000 resamples, pairs drawn as such, less twice their bias: the mean of
    the resamples exceeds the squared distance of the samples by as much as that exceeds, on average, the true
    one.

    Examples
    --------
    >>> a, b = np.linspace(0, 0.5, 30), np.linspace(0, 0.5, 30) + 0.3
    >>> found = distribution_distance([Sides.of(a, b, range(30), range(30, 60))])
    >>> round(float(found), 3), found.difference.low > 0.2, found.difference.high < 0.4
    (0.3, True, True)
    >>> distribution_distance([Sides.of(a, a, range(30), range(30, 60))]).difference.low
    0.0
    """
    require_share(confidence=confidence)
    known = [(stream, sides.observed) for stream, sides in enumerate(scales)]
    known = [(stream, sides) for stream, sides in known if sides.a.size and sides.b.size]
    n, m = sum(sides.a.size for _, sides in known), sum(sides.b.size for _, sides in known)
    pairs = sum(sides.pairs for _, sides in known)
    if not known:
        nothing = Interval(math.nan, math.nan, math.nan, 0, 0, confidence)
        return Difference(
            math.nan, math.nan, nothing, math.nan, math.nan, math.nan, n, m, pairs, math.nan, np.empty(0)
        )
    seen = float(np.mean([wasserstein2(sides.a, sides.b) ** 2 for _, sides in known]))
    drawn = min(exchanges(sides) for _, sides in known)
    exchanged = np.mean([_squared(s, *s.exchanged(generator([stream, 1]), drawn)) for stream, s in known], axis=0)
    pvalue = float((1 + (exchanged >= seen - 1e-12).sum()) / (1 + drawn))
    low = high = math.nan
    if all(min(sides.a.size, sides.b.size) > 1 for _, sides in known):
        resampled = np.mean(
            [_squared(s, *s.resampled(generator([stream, 2]), RESAMPLES)) for stream, s in known], axis=0
        )
        bias = resampled.mean() - seen
        tail = (1 - confidence) / 2
        ends = np.quantile(resampled - 2 * bias, [tail, 1 - tail], method="inverted_cdf")
        low, high = np.sqrt(np.maximum(ends, 0.0)).tolist()
        low = 0.0 if pvalue > 1 - confidence else min(low, math.sqrt(seen))
        high = max(high, math.sqrt(seen))
    return Difference(
        a=math.nan,
        b=math.nan,
        difference=Interval(math.sqrt(seen), low, high, n, RESAMPLES, confidence),
        pvalue=pvalue,
        spread=math.nan,
        by_chance=float(np.sqrt(np.quantile(exchanged, 0.95))),
        n_a=n,
        n_b=m,
        pairs=pairs,
        middle=math.nan,
        exchanged=np.sqrt(exchanged),
    )


def _squared(sides: Sides, to_a: Places, to_b: Places) -> FloatArray:
    """Squared distance of the two sides for each row of places in `both`."""
    values = sides.both
    return squared_distances(np.sort(values[to_a], axis=1), np.sort(values[to_b], axis=1))
