"""In which order do several events of a seed come?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.stats import binomtest

from seedsweep.analysis.statistics.events import EventTimes
from seedsweep.analysis.statistics.multiplicity import adjust_pvalues
from seedsweep.analysis.statistics.results import Interval, Result
from seedsweep.analysis.statistics.samples import Bools, FloatArray, generator, require_positive, require_share
from seedsweep.analysis.statistics.success import wilson


@dataclass(frozen=True)
class PairOrder(Result):
    """Which of two events comes first; `float(result)` is the share of the first.

    Attributes
    ----------
    first, second : str
        Names of the events.
    share : Interval
        Of the seeds of which it is known which came first, those in which the first did. `nan` without any.
    before, after, undecided, neither : int
        Seeds in which the first event surely came first, surely last, in which the evaluations leave it open, and
        in which neither was seen.
    pvalue : float
        Two-sided sign test of neither coming first; `nan` without a decided seed.
    pvalue_holm : float
        The same, corrected for the number of pairs.
    exchanged : float
        The same share if the first event of each seed is compared with the second of another: what their times
        alone make of it. `nan` with fewer than two seeds.
    pvalue_exchanged : float
        Two-sided, by permutation, of the share being that; `nan` where `exchanged` is.
    """

    first: str
    second: str
    share: Interval
    before: int
    after: int
    undecided: int
    neither: int
    pvalue: float
    pvalue_holm: float
    exchanged: float
    pvalue_exchanged: float

    def __float__(self) -> float:
        return self.share.estimate


@dataclass(frozen=True)
class EventOrder(Result):
    """The order of several events over seeds.

    Attributes
    ----------
    pairs : tuple of PairOrder
        Every two events, in the order given.
    orders : mapping of str to int
        How many seeds have each order of all events, "a < b = c" where b and c are not told apart, most frequent
        first. Events that were not seen come last, in brackets.
    n : int
    """

    pairs: tuple[PairOrder, ...]
    orders: Mapping[str, int]
    n: int


def event_order(
    events: Mapping[str, EventTimes], *, confidence: float = 0.95, permutations: int = 1999
) -> EventOrder:
    """Which of several events of a seed comes first, pair by pair, and which orders of all there are.

    Parameters
    ----------
    events : mapping from name to EventTimes
        Two or more, of arrays of shape (n,): the same seeds in the same order.
    confidence : float
        Of the intervals (Wilson).
    permutations : int
        Of the seeds, for `pvalue_exchanged`.

    Returns
    -------
    EventOrder

    Raises
    ------
    ValueError
        With fewer than two events, of different shapes, or if `confidence` is not between 0 and 1.

    Notes
    -----
    A seed is decided if one event surely happened before the other: its interval ends where the other's begins. An
    event that was seen comes before one that was not by the end: that one comes later, or never. (`lead_lag` asks
    how much earlier, of those that have both.)

    There are two nulls. *Neither comes first*: a coin, the sign test [1]_. *Each has its own time, whatever the
    other does*: the share that the events of different seeds give. Where one is late in all seeds the first is
    refuted and the second need not be.

    References
    ----------
    .. [1] W. J. Dixon and A. M. Mood, "The Statistical Sign Test", Journal of the American Statistical Association
       41 (1946), 557-566.

    Examples
    --------
    >>> from seedsweep.analysis import event_times
    >>> steps = np.arange(0, 1000, 10)
    >>> start = np.random.default_rng(0).uniform(100, 600, 20)
    >>> copies, matches = (event_times(steps, steps >= t[:, None], 0.5) for t in (start, start + 100))
    >>> found = event_order({"copies": copies, "matches": matches})
    >>> pair, = found.pairs
    >>> pair.before, pair.pvalue < 0.001, round(pair.exchanged, 1), found.orders
    (20, True, 0.7, {'copies < matches': 20})
    """
    names = list(events)
    shapes = {times.low.shape for times in events.values()}
    if len(names) < 2 or len(shapes) > 1 or len(next(iter(shapes))) != 1:
        raise ValueError(f"two or more events of the same seeds are needed, not {len(names)} of shapes {shapes}")
    require_share(confidence=confidence)
    require_positive(permutations=permutations)
    pairs = [_pair(a, b, events[a], events[b], confidence, permutations) for a, b in combinations(names, 2)]
    corrected = adjust_pvalues([pair.pvalue for pair in pairs]).tolist()
    orders: dict[str, int] = {}
    n = next(iter(shapes))[0]
    for seed in range(n):
        order = _order_of(events, seed)
        orders[order] = orders.get(order, 0) + 1
    return EventOrder(
        pairs=tuple(
            PairOrder(**{**vars(pair), "pvalue_holm": p}) for pair, p in zip(pairs, corrected, strict=True)
        ),
        orders=dict(sorted(orders.items(), key=lambda entry: (-entry[1], entry[0]))),
        n=n,
    )


def _pair(
    first: str, second: str, a: EventTimes, b: EventTimes, confidence: float, permutations: int
) -> PairOrder:
    n = a.low.size
    a_first = a.reached[:, None] & (a.high[:, None] <= b.low)  # of every two seeds
    b_first = b.reached & (b.high <= a.low[:, None])
    before, after = int(np.trace(a_first)), int(np.trace(b_first))
    decided = before + after
    rate = before / decided if decided else math.nan
    low, high = wilson(rate, decided, confidence) if decided else (math.nan, math.nan)
    neither = int((~a.reached & ~b.reached).sum())
    exchanged, pvalue_exchanged = _exchanged(a_first, b_first, rate, permutations)
    return PairOrder(
        first=first,
        second=second,
        share=Interval(rate, low, high, n=decided, resamples=0, confidence=confidence),
        before=before,
        after=after,
        undecided=n - decided - neither,
        neither=neither,
        pvalue=float(binomtest(before, decided).pvalue) if decided else math.nan,
        pvalue_holm=math.nan,
        exchanged=exchanged,
        pvalue_exchanged=pvalue_exchanged,
    )


def _exchanged(a_first: Bools, b_first: Bools, rate: float, permutations: int) -> tuple[float, float]:
    """The share over all pairs of different seeds, and the p-value of the seeds' own."""
    n = len(a_first)
    others = ~np.eye(n, dtype=bool)
    wins, losses = int((a_first & others).sum()), int((b_first & others).sum())
    if wins + losses == 0 or math.isnan(rate):
        return math.nan, math.nan
    expected = wins / (wins + losses)
    random, rows = generator(), np.arange(n)
    drawn = np.full(permutations, math.nan)
    for i in range(permutations):
        order = random.permutation(n)
        before, after = int(a_first[rows, order].sum()), int(b_first[rows, order].sum())
        if before + after:
            drawn[i] = before / (before + after)
    as_far: FloatArray = np.abs(drawn[~np.isnan(drawn)] - expected)
    return expected, float((1 + (as_far >= abs(rate - expected) - 1e-9).sum()) / (1 + as_far.size))


def _order_of(events: Mapping[str, EventTimes], seed: int) -> str:
    """Those that were seen by the end of their interval, joined by = where the one before may be as late."""
    seen = sorted(
        (float(times.high[seed]), float(times.low[seed]), name)
        for name, times in events.items()
        if times.reached[seed]
    )
    told = ""
    for i, (_, low, name) in enumerate(seen):
        told += name if i == 0 else f" {'<' if seen[i - 1][0] <= low else '='} {name}"
    unseen = [name for name, times in events.items() if not times.reached[seed]]
    return told + (f"{' < ' if told else ''}({', '.join(unseen)})" if unseen else "")
