"""What comes, and what goes again: the events of seeds that get a capability and may lose it.

A curve that is noisy about a level crosses it all the time. So nothing is said to have come or gone unless the
curve, smoothed, gets beyond the level by more than the noise of all its evaluations would take it; and it is then
dated at the crossing of the level itself, between two evaluations, as all events are (`events`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from seedsweep.analysis.statistics.events import EventTimes
from seedsweep.analysis.statistics.results import Result
from seedsweep.analysis.statistics.samples import (
    Bools,
    FloatArray,
    as_curves,
    as_sample,
    require_share,
    require_threshold,
)
from seedsweep.analysis.statistics.smoothing import evaluation_noise, running_median
from seedsweep.analysis.statistics.states import OUTCOMES, Track, event, falls_below, follow, rises_again

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class RiseAndFall(Result):
    """What came and went in each of n seeds, in the order of the curves.

    Attributes
    ----------
    steps : ndarray of float, shape (t,)
    states : ndarray of int, shape (n, t)
        The place in `OUTCOMES` of every seed at every evaluation; -1 where it is not known, since the seed was
        stopped before.
    emerged : EventTimes
        Surely above the level.
    peak, peak_step : ndarray of float, shape (n,)
        The highest value of the running median of three evaluations, and where it is first had; `nan` without
        values. A maximum of noisy values is too high by about as much as their noise.
    crossed : EventTimes
        Surely below the level, for the first time after having emerged.
    gone : EventTimes
        For the first time surely below both the level and half-way from the peak until then to chance, or
        diverged.
    halved : EventTimes
        After the peak surely below half-way from the peak to chance.
    back : EventTimes
        Surely above the level again, for the first time after having gone.
    resurged : EventTimes
        After having gone, higher than at the lowest since by more than `delta`, at whatever height.
    slope : ndarray of float, shape (n,)
        Of the values on the logarithm of the step, from the peak on: their change per doubling of the steps.
        `nan` with fewer than three evaluations.
    losses : ndarray of int, shape (n,)
        How often it has gone.
    delay : ndarray of int, shape (n,)
        How many evaluations after a change it was sure, the longest of each seed: of the changes in as many before
        the end some are missing.
    diverged : ndarray of bool, shape (n,)
    noise, band, pvalue : ndarray of float, shape (n,)
        Standard deviation of one evaluation; how far beyond a level is surely beyond; and the p-value of having
        emerged, corrected for the number of evaluations.
    level, chance : float

    Notes
    -----
    `crossed`, `gone` and `halved` are of seeds that have emerged, `back` and `resurged` of those that have gone;
    for the others they are undefined, which is an outcome of its own, and stand as not happened.
    """

    steps: FloatArray
    states: npt.NDArray[np.int8]
    emerged: EventTimes
    peak: FloatArray
    peak_step: FloatArray
    crossed: EventTimes
    gone: EventTimes
    halved: EventTimes
    back: EventTimes
    resurged: EventTimes
    slope: FloatArray
    losses: Ints
    delay: Ints
    diverged: Bools
    noise: FloatArray
    band: FloatArray
    pvalue: FloatArray
    level: float
    chance: float

    @property
    def outcomes(self) -> npt.NDArray[np.str_]:
        """What each seed has come to, shape (n,)."""
        known = np.maximum(self.states, 0).astype(np.int64)
        last = (self.states >= 0).sum(axis=1) - 1  # a seed is trained to its first evaluation at least
        return np.asarray(np.array(OUTCOMES)[known[np.arange(len(known)), last]])

    @property
    def transient(self) -> Bools:
        """Seeds that got it, lost it once and never had it again; without those that diverged."""
        return np.asarray((self.outcomes == "gone") & (self.losses == 1) & ~self.diverged)

    @property
    def half_life(self) -> EventTimes:
        """Steps from the peak until half is lost, of the seeds that emerged: as many as these.

        The peak lies between the evaluations beside the one at which it was seen.
        """
        rows = np.flatnonzero(self.emerged.reached)
        at = np.searchsorted(self.steps, self.peak_step[rows])
        before, after = self.steps[np.maximum(at - 1, 0)], self.steps[np.minimum(at + 1, self.steps.size - 1)]
        return EventTimes(
            kind="half-life",
            low=np.maximum(self.halved.low[rows] - after, 0.0),
            high=self.halved.high[rows] - before,
            diverged=self.diverged[rows],
            level=self.halved.level[rows],
        )


def rise_and_fall(
    steps: npt.ArrayLike,
    curves: npt.ArrayLike,
    level: float,
    *,
    chance: float | None = None,
    noise: float = 0.0,
    delta: float | None = None,
    trained_to: npt.ArrayLike | None = None,
    confidence: float = 0.99,
) -> RiseAndFall:
    """What comes and goes in every seed: when it emerges, peaks, is lost by half, falls below the level, returns.

    Parameters
    ----------
    steps : array_like, shape (t,)
        Steps of the evaluations, ascending.
    curves : array_like, shape (n, t)
        One learning curve per seed, higher is better; `nan` as in `survival`.
    level : float
        A seed that is above it has the capability: a criterion, or the chance level itself.
    chance : float, optional
        What a seed has that has nothing, from which a loss is measured; never above the level, and by default the
        level.
    noise : float
        The least standard deviation that one evaluation has, such as √(p (1 - p) / examples) at the level p. What
        the curves show themselves is estimated (`evaluation_noise`), and the larger of the two counts.
    delta : float, optional
        What a later rise has to exceed to be a resurgence, in the unit of the curves; by default a quarter of what
        the seed had at its peak above chance. Noise beyond which nothing can be told counts besides.
    trained_to : array_like, shape (n,), optional
        The step to which each seed was trained, where they differ: a run that was stopped is censored there.
    confidence : float
        Of having emerged: at least with this probability a seed whose true value never is above the level is not
        said to have.

    Returns
    -------
    RiseAndFall

    Raises
    ------
    ValueError
        As `time_to_threshold`, and if `confidence` is not between 0 and 1 or `noise` is negative.

    Notes
    -----
    *Surely above.* The running median of three exceeds the level by z standard deviations of one evaluation, z the
    normal quantile at (1 - confidence)/m for m evaluations (Bonferroni). A median varies less than one evaluation
    (its variance is 1 - √3/π = 0.45 times as large), so the rate of false emergence is below 1 - confidence. So is
    "surely below".

    *Gone* takes two falls: below the level, so that who merely declines has not lost it; and below half of what
    was had, so that who wanders about a high level has not either.

    *Censoring.* An event that was not seen is right-censored at the last evaluation, or where the fall or rise
    began that is not yet sure by then.

    *Divergence* ends what a seed had, and is marked as such (`diverged`).

    Examples
    --------
    >>> steps = np.arange(0, 1000, 50)
    >>> comes_and_goes = 0.5 + 0.4 * np.exp(-(((steps - 400) / 150) ** 2))
    >>> stays, nothing = np.minimum(0.5 + steps / 1000, 0.9), np.full(20, 0.5)
    >>> found = rise_and_fall(steps, [comes_and_goes, stays, nothing], 0.65, chance=0.5)
    >>> found.outcomes.tolist(), found.transient.tolist()
    (['gone', 'there', 'never'], [True, False, False])
    >>> found.emerged.high, found.crossed.low, found.crossed.high
    (array([300., 150.,  inf]), array([500., 950., 950.]), array([550.,  inf,  inf]))
    """
    require_share(confidence=confidence)
    if not 0 <= noise < math.inf:
        raise ValueError(f"noise is a standard deviation, zero or more, not {noise}")
    at, values = as_curves(steps, curves, level)
    base = level if chance is None else min(chance, level)
    require_threshold(base)
    last = _last(at, len(values), trained_to)
    values = np.where(np.arange(at.size) <= last[:, None], values, math.nan)
    smooth = running_median(values)
    spread = np.maximum(evaluation_noise(values), noise)
    evaluations = np.maximum((~np.isnan(values)).sum(axis=1), 1)
    track = Track(at, smooth, spread * norm.isf((1 - confidence) / evaluations), last)
    states, changed = follow(track, level, base)

    begun = track.ended >= 0
    peak_at = np.where(np.isnan(smooth), -math.inf, smooth).argmax(axis=1)
    peak = smooth[np.arange(len(smooth)), peak_at]
    levels = np.full(len(values), float(level))
    half = np.minimum((peak + base) / 2, peak)
    from_peak = np.where(changed.emerged >= 0, peak_at, -1)
    rise = np.maximum((peak - base) / 4 if delta is None else delta, 2 * track.band)
    return RiseAndFall(
        steps=at,
        states=states,
        emerged=event(track, "rise", changed.emerged, changed.rising, levels),
        peak=peak,
        peak_step=np.where(begun, at[peak_at], math.nan),
        crossed=falls_below(track, "fall", changed.emerged, levels),
        gone=event(track, "fall", changed.gone, changed.falling, changed.limit),
        halved=falls_below(track, "half-life", from_peak, half),
        back=event(track, "rise", changed.back, changed.returning, levels),
        resurged=rises_again(track, changed.gone, rise),
        slope=_slopes(at, values, from_peak),
        losses=changed.losses,
        delay=changed.delay,
        diverged=track.diverged,
        noise=spread,
        band=track.band,
        pvalue=_pvalues(peak - level, spread, evaluations),
        level=float(level),
        chance=float(base),
    )


def _last(steps: FloatArray, n: int, trained_to: npt.ArrayLike | None) -> Ints:
    """The place of the last evaluation to which each seed was trained."""
    if trained_to is None:
        return np.full(n, steps.size - 1)
    ends = as_sample(trained_to)
    if ends.shape != (n,) or not np.all(ends >= steps[0]):  # also catches nan
        raise ValueError(f"trained_to needs one step per seed, none before the first evaluation {steps[0]:g}")
    return np.asarray(np.searchsorted(steps, ends, side="right") - 1)


def _slopes(steps: FloatArray, values: FloatArray, start: Ints) -> FloatArray:
    """Least squares on the logarithm (base 2) of the step, from an evaluation on; `nan` where that is none, -1."""
    slopes = np.full(len(values), math.nan)
    for row in np.flatnonzero(start >= 0):
        used = ~np.isnan(values[row]) & (steps > 0)
        used[: start[row]] = False
        if used.sum() >= 3:
            slopes[row] = np.polyfit(np.log2(steps[used]), values[row, used], 1)[0]
    return slopes


def _pvalues(excess: FloatArray, spread: FloatArray, evaluations: Ints) -> FloatArray:
    """Of the maximum of so many evaluations (Bonferroni); without noise, whether it is above."""
    with np.errstate(divide="ignore", invalid="ignore"):
        single = norm.sf(np.where(spread > 0, excess / spread, np.where(excess >= 0, math.inf, -math.inf)))
    return np.asarray(np.minimum(evaluations * np.where(np.isnan(excess), 1.0, single), 1.0))
