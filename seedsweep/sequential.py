"""Confidence sequences for a share: intervals that hold at every number of seeds at once.

Whoever looks at the interval after every batch of seeds and stops when it pleases needs one. An interval for a
fixed number of seeds then misses the truth more often than it says. The driver decides by these whether to add
seeds, the analysis shows them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from statistics import NormalDist
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

_Floats: TypeAlias = npt.NDArray[np.float64]
_Ints: TypeAlias = npt.NDArray[np.int64]

CHUNK: Final = 32
CELLS: Final = CHUNK * CHUNK
"""Parts of the range of shares that are kept or excluded as a whole, so fine that an interval grows by about one
in a hundred."""

CENTRE: Final = 1.35
STEEPNESS: Final = 12
LATE: Final = 0.1
"""When the probability of missing a share is spent (see `share_limits`); our choice: it needs few seeds."""
MARGIN: Final = 1.15
"""By how much most of it is spent before the largest number of seeds."""


class Aim(NamedTuple):
    """What seeds are added for: the precision that a confidence sequence is made to reach soonest.

    Attributes
    ----------
    half_width : float
        Half of the interval's length that is wanted.
    at_most : int
        Seeds of a scale.
    """

    half_width: float
    at_most: int


class Aims(NamedTuple):
    """Of a sweep with a goal.

    Attributes
    ----------
    p_success, mean : Aim or None
        For intervals of P(success), and of the mean, in the unit of the metric; None of what the goal leaves out.
    """

    p_success: Aim | None = None
    mean: Aim | None = None


class Limits(NamedTuple):
    """The ends of an interval."""

    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half of what lies between them."""
        return (self.high - self.low) / 2


@lru_cache(maxsize=1 << 14)
def share_limits(successes: int, n: int, *, confidence: float = 0.95, aim: Aim | None = None) -> Limits:
    """The interval of a confidence sequence for a share, after n seeds.

    The probability that the share lies outside *any* of the intervals, for n = 1, 2, 3, … without end, is at most
    1 - `confidence`; so one may stop at whatever n, for whatever reason.

    Parameters
    ----------
    successes, n : int
        Of independent seeds; 0 of 0 gives [0, 1].
    confidence : float
        Between 0 and 1.
    aim : Aim, optional
        Makes the sequence narrow where this precision is reached, and wider elsewhere. It must not be chosen by
        the same seeds. Without it the sequence is about equally good everywhere.

    Notes
    -----
    *Without an aim*: a share p is excluded while the likelihood of the seeds under a beta(1/2, 1/2) mixture of
    shares is 1 / (1 - confidence) times that under p or more. The ratio is a martingale under p that begins at 1
    (Robbins 1970; the beta-binomial boundary of Howard et al. 2021 is the same with other weights).

    *With an aim*: for every p two tests, one against too few successes and one against too many. Each spends
    (1 - confidence) / 2 over n = 1, 2, … by a spending function (Lan and DeMets 1983), exactly, by the binomial
    probabilities of the paths that have not crossed before; what is left over is spent later. Nine tenths are
    spent around c n*, where n* is the number of seeds for which p is the end of Wilson's interval with that
    half-width, and c is 1.35; one tenth later, so that the sequence never ends. Shares
    are excluded in 1024 cells, equally wide in arcsin sqrt p, by the end of the cell that is hardest to exclude:
    the level holds between grid points too. The intervals are the *repeated confidence intervals* of Jennison and
    Turnbull (1989), with a look after every seed. They depend on n and the successes, not on their order.

    References
    ----------
    .. [1] H. Robbins, "Statistical Methods Related to the Law of the Iterated Logarithm", Annals of Mathematical
       Statistics 41 (1970), 1397-1409.
    .. [2] S. R. Howard, A. Ramdas, J. McAuliffe and J. Sekhon, "Time-Uniform, Nonparametric, Nonasymptotic
       Confidence Sequences", Annals of Statistics 49 (2021), 1055-1080.
    .. [3] K. K. G. Lan and D. L. DeMets, "Discrete Sequential Boundaries for Clinical Trials", Biometrika 70
       (1983), 659-663.
    .. [4] C. Jennison and B. W. Turnbull, "Interim Analyses: The Repeated Confidence Interval Approach", Journal
       of the Royal Statistical Society B 51 (1989), 305-361.

    Examples
    --------
    >>> low, high = share_limits(32, 64)
    >>> round(low, 2), round(high, 2)
    (0.3, 0.7)
    >>> share_limits(300, 600, aim=Aim(0.05, 1000)).half_width < 0.051 < share_limits(300, 600).half_width
    True
    """
    if not 0 <= successes <= n:
        raise ValueError(f"successes are between 0 and n = {n}, not {successes}")
    if n == 0:
        return Limits(0.0, 1.0)
    if aim is None:
        return _mixture(successes, n, math.log(1 / (1 - confidence)))
    tests = _tests(aim, confidence)
    return Limits(1 - tests.highest(n - successes, n), tests.highest(successes, n))


