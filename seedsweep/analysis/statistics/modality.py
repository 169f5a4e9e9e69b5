"""Is the distribution over seeds multimodal? Hartigan's dip test."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Final

import diptest
import numpy as np
import numpy.typing as npt

from seedsweep.analysis.statistics.results import Result
from seedsweep.analysis.statistics.samples import FloatArray, observed, require_bounds, require_lattice

PVALUE_FLOOR: Final = 1e-5
"""The smallest tail probability in the table of `diptest`, apart from its zero."""

JITTERS: Final = 25
"""How many jittered copies of a lattice-valued sample are tested; odd, so that the median is one of them."""


@dataclass(frozen=True)
class DipResult(Result):
    """The dip test of one sample; `float(result)` is the statistic.

    Attributes
    ----------
    statistic : float
        The dip, between 1/(2n) and 1/4, in units of probability. `nan` for an empty sample.
    pvalue : float
        Probability of such a dip or a larger one if the distribution is unimodal. Below `pvalue_floor` it
        is no more than that, and 0.0 is not a probability: show `pvalue_text`.
    n : int
        Values tested.
    n_nan : int
        Values that were `nan` and were dropped.
    tied_share : float
        Share of the n values that occur more than once, before any jitter. The test assumes a continuous
        distribution, where this is 0.
    jittered_by : float or None
        Full width of the uniform jitter, or None if the values were tested as they are.
    pvalue_floor : float
        The smallest p-value that the table supports.
    """

    statistic: float
    pvalue: float
    n: int
    n_nan: int
    tied_share: float
    jittered_by: float | None
    pvalue_floor: float = PVALUE_FLOOR

    def __float__(self) -> float:
        return self.statistic

    @property
    def pvalue_text(self) -> str:
        """The p-value in two digits, `"< 1e-5"` below the floor, `"undefined"` for an empty sample."""
        if math.isnan(self.pvalue):
            return "undefined"
        below_floor = self.pvalue < self.pvalue_floor
        digits = ".1e" if self.pvalue < 1e-3 else ".2g"
        text = f"< {self.pvalue_floor:.0e}" if below_floor else f"{self.pvalue:{digits}}"
        return text.replace("e-0", "e-")


@dataclass(frozen=True)
class DipVariants(Result):
    """The dip test of one sample with and without what ties may do to it.

    Attributes
    ----------
    raw : DipResult
        Of the values as they are.
    jittered : DipResult or None
        Of the values jittered over their lattice; None without a lattice.
    unsaturated : DipResult
        Of the values that are neither at the floor nor at the ceiling, jittered if there is a lattice.
    floor_share, ceiling_share : float
        Share of the values at the lower and at the upper bound of the metric; `nan` for an empty sample.
    """

    raw: DipResult
    jittered: DipResult | None
    unsaturated: DipResult
    floor_share: float
    ceiling_share: float


def dip(x: npt.ArrayLike, *, lattice: float | None = None) -> DipResult:
    """Hartigan's dip test of unimodality.

    The dip is the largest distance between the empirical distribution function and the closest unimodal
    one. A small p-value speaks against unimodality. About 80 seeds are needed before the test has power.

    Parameters
    ----------
    x : array_like, shape (n,)
        One value per seed. `nan` (a diverged seed) is dropped and counted.
    lattice : float, optional
        Step of a metric that can only take multiples of it, in the unit of `x`: 1/91 for an accuracy over
        91 examples. Ties at a floor or a ceiling would otherwise be taken for narrow modes.

    Returns
    -------
    DipResult
        For n <= 3 and for equal values the dip is its minimum 1/(2n), with p = 1. For n = 0 the statistic,
        the p-value and the tied share are `nan`.

    Raises
    ------
    ValueError
        If `x` is not one-dimensional or holds an infinite value, or if `lattice` is not a positive number.

    Notes
    -----
    *Jitter.* With `lattice`, every value is moved uniformly by at most half a step, 25 times, and the
    statistic and the p-value are medians over the 25 copies. The generator is counter-based with a fixed
    key and runs along the sorted values, so the result is deterministic and does not depend on the order
    of `x`. Equal values are not jittered: one value is unimodal.

    *Floor of the p-value.* It is interpolated in a table of quantiles from 1 000 001 simulated uniform
    samples for each of 21 sizes n from 4 to 72 000 (Maechler's qDiptab), on the scale sqrt(n) * dip. The
    last two tail probabilities in it are 1e-5 and 0: beyond the largest simulated dip the table answers
    0.0. Everything below 1e-5 is therefore reported as "< 1e-5". Larger samples use the row of 72 000.

    *Smallest dip.* Every sample of size n has a dip of at least 1/(2n), so a dip of 1/(2n) has p = 1 here;
    the table alone would say 0.4 for n = 4, where half of all uniform samples have just that dip.

    References
    ----------
    .. [1] J. A. Hartigan and P. M. Hartigan, "The Dip Test of Unimodality", Annals of Statistics 13
       (1985), 70-84.
    .. [2] M. Maechler, R package diptest; R. Urlus, Python package diptest.
    .. [3] Zhao et al., "Random Scaling of Emergent Capabilities", arXiv 2502.17356 (dip tests over seeds).

    Examples
    --------
    >>> import numpy as np
    >>> two_clusters = np.concatenate([np.linspace(0.0, 0.1, 40), np.linspace(0.8, 0.9, 40)])
    >>> result = dip(two_clusters)
    >>> round(result.statistic, 3), result.pvalue_text, result.tied_share
    (0.219, '< 1e-5', 0.0)

    An accuracy over ten examples, unimodal, with ties that the test mistakes for modes:

    >>> accuracy = np.repeat([0.0, 0.1, 0.2, 0.3], [30, 20, 10, 4])
    >>> dip(accuracy).pvalue_text, dip(accuracy, lattice=0.1).pvalue_text
    ('< 1e-5', '0.75')
    """
    require_lattice(lattice)
    values = np.sort(observed(x))
    n = values.size
    n_nan = np.size(x) - n
    if n == 0:
        return DipResult(math.nan, math.nan, n=0, n_nan=n_nan, tied_share=math.nan, jittered_by=None)

    if lattice is None or values[0] == values[-1]:
        jittered_by = None
        statistic, pvalue = dip_and_pvalue(values)
    else:
        jittered_by = lattice
        copies = values + _uniform_jitter(n) * lattice
        statistic, pvalue = np.median([dip_and_pvalue(copy) for copy in copies], axis=0)
    return DipResult(
        statistic=float(statistic),
        pvalue=float(pvalue),
        n=n,
        n_nan=n_nan,
        tied_share=_tied_share(values),
        jittered_by=jittered_by,
    )


def dip_variants(
    x: npt.ArrayLike, *, lattice: float | None = None, bounds: tuple[float, float] = (0.0, 1.0)
) -> DipVariants:
    """Do ties make the distribution look multimodal? The dip test raw, jittered and without saturated values.

    Parameters
    ----------
    x : array_like, shape (n,)
        One value per seed. `nan` (a diverged seed) is dropped and counted.
    lattice : float, optional
        Step of a lattice-valued metric, as for `dip`.
    bounds : tuple of two floats
        The range of the metric, in the unit of `x`; either end may be infinite.

    Returns
    -------
    DipVariants
        If all values are saturated, `unsaturated` is the result for an empty sample.

    Raises
    ------
    ValueError
        If `x` or `lattice` is not what `dip` accepts, or if `bounds` are not in order.

    Notes
    -----
    Many equal values at a floor or a ceiling are one narrow mode, and the dip test, made for continuous
    distributions, is quick to see a second one beside it. Jitter spreads ties over the step of the lattice and
    keeps them; it answers whether the whole distribution has two modes. Without the saturated values the
    test answers another question: whether the *other* seeds have. A population that is split between exact
    zeros and one cluster is multimodal jittered and unimodal unsaturated.

    Saturated is what lies within the rounding of float32 (1e-6 of the range) of a bound, or beyond it.

    References
    ----------
    .. [1] J. A. Hartigan and P. M. Hartigan, "The Dip Test of Unimodality", Annals of Statistics 13
       (1985), 70-84.

    Examples
    --------
    >>> import numpy as np
    >>> accuracy = np.concatenate([np.zeros(40), np.arange(20, 60) / 100])
    >>> variants = dip_variants(accuracy, lattice=0.01)
    >>> variants.jittered.pvalue_text, variants.unsaturated.pvalue_text, variants.floor_share
    ('1.5e-4', '1', 0.5)
    """
    require_bounds(bounds)
    low, high = bounds
    values = observed(x)
    rounding = 1e-6 * (high - low) if math.isfinite(high - low) else 0.0
    at_floor, at_ceiling = values <= low + rounding, values >= high - rounding
    return DipVariants(
        raw=dip(x),
        jittered=None if lattice is None else dip(x, lattice=lattice),
        unsaturated=dip(values[~at_floor & ~at_ceiling], lattice=lattice),
        floor_share=float(at_floor.mean()) if values.size else math.nan,
        ceiling_share=float(at_ceiling.mean()) if values.size else math.nan,
    )


def dip_and_pvalue(values: FloatArray) -> tuple[float, float]:
    """The dip of sorted values without `nan`, at least one, and its p-value, as `dip` defines them.

    >>> dip_and_pvalue(np.array([1.0, 1.0, 2.0, 2.0]))[0]
    0.25
    """
    with warnings.catch_warnings():  # for n <= 3 and n > 72 000; the docstring of dip says it
        warnings.simplefilter("ignore")
        statistic, pvalue = diptest.diptest(values, allow_zero=False)
    is_smallest = math.isclose(statistic, 1 / (2 * values.size))
    return statistic, 1.0 if is_smallest else pvalue


def _uniform_jitter(n: int) -> FloatArray:
    """Uniform numbers in [-1/2, 1/2), shape (JITTERS, n), always the same: keyed, other than a `generator`'s."""
    return np.random.Generator(np.random.Philox(key=0)).random((JITTERS, n)) - 0.5


def _tied_share(values: FloatArray) -> float:
    _, counts = np.unique(values, return_counts=True)
    return float(counts[counts > 1].sum() / values.size)
