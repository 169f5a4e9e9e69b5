"""What a seed is in at every evaluation: curves followed from one sure crossing to the next."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from seedsweep.analysis.statistics.events import EventKind, EventTimes
from seedsweep.analysis.statistics.samples import Bools, FloatArray
from seedsweep.analysis.statistics.smoothing import last_known

Ints = npt.NDArray[np.int64]

NEVER, THERE, GONE, BACK = range(4)
OUTCOMES: Final = ("never", "there", "gone", "back")
"""What a seed is in at an evaluation: it has never had the capability, has it for the first time, has lost it, or
has it again. One that loses it once more is `gone`."""


@dataclass(frozen=True, eq=False)
class Track:
    """Smoothed curves of n seeds.

    Attributes
    ----------
    steps : ndarray of float, shape (t,)
    smooth : ndarray of float, shape (n, t)
        `nan` where there is no value.
    band : ndarray of float, shape (n,)
        How far beyond a level is surely beyond it.
    last : ndarray of int, shape (n,)
        The last evaluation to which each seed was trained.
    """

    steps: FloatArray
    smooth: FloatArray
    band: FloatArray
    last: Ints

    @property
    def ended(self) -> Ints:
        """The last evaluation with a value; -1 without any."""
        return last_known(self.smooth)

    @property
    def diverged(self) -> Bools:
        """Without a value at the end of its training."""
        return np.asarray(self.ended < self.last)


@dataclass(frozen=True, eq=False)
class Changes:
    """At which evaluations n seeds first change, -1 where they do not; and, where they do not, from which
    evaluation on they may have, though it is not sure by the end.

    Attributes
    ----------
    emerged, gone, back : ndarray of int, shape (n,)
    rising, falling, returning : ndarray of int, shape (n,)
        From where on that may be so; -1 where nothing speaks for it.
    limit : ndarray of float, shape (n,)
        Below which a seed has lost what it had: when it went, or at the end.
    losses : ndarray of int, shape (n,)
    delay : ndarray of int, shape (n,)
        How many evaluations later than it stands the slowest change was sure; 0 without a change.
    """

    emerged: Ints
    gone: Ints
    back: Ints
    rising: Ints
    falling: Ints
    returning: Ints
    limit: FloatArray
    losses: Ints
    delay: Ints


def follow(track: Track, level: float, chance: float) -> tuple[npt.NDArray[np.int8], Changes]:
    """The state of every seed at every evaluation, shape (n, t), and where it changed.

    A seed is *there* once it is surely above the level, and *gone* once it is surely below both the level and
    half-way from its peak until then to chance; the changes stand where it rose and fell. A seed that diverges
    while it is there is gone. -1 stands behind the end of a seed that was stopped.

    A change is sure some evaluations later than it stands, and what is not sure by the end is missing there
    (`Changes.delay`).
    """
    n, t = track.smooth.shape
    marks = np.full((n, t), -1, dtype=np.int8)
    state, losses = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    top, limit = np.full(n, -math.inf), np.full(n, level)
    above, below = np.full(n, -1), np.full(n, -1)  # since when without a break
    first = {now: np.full(n, -1) for now in (THERE, GONE, BACK)}
    limit_at_loss = np.full(n, math.nan)

    delay = np.zeros(n, dtype=np.int64)

    def mark(row: int, place: int, now: int, sure: int) -> None:
        marks[row, place] = state[row] = now
        delay[row] = max(delay[row], sure - place)
        if first[now][row] < 0:
            first[now][row] = place
        if now == GONE:
            losses[row] += 1
            if losses[row] == 1:
                limit_at_loss[row] = limit[row]

    for k in range(t):
        value = track.smooth[:, k]
        here = ~np.isnan(value)
        top = np.fmax(top, value)
        limit = np.minimum(level, (top + chance) / 2)
        above, below = (
            np.where(here, np.where(beyond, np.where(since < 0, k, since), -1), since)
            for beyond, since in ((value >= level, above), (value < limit, below))
        )
        without, having = np.isin(state, (NEVER, GONE)), np.isin(state, (THERE, BACK))
        for row in np.flatnonzero(without & (value >= level + track.band)).tolist():
            mark(row, int(above[row]), THERE if state[row] == NEVER else BACK, k + 1)  # k + 1 is in the median
        for row in np.flatnonzero(having & (below >= 0) & (value <= limit - track.band)).tolist():
            mark(row, int(below[row]), GONE, k + 1)
    ended = track.ended
    for row in np.flatnonzero(track.diverged & np.isin(state, (THERE, BACK))).tolist():
        mark(row, int(ended[row]) + 1, GONE, int(ended[row]) + 1)

    place = np.maximum.accumulate(np.where(marks >= 0, np.arange(t), -1), axis=1)
    states = np.where(place < 0, NEVER, np.take_along_axis(marks, np.maximum(place, 0), axis=1))
    states = np.where(np.arange(t) <= track.last[:, None], states, -1).astype(np.int8)
    return states, Changes(
        emerged=first[THERE],
        gone=first[GONE],
        back=first[BACK],
        rising=np.where(state == NEVER, above, -1),
        falling=np.where((state == THERE) & (first[GONE] < 0), below, -1),
        returning=np.where((state == GONE) & (first[BACK] < 0), above, -1),
        limit=np.where(losses > 0, limit_at_loss, limit),
        losses=losses,
        delay=delay,
    )


def event(track: Track, kind: EventKind, index: Ints, pending: Ints, level: FloatArray) -> EventTimes:
    """What happened at some evaluations, -1 where it did not; `pending` as in `Changes`."""
    happened = index >= 0
    before = np.concatenate([[-math.inf], track.steps])  # the evaluation before each
    open_from = np.where(pending >= 0, before[pending], track.steps[track.last])
    return EventTimes(
        kind=kind,
        low=np.where(happened, before[index], open_from),
        high=np.where(happened, track.steps[index], math.inf),
        diverged=track.diverged,
        level=level,
    )


def falls_below(track: Track, kind: EventKind, start: Ints, level: FloatArray) -> EventTimes:
    """The first sure fall below each seed's level after an evaluation; never where that is none, -1."""
    place = np.arange(track.steps.size)
    below = (track.smooth < level[:, None]) & (place > start[:, None]) & (start >= 0)[:, None]
    surely = below & (track.smooth <= (level - track.band)[:, None])
    since = 1 + np.maximum.accumulate(np.where(below, -1, place), axis=1)
    rows, happened, ended = np.arange(len(level)), surely.any(axis=1), np.maximum(track.ended, 0)
    index = np.where(happened, since[rows, surely.argmax(axis=1)], -1)
    pending = np.where(~happened & below[rows, ended], since[rows, ended], -1)
    return event(track, kind, index, pending, level)


def rises_again(track: Track, start: Ints, rise: FloatArray) -> EventTimes:
    """The first evaluation more than `rise` above the lowest after `start`; never where that is none, -1."""
    later = (np.arange(track.steps.size) >= start[:, None]) & (start >= 0)[:, None] & ~np.isnan(track.smooth)
    lowest = np.minimum.accumulate(np.where(later, track.smooth, math.inf), axis=1)
    with np.errstate(invalid="ignore"):
        risen = later & (track.smooth - lowest > rise[:, None])
    index = np.where(risen.any(axis=1), risen.argmax(axis=1), -1)
    level = np.where(index >= 0, lowest[np.arange(len(rise)), index] + rise, math.nan)
    return event(track, "resurgence", index, np.full(len(rise), -1), level)
