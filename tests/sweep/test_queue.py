"""The time that is left, of simulated runs of which it is known when they end."""

from __future__ import annotations

import heapq
import os
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from seedsweep.cell import Pace, Pack
from seedsweep.schema import BlockInfo
from seedsweep.seeds import Seed
from seedsweep.sweep.blocks import Block
from seedsweep.sweep.knownpack import KnownPack
from seedsweep.sweep.pace import expected, makespan, paces_of
from seedsweep.sweep.progress import Progress
from seedsweep.sweep.queue import Queue
from seedsweep.sweep.record import ScaleRecord, SweepRecord

HERE = socket.gethostname()
STEPS, EVALUATIONS = 1000, 16
SCHEDULE = [0, 1, 2, 4, 8, 16, 32, *range(100, 1001, 100)][:EVALUATIONS]
NEAR = 0.05
"""Of a run, at its end: what is left then is too little for shares of it."""


@dataclass(frozen=True)
class Scale:
    """What a scale really takes, and what is known of it beforehand."""

    scale: float
    flop: float
    truth: Pace
    tried: Pace | None
    cells: int

    @property
    def costs(self) -> ScaleRecord:
        """As the record has it."""
        return ScaleRecord(
            scale=self.scale, steps=STEPS, flop_per_seed_step=self.flop, evaluations=EVALUATIONS, pace=self.tried
        )


@dataclass
class Simulation:
    """Workers that take packs from a queue; `looks` goes through the run and tells what the store then has."""

    scales: Sequence[Scale]
    workers: int
    size: int = 4
    measures: bool = True
    """Whether workers tell their pace, or only a rate."""
    before: list[KnownPack] = field(default_factory=list)
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(3))

    def packs(self) -> list[tuple[Scale, Pack]]:
        """The queue: what costs most by arithmetic comes first."""
        made = []
        there = {(pack.pack.scale, seed.id) for pack in self.before for seed in pack.pack.seeds}
        for scale in sorted(self.scales, key=lambda one: -one.flop):
            seeds = [Seed(n, n) for n in range(scale.cells) if (scale.scale, n) not in there]
            made += [
                (scale, Pack("model.depth", scale.scale, tuple(seeds[first : first + self.size]), "f"))
                for first in range(0, len(seeds), self.size)
            ]
        return made

    def looks(self, every: int = 60) -> Iterator[tuple[float, float, float | None]]:
        """When, how much is really left, and what is said of that."""
        free = [0.0] * self.workers
        timed = []
        for scale, pack in self.packs():
            speed = self.random.normal(1.0, 0.05)
            pace = scale.truth.times(speed)
            begin = heapq.heappop(free)
            end = begin + pace.setup + pace.seconds(len(pack.seeds), STEPS, EVALUATIONS)
            heapq.heappush(free, end)
            timed.append((begin, end, pack, pace))
        last = max(end for _, end, _, _ in timed)
        for now in np.linspace(0, last, every, endpoint=False):
            known = [*self.before, *(self.seen(now, *one) for one in timed if one[0] <= now)]
            yield now / last, last - now, self.told(known, now)

    def seen(self, now: float, begin: float, end: float, pack: Pack, pace: Pace) -> KnownPack:
        """A pack that was handed out, as its files show it."""
        if now >= end:
            return finished(pack, pace if self.measures else end - begin)
        step, done, spent = 0, 0, now - begin - pace.setup
        per_evaluation, per_step = (len(pack.seeds) * one for one in (pace.evaluation, pace.step))
        for evaluation in SCHEDULE:
            here = min(max(0.0, spent) / per_step, evaluation - step)
            step, spent = step + int(here), spent - here * per_step
            if step < evaluation or spent < per_evaluation:
                break
            done, spent = done + 1, spent - per_evaluation
        known = self.measures and step > 1
        progress = Progress(
            pack=pack.name,
            scale=pack.scale,
            seeds=len(pack.seeds),
            step=step,
            steps=STEPS,
            saved_step=0,
            rate=step * len(pack.seeds) / (now - begin) if now - begin > 10 else 0.0,
            state="running",
            updated=now,
            host=HERE,
            pid=os.getpid(),
            pace=pace if known else None,
            evaluations=done if self.measures else 0,
        )
        return KnownPack(pack.name, pack, (), has_checkpoint=False, failed=False, progress=progress)

    def told(self, known: list[KnownPack], now: float) -> float | None:
        """As `status` asks."""
        queue = Queue(record([scale.costs for scale in self.scales], self.size), known, now)
        for scale in self.scales:
            begun = 0
            for pack in known:
                if pack.pack.scale == scale.scale:
                    begun += len(pack.pack.seeds)
                    if not pack.finished:
                        queue.take_in(pack, scale.costs, STEPS)
            queue.wait(scale.costs, STEPS, scale.cells - begun)
        return queue.seconds_left()


def record(scales: Sequence[ScaleRecord], size: int) -> SweepRecord:
    """Of a run with packs of that size."""
    return SweepRecord(
        format=1,
        name="simulated",
        fingerprint="f",
        created="",
        updated="",
        spec={},
        settings={},
        splits=(),
        metrics=(),
        scales=tuple(scales),
        runs=({"pack_sizes": [size]},),
    )


