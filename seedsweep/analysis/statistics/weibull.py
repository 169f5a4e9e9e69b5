"""Weibull times that are known to intervals only: the likelihood, its maximum, and the shape alone.

The hazard of a row is shape * step ** (shape - 1) * exp(design @ rates), so that the logarithm of its cumulative
hazard is design @ rates + shape * log(step): linear in all that is estimated. That makes the logarithm of the
likelihood concave [1]_, with one maximum, which Newton's method finds.

.. [1] J. Burridge, "A Note on Maximum Likelihood Estimation for Regression Models Using Grouped Data", Journal of
   the Royal Statistical Society B 43 (1981), 41-45.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq, minimize_scalar
from scipy.sparse import csr_array, diags_array
from scipy.stats import t as student

from seedsweep.analysis.statistics.samples import FloatArray

ITERATIONS: Final = 100
UNKNOWN: Final = 3.0
"""Where the standard error of the shape is so many times the shape, the likelihood has no maximum."""
STEEP: Final = 100.0
"""A parameter of this size has no maximum: the data are divided perfectly."""


@dataclass(frozen=True, eq=False)
class IntervalTimes:
    """m rows, each with an event in (low, high], and what its hazard depends on.

    Attributes
    ----------
    low, high : ndarray, shape (m,)
        `low` is at least 0; `high` is `inf` where it has not happened.
    design : ndarray, shape (m, k)
        What the logarithm of the hazard is linear in.
    clusters : ndarray of int, shape (m,)
        Rows of one cluster need not be independent.
    """

    low: FloatArray
    high: FloatArray
    design: FloatArray
    clusters: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Fit:
    """The maximum of the likelihood.

    Attributes
    ----------
    rates : ndarray, shape (k,)
        With the step in units of the geometric mean of the intervals' ends.
    shape : float
    likelihood : float
        Its logarithm.
    covariance, robust : ndarray, shape (k + 1, k + 1)
        Of the rates and, last, the shape: from the curvature, and where rows of a cluster are not independent
        [1]_.
    clusters : int
        How many.

    References
    ----------
    .. [1] K.-Y. Liang and S. L. Zeger, "Longitudinal Data Analysis Using Generalized Linear Models", Biometrika 73
       (1986), 13-22 (the sandwich), with the factor G / (G - k - 1) for G clusters.
    """

    rates: FloatArray
    shape: float
    likelihood: float
    covariance: FloatArray
    robust: FloatArray
    clusters: int

    @property
    def inflation(self) -> float:
        """By how much the variance of the shape is larger than if all rows were independent."""
        return float(self.robust[-1, -1] / self.covariance[-1, -1])

    def quantile(self, confidence: float) -> float:
        """Student's, with one degree of freedom fewer than there are clusters."""
        return float(student.ppf((1 + confidence) / 2, max(1, self.clusters - 1)))


def fit(times: IntervalTimes) -> Fit | None:
    """The maximum; None where there is none, such as where every event is in one interval, or no more clusters
    than parameters."""
    rows = _Rows(times)
    names, cluster = np.unique(times.clusters, return_inverse=True)
    k = times.design.shape[1]
    if names.size <= k + 1:
        return None
    best = rows.maximum(np.append(np.zeros(k), 1.0), free=np.arange(k + 1))
    if best is None or best[-1] <= 0:
        return None
    likelihood, _, curvature = rows.at(best)
    covariance: FloatArray = np.linalg.inv(-curvature).astype(np.float64)
    if not covariance[-1, -1] ** 0.5 < UNKNOWN * best[-1]:
        return None
    scores = rows.scores(best, cluster, names.size)
    robust = names.size / (names.size - k - 1) * covariance @ scores.T @ scores @ covariance
    return Fit(best[:-1], float(best[-1]), likelihood, covariance, robust.astype(np.float64), names.size)


@dataclass(frozen=True)
class ShapeFit:
    """The shape of which the marginal likelihood is largest, its ends, and how far 1 is from it.

    Attributes
    ----------
    shape, low, high : float
    distance : float
        Root of twice the fall of the logarithm of the marginal likelihood from the shape to 1, after `inflation`.
    """

    shape: float
    low: float
    high: float
    distance: float


