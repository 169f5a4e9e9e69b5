"""The time that is left, out of many estimates: the present one alone jumps as packs come and go."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from seedsweep import formats

WINDOW: Final = 60.0
"""Seconds of which estimates count, at least; of a long run a tenth."""
FEWEST: Final = 5
"""Estimates from which on something is said."""
SURE: Final = 0.1
"""Of the time left: no range is told that is narrower to either side."""


class TimeLeft:
    """Takes in estimates as they come, and says when the run will end: from when to when.

    Every estimate is kept as the moment at which the run would end. These moments stay the same while the run goes
    as expected; their middle is told, and how they scatter. One that is far off moves neither.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began: float | None = None
        self._ends: deque[tuple[float, float]] = deque()

    def after(self, seconds: float | None) -> str | None:
        """Take in an estimate, or that there is none now, and say what is known: "4–6 min left", or None."""
        now = self._clock()
        if seconds is not None:
            self._began = now if self._began is None else self._began
            self._ends.append((now, now + seconds))
        while self._ends and now - self._ends[0][0] > max(WINDOW, (now - (self._began or now)) / 10):
            self._ends.popleft()
        if len(self._ends) < FEWEST:
            return None
        ends = sorted(end - now for _, end in self._ends)
        middle = max(_quantile(ends, 0.5), 0.0)
        low = max(min(_quantile(ends, 0.25), middle * (1 - SURE)), 0.0)
        high = max(_quantile(ends, 0.75), middle * (1 + SURE), 1.0)
        return f"{formats.duration_range(low, high)} left"


def _quantile(ordered: Sequence[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])