def seeds_for(share: float, half_width: float, *, confidence: float = 0.95) -> int:
    """Seeds for which Wilson's interval has this half-width, if the observed share is this: a fixed number of
    seeds that is chosen beforehand.

    >>> seeds_for(0.5, 0.05), seeds_for(0.5, 0.1), seeds_for(0.0, 0.05)
    (381, 93, 35)
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)

    def half(n: int) -> float:
        return z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))

    too_few, enough = 0, 1
    while half(enough) > half_width:
        too_few, enough = enough, 2 * enough
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        too_few, enough = (too_few, middle) if half(middle) <= half_width else (middle, enough)
    return enough


def _mixture(successes: int, n: int, bound: float) -> Limits:
    """Where the logarithm of the likelihood ratio is below the bound: it falls up to the rate, then rises."""
    failures = n - successes
    mixed = math.lgamma(successes + 0.5) + math.lgamma(failures + 0.5) - math.lgamma(n + 1) - math.log(math.pi)

    def excluded(p: float) -> bool:
        of_successes = successes * math.log(p) if successes else 0.0
        of_failures = failures * math.log1p(-p) if failures else 0.0
        return mixed - of_successes - of_failures >= bound

    rate = successes / n
    low = 0.0 if not successes else _border(excluded, 0.0, rate)
    high = 1.0 if not failures else _border(excluded, 1.0, rate)
    return Limits(low, high)


def _border(excluded: Callable[[float], bool], outside: float, inside: float) -> float:
    """Between a share that is excluded and one that is not; the outer side of it."""
    for _ in range(50):
        middle = (outside + inside) / 2
        if excluded(middle):
            outside = middle
        else:
            inside = middle
    return outside


@lru_cache(maxsize=8)
def _tests(aim: Aim, confidence: float) -> _Tests:
    return _Tests(aim, (1 - confidence) / 2)


@dataclass
class _Tests:
    """The tests of all shares against too few successes; too many are too few failures."""

    aim: Aim
    level: float
    fewest: dict[tuple[int, ...], _Ints] = field(default_factory=dict)
    """(n + 1, 32) by share, of those that were asked for: fewer successes among n exclude it."""

    def highest(self, successes: int, n: int) -> float:
        """The upper limit."""
        first = self._last_kept(range(0, CELLS, CHUNK), successes, n)
        cell = self._last_kept(range(first, first + CHUNK), successes, n)
        return float(_share(cell + 1))

    def _last_kept(self, cells: range, successes: int, n: int) -> int:
        """Of these cells, by their lower ends."""
        key = (cells.start, cells.step)
        if key not in self.fewest or len(self.fewest[key]) <= n:
            self.fewest[key] = self._boundaries(np.array(cells), horizon=1 << n.bit_length())
        kept = np.flatnonzero(self.fewest[key][n] <= successes)
        return cells[int(kept[-1])] if kept.size else cells[0]

    def _boundaries(self, cells: _Ints, horizon: int) -> _Ints:
        shares = np.array([_share(cell) for cell in cells])
        centres = np.minimum(CENTRE * self._needed(shares), self.aim.at_most / MARGIN)
        rows = np.arange(len(shares))
        fewest = np.zeros((horizon + 1, len(shares)), dtype=np.int64)
        reached = np.zeros((len(shares), horizon + 2))  # probability of so many successes, none excluded before
        reached[:, 0] = 1.0
        left = np.zeros(len(shares))
        before = np.zeros(len(shares))
        bound = np.zeros(len(shares), dtype=np.int64)
        p, q = shares[:, None], 1 - shares[:, None]
        for n in range(1, horizon + 1):
            start = int(bound.min())
            # Beyond ten standard deviations there is nothing to be seen.
            end = min(n, int((n * shares + 10 * np.sqrt(n * shares * (1 - shares))).max()) + 32)
            come = reached[:, start:end] * p
            reached[:, start : end + 1] *= q
            reached[:, start + 1 : end + 1] += come
            spent = self.level * _spending(n / centres)
            left += spent - before
            before = spent
            while True:
                chance = reached[rows, bound]
                now = (chance <= left) & (bound < n)
                if not now.any():
                    break
                left[now] -= chance[now]
                reached[rows[now], bound[now]] = 0.0
                bound = bound + now
            fewest[n] = bound
        return fewest

    def _needed(self, shares: _Floats) -> _Floats:
        """Seeds for which a share is the upper end of Wilson's interval with the wanted half-width."""
        observed = np.linspace(0, 1, 257)
        needed = np.array([seeds_for(share, self.aim.half_width) for share in observed])
        z = NormalDist().inv_cdf(1 - self.level)
        ends = (observed + z**2 / (2 * needed)) / (1 + z**2 / needed) + self.aim.half_width
        found: _Floats = np.interp(shares, ends, needed)
        return found


def _share(cell: int) -> float:
    """The lower end of a cell."""
    return math.sin(math.pi * cell / (2 * CELLS)) ** 2


def _spending(time: _Floats) -> _Floats:
    """Share of the level that is spent until then; `time` is in units of the centre."""
    power = time**STEEPNESS
    late = (CENTRE * time) ** 2
    return (1 - LATE) * power / (1 + power) + LATE * late / (late + 9)
