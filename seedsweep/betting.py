"""Confidence sequences for a bounded mean, by betting: intervals that hold at every number of seeds at once.

Against every value that the mean may have somebody bets on the next seed being above it, and somebody on its
being below. If it is the mean, neither fortune is expected to grow, whatever is staked; so it is excluded once one
has grown so far that luck does not explain it. How wide the intervals are depends on the stakes; that they hold
does not. The driver decides by these whether to add seeds, the analysis shows them.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from seedsweep.sequential import MARGIN, Aim, Limits

_Floats: TypeAlias = npt.NDArray[np.float64]

BREAKS: Final = 1000
"""Parts of the range of a mean that are kept or excluded as a whole."""
FINENESS: Final = 50
"""As many to a half-width that is wanted, if that is more."""
MOST_STAKED: Final = 0.5
"""Of what could ruin a fortune, as the method's authors have it."""
MOST_STAKED_ON_AIM: Final = 0.75
"""The same of what is bet on an aim; our choice: it needs fewest seeds where they lie close together."""
CENTRE: Final = 1.25
"""By how much more seeds the aim is bet on than a number that is fixed beforehand would take: our choice, which
needs few seeds and is met in spite of chance."""
KEPT: Final = 0.1
"""Part of a fortune that is bet as without an aim."""
NEAREST: Final = 0.02
"""Part of those seeds that are always thought to be still to come."""
ROUNDING: Final = 1e-6
"""By how much of the range a value may be beyond the bounds: float32."""
BLOCK: Final = 64
"""Seeds after which fortunes are kept, so that more of them are not counted from the first on."""

_NORMAL: Final = NormalDist()
_DEVIATIONS: Final = [i / 16 for i in range(-128, 65)]
_CHANCES: Final = np.array([math.log(_NORMAL.cdf(d)) for d in _DEVIATIONS])
_STAKES: Final = np.array([_NORMAL.pdf(d) / _NORMAL.cdf(d) for d in _DEVIATIONS])


def mean_limits(
    values: Sequence[float],
    *,
    bounds: tuple[float, float] = (0.0, 1.0),
    confidence: float = 0.95,
    aim: Aim | None = None,
) -> Limits:
    """The interval of a confidence sequence for a mean, after these seeds.

    The probability that the mean lies outside *any* of the intervals, for n = 1, 2, 3, … without end, is at most
    1 - `confidence`; so one may stop at whatever n, for whatever reason.

    Parameters
    ----------
    values : sequence of float
        Of independent seeds, in an order that does not depend on them; none gives the bounds.
    bounds : tuple of two floats
        The range of the metric.
    confidence : float
        Between 0 and 1.
    aim : Aim, optional
        Makes the sequence narrow where this precision, in the unit of the values, is reached, and wider elsewhere.
        It must not be chosen by the same seeds. Without it the sequence is about equally good everywhere.

    Raises
    ------
    ValueError
        If a value is not within the bounds, or these are not finite.

    Notes
    -----
    *The hedged capital process* [1]_: a mean is excluded once one of the two fortunes that are bet against it has
    grown 2 / (1 - confidence)-fold (Ville's inequality). The intervals are intersected over all numbers of seeds
    so far. Means are kept and excluded in parts of the range; the lower limit is made by those alone who bet on
    higher values, whose game against a mean is no more than fair if the true one is below. So the level holds
    between grid points too.

    *Without an aim* all is bet by the predictable plug-in of the empirical Bernstein process [1]_.

    *With an aim*, a tenth is. The rest is bet so that the fortune is large enough after n* seeds if their mean is
    as far away as is wanted, and lost if it is not. That is a digital option, and what is staked is its hedge:
    where w is the chance of getting there by luck alone (the fortune, over what is needed), phi(z) / Phi(z) with
    Phi(z) = w, over the standard deviation of the sum of what is still to come. Stakes are worked out anew before
    every seed, from what is missing and the seeds that remain, as in [2]_, whose stakes are others. n* is
    c times the number of seeds that would do if it were fixed and the variance so far right, c = 1.25, and below
    the largest number.

    References
    ----------
    .. [1] I. Waudby-Smith and A. Ramdas, "Estimating Means of Bounded Random Variables by Betting", Journal of the
       Royal Statistical Society B 86 (2024), 1-27, Theorem 3. (The authors' package is confseq.)
    .. [2] V. Voráček and F. Orabona, "STaR-Bets: Sequential Target-Recalculating Bets for Tighter Confidence
       Intervals", arXiv 2505.22422.

    Examples
    --------
    >>> low, high = mean_limits([0.5, 0.7, 0.6, 0.8] * 16)
    >>> 0.5 < low < 0.65 < high < 0.8
    True
    >>> mean_limits([0.0, 1.0] * 240, aim=Aim(0.05, 640)).half_width < 0.05
    True
    """
    low, high = bounds
    width = high - low
    if not math.isfinite(width):
        raise ValueError(f"the mean of values without bounds has no such interval; bounds are {bounds}")
    unit = (np.asarray(values, dtype=np.float64) - low) / width
    if not ((unit >= -ROUNDING) & (unit <= 1 + ROUNDING)).all():
        raise ValueError(f"values from {min(values)} to {max(values)} are not within the bounds {bounds}")
    if aim is not None:
        aim = Aim(aim.half_width / width, aim.at_most)
    first, last = _betting(tuple(unit.clip(0, 1).tolist()), 1 - confidence, aim).limits
    return Limits(low + first * width, low + last * width)