def fit_shape(times: IntervalTimes, fitted: Fit, confidence: float) -> ShapeFit:
    """The shape by its marginal likelihood, in which the rates are integrated out.

    Every stratum has a rate of its own, and with few seeds in many strata the maximum over all of them makes the
    shape too large. Times of a stratum that are divided by one of them do not depend on the rate; the likelihood
    of these is that of all times, integrated over the logarithm of each scale of time [1]_, here by Laplace's
    approximation: the profile, less half the logarithm of the curvature in the rates, less the logarithm of the
    shape for each rate.

    Where clusters are not independent inside, its fall is divided by `Fit.inflation` [2]_.

    .. [1] J. D. Kalbfleisch and D. A. Sprott, "Application of Likelihood Methods to Models Involving Large Numbers
       of Parameters", Journal of the Royal Statistical Society B 32 (1970), 175-208, section 5.
    .. [2] R. E. Chandler and S. Bate, "Inference for Clustered Data Using the Independence Loglikelihood",
       Biometrika 94 (2007), 167-183 (the vertical adjustment).
    """
    rows, rates = _Rows(times), np.arange(fitted.rates.size)

    def marginal(log_shape: float) -> float:
        best = rows.maximum(np.append(fitted.rates, math.exp(log_shape)), free=rates)
        if best is None:
            return -math.inf
        likelihood, _, curvature = rows.at(best)
        spread = float(np.linalg.slogdet(-curvature[:-1, :-1])[1])
        return likelihood - spread / 2 - rates.size * log_shape

    begin = math.log(fitted.shape)
    error = math.sqrt(fitted.robust[-1, -1]) / fitted.shape
    found = minimize_scalar(lambda x: -marginal(x), bracket=(begin - error, begin), tol=1e-7)
    best, height = float(found.x), -float(found.fun)

    def fall(log_shape: float) -> float:
        return 2 * (height - marginal(log_shape)) / fitted.inflation

    def end(sign: int) -> float:
        limit, inside, reach = fitted.quantile(confidence) ** 2, best, fitted.quantile(confidence) * error
        for _ in range(12):
            outside = best + sign * reach
            if fall(outside) >= limit:
                return math.exp(float(brentq(lambda x: fall(x) - limit, inside, outside, xtol=1e-6)))
            inside, reach = outside, 2 * reach
        return 0.0 if sign < 0 else math.inf

    return ShapeFit(math.exp(best), end(-1), end(1), math.sqrt(max(0.0, fall(0.0))))


class _Rows:
    """Of the design most is 0, since every stratum has a column."""

    def __init__(self, times: IntervalTimes) -> None:
        ends = np.concatenate([times.low[times.low > 0], times.high[np.isfinite(times.high)]])
        unit = math.exp(float(np.log(ends).mean())) if ends.size else 1.0
        with np.errstate(divide="ignore"):
            logs = np.log(times.low / unit), np.log(times.high / unit)
        self._none_before, self._censored = times.low <= 0, np.isinf(times.high)
        self._before, self._after = (
            csr_array(np.column_stack([times.design, np.where(absent, 0.0, log)]))
            for log, absent in zip(logs, (self._none_before, self._censored), strict=True)
        )

    def at(self, parameters: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """The logarithm of the likelihood, its gradient, its curvature."""
        early, late, happened = self._hazards(parameters)
        low, high = -early / happened, late * (1 - happened) / happened
        likelihood = float((-early + np.log(happened)).sum())
        gradient = self._before.T @ low + self._after.T @ high
        before = diags_array(low * (1 - early) - low**2) @ self._before - diags_array(low * high) @ self._after
        after = diags_array(high * (1 - late) - high**2) @ self._after - diags_array(low * high) @ self._before
        curvature = (self._before.T @ before + self._after.T @ after).toarray()
        return likelihood, np.asarray(gradient), np.asarray(curvature)

    def scores(self, parameters: FloatArray, cluster: npt.NDArray[np.intp], clusters: int) -> FloatArray:
        """The gradient of every cluster, shape (clusters, k + 1)."""
        early, late, happened = self._hazards(parameters)
        rows = diags_array(-early / happened) @ self._before
        rows = rows + diags_array(late * (1 - happened) / happened) @ self._after
        members = csr_array((np.ones(cluster.size), (cluster, np.arange(cluster.size))), (clusters, cluster.size))
        return np.asarray((members @ rows).toarray())

    def _hazards(self, parameters: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Cumulative hazards at both ends, 0 where there is none; the share that happens by `high`, of those that
        had not happened by `low`."""
        # Beyond any likelihood there is, and its square is a number still.
        early, late = (np.exp(np.minimum(side @ parameters, 300.0)) for side in (self._before, self._after))
        early[self._none_before] = 0.0
        between = np.where(self._censored, np.inf, np.maximum(late - early, 1e-300))
        late[self._censored] = 0.0
        return early, late, -np.expm1(-between)

    def maximum(self, start: FloatArray, *, free: npt.NDArray[np.intp]) -> FloatArray | None:
        """By Newton's method over the free parameters, with steps halved until the likelihood rises."""
        at = start.astype(np.float64)
        likelihood, slope, curvature = self.at(at)
        for _ in range(ITERATIONS):
            gradient = slope[free]
            try:
                step = np.linalg.solve(-curvature[np.ix_(free, free)], gradient)
            except np.linalg.LinAlgError:
                return None
            if not np.isfinite(step).all():
                return None
            gain = float(gradient @ step)
            for halving in range(40):
                trial = at.copy()
                trial[free] += step / 2**halving
                found = self.at(trial)
                if found[0] >= likelihood - 1e-12:
                    break
            else:
                return None
            at, (likelihood, slope, curvature) = trial, found
            if np.abs(at).max() > STEEP:
                return None
            if gain < 1e-10:
                return at
        return None
