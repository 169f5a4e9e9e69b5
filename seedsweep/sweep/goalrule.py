"""The rule by which seeds are added for a goal: a pure function of what a scale's finished seeds have come to."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self, TypeAlias

import numpy as np

from seedsweep import formats
from seedsweep.betting import ROUNDING, mean_limits
from seedsweep.criterion import Criterion
from seedsweep.errors import InputError
from seedsweep.measures import Metric
from seedsweep.seeds import Goal, Seed
from seedsweep.sequential import Aim, Aims, Limits, share_limits

Values: TypeAlias = Mapping[Seed, float]
"""What finished seeds measure at their end; NaN of one that has diverged, or measures nothing there."""

State: TypeAlias = Literal["open", "reached", "at most", "nothing gained", "beyond bounds"]


@dataclass(frozen=True)
class ScaleSample:
    """The seeds that one scale shall have, as its finished seeds decide, and what is known by them."""

    seeds: tuple[Seed, ...]
    state: State
    """open: some of the seeds are not finished. nothing gained: all seeds of the last batch were given up. beyond
    bounds: a value is not within the range that the metric is said to have."""
    counted: int
    """Seeds whose outcomes have been looked at, given-up ones left out."""
    given_up: int
    limits: Limits
    """Of P(success), by those."""
    mean: Limits | None = None
    """Of the mean; None where nothing is asked of it."""

    def excess(self, goal: Goal) -> float:
        """How many times as wide as wanted the widest interval is."""
        known = {"p_success": self.limits, "mean": self.mean}
        widths = [(known[name], wanted) for name, wanted in goal.half_widths.items()]
        return max(math.inf if limits is None else limits.half_width / wanted for limits, wanted in widths)

    def known(self, goal: Goal) -> dict[str, str]:
        """How precisely what the goal asks for is known: {"P(success)": "± 12 %"}."""
        told = {}
        if goal.p_success is not None:
            told["P(success)"] = f"± {formats.percent(self.limits.half_width)}"
        if self.mean is not None:
            told["the mean"] = f"± {formats.number(self.mean.half_width)}"
        return told


@dataclass(frozen=True)
class Rule:
    """By which seeds are added: the next batch if what is finished of all batches before leaves too much open."""

    goal: Goal
    criterion: Criterion
    aims: Aims
    """What intervals are made for."""
    bounds: tuple[float, float] | None = None
    """The range of the metric; None if nobody knows it, and then no mean is asked for."""

    @classmethod
    def of(
        cls,
        goal: Goal,
        criterion: Criterion,
        bounds: tuple[float, float] | None = None,
        first: Goal | None = None,
    ) -> Self:
        """`first` is the goal that the sweep had first, if that was another: intervals stay what they are."""
        return cls(goal, criterion, aims_of(first or goal), bounds)

    def decide(self, seeds: Sequence[Seed], values: Values, given_up: Iterable[Seed] = ()) -> ScaleSample:
        """What one scale shall have.

        Parameters
        ----------
        seeds : sequence of Seed
            Those that may be added, in order.
        values : mapping of Seed to float
            Of each finished seed.
        given_up : iterable of Seed
            Seeds that have failed again and again; the rule goes on without them.
        """
        goal = self.goal
        lost = set(given_up) - values.keys()
        sample = ScaleSample((), "open", 0, 0, Limits(0.0, 1.0))
        finished: list[float] = []
        for start in range(0, goal.at_most, goal.batch):
            asked = tuple(seeds[: start + goal.batch])
            batch = asked[start:]
            told = [values[seed] for seed in batch if seed in values]
            gone = sum(seed in lost for seed in batch)
            sample = replace(sample, seeds=asked, given_up=sample.given_up + gone)
            if len(told) + gone < len(batch):
                return sample
            finished += told
            sample = self._looked_at(sample, finished)
            if sample.state != "beyond bounds":
                sample = replace(sample, state=self._state(sample, told, last=len(asked) == len(seeds)))
            if sample.state != "open":
                return sample
        raise AssertionError("a goal asks for a seed at least")

    def _looked_at(self, sample: ScaleSample, finished: Sequence[float]) -> ScaleSample:
        known = [value for value in finished if not np.isnan(value)]
        successes = int((self.criterion.oriented(known) >= self.criterion.least).sum())
        limits = share_limits(successes, len(finished), aim=self.aims.p_success)
        sample = replace(sample, counted=len(finished), limits=limits)
        if self.goal.mean is None or self.bounds is None:
            return sample
        if not within(known, self.bounds):
            return replace(sample, state="beyond bounds")
        return replace(sample, mean=mean_limits(known, bounds=self.bounds, aim=self.aims.mean))

    def _state(self, sample: ScaleSample, told: Sequence[float], last: bool) -> State:
        if sample.excess(self.goal) <= 1:
            return "reached"
        if not told:
            return "nothing gained"
        return "at most" if last else "open"


def aims_of(goal: Goal) -> Aims:
    """What intervals are made for."""
    made = {name: Aim(half_width, goal.at_most) for name, half_width in goal.half_widths.items()}
    return Aims(**made)


def within(values: Sequence[float], bounds: tuple[float, float]) -> bool:
    """Whether all of them are, but for rounding."""
    low, high = bounds
    beyond = ROUNDING * (high - low)
    return not values or (min(values) >= low - beyond and max(values) <= high + beyond)


def bounds_of(goal: Goal, criterion: Criterion, metrics: Iterable[Metric]) -> tuple[float, float] | None:
    """The range of the metric that decides about success, as far as its task or the goal tells it.

    Raises
    ------
    InputError
        If both tell it, or if the goal is a mean and neither does.
    """
    name = criterion.metric
    known = next((metric for metric in metrics if metric.name == name), None)
    if known is not None and goal.bounds is not None:
        raise InputError(f"seeds.bounds: what bounds {name} has is known by the task; leave bounds out")
    low, high = (goal.bounds or (None, None)) if known is None else known.bounds
    if low is None or high is None:
        if goal.mean is None:
            return None
        if known is None:
            raise InputError(f"seeds.goal.mean: nobody knows what values {name} may have; add bounds: [0, 1]")
        raise InputError(
            f"seeds.goal.mean: {name} may be as large as it likes, and no interval of such a mean holds for sure; "
            "take a metric that has bounds, or a goal for p_success"
        )
    if goal.mean is not None and goal.mean >= (high - low) / 2:
        ends = f"between {formats.given(low)} and {formats.given(high)}"
        raise InputError(
            f"seeds.goal.mean: {formats.given(goal.mean)} is no half-width of a mean of {name}, {ends}; give for "
            f"example {formats.given((high - low) / 20)}"
        )
    return low, high
