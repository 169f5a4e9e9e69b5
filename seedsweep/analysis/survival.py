"""When does a seed get there? Time to a threshold as survival analysis, and what the step budget decides.

A seed that has failed at the end of training is one that has *not yet* succeeded. Every function takes the
evaluations of one scale: `steps` of shape (t,), in ascending order, and `curves` of shape (n, t), one learning
curve per seed, larger is better (give the negative of a loss, and of its threshold). In a curve, `nan` up to the
end is a seed that diverged, which never succeeds; `nan` before a later value is an evaluation that was not made.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from seedsweep.analysis.bootstrap import Interval
from seedsweep.analysis.samples import FloatArray, as_sample
from seedsweep.analysis.success import SuccessRate, success_rate
from seedsweep.analysis.summary import jsonable

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

LATE: Final = 0.75
"""Share of the step budget after which training counts as late."""

TURNING: Final = 0.25
"""If surely more of the failing seeds would succeed in twice the steps, they were cut off; see `cut_off`."""

STAYING: Final = 0.5
"""If surely fewer would, they are settled."""


@dataclass(frozen=True, eq=False)
class ThresholdTimes:
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

    def to_dict(self) -> dict[str, Any]:
        """Ready for ``json.dumps(..., allow_nan=False)``."""
        told: dict[str, Any] = jsonable(self)
        return told


def time_to_threshold(
    steps: npt.ArrayLike,
    curves: npt.ArrayLike,
    at_least: float,
    *,
    trained_to: npt.ArrayLike | None = None,
) -> ThresholdTimes:
    """The step at which every seed reaches the threshold and stays there.

    Parameters
    ----------
    steps : array_like, shape (t,)
        Steps of the evaluations, ascending.
    curves : array_like, shape (n, t)
        One learning curve per seed, larger is better; `nan` as told at the top of this module.
    at_least : float
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
    >>> times = time_to_threshold([0, 100, 200], curves, at_least=0.5)
    >>> times.steps, times.reached
    (array([200., 100., 200.]), array([ True,  True, False]))
    >>> times.after, times.lost
    (array([100.,   0.,  nan]), array([False, False,  True]))
    """
    steps, values = _as_curves(steps, curves, at_least)
    n = len(values)
    if trained_to is None:
        last = np.full(n, steps.size - 1)
    else:
        ends = as_sample(trained_to)
        if ends.shape != (n,) or not np.all(ends >= steps[0]):  # also catches nan
            raise ValueError(f"trained_to needs one step per seed, none before the first evaluation {steps[0]:g}")
        last = np.searchsorted(steps, ends, side="right") - 1
    seen = np.arange(steps.size) <= last[:, None]
    there = (values >= at_least) & seen
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
        at_least=float(at_least),
    )


@dataclass(frozen=True, eq=False)
class SurvivalCurve:
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

    def to_dict(self) -> dict[str, Any]:
        """Ready for ``json.dumps(..., allow_nan=False)``; an infinite median becomes None."""
        told: dict[str, Any] = jsonable(self)
        return told


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
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is between 0 and 1, not {confidence}")
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
class LogRank:
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

    def to_dict(self) -> dict[str, Any]:
        """Ready for ``json.dumps(..., allow_nan=False)``."""
        told: dict[str, Any] = jsonable(self)
        return told


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


def success_by_budget(
    steps: npt.ArrayLike, curves: npt.ArrayLike, at_least: float, *, confidence: float = 0.95
) -> tuple[SuccessRate, ...]:
    """P(success) as a function of the step budget: what would have been found had training been stopped there.

    Parameters
    ----------
    steps, curves, at_least
        As `time_to_threshold`.
    confidence : float
        Of the intervals.

    Returns
    -------
    tuple of SuccessRate, length t
        One per evaluation, over all n seeds, with pointwise Wilson intervals. The last is the `success_rate` of
        the final values.

    Raises
    ------
    ValueError
        As `time_to_threshold`, and if `confidence` is not between 0 and 1.

    Notes
    -----
    A seed is a success at an evaluation if its curve is at the threshold *then*, whether it stays there or not, so
    this is not one minus the Kaplan-Meier curve, and may fall. Where the learning rate follows a schedule, a sweep
    with a smaller budget would have decayed it earlier; the curve is then a lower bound at best.

    Examples
    --------
    >>> rates = success_by_budget([0, 100, 200], [[0.0, 0.2, 0.9], [0.0, 0.7, 0.8]], at_least=0.5)
    >>> [rate.rate for rate in rates]
    [0.0, 0.5, 1.0]
    """
    _, values = _as_curves(steps, curves, at_least)
    return tuple(success_rate(column, at_least, confidence=confidence) for column in values.T)


@dataclass(frozen=True)
class CutOff:
    """Did the seeds fail, or were they cut off?

    Attributes
    ----------
    verdict : str
        "cut off", "settled", "open" or "nothing failed"; the rule is in `cut_off`.
    n, failing : int
        All seeds; those below the threshold at the end, diverged ones included.
    rising : SuccessRate
        Share of the failing seeds that were still on the way to the threshold.
    late : SuccessRate
        Share of the seeds below the threshold after three quarters of the budget that were at it at the end:
        the hazard of the last quarter.
    if_doubled : Interval
        Share of the failing seeds that would get there in as many steps again, if that hazard stayed as it is.
    """

    verdict: str
    n: int
    failing: int
    rising: SuccessRate
    late: SuccessRate
    if_doubled: Interval

    def to_dict(self) -> dict[str, Any]:
        """Ready for ``json.dumps(..., allow_nan=False)``."""
        told: dict[str, Any] = jsonable(self)
        return told


def still_rising(steps: npt.ArrayLike, curves: npt.ArrayLike, at_least: float) -> Bools:
    """Which seeds are below the threshold at the end, but on their way to it?

    Parameters
    ----------
    steps, curves, at_least
        As `time_to_threshold`.

    Returns
    -------
    ndarray of bool, shape (n,)
        True where the curve rises over the last part of training by more than its noise (one-sided Mann-Kendall
        test, p < .05), and would, at its median slope there (Theil-Sen), reach the threshold within as many steps
        again as it was trained. False for a seed at the threshold, and for one that diverged.

    Raises
    ------
    ValueError
        As `time_to_threshold`.

    Notes
    -----
    The last part is the last quarter of the steps, or the last four evaluations if it has fewer: three are too few
    for the test. With fewer than four evaluations every answer is False. The first condition alone would call any
    drift a rise, however small; the second alone, noise. The test takes evaluations for independent; where
    a seed wanders slowly, it is too ready to see a rise.

    A learning rate that decays to zero makes every curve end flat: "not rising" then says that this schedule is
    over, not that a longer one would fail. A metric that stands at its floor until everything is right shows no
    rise either: look at the error score or the minimum probability too.

    References
    ----------
    .. [1] H. B. Mann, "Nonparametric Tests Against Trend", Econometrica 13 (1945), 245-259.
    .. [2] M. G. Kendall, "Rank Correlation Methods", 4th ed., Griffin 1975 (variance under ties).
    .. [3] P. K. Sen, "Estimates of the Regression Coefficient Based on Kendall's Tau", Journal of the American
       Statistical Association 63 (1968), 1379-1389.

    Examples
    --------
    >>> rising, flat = [0.0, 0.1, 0.2, 0.3, 0.4], [0.1, 0.0, 0.1, 0.0, 0.1]
    >>> still_rising([0, 1, 2, 3, 4], [rising, flat], at_least=0.5)
    array([ True, False])
    """
    steps, values = _as_curves(steps, curves, at_least)
    m = max(4, int((steps > LATE * steps[-1]).sum()))
    rising = np.zeros(len(values), dtype=np.bool_)
    if steps.size >= m:
        earlier, later = np.triu_indices(m, k=1)
        distances = steps[-m:][later] - steps[-m:][earlier]
        for i in np.flatnonzero(values[:, -1] < at_least):
            rises = values[i, -m:][later] - values[i, -m:][earlier]
            in_as_many_steps = np.median(rises / distances) * (steps[-1] - steps[0])
            rising[i] = values[i, -1] + in_as_many_steps >= at_least and _mann_kendall(rises, values[i, -m:])
    return rising


def cut_off(steps: npt.ArrayLike, curves: npt.ArrayLike, at_least: float, *, confidence: float = 0.95) -> CutOff:
    """Are failures at the end of training final, or would a larger step budget have turned them?

    Parameters
    ----------
    steps, curves, at_least
        As `time_to_threshold`.
    confidence : float
        Of the intervals.

    Returns
    -------
    CutOff

    Raises
    ------
    ValueError
        As `success_by_budget`.

    See Also
    --------
    still_rising : which failing seeds count as rising; its notes on learning-rate schedules apply here.

    Notes
    -----
    Two shares are taken: of the failing seeds, those that were `still_rising`; of the seeds below the threshold at
    the last evaluation in the first three quarters of the budget, those at it at the end. The latter, h, is
    carried on: in k times the steps over which it was counted, 1 - (1 - h)**k would get there. Both then say
    what would happen in as many steps again. The verdict is

    * "nothing failed" if every seed ends at the threshold;
    * "cut off" if the lower limit of either share is above 1/4: bimodality is, in notable part, a waiting time
      that the budget cuts;
    * "settled" if the upper limits of both are below 1/2: most of the failing seeds would stay where they are;
    * "open" otherwise. With no late seed at all, 21 failures are needed for "settled" (at 95 %).

    Both limits are our choice. Without an evaluation in the first three quarters the second share has n = 0.

    Examples
    --------
    >>> curves = [[0.0, 0.9, 0.9, 0.9, 0.9]] * 10 + [[0.0, 0.1, 0.0, 0.1, 0.0]] * 30
    >>> result = cut_off([0, 1, 2, 3, 4], curves, at_least=0.5)
    >>> result.verdict, result.failing, result.rising.rate, result.late.rate
    ('settled', 30, 0.0, 0.0)
    """
    steps, values = _as_curves(steps, curves, at_least)
    there = values >= at_least
    failing = ~there[:, -1]
    rising = success_rate(still_rising(steps, values, at_least)[failing], 1.0, confidence=confidence)
    early = np.flatnonzero(steps <= LATE * steps[-1])
    early = early[early < steps.size - 1]
    waiting = ~there[:, early[-1]] if early.size else np.zeros(len(values), dtype=np.bool_)
    late = success_rate(there[waiting, -1], 1.0, confidence=confidence)
    times_longer = float((steps[-1] - steps[0]) / (steps[-1] - steps[early[-1]])) if early.size else 1.0
    estimate, low, high = (1 - (1 - share) ** times_longer for share in (late.rate, late.low, late.high))
    if not failing.any():
        verdict = "nothing failed"
    elif max(rising.low, low) > TURNING:
        verdict = "cut off"
    elif max(rising.high, high) < STAYING:
        verdict = "settled"
    else:
        verdict = "open"
    return CutOff(
        verdict=verdict,
        n=len(values),
        failing=int(failing.sum()),
        rising=rising,
        late=late,
        if_doubled=Interval(estimate, low, high, n=late.n, resamples=0, confidence=confidence),
    )


@dataclass(frozen=True, eq=False)
class ScaleSurvival:
    """Time to the threshold at one scale.

    Attributes
    ----------
    scale : float
        The value on the ladder.
    times : ThresholdTimes
        Of every seed.
    survival : SurvivalCurve
        Share of the seeds that have not got there yet.
    steps : tuple of float
        The evaluations.
    success : tuple of SuccessRate
        P(success) had training been stopped at each of `steps`.
    cut_off : CutOff
        Whether the budget explains the failures.
    """

    scale: float
    times: ThresholdTimes
    survival: SurvivalCurve
    steps: tuple[float, ...]
    success: tuple[SuccessRate, ...]
    cut_off: CutOff


@dataclass(frozen=True, eq=False)
class SurvivalSummary:
    """Time to the threshold along a ladder.

    Attributes
    ----------
    at_least : float
        The threshold.
    scales : tuple of ScaleSurvival
        Ascending.
    log_rank : LogRank
        Of all scales.
    pairwise : tuple of LogRank
        Of every two scales that have seeds. The p-values are not corrected for their number.
    """

    at_least: float
    scales: tuple[ScaleSurvival, ...]
    log_rank: LogRank
    pairwise: tuple[LogRank, ...]

    def to_dict(self) -> dict[str, Any]:
        """Nested dicts and lists ready for ``json.dumps(..., allow_nan=False)``; not finite becomes None."""
        told: dict[str, Any] = jsonable(self)
        return told


def summarise_survival(
    curves: Mapping[float, tuple[npt.ArrayLike, npt.ArrayLike]], *, at_least: float
) -> SurvivalSummary:
    """Everything in this module at every scale of a ladder, and the log-rank tests between them.

    Parameters
    ----------
    curves : mapping from scale to (steps, values)
        Shapes (t,) and (n, t); the scales may have different evaluations and numbers of seeds.
    at_least : float
        The metric at which a seed counts as a success.

    Returns
    -------
    SurvivalSummary
        A scale without seeds has empty curves and takes no part in the tests.

    Raises
    ------
    ValueError
        As `time_to_threshold`; the message names the scale.

    Examples
    --------
    >>> steps = [0, 100, 200]
    >>> summary = summarise_survival(
    ...     {1: (steps, [[0.0, 0.1, 0.0]] * 8), 2: (steps, [[0.0, 0.6, 0.9]] * 8)}, at_least=0.5
    ... )
    >>> [scale.survival.median.estimate for scale in summary.scales]
    [inf, 100.0]
    >>> summary.log_rank.pvalue < 0.001
    True
    """
    scales = []
    for scale in sorted(curves):
        steps, values = curves[scale]
        try:
            times = time_to_threshold(steps, values, at_least)
            scales.append(
                ScaleSurvival(
                    scale=float(scale),
                    times=times,
                    survival=kaplan_meier(times.steps, times.reached),
                    steps=tuple(as_sample(steps).tolist()),
                    success=success_by_budget(steps, values, at_least),
                    cut_off=cut_off(steps, values, at_least),
                )
            )
        except ValueError as error:
            raise ValueError(f"at scale {scale:g}: {error}") from error
    groups = {s.scale: (s.times.steps, s.times.reached) for s in scales if s.survival.n}
    return SurvivalSummary(
        at_least=float(at_least),
        scales=tuple(scales),
        log_rank=log_rank(groups),
        pairwise=tuple(log_rank({a: groups[a], b: groups[b]}) for a, b in combinations(groups, 2)),
    )


def _as_curves(steps: npt.ArrayLike, curves: npt.ArrayLike, at_least: float) -> tuple[FloatArray, FloatArray]:
    """Steps and curves as arrays, with the gaps before a later value filled by the value before them."""
    at = as_sample(steps)
    values = np.array(curves, dtype=np.float64)
    if values.size == 0:
        values = values.reshape(0, at.size)
    if at.size == 0 or values.shape[1:] != at.shape:
        raise ValueError(
            f"steps of shape (t,) and curves of shape (seeds, t) are needed, not {at.shape} and {values.shape}"
        )
    if np.isnan(at).any() or np.any(np.diff(at) <= 0):
        raise ValueError("the steps of the evaluations must be numbers in ascending order, none twice")
    if np.isinf(values).any():
        raise ValueError(f"{np.isinf(values).sum()} values are infinite; a seed that diverged is nan")
    if not math.isfinite(at_least):
        raise ValueError(f"the success threshold is a finite number, not {at_least}")
    missing = np.isnan(values)
    is_gap = missing & np.logical_or.accumulate(~missing[:, ::-1], axis=1)[:, ::-1]
    source = np.maximum.accumulate(np.where(is_gap, 0, np.arange(at.size)), axis=1)
    return at, np.take_along_axis(values, source, axis=1)


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


def _mann_kendall(rises: FloatArray, values: FloatArray) -> bool:
    """Whether `values`, whose differences over all pairs are `rises`, rise by more than noise (one-sided, 5 %)."""
    m = values.size
    _, ties = np.unique(values, return_counts=True)
    variance = (m * (m - 1) * (2 * m + 5) - (ties * (ties - 1) * (2 * ties + 5)).sum()) / 18
    continuity = 1  # of a statistic that moves in steps of 2
    return bool(np.sign(rises).sum() - continuity > NormalDist().inv_cdf(0.95) * math.sqrt(variance))
