"""Which seeds succeed, without a threshold from outside: two clusters, where the values support two."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from seedsweep.analysis.statistics.modality import DipResult, dip
from seedsweep.analysis.statistics.results import Result
from seedsweep.analysis.statistics.samples import FloatArray, observed, require_bounds
from seedsweep.analysis.statistics.success import SuccessRate, success_rate
from seedsweep.analysis.statistics.text import pvalue as pvalue_text

FEWEST: Final = 8
"""Two components have five parameters; smaller samples are not split."""

ALPHA: Final = 0.05
BIC_GAIN: Final = 10.0
STEPS: Final = 500


@dataclass(frozen=True)
class SuccessCluster(Result):
    """The seeds of one scale as two clusters; `float(result)` is the threshold between them.

    Attributes
    ----------
    supported : bool
        Whether the values support two clusters.
    reason : str
        Why not, in words; empty if they do.
    threshold : float
        Where a seed is as likely of the lower as of the upper cluster, in the unit of the metric; `nan` if two
        are not supported.
    line : float
        The same, also where two are not supported: for a reader who knows from elsewhere that there are groups.
        `nan` if nothing was fitted, or one component is the likelier throughout.
    upper : SuccessRate or None
        Share of all seeds, diverged ones included, at or above the threshold; None if two are not supported.
    lower_mean, upper_mean : float
        Mean of the values below, and of those at or above the threshold; `nan` if two are not supported.
    separation : float
        Distance of the two fitted means over the root mean square of the two standard deviations, on the scale
        on which they were fitted (Ashman's D); above 2 the clusters hardly overlap. `nan` if nothing was fitted.
    bic_gain : float
        How much lower the Bayesian information criterion of two components is than that of one; `nan` if
        nothing was fitted.
    dip : DipResult
        Test of unimodality.
    """

    supported: bool
    reason: str
    threshold: float
    line: float
    upper: SuccessRate | None
    lower_mean: float
    upper_mean: float
    separation: float
    bic_gain: float
    dip: DipResult

    def __float__(self) -> float:
        return self.threshold


@dataclass(frozen=True)
class _Mixture:
    """Two normal components, the lower first, on the transformed scale."""

    weights: FloatArray
    means: FloatArray
    sds: FloatArray
    log_likelihood: float


def success_cluster(
    x: npt.ArrayLike,
    *,
    lattice: float | None = None,
    bounds: tuple[float, float] = (0.0, 1.0),
    pvalue: float | None = None,
) -> SuccessCluster:
    """Split the seeds of one scale into a lower and an upper cluster, if there are two.

    Parameters
    ----------
    x : array_like, shape (n,)
        One value per seed, higher is better. `nan` (a diverged seed) has no part in the fit and counts as a
        failure in the share.
    lattice : float, optional
        Step of a lattice-valued metric, for the dip test.
    bounds : tuple of two floats
        The range of the metric, in the unit of `x`; either end may be infinite. Values beyond are clipped.
    pvalue : float, optional
        Of the dip test, corrected for the number of scales; by default that of the test of this scale alone.

    Returns
    -------
    SuccessCluster
        Fewer than 8 values, or equal ones, do not support two clusters.

    Raises
    ------
    ValueError
        If `x` or `lattice` is not what `dip` accepts, or if `bounds` are not in order.

    Notes
    -----
    *Fit.* One normal distribution against a mixture of two with their own standard deviations, by
    expectation-maximisation from Otsu's split of the sorted values (the one with the least variance within),
    so there is nothing random in it. Where both bounds are finite the values are first transformed by
    arcsin(sqrt(u)), u in [0, 1], which gives shares of m examples the same standard deviation 1/(2 sqrt(m))
    everywhere [2]_. A fitted standard deviation is at least 1/50 of the range, so that ties do not make a
    component infinitely narrow, and with `lattice` = 1/m at least 1/(2 sqrt(m)).

    *Two are supported* if all of this holds: the Bayesian information criterion falls by more than 10 ("very
    strong" [1]_); the dip test rejects unimodality at 0.05; and there is a threshold between the two means. The
    criterion alone takes any skewed distribution for two normal ones; the dip test alone gives no threshold.

    *Share.* Its Wilson interval takes the threshold for given. That is nearly all of the uncertainty where the
    clusters are far apart; where `separation` is small it is too narrow.

    References
    ----------
    .. [1] R. E. Kass and A. E. Raftery, "Bayes Factors", Journal of the American Statistical Association 90
       (1995), 773-795.
    .. [2] F. J. Anscombe, "The Transformation of Poisson, Binomial and Negative-Binomial Data", Biometrika 35
       (1948), 246-254.
    .. [3] N. Otsu, "A Threshold Selection Method from Gray-Level Histograms", IEEE Transactions on Systems,
       Man, and Cybernetics 9 (1979), 62-66.
    .. [4] K. M. Ashman, C. M. Bird and S. E. Zepf, "Detecting Bimodality in Astronomical Datasets", Astronomical
       Journal 108 (1994), 2348-2361.

    Examples
    --------
    >>> import numpy as np
    >>> split = np.concatenate([np.linspace(0.0, 0.1, 24), np.linspace(0.8, 0.95, 40)])
    >>> cluster = success_cluster(split)
    >>> cluster.supported, 0.1 < cluster.threshold < 0.8, cluster.upper.rate
    (True, True, 0.625)
    >>> success_cluster(np.linspace(0.0, 1.0, 64) ** 4).reason
    'the dip test does not reject one mode (p = 1)'
    """
    require_bounds(bounds)
    low, high = bounds
    test = dip(x, lattice=lattice)
    values = np.clip(np.sort(observed(x)), low, high)
    if values.size < FEWEST or values[0] == values[-1]:
        few = f"fewer than {FEWEST} values" if values.size < FEWEST else "all values are equal"
        return SuccessCluster(False, few, math.nan, math.nan, None, math.nan, math.nan, math.nan, math.nan, test)

    bounded = math.isfinite(high - low)
    if bounded:
        fitted = np.arcsin(np.sqrt((values - low) / (high - low)))
        narrowest = max(math.pi / 100, math.sqrt((lattice or 0.0) / (high - low)) / 2)
    else:
        fitted = values
        narrowest = float(values[-1] - values[0]) / 50
    mixture = _fit_two(fitted, narrowest)
    separation = float((mixture.means[1] - mixture.means[0]) / math.sqrt(np.mean(mixture.sds**2)))
    bic_gain = 2 * (mixture.log_likelihood - _log_likelihood_of_one(fitted, narrowest)) - 3 * math.log(values.size)
    crossing = _crossing(mixture)

    p = test.pvalue if pvalue is None else pvalue
    reason = ""
    if bic_gain <= BIC_GAIN:
        reason = f"two normal components fit hardly better than one (BIC lower by {bic_gain:.2g})"
    elif not p < ALPHA:
        test_used = "the dip test" if pvalue is None else "the test"
        reason = f"{test_used} does not reject one mode ({pvalue_text(p)})"
    elif crossing is None:
        reason = "one component lies inside the other"
    line = math.nan
    if crossing is not None:
        line = low + (high - low) * math.sin(crossing) ** 2 if bounded else crossing
    if reason:
        return SuccessCluster(False, reason, math.nan, line, None, math.nan, math.nan, separation, bic_gain, test)
    return SuccessCluster(
        supported=True,
        reason="",
        threshold=line,
        line=line,
        upper=success_rate(x, line),
        lower_mean=float(values[values < line].mean()),
        upper_mean=float(values[values >= line].mean()),
        separation=separation,
        bic_gain=bic_gain,
        dip=test,
    )


def _fit_two(z: FloatArray, narrowest: float) -> _Mixture:
    """Expectation-maximisation from Otsu's split of the sorted values."""
    upper = (np.arange(z.size) >= _otsu(z)).astype(np.float64)
    shares = np.stack([1 - upper, upper])  # responsibility of each component for each value
    previous = -math.inf
    for _ in range(STEPS):
        sizes = np.maximum(shares.sum(axis=1), 1e-12)
        means = shares @ z / sizes
        variances = (shares * (z - means[:, None]) ** 2).sum(axis=1) / sizes
        sds = np.maximum(np.sqrt(variances), narrowest)
        joint = np.log(sizes / z.size)[:, None] + _log_normal(z, means[:, None], sds[:, None])
        likelihood = np.logaddexp(*joint)
        shares = np.exp(joint - likelihood)
        total = float(likelihood.sum())
        if total - previous < 1e-10 * abs(total):
            break
        previous = total
    order = np.argsort(means, kind="stable")
    return _Mixture((sizes / z.size)[order], means[order], sds[order], total)


def _otsu(z: FloatArray) -> int:
    """How many of the sorted values are in the lower class: the split with the most variance between classes."""
    lower_sizes = np.arange(1, z.size)
    sums = np.cumsum(z)[:-1]
    upper_sizes = z.size - lower_sizes
    between = lower_sizes * upper_sizes * (sums / lower_sizes - (z.sum() - sums) / upper_sizes) ** 2
    return int(lower_sizes[np.argmax(between)])


def _log_likelihood_of_one(z: FloatArray, narrowest: float) -> float:
    return float(_log_normal(z, np.mean(z, keepdims=True), np.array([max(z.std(), narrowest)])).sum())


def _log_normal(z: FloatArray, mean: FloatArray, sd: FloatArray) -> FloatArray:
    log_density: FloatArray = -0.5 * ((z - mean) / sd) ** 2 - np.log(sd) - 0.5 * math.log(2 * math.pi)
    return log_density


def _crossing(mixture: _Mixture) -> float | None:
    """Where, between the means, both components are equally likely; None if one is the likelier throughout."""

    def upper_is_likelier(z: float) -> bool:
        lower, upper = np.log(mixture.weights) + _log_normal(np.array([z]), mixture.means, mixture.sds)
        return bool(upper > lower)

    left, right = map(float, mixture.means)
    if upper_is_likelier(left) or not upper_is_likelier(right):
        return None
    while (middle := (left + right) / 2) not in (left, right):
        left, right = (left, middle) if upper_is_likelier(middle) else (middle, right)
    return right
