"""The seam between the driver and what it trains: cells that are no decoder go all the way to the analysis."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from seedsweep import analysis, load
from seedsweep.cell import Cost, Pack, Recipe, Runs, Sink
from seedsweep.measures import Metric, Split
from seedsweep.schema import METRICS
from seedsweep.seeds import Seed
from seedsweep.sweep import find as found_by
from seedsweep.sweep.run import run
from seedsweep.sweep.spec import SweepSpec
from seedsweep.sweep.status import status


@dataclasses.dataclass(frozen=True)
class Walk(Recipe):
    """A random walk of every seed, as far as its scale says; nobody knows beforehand what it costs or measures."""

    width: float

    @property
    def task(self) -> str:
        return "walk"

    @property
    def steps(self) -> int:
        return 5

    def splits(self) -> tuple[Split, ...]:
        return ()

    def metrics(self) -> tuple[Metric, ...]:
        return ()

    def cost(self) -> Cost | None:
        return None

    def check_device(self, device: str) -> None:
        pass

    def pack_size(self, device: str) -> int:
        return 3

    def train(self, pack: Pack, sink: Sink, *, device: str, should_stop: Callable[[], bool]) -> bool:
        columns: dict[str, list[object]] = {name: [] for name in METRICS.names}
        for step in range(self.steps + 1):
            sink.report(step, self.steps)
            for seed in pack.seeds:
                row = ("walk", pack.scale_name, pack.scale, seed.id, seed.init, seed.data, step, step)
                values = (*row, "length-5", "exact_match", place(seed.id, step, self.width))
                for name, value in zip(METRICS.names, values, strict=True):
                    columns[name].append(value)
        sink.write_block(
            0, pa.table(columns, schema=METRICS), last=True, steps=(0, self.steps), provenance={"program": "walk"}
        )
        return True

    def train_alone_and_packed(
        self, packs: Sequence[Sequence[Seed]], device: str, steps: int, on_run: Callable[[], None]
    ) -> Runs:
        raise AssertionError("nobody asks")


def place(seed: int, step: int, width: float) -> float:
    return float(width * np.random.Generator(np.random.Philox(seed)).normal(size=step).sum()) if step else 0.0


def test_cells_that_are_no_decoder(
    spec: Callable[..., SweepSpec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(wanted: SweepSpec, out: Path) -> found_by.Found:
        made = found_by.find(wanted, out)
        return dataclasses.replace(made, recipes={scale: Walk(scale) for scale in made.recipes})

    monkeypatch.setattr("seedsweep.sweep.run.find", find)
    first = run(spec("execution.pack=auto"), tmp_path / "out", executor="inline")
    assert (first.trained, first.failed) == (8, 0)
    assert run(spec(seeds="0:6"), tmp_path / "out", executor="inline").trained == 4

    current = status(tmp_path / "out")
    assert current.complete
    assert current.fraction == 1
    population = load(tmp_path / "out")
    final = population.final("exact_match")
    assert final.at(2).tolist() == [place(seed, 5, 2.0) for seed in range(6)]
    assert population.curves("exact_match")[1.0].values.shape == (6, 6)
    report = analysis.findings(analysis.study(population))
    assert report.verdict == "no rise"
