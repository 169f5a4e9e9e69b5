"""When does a seed get there? Time to a threshold as survival analysis.

A seed that has failed at the end of training is one that has *not yet* succeeded. The evaluations of one scale
are `steps` of shape (t,), in ascending order, and `curves` of shape (n, t), one learning curve per seed, higher
is better (give the negative of a loss, and of its threshold). In a curve, `nan` up to the end is a seed that
diverged, which never succeeds; `nan` before a later value is an evaluation that was not made.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from seedsweep.analysis.statistics.results import Interval, Result
from seedsweep.analysis.statistics.rows import Cell, Rows
from seedsweep.analysis.statistics.samples import (
    Bools,
    FloatArray,
    as_curves,
    as_sample,
    require_share,
)
from seedsweep.analysis.statistics.success import success_rate

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ThresholdTimes(Result):
    """When each of n seeds reached the threshold for good; in the order of the curves.

    Attributes
    ----------
    steps : ndarray of float, shape (n,)
        The evaluation at which the seed was there, or the last step until which it is known not to have been.
    after : ndarray of float, shape (n,)
        The evaluation before: the seed got there in (after, steps]. `nan` where it did not get there, or was
        there at the first evaluation.
    reached : ndarray of bool, shape (n,)
        False for a seed that is right-censored at `steps`.
    lost : ndarray of bool, shape (n,)
        At the threshold at some evaluation, but not at the end.
    diverged : ndarray of bool, shape (n,)
        Without a value at the end of its training.
    at_least : float
        The threshold.
    """

    steps: FloatArray
    after: FloatArray
    reached: Bools
    lost: Bools
    diverged: Bools
    at_least: float


def time_to_threshold(
    steps: npt.ArrayLike,
    curves: npt.ArrayLike,
    threshold: float,
    *,
    trained_to: npt.ArrayLike | None = None,
) -> ThresholdTimes:
    """The step at which every seed reaches the threshold and stays there.

    Parameters
    ----------
    steps : array_like, shape (t,)
        Steps of the evaluations, ascending.
    curves : array_like, shape (n, t)
        One learning curve per seed, higher is better; `nan` as at the top of this module.
    threshold : float
        The threshold, in the unit of the curves.
    trained_to : array_like, shape (n,), optional
        The step to which each seed was trained, where they differ: a run that was stopped early is
        right-censored there, and its curve is not looked at beyond. By default the last of `steps`.

    Returns
    -------
    ThresholdTimes

    Raises
    ------
    ValueError
        If the shapes do not match, the steps are not ascending, a curve holds an infinite value, the threshold is
        not a finite number, or a seed is trained to less than the first evaluation.

    Notes
    -----
    *Reaches and stays.* The time is the first evaluation from which on no evaluation is below the threshold. So a
    seed has reached it exactly if its last value is a success, as `success_rate` counts. The first crossing is no
    such time: many curves that end at zero pass the threshold once early in training; these are `lost`. The price
    is that a seed which flickers about the threshold is late.

    *Interval censoring.* The seed got there between two evaluations; `steps` is the later one, so times are
    late by at most the distance of the evaluations, and seeds that share an evaluation are ties.

    *Divergence* is a competing event: such a seed will never succeed. It is kept in the risk set until the end of
    its training, so that one minus `kaplan_meier` is the share of *all* seeds that got there [1]_. To censor
    it where it diverged would count it as a seed that might yet have come.

    References
    ----------
    .. [1] J. P. Fine and R. J. Gray, "A Proportional Hazards Model for the Subdistribution of a Competing Risk",
       Journal of the American Statistical Association 94 (1999), 496-509, section 2.

    Examples
    --------
    >>> curves = [[0.0, 0.2, 0.9], [0.0, 0.7, 0.8], [0.0, 0.6, 0.1]]
    >>> times = time_to_threshold([0, 100, 200], curves, threshold=0.5)
    >>> times.steps, times.reached
    (array([200., 100., 200.]), array([ True,  True, False]))
    >>> times.after, times.lost
    (array([100.,   0.,  nan]), array([False, False,  True]))
    """
    steps, values = as_curves(steps, curves, threshold)
    n = len(values)
    if trained_to is None:
        last = np.full(n, steps.size - 1)
    else:
        ends = as_sample(trained_to)
        if ends.shape != (n,) or not np.all(ends >= steps[0]):  # also catches nan
            raise ValueError(f"trained_to needs one step per seed, none before the first evaluation {steps[0]:g}")
        last = np.searchsorted(steps, ends, side="right") - 1
    seen = np.arange(steps.size) <= last[:, None]
    there = (values >= threshold) & seen
    below = ~there & seen
    # One after the last evaluation below the threshold; 0 if there is none.
    first = np.where(below.any(axis=1), steps.size - np.argmax(below[:, ::-1], axis=1), 0)
    reached = first <= last
    return ThresholdTimes(
        steps=steps[np.where(reached, first, last)],
        after=np.where(reached & (first > 0), steps[first - 1], math.nan),
        reached=reached,
        lost=there.any(axis=1) & ~reached,
        diverged=np.isnan(values[np.arange(n), last]),
        at_least=float(threshold),
    )


@dataclass(frozen=True, eq=False)
class SurvivalCurve(Rows):
    """Kaplan-Meier estimate of the share of seeds that have *not yet* got there.

    Attributes
    ----------
    times : ndarray of float, shape (k,)
        The different times at which something happened: a seed got there or was censored. Ascending.
    at_risk, events : ndarray of int, shape (k,)
        Seeds that had not got there, and were not censored, just before; seeds that got there.
    survival, low, high : ndarray of float, shape (k,)
        From this time until the next; before the first it is 1. `low` and `high` are pointwise.
    median : Interval
        The first time at which at most half of the seeds have not got there; `inf` if more than half had not
        when the last was censored, so "later than observed". `nan` without seeds.
    n, n_events : int
        Seeds; those that got there.
    confidence : float
        Of the intervals.
    """

    times: FloatArray
    at_risk: Ints
    events: Ints
    survival: FloatArray
    low: FloatArray
    high: FloatArray
    median: Interval
    n: int
    n_events: int
    confidence: float

    def _rows(self) -> list[dict[str, Cell]]:
        names = ("times", "at_risk", "events", "survival")
        columns = {name: getattr(self, name).tolist() for name in names}
        columns |= {"survival_low": self.low.tolist(), "survival_high": self.high.tolist()}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def kaplan_meier(times: npt.ArrayLike, reached: npt.ArrayLike, *, confidence: float = 0.95) -> SurvivalCurve:
    """Share of seeds that have not yet got there as a function of time, seeds censored on the way allowed for.

    Parameters
    ----------
    times : array_like, shape (n,)
        Of the event, or of the censoring. In any unit.
    reached : array_like of bool, shape (n,)
        Whether the event happened. A seed censored at the time of an event was still at risk of it.
    confidence : float
        Of the pointwise intervals.

    Returns
    -------
    SurvivalCurve
        With empty arrays for no seeds.

    Raises
    ------
    ValueError
        If the shapes do not match, a time is not finite or `confidence` is not between 0 and 1.

    Notes
    -----
    With d events among r seeds at risk, S is the product of 1 - d/r. The interval comes from Greenwood's variance
    on the scale log(-log S), so it stays inside [0, 1]. That scale has no interval where S is 1 or 0: there it
    is Wilson's, for none or all of as many seeds as are at risk (S = 1) or had events (S = 0). The limits of
    the median are the times at which the lower and the upper limit of S come down to 1/2 [3]_.

    References
    ----------
    .. [1] E. L. Kaplan and P. Meier, "Nonparametric Estimation from Incomplete Observations", Journal of the
       American Statistical Association 53 (1958), 457-481.
    .. [2] J. D. Kalbfleisch and R. L. Prentice, "The Statistical Analysis of Failure Time Data", 2nd ed., Wiley
       2002, section 1.4 (the log-log interval).
    .. [3] R. Brookmeyer and J. Crowley, "A Confidence Interval for the Median Survival Time", Biometrics 38
       (1982), 29-41.

    Examples
    --------
    >>> curve = kaplan_meier([100, 200, 300, 300], [True, True, False, False])
    >>> curve.survival
    array([0.75, 0.5 , 0.5 ])
    >>> curve.median.estimate, curve.median.high
    (200.0, inf)
    """
    times, reached = _as_times(times, reached)
    require_share(confidence=confidence)
    moments, which = np.unique(times, return_inverse=True)
    leaving = np.bincount(which, minlength=moments.size)
    events = np.bincount(which[reached], minlength=moments.size)
    at_risk = times.size - np.concatenate([[0], np.cumsum(leaving)[:-1]])[: moments.size]
    survival = np.cumprod(1 - events / at_risk)

    z = NormalDist().inv_cdf((1 + confidence) / 2)
    low, high = np.ones_like(survival), np.ones_like(survival)
    inside = (survival > 0) & (survival < 1)
    greenwood = np.cumsum(events[inside] / (at_risk[inside] * (at_risk[inside] - events[inside])))
    log_survival = np.log(survival[inside])
    factor = np.exp(z * np.sqrt(greenwood) / np.abs(log_survival))
    low[inside], high[inside] = np.exp(log_survival * factor), np.exp(log_survival / factor)
    for i in np.flatnonzero(~inside):
        seeds = at_risk[i] if survival[i] == 1 else max(int(events.sum()), 1)
        wilson = success_rate(np.full(seeds, survival[i]), 0.5, confidence=confidence)
        low[i], high[i] = wilson.low, wilson.high
    estimate, earliest, latest = (_falls_to_half(moments, limit) for limit in (survival, low, high))
    median = Interval(estimate, earliest, latest, n=times.size, resamples=0, confidence=confidence)
    return SurvivalCurve(
        times=moments,
        at_risk=at_risk,
        events=events,
        survival=survival,
        low=low,
        high=high,
        median=median,
        n=times.size,
        n_events=int(events.sum()),
        confidence=confidence,
    )


@dataclass(frozen=True)
class LogRank(Result):
    """The log-rank test of equal time to the event in k groups; `float(result)` is the statistic.

    Attributes
    ----------
    groups : tuple of float
        The scales compared, ascending: those with seeds.
    statistic : float
        Chi-squared, with `degrees` degrees of freedom; `nan` if there is nothing to compare.
    pvalue : float
        Of the statistic under equal hazards.
    degrees : int
        One fewer than the groups that were ever at risk beside another.
    observed, expected : tuple of float
        Events in each group, and what equal hazards would give.
    """

    groups: tuple[float, ...]
    statistic: float
    pvalue: float
    degrees: int
    observed: tuple[float, ...]
    expected: tuple[float, ...]

    def __float__(self) -> float:
        return self.statistic


def log_rank(groups: Mapping[float, tuple[npt.ArrayLike, npt.ArrayLike]]) -> LogRank:
    """Do the seeds of some scales get there at different times? The log-rank test of k groups.

    Parameters
    ----------
    groups : mapping from scale to (times, reached)
        As `kaplan_meier` takes them.

    Returns
    -------
    LogRank
        With fewer than two groups that have seeds, or no event while two groups are at risk, the statistic and
        the p-value are `nan`, with 0 degrees of freedom.

    Raises
    ------
    ValueError
        As `kaplan_meier`.

    Notes
    -----
    At every time with events, each group's number of events is compared with the hypergeometric mean, given the
    numbers at risk; the statistic is the quadratic form of the summed differences in the inverse of their summed
    covariance. Ties, which an evaluation grid makes, are treated exactly. The test has most power where
    one hazard is a multiple of the other, and little where survival curves cross.

    References
    ----------
    .. [1] N. Mantel, "Evaluation of Survival Data and Two New Rank Order Statistics Arising in Its
       Consideration", Cancer Chemotherapy Reports 50 (1966), 163-170.
    .. [2] R. Peto and J. Peto, "Asymptotically Efficient Rank Invariant Test Procedures", Journal of the Royal
       Statistical Society A 135 (1972), 185-207.

    Examples
    --------
    >>> fast, slow = ([10, 20, 30, 40], [True] * 4), ([50, 60, 70, 80], [True] * 4)
    >>> result = log_rank({4: fast, 2: slow})
    >>> round(result.statistic, 2), round(result.pvalue, 4), result.degrees
    (7.34, 0.0067, 1)
    """
    named = {scale: _as_times(*groups[scale]) for scale in sorted(groups)}
    named = {scale: pair for scale, pair in named.items() if pair[0].size}
    moments = np.unique(np.concatenate([np.empty(0), *(times[reached] for times, reached in named.values())]))
    at_risk = np.array([[(times >= moment).sum() for moment in moments] for times, _ in named.values()])
    events = np.array(
        [[(times[reached] == moment).sum() for moment in moments] for times, reached in named.values()]
    )
    observed = events.sum(axis=1) if moments.size else np.zeros(len(named))
    if moments.size:
        shares = at_risk / at_risk.sum(axis=0)
        died, alive = events.sum(axis=0), at_risk.sum(axis=0)
        expected = (shares * died).sum(axis=1)
        # Covariance of the multivariate hypergeometric distribution, 0 where one seed is left.
        spread = died * (alive - died) / np.maximum(alive - 1, 1)
        covariance = np.diag((spread * shares).sum(axis=1)) - (spread * shares) @ shares.T
        degrees = int(np.linalg.matrix_rank(covariance, tol=1e-9 * max(1.0, float(covariance.max()))))
        difference = observed - expected
        statistic = float(difference @ np.linalg.pinv(covariance, rcond=1e-9) @ difference)
    else:
        expected, degrees, statistic = np.zeros(len(named)), 0, math.nan
    defined = degrees > 0
    return LogRank(
        groups=tuple(map(float, named)),
        statistic=statistic if defined else math.nan,
        pvalue=float(chi2.sf(statistic, degrees)) if defined else math.nan,
        degrees=degrees,
        observed=tuple(map(float, observed)),
        expected=tuple(map(float, expected)),
    )


def _as_times(times: npt.ArrayLike, reached: npt.ArrayLike) -> tuple[FloatArray, Bools]:
    moments, happened = as_sample(times), np.asarray(reached, dtype=np.bool_)
    if happened.shape != moments.shape or np.isnan(moments).any():
        raise ValueError(
            f"one time and one flag per seed are needed, not {moments.shape} and {happened.shape}, and no nan"
        )
    return moments, happened


def _falls_to_half(times: FloatArray, survival: FloatArray) -> float:
    if times.size == 0:
        return math.nan
    fallen = np.flatnonzero(survival <= 0.5 + 1e-12)  # 1/2 as a product of fractions is rounded
    return float(times[fallen[0]]) if fallen.size else math.inf
