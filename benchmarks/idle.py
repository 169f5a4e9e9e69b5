"""Cells that train nothing, and stores that nobody has trained, for `benchmarks.orchestration`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import pyarrow as pa

from seedsweep.cell import Cost, Pack, Recipe, Runs, Sink
from seedsweep.measures import Metric, Split
from seedsweep.schema import METRICS, BlockInfo
from seedsweep.seeds import Seed
from seedsweep.sweep.events import Event
from seedsweep.sweep.find import find
from seedsweep.sweep.run import run
from seedsweep.sweep.spec import SweepSpec
from seedsweep.sweep.specfile import read_spec
from seedsweep.sweep.store import Store

SCALES = (1, 2, 3, 5)
EVALUATIONS = 5


@dataclass(frozen=True)
class Idle(Recipe):
    """Does what every recipe has to do, and nothing else: one step, one row."""

    @property
    def task(self) -> str:
        return "idle"

    @property
    def steps(self) -> int:
        return 1

    def splits(self) -> tuple[Split, ...]:
        return (Split(name="test", role="in-distribution", examples=1),)

    def metrics(self) -> tuple[Metric, ...]:
        return (Metric(name="accuracy", bounds=(0.0, 1.0)),)

    def cost(self) -> Cost | None:
        return None

    def check_device(self, device: str) -> None:
        pass

    def pack_size(self, device: str) -> int:
        return 4

    def seconds_per_seed(self, device: str, pack: int) -> float | None:
        return None

    def train(self, pack: Pack, sink: Sink, *, device: str, should_stop: Callable[[], bool]) -> bool:
        sink.report(1, 1)
        sink.write_block(
            0, rows(pack, self.task, [1], [("test", "accuracy")]), last=True, steps=(1, 1), provenance={}
        )
        return True

    def train_alone_and_packed(
        self, packs: Sequence[Sequence[Seed]], device: str, steps: int, on_run: Callable[[], None]
    ) -> Runs:
        raise AssertionError("nobody asks")


def sweep_of(cells: int, pack: int, steps: int) -> SweepSpec:
    """A sweep of so many cells at four scales."""
    overrides = [
        f"scale.values={list(SCALES)}",
        f"train.steps={steps}",
        "train.warmup=0",
        f"execution.pack={pack}",
    ]
    return read_spec("pocket/count-depth", overrides=overrides, seeds=f"0:{cells // len(SCALES)}").spec


class _Enough(BaseException):
    """The record is written."""


def write_store(spec: SweepSpec, place: Path, size: int) -> None:
    """A complete sweep with invented values, as a run leaves it: a block of every pack, by the store's writer."""

    def stop(event: Event) -> None:
        raise _Enough

    with suppress(_Enough):
        run(spec, place, executor="inline", on_progress=stop)
    found, store = find(spec, place), Store(place)
    facts = {"device": "cpu", "pack_size": size, "host": "nowhere", "torch": "invented"}
    with mock.patch("os.fsync"):  # none of it need outlast a power cut
        for scale, recipe in found.recipes.items():
            steps = np.linspace(0, recipe.steps or 0, EVALUATIONS, dtype=np.int64)
            measured = [(split.name, metric.name) for split in recipe.splits() for metric in recipe.metrics()]
            seeds = found.wanted[scale]
            for start in range(0, len(seeds), size):
                pack = Pack(spec.scale.field, scale, seeds[start : start + size], found.fingerprint)
                info = BlockInfo(
                    fingerprint=pack.fingerprint,
                    pack=pack.name,
                    block=0,
                    last=True,
                    scale=scale,
                    seeds=tuple((seed.init, seed.data) for seed in pack.seeds),
                    steps=(int(steps[0]), int(steps[-1])),
                    provenance=facts,
                )
                store.write_block(info, rows(pack, recipe.task, steps.tolist(), measured))


def rows(pack: Pack, task: str, steps: Sequence[int], measured: Sequence[tuple[str, str]]) -> pa.Table:
    """A row for every step, split with its metric, and seed, in this order; the values mean nothing."""
    seeds, kinds = len(pack.seeds), len(measured)
    number = len(steps) * kinds * seeds
    step = np.repeat(steps, kinds * seeds)
    columns = {
        "task": np.full(number, task),
        "scale_name": np.full(number, pack.scale_name),
        "scale": np.full(number, pack.scale),
        "seed": np.tile([seed.id for seed in pack.seeds], len(steps) * kinds),
        "init_seed": np.tile([seed.init for seed in pack.seeds], len(steps) * kinds),
        "data_seed": np.tile([seed.data for seed in pack.seeds], len(steps) * kinds),
        "step": step,
        "examples_seen": step * 16,
        "split": np.tile(np.repeat([split for split, _ in measured], seeds), len(steps)),
        "metric": np.tile(np.repeat([metric for _, metric in measured], seeds), len(steps)),
        "value": np.random.Generator(np.random.Philox(pack.seeds[0].id)).random(number).round(3),
    }
    return pa.table(columns, schema=METRICS)
