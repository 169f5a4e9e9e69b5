"""By chance is said where the groups are the successes and the failures: by simulation with known truth."""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt
import pytest

from seedsweep.analysis import success_cluster, success_rate
from seedsweep.analysis.study.split import GroupSplit, group_split
from seedsweep.criterion import Criterion
from tests.analysis.populations import ACCURACY

LATTICE = 1 / 91


def on_lattice(x: npt.ArrayLike) -> np.ndarray:
    return np.round(np.clip(x, 0, 1) / LATTICE) * LATTICE


def split(x: np.ndarray, criterion: Criterion = ACCURACY) -> GroupSplit:
    cluster, success = success_cluster(x, lattice=LATTICE), success_rate(x, criterion.least)
    return group_split(
        x, cluster, success, criterion, lattice=LATTICE, bounds=(0, 1), two_values=False, level=0.05
    )


@pytest.mark.parametrize("seeds", [20, 64, 200])
def test_two_groups_around_the_threshold_are_successes_and_failures(seeds: int) -> None:
    random = np.random.default_rng(seeds)
    kinds: Counter[str] = Counter()
    for _ in range(20):
        better = random.random(seeds) < random.uniform(0.3, 0.7)
        found = split(
            on_lattice(np.where(better, random.normal(0.9, 0.05, seeds), random.normal(0.1, 0.05, seeds)))
        )
        kinds[found.kind] += 1
        assert found.misplaced == 0
    assert kinds["successes and failures"] == 20


@pytest.mark.parametrize(("mean", "threshold"), [(0.6, 0.6), (0.55, 0.5), (0.4, 0.5)])
def test_zeros_beside_one_group_that_the_threshold_cuts(mean: float, threshold: float) -> None:
    """The audit's population: 15 zeros and a unimodal rest of 49, with the threshold inside the rest."""
    random = np.random.default_rng(2)
    criterion = Criterion("accuracy", "test", threshold)
    for _ in range(20):
        found = split(on_lattice(np.concatenate([np.zeros(15), random.normal(mean, 0.1, 49)])), criterion)
        assert found.kind == "elsewhere"
        assert found.at_lowest == 15


def test_zeros_beside_one_group_above_the_threshold() -> None:
    random = np.random.default_rng(3)
    found = split(on_lattice(np.concatenate([np.zeros(15), random.normal(0.8, 0.05, 49)])))
    assert (found.kind, found.at_lowest, found.at_bounds) == ("successes and failures", 15, True)


def test_a_loss_is_split_as_the_accuracy_that_mirrors_it() -> None:
    random = np.random.default_rng(4)
    x = on_lattice(np.concatenate([random.normal(0.2, 0.05, 30), random.normal(0.8, 0.05, 34)]))
    for threshold in (0.5, 0.8):
        mirrored = Criterion("loss", "test", 1 - threshold, higher_is_better=False)
        cluster = success_cluster(x, lattice=LATTICE)
        success = success_rate(x - 1, threshold - 1)
        shown = split(x, Criterion("accuracy", "test", threshold))
        loss = group_split(
            1 - x,
            type(cluster)(**{**cluster.__dict__, "line": 1 - cluster.line}),
            success,
            mirrored,
            lattice=LATTICE,
            bounds=(0, 1),
            two_values=False,
            level=0.05,
        )
        assert (loss.kind, loss.misplaced) == (shown.kind, shown.misplaced)
        assert loss.better is not None
        assert shown.better is not None
        assert loss.better.successes == shown.better.successes
