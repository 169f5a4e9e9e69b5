"""Seeds with one and the same curve: duplicates are found, innocent coincidences are not called duplicates."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedsweep.analysis import identical_curves

NAN = math.nan


def losses(seeds: int, evaluations: int = 16) -> np.ndarray:
    return np.random.default_rng(seeds).random((seeds, evaluations)).astype(np.float32).astype(float)


def accuracies(seeds: int) -> np.ndarray:
    """Exact match out of 45 examples: at 0, apart from a blip early in training."""
    random = np.random.default_rng(seeds)
    curves = np.zeros((seeds, 16))
    curves[np.arange(seeds), random.integers(6, 9, seeds)] = random.integers(0, 6, seeds) / 45
    return curves


def test_duplicates_are_named() -> None:
    curves = losses(60)
    curves[[7, 31]] = curves[2]
    curves[50] = curves[40]
    found = identical_curves({4: (np.arange(60) + 100, curves), 2: ([3, 9], losses(2))})
    assert [(one.scale, one.seeds, one.same_run) for one in found] == [
        (4, (102, 107, 131), True),
        (4, (140, 150), True),
    ]
    assert found[0].distinct_values == 16
    assert found[0].expected_by_chance < 1e-4


@pytest.mark.parametrize("seeds", [2, 3, 64])
def test_all_seeds_are_one_run(seeds: int) -> None:
    (one,) = identical_curves({1: (np.arange(seeds), np.tile(losses(1), (seeds, 1)))})
    assert one.same_run
    assert one.seeds == tuple(range(seeds))


@pytest.mark.parametrize("constant", [0.0, 1.0, NAN])
def test_constant_curves_coincide_innocently(constant: float) -> None:
    curves = losses(20)
    curves[[3, 4, 5]] = constant
    (one,) = identical_curves({1: (np.arange(20), curves)})
    assert (one.seeds, one.same_run, one.distinct_values) == ((3, 4, 5), False, 1)


@pytest.mark.parametrize("seeds", [20, 48, 250])
def test_coarse_curves_coincide_innocently(seeds: int) -> None:
    found = identical_curves({1: (np.arange(seeds), accuracies(seeds))})
    assert found
    assert not any(one.same_run for one in found)


def test_duplicates_in_a_coarse_metric() -> None:
    random = np.random.default_rng(0)
    rising = np.sort(random.integers(0, 46, (48, 16)), axis=1) / 45
    rising[9] = rising[17]
    (one,) = identical_curves({1: (np.arange(48), rising)})
    assert (one.seeds, one.same_run) == ((9, 17), True)


def test_what_counts_as_equal() -> None:
    curves = losses(10)
    curves[:, 0] = 0.0
    curves[1] = curves[0]
    curves[1, 0] = -0.0  # the same number
    curves[3] = curves[2]
    curves[3, 5] = np.nextafter(curves[3, 5], 1)  # hardly another
    curves[4:6, 10:] = NAN
    curves[5, :10] = curves[4, :10]  # both diverged
    found = identical_curves({1: (np.arange(10), curves)})
    assert [one.seeds for one in found] == [(0, 1), (2, 3), (4, 5)]


@given(
    st.lists(st.lists(st.sampled_from([0.0, 0.5, 1.0, NAN]), min_size=3, max_size=3), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
)
def test_groups_are_the_equal_curves_in_any_order(curves: Any, random: Any) -> None:
    n = len(curves)
    found = identical_curves({1: (np.arange(n), curves)})
    for one in found:
        assert len({repr(curves[seed]) for seed in one.seeds}) == 1
    grouped = {seed for one in found for seed in one.seeds}
    alone = [repr(curves[seed]) for seed in range(n) if seed not in grouped and not np.isnan(curves[seed]).all()]
    assert len(set(alone)) == len(alone)  # of curves that hold something
    order = random.sample(range(n), n)
    assert identical_curves({1: (order, [curves[i] for i in order])}) == found


@pytest.mark.parametrize("curves", [losses(64), np.cumsum(losses(64), axis=1)])
def test_copies_in_disguise(curves: np.ndarray) -> None:
    """Noise in the last digits, two evaluations fewer, at another scale, and all but the final values lost."""
    noisy, shorter, values = curves.copy(), curves.copy(), curves[:, -1:].copy()
    noisy[9] = curves[17] + 1e-9 * np.random.default_rng(0).normal(size=16)
    shorter[9] = curves[17]
    shorter[9, -2:] = NAN
    values[9] = values[17]
    for copied in (noisy, shorter, values):
        (one,) = identical_curves({1: (np.arange(64), copied)})
        assert (one.scales, one.seeds, one.same_run) == ((1, 1), (9, 17), True)
    every_second = np.sqrt(losses(32, 8))
    every_second[5] = curves[17, ::2]
    (one,) = identical_curves(
        {1: (np.arange(64), curves), 2: (np.arange(32) + 100, every_second)},
        steps={1: np.arange(16), 2: np.arange(0, 16, 2)},
    )
    assert (one.scales, one.seeds, one.same_run) == ((1, 2), (17, 105), True)


JUMPS = [(64, 12), (100, 16)]


def jumps(seeds: int, evaluations: int, noise: float, random: np.random.Generator) -> np.ndarray:
    """Exact match out of 45: from 0 to 1 at a random evaluation with one value in between; noisy ends."""
    curves = np.zeros((seeds, evaluations))
    for curve, begin in zip(curves, random.integers(1, evaluations, seeds), strict=True):
        curve[begin:] = 1
        curve[begin] = random.integers(1, 45) / 45
    blip = random.random(curves.shape) < noise
    off = random.integers(0, 3, curves.shape) / 45
    return np.where(blip & (curves == 1), 1 - off, np.where(blip & (curves == 0), off, curves))


def sigmoids(seeds: int, slopes: tuple[float, float], random: np.random.Generator) -> np.ndarray:
    """Shares of 20 examples, of one parameter where all slopes are the same."""
    steps = np.arange(20) - random.uniform(0, 20, (seeds, 1))
    return np.round(20 / (1 + np.exp(-steps / random.uniform(*slopes, (seeds, 1))))) / 20


def false_duplicates(runs: int) -> dict[str, float]:
    found: dict[str, list[bool]] = {}
    for run in range(runs):
        random = np.random.default_rng(run)
        populations = {f"jumps {noise} {n}": jumps(n, t, noise, random) for n, t in JUMPS for noise in (0, 0.2)}
        populations |= {f"sigmoids {slopes}": sigmoids(64, slopes, random) for slopes in ((1.5, 1.5), (0.5, 4.0))}
        values = np.maximum(0, random.normal(0.2, 0.15, (64, 1)))
        populations |= {"final values cut off": values, "final values rounded": np.round(values, 4)}
        for name, curves in populations.items():
            seeds = np.arange(len(curves))
            found.setdefault(name, []).append(any(one.same_run for one in identical_curves({1: (seeds, curves)})))
    return {name: float(np.mean(called)) for name, called in found.items()}


def test_saturating_seeds_are_no_duplicates() -> None:
    assert max(false_duplicates(10).values()) == 0


@pytest.mark.heavy
def test_rate_of_false_duplicates() -> None:
    assert max(false_duplicates(300).values()) <= 0.01


def test_nothing_to_compare() -> None:
    assert identical_curves({}) == ()
    assert identical_curves({1: ([], np.empty((0, 4))), 2: ([5], [[0.1, 0.2]])}) == ()


def test_result_is_ready_for_json() -> None:
    (one,) = identical_curves({2: ([1, 2], [[0.0, 0.0]] * 2)})
    assert json.loads(json.dumps(one.to_dict(), allow_nan=False))["seeds"] == [1, 2]


@pytest.mark.parametrize(
    ("seeds", "values"), [([1, 1], [[0.1], [0.2]]), ([1], [[0.1], [0.2]]), ([1], [0.1]), ([1], [[]])]
)
def test_refused_curves(seeds: Any, values: Any) -> None:
    with pytest.raises(ValueError, match=r"at scale 8: (seeds of shape \(n,\)|a seed is given twice)"):
        identical_curves({8: (seeds, values)})
