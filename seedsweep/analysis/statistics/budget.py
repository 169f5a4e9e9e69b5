"""Did the seeds fail, or was training cut off? What the step budget decides.

Steps, curves and thresholds are those of `seedsweep.analysis.survival`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from seedsweep.analysis.statistics.results import Interval, Result
from seedsweep.analysis.statistics.samples import Bools, FloatArray, as_curves
from seedsweep.analysis.statistics.success import SuccessRate, success_rate

LATE: Final = 0.75
"""Share of the step budget after which training counts as late."""

TURNING: Final = 0.25
"""If surely more of the failing seeds would succeed in twice the steps, they were cut off; see `cut_off`."""

STAYING: Final = 0.5
"""If surely fewer would, they are settled."""

FEWEST_FAILING: Final = 5
"""Of fewer failing seeds nothing is said, whatever the others did."""

BudgetVerdict: TypeAlias = Literal["cut off", "settled", "open", "nothing failed"]


def success_by_budget(
    steps: npt.ArrayLike, curves: npt.ArrayLike, threshold: float, *, confidence: float = 0.95
) -> tuple[SuccessRate, ...]:
    """P(success) as a function of the step budget: what it would have been, had training been stopped there.

    Parameters
    ----------
    steps, curves, threshold
        As `seedsweep.analysis.time_to_threshold`.
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
    >>> rates = success_by_budget([0, 100, 200], [[0.0, 0.2, 0.9], [0.0, 0.7, 0.8]], threshold=0.5)
    >>> [rate.rate for rate in rates]
    [0.0, 0.5, 1.0]
    """
    _, values = as_curves(steps, curves, threshold)
    return tuple(success_rate(column, threshold, confidence=confidence) for column in values.T)


@dataclass(frozen=True)
class CutOff(Result):
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
        Share of the failing seeds that would get there in as many steps again, if that hazard stayed as it is. It
        is too high where the hazard falls: because some seeds never get there, or the learning rate ends.
    """

    verdict: BudgetVerdict
    n: int
    failing: int
    rising: SuccessRate
    late: SuccessRate
    if_doubled: Interval


def still_rising(steps: npt.ArrayLike, curves: npt.ArrayLike, threshold: float) -> Bools:
    """Which seeds are below the threshold at the end, but on their way to it?

    Parameters
    ----------
    steps, curves, threshold
        As `seedsweep.analysis.time_to_threshold`.

    Returns
    -------
    ndarray of bool, shape (n,)
        True where the curve rises over the last part of training by more than its noise (one-sided Mann-Kendall
        test, p < .05), and would, at its median slope there (Theil-Sen), reach the threshold within as many steps
        again as it was trained. False for a seed at the threshold, and for one that diverged.

    Raises
    ------
    ValueError
        As `seedsweep.analysis.time_to_threshold`.

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
    >>> still_rising([0, 1, 2, 3, 4], [rising, flat], threshold=0.5)
    array([ True, False])
    """
    steps, values = as_curves(steps, curves, threshold)
    m = max(4, int((steps > LATE * steps[-1]).sum()))
    rising = np.zeros(len(values), dtype=np.bool_)
    if steps.size >= m:
        earlier, later = np.triu_indices(m, k=1)
        distances = steps[-m:][later] - steps[-m:][earlier]
        for i in np.flatnonzero(values[:, -1] < threshold):
            rises = values[i, -m:][later] - values[i, -m:][earlier]
            in_as_many_steps = np.median(rises / distances) * (steps[-1] - steps[0])
            rising[i] = values[i, -1] + in_as_many_steps >= threshold and _mann_kendall(rises, values[i, -m:])
    return rising


def cut_off(steps: npt.ArrayLike, curves: npt.ArrayLike, threshold: float, *, confidence: float = 0.95) -> CutOff:
    """Would the failing seeds stay where they are in as many steps again, or was training cut off?

    Parameters
    ----------
    steps, curves, threshold
        As `seedsweep.analysis.time_to_threshold`.
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
    what would happen in as many steps again, the second if seeds go on at the pace of the last quarter. Its
    interval is that of h, and allows for nothing else: where the hazard falls it is too high. The verdict is

    * "nothing failed" if every seed ends at the threshold;
    * "open" if fewer than 5 seeds fail;
    * "cut off" if the lower limit of either share is above 1/4: bimodality is, in notable part, a waiting time
      that the budget cuts;
    * "settled" if the upper limits of both are below 1/2: most of the failing seeds would stay where they are;
    * "open" otherwise. With no late seed at all, 21 failures are needed for "settled" (at 95 %).

    "Settled" is said of the steps that are asked about and no others: seeds that wait for four budgets on average
    are settled too, and succeed in the end. All limits are our choice. Without an
    evaluation in the first three quarters the second share has n = 0.

    Examples
    --------
    >>> curves = [[0.0, 0.9, 0.9, 0.9, 0.9]] * 10 + [[0.0, 0.1, 0.0, 0.1, 0.0]] * 30
    >>> result = cut_off([0, 1, 2, 3, 4], curves, threshold=0.5)
    >>> result.verdict, result.failing, result.rising.rate, result.late.rate
    ('settled', 30, 0.0, 0.0)
    """
    steps, values = as_curves(steps, curves, threshold)
    there = values >= threshold
    failing = ~there[:, -1]
    rising = success_rate(still_rising(steps, values, threshold)[failing], 1.0, confidence=confidence)
    early = np.flatnonzero(steps <= LATE * steps[-1])
    early = early[early < steps.size - 1]
    waiting = ~there[:, early[-1]] if early.size else np.zeros(len(values), dtype=np.bool_)
    late = success_rate(there[waiting, -1], 1.0, confidence=confidence)
    times_longer = float((steps[-1] - steps[0]) / (steps[-1] - steps[early[-1]])) if early.size else 1.0
    estimate, low, high = (1 - (1 - share) ** times_longer for share in (late.rate, late.low, late.high))
    verdict: BudgetVerdict
    if not failing.any():
        verdict = "nothing failed"
    elif failing.sum() < FEWEST_FAILING:
        verdict = "open"
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


def _mann_kendall(rises: FloatArray, values: FloatArray) -> bool:
    """Whether `values`, whose differences over all pairs are `rises`, rise by more than noise (one-sided, 5 %)."""
    m = values.size
    _, ties = np.unique(values, return_counts=True)
    variance = (m * (m - 1) * (2 * m + 5) - (ties * (ties - 1) * (2 * ties + 5)).sum()) / 18
    continuity = 1  # of a statistic that moves in steps of 2
    return bool(np.sign(rises).sum() - continuity > NormalDist().inv_cdf(0.95) * math.sqrt(variance))
