"""Which seeds a sweep with a goal has: decided by rule from what is finished, so that every run comes to the same.

At every scale the seeds are 0, 1, 2, … The next batch is added if the outcomes of all batches before it leave
P(success) less certain than the goal asks for. The order in which seeds finish, what was killed or resumed, and
where they are trained make no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seedsweep import formats
from seedsweep.cell import Pack
from seedsweep.criterion import Criterion
from seedsweep.seeds import Goal, Seed, Seeds
from seedsweep.sequential import Aim, Limits, share_limits
from seedsweep.sweep.blocks import files_of
from seedsweep.sweep.knownpack import KnownPack
from seedsweep.sweep.record import SweepRecord
from seedsweep.sweep.scan import scan
from seedsweep.sweep.sections import ScaleSettings, SuccessSettings
from seedsweep.sweep.store import Store

Outcomes: TypeAlias = dict[Seed, bool]
"""Whether seeds have succeeded."""

State: TypeAlias = Literal["open", "reached", "at most", "nothing gained"]


@dataclass(frozen=True)
class ScaleSample:
    """The seeds that one scale shall have, as its finished seeds decide, and what is known by them."""

    seeds: tuple[Seed, ...]
    state: State
    """open: some of the seeds are not finished. nothing gained: all seeds of the last batch were given up."""
    counted: int
    """Seeds whose outcomes have been looked at, given-up ones left out."""
    given_up: int
    limits: Limits
    """Of P(success), by those."""


def decide(
    goal: Goal,
    seeds: Sequence[Seed],
    outcomes: Mapping[Seed, bool],
    given_up: Iterable[Seed] = (),
    aim: Aim | None = None,
) -> ScaleSample:
    """The rule, for one scale.

    Parameters
    ----------
    goal : Goal
    seeds : sequence of Seed
        Those that may be added, in order.
    outcomes : mapping of Seed to bool
        Whether each finished seed has succeeded.
    given_up : iterable of Seed
        Seeds that have failed again and again; the rule goes on without them.
    aim : Aim, optional
        What the intervals are made for, if another goal came first; by default this goal.
    """
    lost = set(given_up) - outcomes.keys()
    aim = aim or aim_of(goal)
    counted = successes = 0
    limits = Limits(0.0, 1.0)
    for start in range(0, goal.at_most, goal.batch):
        asked = tuple(seeds[: start + goal.batch])
        batch = asked[start:]
        told = [outcomes[seed] for seed in batch if seed in outcomes]
        missing = len(batch) - len(told) - sum(seed in lost for seed in batch)
        if missing:
            return ScaleSample(asked, "open", counted, sum(seed in lost for seed in asked), limits)
        counted, successes = counted + len(told), successes + sum(told)
        limits = share_limits(successes, counted, aim=aim)
        state: State | None = None
        if limits.half_width <= goal.p_success:
            state = "reached"
        elif not told:
            state = "nothing gained"
        elif len(asked) == len(seeds):
            state = "at most"
        if state is not None:
            return ScaleSample(asked, state, counted, sum(seed in lost for seed in asked), limits)
    raise AssertionError("a goal asks for a seed at least")


def aim_of(goal: Goal) -> Aim:
    """What intervals are made for."""
    return Aim(goal.p_success, goal.at_most)


@dataclass
class Sampling:
    """Keeps what the finished seeds of a sweep with a goal have come to, and says which seeds it shall have."""

    store: Store
    goal: Goal
    aim: Aim
    criterion: Criterion
    scale_name: str
    seeds: tuple[Seed, ...]
    """That may be added."""
    outcomes: dict[float, Outcomes]
    """By scale."""
    given_up: dict[float, set[Seed]] = field(default_factory=dict)

    def take_in(self, known: Iterable[KnownPack]) -> None:
        """Packs of the store: what their seeds have come to, or that they were given up."""
        packs = [pack for pack in known if pack.pack.scale in self.outcomes]
        finished = [pack for pack in packs if pack.finished]
        read = self.store.outcomes.setdefault(self.criterion, {})
        new = [pack for pack in finished if pack.name not in read]
        if new:
            sizes = self.store.blocks.sizes
            files = files_of(pack.blocks[-1] for pack in new)
            values = self._last_values({name: sizes.get(name, 0) for name in files})
            for pack in new:
                read[pack.name] = {
                    seed: self._succeeds(values.get((pack.pack.scale, seed.id))) for seed in pack.pack.seeds
                }
        for pack in finished:
            self.outcomes[pack.pack.scale] |= read[pack.name]
        for pack in packs:
            if pack.failed and not pack.finished:
                self.give_up(pack.pack.scale, pack.pack.seeds)

    def finish(self, pack: Pack) -> None:
        """A pack has just ended; its blocks are not merged yet."""
        last = max(self.store.entries_of_pack(pack), key=lambda entry: entry.name)
        values = self._last_values({last.name: last.size})
        for seed in pack.seeds:
            self.outcomes[pack.scale][seed] = self._succeeds(values.get((pack.scale, seed.id)))

    def give_up(self, scale: float, seeds: Iterable[Seed]) -> None:
        """These will not be trained."""
        self.given_up.setdefault(scale, set()).update(seeds)

    def sample(self, scale: float) -> ScaleSample:
        """What one scale shall have."""
        return decide(self.goal, self.seeds, self.outcomes[scale], self.given_up.get(scale, ()), self.aim)

    def told(self, scale: float, added: int) -> str:
        """Why so many seeds are added to a scale."""
        sample = self.sample(scale)
        return (
            f"{self.scale_name.rpartition('.')[2]} {formats.scale(scale)}: {formats.counted(added, 'more seed')}; "
            f"P(success) is known to ± {formats.percent(sample.limits.half_width)} by {sample.counted}"
        )

    @property
    def wanted(self) -> dict[float, tuple[Seed, ...]]:
        """The seeds that shall exist, by scale."""
        return {scale: self.sample(scale).seeds for scale in self.outcomes}

    def _last_values(self, sizes: dict[str, int]) -> dict[tuple[float, int], float]:
        criterion = self.criterion
        condition = (pc.field("metric") == criterion.metric) & (pc.field("split") == criterion.split)
        rows: pa.Table = scan(self.store.files, sizes, condition, ["scale", "seed", "step", "value"])
        columns = (rows.sort_by("step")[name].to_pylist() for name in ("scale", "seed", "value"))
        return {(scale, seed): value for scale, seed, value in zip(*columns, strict=True)}

    def _succeeds(self, value: float | None) -> bool:
        """A seed that has diverged, or measures nothing at its end, has not."""
        if value is None or np.isnan(value):
            return False
        return bool(self.criterion.oriented(np.array([value]))[0] >= self.criterion.least)

    def __str__(self) -> str:
        """How the sample comes about, or came about, in a few sentences."""
        goal, word = self.goal, self.scale_name.rpartition(".")[2]
        samples = {scale: self.sample(scale) for scale in self.outcomes}
        are, is_ = ("are", "is") if any(sample.state == "open" for sample in samples.values()) else ("were", "was")
        parts = []
        for state, said in SAID.items():
            parts += [f"{said} {word} {told}" for told in _listed(state, samples)]
        given_up = sum(sample.given_up for sample in samples.values())
        if given_up:
            parts.append(f"{formats.seeds(given_up)} given up, of which nothing is known")
        return (
            f"at every scale seeds {are} added, {goal.batch} at a time and at most {formats.count(goal.at_most)}, "
            f"until P(success) {is_} known to ± {formats.percent(goal.p_success)}: {'; '.join(parts)}. {PROMISE}"
        )


SAID: Final[Mapping[State, str]] = {
    "reached": "reached at",
    "at most": "not reached at",
    "nothing gained": "stopped, where a whole batch was given up, at",
    "open": "going on at",
}

PROMISE: Final = (
    "Intervals of P(success) are anytime-valid: of each scale, the probability that one ever misses the truth, "
    "whenever one stops, is at most 5 %; all else takes the number of seeds as given"
)


def _listed(state: State, samples: Mapping[float, ScaleSample]) -> list[str]:
    """The scales of this state with their seeds and how precisely P(success) is known there; empty for none."""
    parts = []
    for scale, sample in samples.items():
        known = f", ± {formats.percent(sample.limits.half_width)}" if sample.counted and state != "reached" else ""
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
    first: Goal | None = None,
) -> Sampling | None:
    """Of a sweep, as its packs tell; None if it has no goal. `first` is the goal that it had first."""
    if seeds.goal is None:
        return None
    made = Sampling(
        store,
        seeds.goal,
        aim_of(first or seeds.goal),
        success.criterion,
        ladder.field,
        seeds.pairs(),
        outcomes={scale: {} for scale in ladder.values},
    )
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
        first=record.first_goal,
    )
