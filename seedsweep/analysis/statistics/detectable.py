"""Which split would so many seeds have shown? The power of the test for groups."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from seedsweep.analysis.statistics.groups import (
    FEWEST,
    WEIGHT_OF_DIP,
    dips,
    far_groups,
    unimodal_samples,
)
from seedsweep.analysis.statistics.results import Result
from seedsweep.analysis.statistics.samples import FloatArray, observed, require_lattice, require_share
from seedsweep.analysis.statistics.spread import Spread

LARGEST: Final = 40_000
"""Values in all simulated samples together; more seeds have fewer samples, at least 100 and at most 400."""

PILOTS: Final = 10
"""Simulated samples whose unimodal densities give the critical dip."""

FARTHEST: Final = 16.0
"""Distance in standard deviations beyond which groups are no easier to see."""

PRECISION: Final = 1.06
"""Ratio of two neighbouring distances that are told apart; the distance and the lattice are rounded to it, so that
similar scales share their simulation."""


@dataclass(frozen=True)
class DetectableSplit(Result):
    """The smallest splits that a test of so many seeds finds with the wanted power.

    Attributes
    ----------
    share : float or None
        Share of the seeds in the smaller of two groups `distance` apart; larger shares are found more often. None
        if not even groups of equal size are.
    distance : float
        Between the means of these two groups, in the unit of the metric; `nan` if none was given.
    even_distance : float or None
        Between the means of two groups of equal size; None if they are not found however far apart.
    spread : float
        Standard deviation of the sample.
    n : int
        Values in the sample.
    power, alpha : float
        Probability of p <= alpha, and the level of the test.
    """

    share: float | None
    distance: float
    even_distance: float | None
    spread: float
    n: int
    power: float
    alpha: float

    def finds(self, share: float) -> bool:
        """Whether a group of this share of the seeds, `distance` away, is found with the wanted power."""
        return self.share is not None and self.share <= share


def detectable_split(
    x: npt.ArrayLike,
    *,
    distance: float = math.nan,
    lattice: float | None = None,
    alpha: float = 0.05,
    power: float = 0.8,
) -> DetectableSplit:
    """The smallest split that `group_test` would have found among so many seeds that spread as these do.

    Parameters
    ----------
    x : array_like, shape (n,)
        One value per seed. `nan` (a diverged seed) is dropped. Only n and the standard deviation are used.
    distance : float, optional
        How far apart two groups would be, in the unit of `x`, for the smallest share.
    lattice : float, optional
        Step between the values that the metric can take, as for `dip`.
    alpha : float
        Level of the test; divided by the number of scales it is that of the first step of Holm's correction.
    power : float
        Wanted probability of p <= `alpha`.

    Returns
    -------
    DetectableSplit
        Fewer than 8 values and equal ones: nothing would be found.

    Raises
    ------
    ValueError
        If `x` or `lattice` is not what `dip` accepts, or `power` or `alpha` is not between 0 and 1.

    Notes
    -----
    *Share.* Two normal groups, both with the standard deviation of the sample, `distance` apart: the smallest
    share of one that is found, to 1/128, by bisection between 0 and 1/2.

    *Even distance.* Two equally large normal groups that have the standard deviation s of the sample *together*:
    at a distance of d standard deviations of each they are d s / sqrt(1 + d**2 / 4) apart. (Two such groups have
    two modes only if d > 2.)

    *Power* is that of 400 simulated samples (100 from 400 seeds on), on the lattice of the metric and jittered.
    The critical dip is a quantile over samples from the densities at the critical bandwidths of ten of the
    simulated ones, instead of each having its own, which makes it fast; the test for far groups is as it is.
    Distance and lattice, in standard deviations, are rounded to 6 %, and all simulations share their counter-based
    random numbers: the result is deterministic. With 400 samples a power of .8 has a standard error of .02.

    Other shapes have other powers: groups that are narrower than the whole sample are found sooner, skewed or
    heavy-tailed ones later.

    Examples
    --------
    >>> import numpy as np
    >>> found = detectable_split(np.linspace(0.6, 0.8, 64), distance=0.6)
    >>> 0.05 < found.share < 0.2, found.finds(0.5), found.even_distance < 0.15
    (True, True, True)
    >>> detectable_split([0.1, 0.9, 0.5], distance=0.6).share is None
    True
    """
    require_share(power=power, alpha=alpha)
    require_lattice(lattice)
    values = observed(x)
    n = values.size
    spread = float(values.std(ddof=1)) if n > 1 else 0.0
    if n < FEWEST or spread == 0:
        return DetectableSplit(None, distance, None, spread, n, power, alpha)
    step = _rounded((lattice or 0.0) / spread)
    separation = _rounded(min(abs(distance) / spread, FARTHEST))
    return DetectableSplit(
        share=None if math.isnan(distance) else _smallest_share(n, separation, step, alpha, power),
        distance=distance,
        even_distance=_times(_even_distance(n, step, alpha, power), spread),
        spread=spread,
        n=n,
        power=power,
        alpha=alpha,
    )


def power_to_find(n: int, *, share: float, separation: float, lattice: float = 0.0, alpha: float = 0.05) -> float:
    """How often `group_test` finds two normal groups among n seeds, as `detectable_split` simulates it.

    Parameters
    ----------
    n : int
        Seeds.
    share : float
        Of them in one of the groups.
    separation, lattice : float
        Distance of the groups' means and step of the metric, in standard deviations within a group.
    alpha : float
        Level of the test.

    Examples
    --------
    >>> power_to_find(100, share=0.5, separation=6.0) > 0.95, power_to_find(100, share=0.5, separation=2.6) < 0.3
    (True, True)
    """
    require_share(alpha=alpha)
    smaller = round(128 * min(share, 1 - share)) / 128
    if n < FEWEST or smaller == 0:
        return 0.0
    return _power(n, smaller, _rounded(min(abs(separation), FARTHEST)), 1.0, _rounded(lattice), alpha)


def _rounded(value: float) -> float:
    if not value > 0.01:
        return 0.0
    return float(PRECISION ** round(math.log(value, PRECISION)))


def _times(value: float | None, unit: float) -> float | None:
    return None if value is None else value * unit


@cache
def _smallest_share(n: int, separation: float, step: float, alpha: float, power: float) -> float | None:
    def suffices(sixty_fourths: int) -> bool:
        return _power(n, sixty_fourths / 128, separation, 1.0, step, alpha) >= power

    found = _first(suffices, 64)
    return None if found is None else found / 128


@cache
def _even_distance(n: int, step: float, alpha: float, power: float) -> float | None:
    """In standard deviations of the whole sample."""

    def within(number: int) -> float:
        """Standard deviation of each group, where that of both is 1."""
        return 1 / math.sqrt(1 + (2 * PRECISION**number) ** 2 / 4)

    def suffices(number: int) -> bool:
        sd = within(number)
        return _power(n, 0.5, 2 * PRECISION**number * sd, sd, step, alpha) >= power

    found = _first(suffices, round(math.log(FARTHEST / 2, PRECISION)))
    return None if found is None else 2 * PRECISION**found * within(found)


def _first(suffices: Callable[[int], bool], last: int) -> int | None:
    """The smallest number from 1 to the last that suffices, by bisection; None if the last does not."""
    if not suffices(last):
        return None
    too_few, enough = 0, last
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        if suffices(middle):
            enough = middle
        else:
            too_few = middle
    return enough


@cache
def _power(n: int, share: float, distance: float, sd: float, step: float, alpha: float) -> float:
    """How often `group_test` finds two normal groups."""
    normal, uniform, jitter = _random(n)
    samples = sd * normal + distance * (uniform < share)
    if step:
        samples = (np.round(samples / step) + jitter) * step
    samples = np.sort(samples, axis=1)
    count = len(samples)
    pilots = samples[:: count // PILOTS]
    unimodal = [dips(unimodal_samples(Spread(pilot, pilot), count // 2)) for pilot in pilots]
    critical = np.quantile(np.concatenate(unimodal), 1 - WEIGHT_OF_DIP * alpha)
    found = dips(samples) >= critical
    if share < 0.5:  # else no group is a small one; this one lies above
        found |= far_groups(-samples[:, ::-1])[0] <= (1 - WEIGHT_OF_DIP) * alpha
    return float(found.mean())


@cache
def _random(n: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    random = np.random.Generator(np.random.Philox(key=2))
    shape = (min(400, max(100, LARGEST // n)), n)
    return random.normal(size=shape), random.random(shape), random.random(shape) - 0.5
