"""How many seeds would show whether there are groups?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy.typing as npt

from seedsweep.analysis.statistics.detectable import power_to_find
from seedsweep.analysis.statistics.groups import FEWEST
from seedsweep.analysis.statistics.results import Result
from seedsweep.analysis.statistics.samples import observed, require_lattice, require_share

EVERY: Final = 1.02
"""Ratio of two neighbouring numbers of seeds that are tried, beyond a hundred."""


@dataclass(frozen=True)
class SeedsNeeded(Result):
    """How many seeds `group_test` needs to find a group.

    Attributes
    ----------
    n : int or None
        Seeds, to 2 %; None is more than `cap`.
    share : float
        Of the seeds in the group.
    distance : float
        Of the group from the others, in the unit of the metric.
    observed : int
        Values in the sample, whose spread is taken for that of both groups.
    power, alpha : float
        Probability of p <= alpha that is wanted, and the level of the test.
    cap : int
        The largest number of seeds that was tried.
    """

    n: int | None
    share: float
    distance: float
    observed: int
    power: float
    alpha: float
    cap: int

    @property
    def text(self) -> str:
        """`"52"`, or `"> 2000"` beyond the cap."""
        return f"> {self.cap}" if self.n is None else str(self.n)


def seeds_needed(
    x: npt.ArrayLike,
    *,
    distance: float,
    share: float = 0.2,
    lattice: float | None = None,
    power: float = 0.8,
    alpha: float = 0.05,
    cap: int = 2000,
) -> SeedsNeeded:
    """Number of seeds with which `group_test` would find a group, if seeds spread as these do.

    Parameters
    ----------
    x : array_like, shape (n,)
        One value per seed. `nan` (a diverged seed) is dropped. Only the standard deviation is used.
    distance : float
        How far the group would be from the others, in the unit of `x`.
    share : float
        Of the seeds in the group.
    lattice : float, optional
        Step between the values that the metric can take, as for `dip`.
    power : float
        Wanted probability of p <= `alpha`.
    alpha : float
        Level of the test; divided by the number of scales it is that of the first step of Holm's correction.
    cap : int
        The largest number of seeds to try.

    Returns
    -------
    SeedsNeeded
        Fewer than two different values have no spread to go by: more than `cap`.

    Raises
    ------
    ValueError
        If `x` or `lattice` is not what `dip` accepts, `share`, `power` or `alpha` is not between 0 and 1, or `cap`
        is less than 8.

    Notes
    -----
    The question is that of `detectable_split`, the other way round, with the same simulations: two normal groups,
    both with the standard deviation of the sample, `distance` apart. It asks for a split that is named beforehand,
    and not for "the split that this sample shows": small samples look more split than their populations.

    Examples
    --------
    >>> import numpy as np
    >>> broad = np.linspace(0.2, 0.9, 64)
    >>> needed = seeds_needed(broad, distance=1.3)
    >>> 64 < needed.n < 200, seeds_needed(broad, distance=2.6).n < needed.n
    (True, True)
    >>> seeds_needed(broad, distance=0.5).text
    '> 2000'
    """
    require_share(share=share, power=power, alpha=alpha)
    require_lattice(lattice)
    if cap < FEWEST:
        raise ValueError(f"cap is a number of seeds, at least {FEWEST}, not {cap}")
    values = observed(x)
    spread = float(values.std(ddof=1)) if values.size > 1 else 0.0
    n = None
    if spread > 0:
        separation, step = distance / spread, (lattice or 0.0) / spread
        n = first_enough(
            lambda n: power_to_find(n, share=share, separation=separation, lattice=step, alpha=alpha) >= power,
            fewest=FEWEST,
            cap=cap,
        )
    return SeedsNeeded(n, share, distance, values.size, power, alpha, cap)


def first_enough(suffices: Callable[[int], bool], *, fewest: int, cap: int) -> int | None:
    """The smallest n that suffices, to 2 % beyond a hundred, by doubling and bisection; None beyond the cap."""
    enough, too_few = fewest, fewest - 1
    while not suffices(enough):
        if enough == cap:
            return None
        too_few, enough = enough, min(2 * enough, cap)
    while enough - too_few > 1 and enough > EVERY * too_few:
        middle = (too_few + enough) // 2
        if suffices(middle):
            enough = middle
        else:
            too_few = middle
    return enough
