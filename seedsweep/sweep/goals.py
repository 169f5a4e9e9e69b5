"""Which seeds a sweep with a goal has: decided by rule from what is finished, so that every run comes to the same.

At every scale the seeds are 0, 1, 2, … The next batch is added if what all batches before it have come to leaves
P(success), or the mean, less certain than the goal asks for (`seedsweep.sweep.goalrule`). The order in which seeds
finish, what was killed or resumed, and where they are trained make no difference.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from seedsweep import formats
from seedsweep.cell import Pack
from seedsweep.measures import Metric
from seedsweep.population import of_split
from seedsweep.seeds import Goal, Seed, Seeds
from seedsweep.sweep.blocks import files_of
from seedsweep.sweep.goalrule import Rule, ScaleSample, State, bounds_of
from seedsweep.sweep.knownpack import KnownPack
from seedsweep.sweep.record import SweepRecord
from seedsweep.sweep.scan import scan
from seedsweep.sweep.sections import ScaleSettings, SuccessSettings
from seedsweep.sweep.store import Store


@dataclass
class Sampling:
    """Keeps what the finished seeds of a sweep with a goal have come to, and says which seeds it shall have."""

    store: Store
    rule: Rule
    scale_name: str
    seeds: tuple[Seed, ...]
    """That may be added."""
    values: dict[float, dict[Seed, float]]
    """By scale, what finished seeds measure at their end: `seedsweep.sweep.goalrule.Values`."""
    given_up: dict[float, set[Seed]] = field(default_factory=dict)

    def take_in(self, known: Iterable[KnownPack]) -> None:
        """Packs of the store: what their seeds have come to, or that they were given up."""
        packs = [pack for pack in known if pack.pack.scale in self.values]
        finished = [pack for pack in packs if pack.finished]
        criterion = self.rule.criterion
        read = self.store.last_values.setdefault((criterion.metric, criterion.split), {})
        new = [pack for pack in finished if pack.name not in read]
        if new:
            sizes = self.store.blocks.sizes
            files = files_of(pack.blocks[-1] for pack in new)
            values = self._last_values({name: sizes.get(name, 0) for name in files})
            for pack in new:
                read[pack.name] = {
                    seed: values.get((pack.pack.scale, seed.id), math.nan) for seed in pack.pack.seeds
                }
        for pack in finished:
            self.values[pack.pack.scale] |= read[pack.name]
        for pack in packs:
            if pack.failed and not pack.finished:
                self.give_up(pack.pack.scale, pack.pack.seeds)

    def finish(self, pack: Pack) -> None:
        """A pack has just ended; its blocks are not merged yet."""
        last = max(self.store.entries_of_pack(pack), key=lambda entry: entry.name)
        values = self._last_values({last.name: last.size})
        for seed in pack.seeds:
            self.values[pack.scale][seed] = values.get((pack.scale, seed.id), math.nan)

    def give_up(self, scale: float, seeds: Iterable[Seed]) -> None:
        """These will not be trained."""
        self.given_up.setdefault(scale, set()).update(seeds)

    def sample(self, scale: float) -> ScaleSample:
        """What one scale shall have."""
        return self.rule.decide(self.seeds, self.values[scale], self.given_up.get(scale, ()))

    def told(self, scale: float, added: int) -> str:
        """Why so many seeds are added to a scale."""
        sample = self.sample(scale)
        known = [f"{what} to {width}" for what, width in sample.known(self.rule.goal).items()]
        return (
            f"{self.scale_name.rpartition('.')[2]} {formats.scale(scale)}: {formats.counted(added, 'more seed')}; "
            f"{sample.counted} tell {formats.listed(known)}"
        )

    @property
    def wanted(self) -> dict[float, tuple[Seed, ...]]:
        """The seeds that shall exist, by scale."""
        return {scale: self.sample(scale).seeds for scale in self.values}

    def _last_values(self, sizes: dict[str, int]) -> dict[tuple[float, int], float]:
        criterion = self.rule.criterion
        condition = (pc.field("metric") == criterion.metric) & (pc.field("split") == criterion.split)
        rows: pa.Table = scan(self.store.files, sizes, condition, ["scale", "seed", "step", "value"])
        columns = (rows.sort_by("step")[name].to_pylist() for name in ("scale", "seed", "value"))
        return {(scale, seed): value for scale, seed, value in zip(*columns, strict=True)}

    def __str__(self) -> str:
        """How the sample comes about, or came about, in a few sentences."""
        goal, word = self.rule.goal, self.scale_name.rpartition(".")[2]
        samples = {scale: self.sample(scale) for scale in self.values}
        are, is_ = ("are", "is") if any(sample.state == "open" for sample in samples.values()) else ("were", "was")
        parts = []
        for state, said in SAID.items():
            parts += [f"{said} {word} {told}" for told in _listed(state, samples, goal)]
        given_up = sum(sample.given_up for sample in samples.values())
        if given_up:
            parts.append(f"{formats.seeds(given_up)} given up, of which nothing is known")
        return (
            f"at every scale seeds {are} added, {goal.batch} at a time and at most {formats.count(goal.at_most)}, "
            f"until {self._wanted(is_)}: {'; '.join(parts)}. {PROMISE.format(self._promised)}"
        )

    def _wanted(self, is_: str) -> str:
        """What shall be known."""
        goal, criterion = self.rule.goal, self.rule.criterion
        widths = {}
        if goal.p_success is not None:
            widths["P(success)"] = formats.percent(goal.p_success)
        if goal.mean is not None:
            widths[f"the mean of {criterion.metric}{of_split(criterion.split)}"] = formats.given(goal.mean)
        told = formats.listed([f"{what} to ± {width}" for what, width in widths.items()])
        return told.replace(" to ±", f" {is_} known to ±", 1)

    @property
    def _promised(self) -> str:
        """What has intervals that may be looked at all the time."""
        return "P(success)" if self.rule.bounds is None else "P(success) and of means of this metric"


SAID: Final[Mapping[State, str]] = {
    "reached": "reached at",
    "at most": "not reached at",
    "nothing gained": "stopped, where a whole batch was given up, at",
    "beyond bounds": "stopped, since a value is beyond the bounds that were given, at",
    "open": "going on at",
}

PROMISE: Final = (
    "Intervals of {} are anytime-valid: of each scale, the probability that one ever misses the truth, "
    "whenever one stops, is at most 5 %; all else takes the number of seeds as given"
)


def _listed(state: State, samples: Mapping[float, ScaleSample], goal: Goal) -> list[str]:
    """The scales of this state with their seeds and how precisely all is known there; empty for none."""
    parts = []
    for scale, sample in samples.items():
        widths = formats.listed(list(sample.known(goal).values()))
        known = f", {widths}" if sample.counted and widths and state != "reached" else ""
        if sample.state == state:
            parts.append(f"{formats.scale(scale)} ({formats.count(len(sample.seeds))}{known})")
    return [formats.listed(parts)] if parts else []


def sampling(
    store: Store,
    known: Iterable[KnownPack],
    *,
    seeds: Seeds,
    ladder: ScaleSettings,
    success: SuccessSettings,
    metrics: Iterable[Metric],
    first: Goal | None = None,
) -> Sampling | None:
    """Of a sweep, as its packs tell; None if it has no goal. `first` is the goal that it had first.

    Raises
    ------
    InputError
        If the goal is a mean of something that has no bounds.
    """
    goal, criterion = seeds.goal, success.criterion
    if goal is None:
        return None
    rule = Rule.of(goal, criterion, bounds_of(goal, criterion, metrics), first)
    made = Sampling(store, rule, ladder.field, seeds.pairs(), values={scale: {} for scale in ladder.values})
    made.take_in(known)
    return made


def sampling_of(store: Store, record: SweepRecord, known: Iterable[KnownPack]) -> Sampling | None:
    """The same of what the record says."""
    if record.imported:
        return None
    return sampling(
        store,
        known,
        seeds=record.wish,
        ladder=record.ladder,
        success=record.success,
        metrics=record.metrics,
        first=record.first_goal,
    )
