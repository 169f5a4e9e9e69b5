"""Seeds: what `seeds: 0:64` in a spec and `--seeds 0:64` on the command line stand for.

A seed is a pair (init, data): one draws the initial weights, the other the training data. A plain seed *s* is
the pair (s, s). Crossing the roles, `seeds: {init: 0:16, data: 0:16}`, gives every pair, so that the variance
due to initialisation can be told from the variance due to the data. The pair (s, s) of a crossed sweep *is*
the plain seed s, so a crossed sweep extends a plain one in the same directory.

In place of a number of seeds a *goal* may be given, `seeds: {goal: {p_success: 0.05}, at_most: 400, batch: 16}`:
at every scale seeds 0, 1, 2, … are added, a batch at a time, until P(success) is known so precisely; or the mean
of the metric that decides about success, `goal: {mean: 0.03}`, or both.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, model_serializer, model_validator

MOST = 1_000_000
"""Seeds of a scale; crossed ones are counted as pairs."""

LARGEST = 2**31 - 2
"""Largest value of one role; two roles fit in the int64 of the `seed` column."""


MOST_FOR_A_GOAL = 10_000
"""Seeds of a scale that may be added for a goal: half-widths down to 0.012."""
BATCH = 16
"""Seeds that are added at a time if nobody says."""
HOW_GOALS_ARE_WRITTEN = "write {goal: {p_success: 0.05}, at_most: 400, batch: 16}"
HALF_WIDTHS = ("p_success", "mean")
"""What a goal may be about."""
_OF_A_GOAL = frozenset({"goal", "at_most", "batch", "bounds"})


class Seed(NamedTuple):
    """One member of the population: the seed of its initial weights and the seed of its data."""

    init: int
    data: int

    @property
    def id(self) -> int:
        """The value of the `seed` column: s for the plain seed (s, s), else `(init + 1) << 32 | data`."""
        return self.init if self.init == self.data else (self.init + 1) << 32 | self.data


def parse_range(given: Any) -> tuple[int, ...]:
    """Integers named by `7`, `"0:64"` (half open), `"0:8,20"` or a list of such; in the order given.

    Raises ValueError, with what would be right, on an empty or reversed range, a duplicate or a negative seed.
    """
    items = given.split(",") if isinstance(given, str) else given if isinstance(given, list | tuple) else [given]
    seeds: list[int] = []
    for item in items:
        more = _parse_item(item)
        if len(seeds) + len(more) > MOST:
            raise ValueError(f"more than {MOST:,} seeds; write a shorter range, for example 0:64")
        seeds.extend(more)
    if not seeds:
        raise ValueError("no seeds given; write for example 0:64")
    seen: set[int] = set()
    for seed in seeds:
        if seed in seen:
            raise ValueError(f"seed {seed} is given twice; every seed can be trained once only")
        if seed > LARGEST:
            raise ValueError(f"seed {seed} is over the largest, {LARGEST}")
        seen.add(seed)
    return tuple(seeds)


def _parse_item(item: Any) -> Sequence[int]:
    if isinstance(item, int) and not isinstance(item, bool):
        if item < 0:
            raise ValueError(f"seed {item} is negative; seeds start at 0")
        return (item,)
    match = re.fullmatch(r"\s*(\d+)\s*(?::\s*(\d+)\s*)?", item) if isinstance(item, str) else None
    if match is None:
        raise ValueError(f"{item!r} is not a seed or a range; write for example 7 or 0:64 (64 not included)")
    first = int(match[1])
    if match[2] is None:
        return (first,)
    stop = int(match[2])
    if stop < first:
        raise ValueError(f"range {item.strip()} is reversed; write {stop}:{first}")
    if stop == first:
        raise ValueError(f"range {item.strip()} is empty: the end is not included; write {first}:{first + 1}")
    if stop - 1 > LARGEST:
        raise ValueError(f"seed {stop - 1} is over the largest, {LARGEST}")
    return range(first, stop)


def format_range(seeds: Iterable[int]) -> str:
    """The shortest text that `parse_range` reads back as the same sorted seeds: `"0:8,20"`."""
    ordered = sorted(seeds)
    parts: list[str] = []
    start = 0
    for end in range(1, len(ordered) + 1):
        if end == len(ordered) or ordered[end] != ordered[end - 1] + 1:
            first, last = ordered[start], ordered[end - 1]
            parts.append(str(first) if first == last else f"{first}:{last + 1}")
            start = end
    return ",".join(parts)


class Goal(NamedTuple):
    """What seeds are added for, at every scale."""

    p_success: float | None
    """Half-width of the interval of P(success); None if any will do."""
    at_most: int
    """Seeds of a scale."""
    batch: int
    """Seeds that are added at a time."""
    mean: float | None = None
    """Half-width of the interval of the mean of the metric that decides about success; None if any will do."""
    bounds: tuple[float, float] | None = None
    """The range of this metric, where its task does not tell it."""

    @property
    def half_widths(self) -> dict[str, float]:
        """By what they are of, those that are given."""
        given = zip(HALF_WIDTHS, (self.p_success, self.mean), strict=True)
        return {name: half_width for name, half_width in given if half_width is not None}


class Seeds(BaseModel):
    """The seeds a sweep shall have: plain (`0:64`, a list), crossed (`{init: 0:16, data: 0:16}`), for a goal."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    init: tuple[int, ...]
    data: tuple[int, ...]
    crossed: bool
    goal: Goal | None = None
    """Then `init` and `data` are those that may be added."""

    @model_validator(mode="before")
    @classmethod
    def _parse(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            plain = parse_range(given)
            return {"init": plain, "data": plain, "crossed": False}
        if _OF_A_GOAL & set(given):
            goal = _goal(given)
            plain = tuple(range(goal.at_most))
            return {"init": plain, "data": plain, "crossed": False, "goal": goal}
        if set(given) != {"init", "data"}:
            raise ValueError(
                "write a range such as 0:64, a list, both roles: {init: 0:16, data: 0:16}, or a goal: "
                "{goal: {p_success: 0.05}, at_most: 400}"
            )
        init, data = parse_range(given["init"]), parse_range(given["data"])
        if len(init) * len(data) > MOST:
            raise ValueError(f"crossed they are {len(init) * len(data):,} seeds, of {MOST:,} at most")
        return {"init": init, "data": data, "crossed": True}

    @model_serializer
    def _compact(self) -> str | dict[str, Any]:
        if self.goal is not None:
            goal, bounds = self.goal, {} if self.goal.bounds is None else {"bounds": list(self.goal.bounds)}
            return {"goal": goal.half_widths, "at_most": goal.at_most, "batch": goal.batch, **bounds}
        if self.crossed:
            return {"init": format_range(self.init), "data": format_range(self.data)}
        return format_range(self.init)

    def pairs(self) -> tuple[Seed, ...]:
        """Every seed, sorted by id; with a goal, every one that may be added."""
        if self.crossed:
            pairs = [Seed(i, d) for i in self.init for d in self.data]
        else:
            pairs = [Seed(s, s) for s in self.init]
        return tuple(sorted(pairs, key=lambda seed: seed.id))


def enough_for(half_widths: Iterable[float]) -> int:
    """Seeds of a scale with which a goal is reached in all likelihood, of values between 0 and 1."""
    needed = max(1.6 * (0.98 / min(half_width, 0.5)) ** 2 for half_width in half_widths)
    return min(MOST_FOR_A_GOAL, math.ceil(needed / 10) * 10)


def _goal(given: dict[Any, Any]) -> Goal:
    """Of the section. Raises ValueError, with what would be right."""
    if others := set(given) - _OF_A_GOAL:
        what = "a goal is reached with plain seeds 0, 1, 2, …" if {"init", "data"} & others else "unknown here"
        raise ValueError(f"{min(map(str, others))}: {what}; {HOW_GOALS_ARE_WRITTEN}")
    wanted = given.get("goal")
    if not isinstance(wanted, dict) or not wanted or set(wanted) - set(HALF_WIDTHS):
        raise ValueError(f"goal: is a half-width of P(success), of the mean, or both; {HOW_GOALS_ARE_WRITTEN}")
    for name, half_width in wanted.items():
        most = 0.5 if name == "p_success" else math.inf
        if isinstance(half_width, bool) or not isinstance(half_width, int | float) or not 0 < half_width < most:
            what = "of a share" if name == "p_success" else "above 0, in the unit of the metric"
            raise ValueError(f"goal.{name}: {half_width!r} is no half-width {what}; give for example 0.05")
    at_most = given.get("at_most")
    if at_most is None:
        enough = enough_for(wanted.values())
        raise ValueError(f"at_most: is missing: how many seeds a scale may have, for example {enough}")
    default = min(BATCH, at_most) if isinstance(at_most, int) else BATCH
    counts = {"at_most": at_most, "batch": given.get("batch", default)}
    for name, number in counts.items():
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise ValueError(f"{name}: {number!r} is not a number of seeds; {HOW_GOALS_ARE_WRITTEN}")
    batch = counts["batch"]
    if at_most > MOST_FOR_A_GOAL:
        raise ValueError(f"at_most: {at_most:,} is over the largest, {MOST_FOR_A_GOAL:,}")
    if batch > at_most:
        raise ValueError(f"batch: {batch} seeds are more than at_most, {at_most}; give at most as many")
    widths = {name: float(half_width) for name, half_width in wanted.items()}
    return Goal(widths.get("p_success"), at_most, batch, widths.get("mean"), _bounds(given.get("bounds")))


def _bounds(given: Any) -> tuple[float, float] | None:
    if given is None:
        return None
    ends = given if isinstance(given, list | tuple) else []
    numbers = [float(end) for end in ends if isinstance(end, int | float) and not isinstance(end, bool)]
    if len(ends) != 2 or len(numbers) != 2 or not (all(map(math.isfinite, numbers)) and numbers[0] < numbers[1]):
        raise ValueError(f"bounds: {given!r} is not the range of a metric; give both ends, for example [0, 1]")
    return numbers[0], numbers[1]