@lru_cache(maxsize=256)
def _betting(values: tuple[float, ...], level: float, aim: Aim | None) -> _Betting:
    """After these values. Not to be changed."""
    if not values:
        return _Betting(level, aim)
    before = (len(values) - 1) // BLOCK * BLOCK
    made = copy.deepcopy(_betting(values[:before], level, aim))
    for value in values[before:]:
        made.add(value)
    return made


class _Betting:
    """All fortunes, and what the stakes follow from."""

    def __init__(self, level: float, aim: Aim | None) -> None:
        self.n = 0
        self.sum, self.squares = 0.5, 0.25  # as if one more value had been seen, at 1/2 with variance 1/4
        breaks = BREAKS if aim is None else max(BREAKS, math.ceil(FINENESS / aim.half_width))
        self.above, self.below = _Bettors(level / 2, aim, breaks), _Bettors(level / 2, aim, breaks)

    def add(self, value: float) -> None:
        """Settle the bets on the next value."""
        self.n += 1
        variance = self.squares / self.n
        # A mean is settled for good from either side.
        kept = self.above.first, self.below.first
        self.above.add(value, self.n, variance, kept[1])
        self.below.add(1 - value, self.n, variance, kept[0])
        self.sum += value
        self.squares += (value - self.sum / (self.n + 1)) ** 2

    @property
    def limits(self) -> tuple[float, float]:
        """In the unit of the range. The mean of the values is held in any case."""
        if not self.n:
            return 0.0, 1.0
        mean = (self.sum - 0.5) / self.n
        return min(self.above.limit, mean), max(1 - self.below.limit, mean)


class _Bettors:
    """Those who bet on values above each of the means 0, 1 / breaks, …, 1; logarithms of their fortunes."""

    def __init__(self, level: float, aim: Aim | None, breaks: int) -> None:
        self.level, self.aim, self.breaks = level, aim, breaks
        self.first = 0
        """The lowest mean that is not excluded."""
        self.means = np.arange(breaks + 1) / breaks
        with np.errstate(divide="ignore"):
            self.ruin = 1 / self.means
        self.plain, self.aimed = np.zeros(breaks + 1), np.zeros(breaks + 1)
        self.rich = np.zeros(breaks + 1, dtype=bool)
        """Whether a fortune has ever been large enough."""

    @property
    def limit(self) -> float:
        """No mean below has been kept."""
        return max(0, self.first - 1) / self.breaks

    def add(self, value: float, number: int, variance: float, settled: int) -> None:
        """The next value; the highest means, as many as `settled`, are not bet on any more."""
        part = slice(self.first, self.breaks + 1 - settled)
        means, ruin = self.means[part], self.ruin[part]
        stake = math.sqrt(2 * math.log(1 / self.level) / (number * math.log1p(number) * variance))
        self.plain[part] += np.log1p(np.minimum(stake, MOST_STAKED * ruin) * (value - means))
        fortunes = self.plain[part]
        if self.aim is not None:
            stakes = self._stakes_for(self.aim, self.aimed[part], number, variance)
            self.aimed[part] += np.log1p(np.minimum(stakes, MOST_STAKED_ON_AIM * ruin) * (value - means))
            fortunes = np.logaddexp(math.log(KEPT) + fortunes, math.log(1 - KEPT) + self.aimed[part])
        rich = self.rich[part]
        rich |= fortunes >= math.log(1 / self.level)
        kept = np.flatnonzero(~rich)
        self.first += int(kept[0]) if kept.size else len(rich)

    def _stakes_for(self, aim: Aim, fortunes: _Floats, number: int, variance: float) -> _Floats:
        level = self.level * (1 - KEPT)
        fixed = _NORMAL.inv_cdf(1 - level) ** 2 * variance / aim.half_width**2
        planned = max(1.0, min(CENTRE * fixed, aim.at_most / MARGIN))
        remaining = max(planned - number + 1, NEAREST * planned)
        # What nobody can miss any more is not bet on: the last of the stakes is next to nothing.
        stakes: _Floats = np.interp(fortunes + math.log(level), _CHANCES, _STAKES)
        return stakes / math.sqrt(variance * remaining)