def finished(pack: Pack, took: Pace | float, host: str = HERE) -> KnownPack:
    """A pack with its only block, which tells its pace, or of a program its seconds."""
    facts = {"host": host} | ({"pace": vars(took)} if isinstance(took, Pace) else {"seconds": took})
    pairs = tuple((seed.init, seed.data) for seed in pack.seeds)
    info = BlockInfo("f", pack.name, 0, True, pack.scale, pairs, (0, STEPS), facts)
    return KnownPack(pack.name, pack, (Block("block", info, 1),), False, False, None)


def ladder(kind: str, *, tried: bool = True) -> list[Scale]:
    """Four scales. By arithmetic each costs half of the next, but small models are worse at it; and where late
    scales are dear, they are because of their evaluations. A trial, made alone, tells 70 to 80 % of the truth.
    """
    scales = []
    for number in range(4):
        flop = 2.0**number
        step, evaluation = 0.002 * flop**0.6, 0.05 * flop**0.6
        if kind == "late scales are dear":
            evaluation = 2.0 / flop
        truth = Pace(3.0 if kind == "compiled" else 0.2, step, evaluation)
        trial = replace(truth.times(0.7 + 0.03 * number), setup=truth.setup) if tried else None
        scales.append(Scale(float(number + 1), 1e9 * flop, truth, trial, cells=90))
    return scales


def far_off(simulation: Simulation) -> list[tuple[float, float, float | None]]:
    """Where what is said from a third on is more than a fifth off."""
    return [
        (at, left, told)
        for at, left, told in simulation.looks()
        if 1 / 3 <= at <= 1 - NEAR and (told is None or abs(told - left) > 0.2 * left)
    ]


@pytest.mark.parametrize("workers", [1, 2, 8])
@pytest.mark.parametrize("kind", ["late scales are cheap", "late scales are dear", "compiled"])
def test_a_run_is_foretold_within_a_fifth_from_a_third_on(kind: str, workers: int) -> None:
    assert far_off(Simulation(ladder(kind), workers)) == []


@pytest.mark.parametrize("workers", [1, 8])
def test_from_the_first_moment_something_is_said(workers: int) -> None:
    told = [told for _, _, told in Simulation(ladder("late scales are cheap"), workers).looks()]
    assert None not in told


@pytest.mark.parametrize("workers", [1, 2])
def test_without_a_trial_arithmetic_has_to_do(workers: int) -> None:
    """Then the scales to come are foretold too short here, the more the less is known of them."""
    looks = list(Simulation(ladder("late scales are cheap", tried=False), workers).looks())
    assert all(told is not None for at, _, told in looks if at > 0.05)
    assert all(abs(told - left) < 0.45 * left for at, left, told in looks if told and 1 / 3 <= at <= 1 - NEAR)


@pytest.mark.parametrize("workers", [1, 8])
def test_a_resumed_run_learns_from_its_own_finished_seeds_and_not_from_other_machines(workers: int) -> None:
    scales = ladder("late scales are cheap", tried=False)
    before = []
    for scale in scales:
        for first, host, factor in ((0, HERE, 1.0), (4, "elsewhere", 7.0)):
            seeds = tuple(Seed(n, n) for n in range(first, first + 4))
            pack = Pack("model.depth", scale.scale, seeds, "f")
            before.append(finished(pack, scale.truth.times(factor), host))
    simulation = Simulation(scales, workers, before=before)
    assert far_off(simulation) == []
    assert all(
        told is not None and abs(told - left) < 0.2 * left for _, left, told in list(simulation.looks())[:20]
    )


@pytest.mark.parametrize("workers", [1, 8])
def test_programs_of_unknown_cost(workers: int) -> None:
    """They tell a rate at most, and seconds when they have ended; their scales take as long as each other."""
    same = [replace(scale, flop=1.0, truth=Pace(0.0, 0.01, 0.0), tried=None) for scale in ladder("whatever")]
    assert far_off(Simulation(same, workers, size=1, measures=False)) == []


def test_nothing_is_said_of_cells_of_which_nobody_knows_how_long_they_are() -> None:
    scale = ladder("whatever")[0].costs
    queue = Queue(record([scale], 4), [], 0.0)
    pack = Pack("model.depth", 1.0, (Seed(0, 0),), "f")
    queue.take_in(KnownPack(pack.name, pack, (), False, False, None), scale, 0)
    assert queue.seconds_left() is None


@pytest.mark.parametrize(
    ("running", "waiting", "seconds"),
    [([0.0], [], 0.0), ([3.0], [2.0, 2.0], 7.0), ([3.0, 0.0], [2.0, 2.0], 4.0), ([1.0, 1.0, 1.0], [5.0], 6.0)],
)
def test_the_last_pack_ends_the_run(running: list[float], waiting: list[float], seconds: float) -> None:
    assert makespan(running, waiting) == seconds


def test_a_scale_without_packs_is_expected_as_its_trial_told_and_as_much_slower_as_others() -> None:
    large, small = ladder("whatever")[3], ladder("whatever")[0]
    pack = Pack("model.depth", large.scale, (Seed(0, 0),), "f")
    assert large.tried is not None
    assert small.tried is not None
    known = [finished(pack, large.tried.times(2.0))]
    found = expected([large.costs, small.costs], paces_of(known, [HERE]))
    assert found[small.scale].step == pytest.approx(2 * small.tried.step)
    assert expected([large.costs, small.costs], paces_of(known, ["elsewhere"]))[small.scale] == small.tried
