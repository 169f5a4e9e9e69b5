"""A sweep's population in numbers and pictures: from rows in a store to what `seedsweep run` shows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from seedsweep.analysis import dip, wasserstein2
from seedsweep.analysis.report.draw import draw
from seedsweep.analysis.study.summary import summarise_population
from seedsweep.criterion import Criterion
from seedsweep.measures import Metric, Split
from seedsweep.population import Curves, FinalTable, Origin, Population

METRICS = {
    "exact_match": Metric(name="exact_match", bounds=(0, 1), counts_examples=True),
    "error_score": Metric(name="error_score", bounds=(0, None)),
}
SPLITS = {
    "length-30": Split(name="length-30", role="in-distribution", examples=121),
    "length-60": Split(name="length-60", role="out-of-distribution", examples=91),
}


class MemoryReader:
    """40 seeds at two scales, with the same values by every metric; one has diverged at the first scale."""

    measured: Mapping[str, Sequence[str]] = dict.fromkeys(SPLITS, tuple(METRICS))

    def __init__(self) -> None:
        random = np.random.default_rng(0)
        ends = np.where(random.random(40) < 0.5, 0.0, random.integers(60, 91, 40) / 91)
        self.values = {  # scale × seed
            "length-60": np.array([np.zeros(40), ends]),
            "length-30": np.array([np.full(40, 0.9), np.ones(40)]),
        }
        for values in self.values.values():
            values[0, 3] = np.nan

    def final(self, metric: str, split: str) -> FinalTable:
        values, ids = self.values[split], np.arange(40)
        present = np.ones_like(values, dtype=bool)
        return FinalTable(metric, split, "model.depth", (1.0, 2.0), ids, ids, ids, values, present)

    def curves(self, metric: str, split: str) -> dict[float, Curves]:
        steps = np.array([0, 10, 20])
        return {
            scale: Curves(metric, split, scale, steps, np.arange(40), np.outer(ends, steps / 20))
            for scale, ends in zip((1.0, 2.0), self.values[split], strict=True)
        }

    def lattices(self, metric: str, split: str) -> dict[float, float]:
        return dict.fromkeys((1.0, 2.0), 1 / SPLITS[split].examples) if METRICS[metric].counts_examples else {}

    def rows(self, metric: str | None, split: str | None) -> pa.Table:
        raise AssertionError("the analysis asks for no rows")


@pytest.fixture
def population() -> Population:
    return Population(
        name="memory",
        path="/nowhere/memory",
        scale_name="model.depth",
        scales=(1.0, 2.0),
        seeds=tuple(range(40)),
        cells=80,
        splits=SPLITS,
        metrics=METRICS,
        criterion=Criterion("exact_match", "length-60", 0.5),
        origin=Origin({}),
        reader=MemoryReader(),
    )


def test_every_number_is_that_of_the_plain_statistic(population: Population) -> None:
    summary = summarise_population(population)
    one, two = summary.scales
    values = population.final("exact_match").at(2)
    assert (one.n, one.n_diverged, two.n) == (40, 1, 40)
    assert two.mean.estimate == pytest.approx(values.mean())
    assert two.success.successes == (values >= 0.5).sum()
    assert two.dip.pvalue == dip(values, lattice=1 / 91).pvalue < 0.05
    assert two.dip.jittered_by == pytest.approx(1 / 91)
    assert one.w2_to_largest.estimate == pytest.approx(wasserstein2(np.zeros(39), values))
    assert summary.in_distribution[1.0].estimate == pytest.approx(0.9)  # the diverged seed is left out
    told = json.loads(json.dumps(summary.to_dict(), allow_nan=False))
    assert told["scales"][1]["in_distribution_mean"]["estimate"] == 1.0


def test_only_metrics_that_count_examples_are_jittered(population: Population) -> None:
    continuous = replace(population, criterion=replace(population.criterion, metric="error_score"))
    assert summarise_population(continuous).scales[1].dip.jittered_by is None


def test_figures_are_drawn_in_both_formats(population: Population, tmp_path: Path) -> None:
    paths = draw(population, summarise_population(population), tmp_path / "figures")
    assert {Path(path).name for path in paths} == {
        "ladder.svg",
        "ladder.png",
        "learning_curves.svg",
        "learning_curves.png",
    }
    assert all(Path(path).parent == tmp_path / "figures" and Path(path).stat().st_size > 5000 for path in paths)
