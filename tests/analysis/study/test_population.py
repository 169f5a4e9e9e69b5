"""A sweep's population in numbers and pictures: from rows in a store to what `seedsweep run` shows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seedsweep.analysis import dip, wasserstein2
from seedsweep.analysis.report.draw import draw
from seedsweep.analysis.study.summary import summarise_population
from seedsweep.criterion import Criterion
from seedsweep.measures import Metric, Split
from seedsweep.population import Curves, FinalTable


@dataclass
class FakePopulation:
    """What the analysis asks of a population, without a store: 40 seeds at two scales."""

    metric: str = "exact_match"
    name: str = "fake"
    path: str = "/nowhere/fake"
    scale_name: str = "model.depth"

    def __post_init__(self) -> None:
        random = np.random.default_rng(0)
        split = np.where(random.random(40) < 0.5, 0.0, random.integers(60, 91, 40) / 91)
        self.values = {
            ("length-60", 1.0): np.zeros(40),
            ("length-60", 2.0): split,
            ("length-30", 1.0): np.full(40, 0.9),
            ("length-30", 2.0): np.ones(40),
        }
        self.values["length-60", 1.0][3] = np.nan
        self.values["length-30", 1.0][3] = np.nan

    @property
    def criterion(self) -> Criterion:
        return Criterion(self.metric, "length-60", 0.5)

    @property
    def metrics(self) -> dict[str, Metric]:
        return {
            "exact_match": Metric(name="exact_match", bounds=(0, 1), counts_examples=True),
            "error_score": Metric(name="error_score", bounds=(0, None)),
        }

    @property
    def splits(self) -> dict[str, Split]:
        return {
            "length-30": Split(name="length-30", role="in-distribution", examples=121),
            "length-60": Split(name="length-60", role="out-of-distribution", examples=91),
        }

    def lattice(self, metric: str, split: str) -> float | None:
        return 1 / self.splits[split].examples if self.metrics[metric].counts_examples else None

    def final(self, metric: str, split: str) -> FinalTable:
        split = "length-30" if split == "in-distribution" else split
        values = np.array([self.values[split, scale] for scale in (1.0, 2.0)])
        ids = np.arange(40)
        present = np.ones_like(values, dtype=bool)
        return FinalTable(metric, split, self.scale_name, (1.0, 2.0), ids, ids, ids, values, present)

    def curves(self, metric: str, split: str) -> dict[float, Curves]:
        steps = np.array([0, 10, 20])
        return {
            scale: Curves(
                metric, split, scale, steps, np.arange(40), np.outer(self.values[split, scale], steps / 20)
            )
            for scale in (1.0, 2.0)
        }


@pytest.fixture
def population() -> Any:
    return FakePopulation()


def test_every_number_is_that_of_the_plain_statistic(population: Any) -> None:
    summary = summarise_population(population)
    one, two = summary.scales
    values = population.values["length-60", 2.0]
    assert (one.n, one.n_diverged, two.n) == (40, 1, 40)
    assert two.mean.estimate == pytest.approx(values.mean())
    assert two.success.successes == (values >= 0.5).sum()
    assert two.dip.pvalue == dip(values, lattice=1 / 91).pvalue < 0.05
    assert two.dip.jittered_by == pytest.approx(1 / 91)
    assert one.w2_to_largest.estimate == pytest.approx(wasserstein2(np.zeros(39), values))
    assert summary.in_distribution[1.0].estimate == pytest.approx(0.9)  # the diverged seed is left out
    told = json.loads(json.dumps(summary.to_dict(), allow_nan=False))
    assert told["scales"][1]["in_distribution_mean"]["estimate"] == 1.0


def test_only_metrics_that_count_examples_are_jittered(population: Any) -> None:
    population.metric = "error_score"
    assert summarise_population(population).scales[1].dip.jittered_by is None


def test_figures_are_drawn_in_both_formats(population: Any, tmp_path: Path) -> None:
    paths = draw(population, summarise_population(population), tmp_path / "figures")
    assert {Path(path).name for path in paths} == {
        "ladder.svg",
        "ladder.png",
        "learning_curves.svg",
        "learning_curves.png",
    }
    assert all(Path(path).parent == tmp_path / "figures" and Path(path).stat().st_size > 5000 for path in paths)
