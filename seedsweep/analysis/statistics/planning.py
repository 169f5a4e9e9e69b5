"""How many seeds would show a difference, or tell a share precisely?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from scipy.stats import binom, hypergeom

from seedsweep.analysis.statistics.power import first_enough
from seedsweep.analysis.statistics.results import Result
from seedsweep.analysis.statistics.samples import FloatArray, require_share
from seedsweep.sequential import Aim, seeds_for, share_limits

DRAWS: Final = 4000
"""Simulated pairs of samples: a power of .8 has a standard error of .006."""
SEQUENCES: Final = 100
"""Simulated scales to which seeds are added: their average is known to some 2 %."""


@dataclass(frozen=True)
class SeedsForDifference(Result):
    """How many seeds on each side show a difference between two shares.

    Attributes
    ----------
    n : int or None
        Seeds of each side; None is more than `cap`.
    low, high : float
        The two shares.
    power, alpha : float
        Probability of p <= alpha that is wanted, and the level of the test.
    cap : int
        The largest number of seeds that was tried.
    """

    n: int | None
    low: float
    high: float
    power: float
    alpha: float
    cap: int


@dataclass(frozen=True)
class SeedsForPrecision(Result):
    """How many seeds tell P(success) so precisely.

    Attributes
    ----------
    fixed : int
        If their number is chosen beforehand: by Wilson's interval.
    with_goal : float
        On average, if they are added until an interval that holds at any time is as narrow.
    share : float
        P(success) that is assumed.
    half_width : float
        That is wanted.
    """

    fixed: int
    with_goal: float
    share: float
    half_width: float


def seeds_for_difference(
    difference: float, *, share: float = 0.5, power: float = 0.8, alpha: float = 0.05, cap: int = 4000
) -> SeedsForDifference:
    """Seeds with which Fisher's exact test shows that P(success) differs between two scales, or two sweeps.

    Parameters
    ----------
    difference : float
        Between the two shares, which lie on both sides of `share`, or as near as 0 and 1 allow.
    share : float
        In their middle; one half is hardest.
    power : float
        Wanted probability of p <= `alpha`.
    alpha : float
        Level of the test; divided by the number of scales it is that of the first step of Holm's correction.
    cap : int
        The largest number of seeds to try.

    Returns
    -------
    SeedsForDifference

    Raises
    ------
    ValueError
        If `difference`, `power` or `alpha` is not between 0 and 1, or `share` not from 0 to 1.

    Notes
    -----
    As many seeds on both sides, none of them in pairs. Of 4000 pairs of binomial samples, the share with p <=
    `alpha`, two-sided. All numbers of seeds share their counter-based random numbers.

    Examples
    --------
    >>> seeds_for_difference(0.3).n, seeds_for_difference(0.3, share=0.85).n
    (50, 22)
    """
    require_share(difference=difference, power=power, alpha=alpha)
    if not 0 <= share <= 1:
        raise ValueError(f"share is from 0 to 1, not {share}")
    low = min(max(0.0, share - difference / 2), 1 - difference)
    high = low + difference
    n = first_enough(lambda n: power_of_difference(n, low, high, alpha) >= power, fewest=4, cap=cap)
    return SeedsForDifference(n, low, high, power, alpha, cap)


def power_of_difference(n: int, low: float, high: float, alpha: float = 0.05) -> float:
    """How often Fisher's exact test of n seeds on each side tells two shares apart, by simulation."""
    below, above = (binom.ppf(column, n, share) for column, share in zip(_uniform().T, (low, high), strict=True))
    more = np.maximum(below, above)
    # With as many on both sides the distribution is symmetric: two-sided is twice one side.
    pvalues = np.where(below == above, 1.0, 2 * hypergeom.sf(more - 1, 2 * n, below + above, n))
    return float((pvalues <= alpha).mean())


def seeds_for_precision(half_width: float, *, share: float = 0.5, batch: int = 16) -> SeedsForPrecision:
    """Seeds that tell P(success) to plus or minus so much, chosen beforehand, or added until it is so.

    Parameters
    ----------
    half_width : float
        Wanted, of a 95 % interval.
    share : float
        P(success) that is assumed; one half is hardest.
    batch : int
        Seeds that are added at a time.

    Returns
    -------
    SeedsForPrecision

    Raises
    ------
    ValueError
        If `half_width` is not between 0 and one half, or `share` not from 0 to 1.

    Notes
    -----
    `with_goal` is the average of 100 simulated scales, by `seedsweep.sequential.share_limits`.

    Examples
    --------
    >>> found = seeds_for_precision(0.1)
    >>> found.fixed, found.fixed < found.with_goal < 2 * found.fixed
    (93, True)
    """
    require_share(half_width=2 * half_width)
    if not 0 <= share <= 1:
        raise ValueError(f"share is from 0 to 1, not {share}")
    aim = Aim(half_width, 2 * seeds_for(0.5, half_width))
    outcomes = np.random.Generator(np.random.Philox(key=3)).random((SEQUENCES, aim.at_most)) < share
    ends = []
    for successes in np.cumsum(outcomes, axis=1):
        sizes = range(batch, aim.at_most, batch)
        reached = (n for n in sizes if share_limits(int(successes[n - 1]), n, aim=aim).half_width <= half_width)
        ends.append(next(reached, aim.at_most))
    return SeedsForPrecision(seeds_for(share, half_width), float(np.mean(ends)), share, half_width)


@cache
def _uniform() -> FloatArray:
    return np.random.Generator(np.random.Philox(key=4)).random((DRAWS, 2))
