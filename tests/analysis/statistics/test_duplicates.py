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
    assert found[0].expected_by_chance < 1e-12


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
    curves[3, 5] = np.nextafter(curves[3, 5], 1)  # another
    curves[4:6, 10:] = NAN
    curves[5, :10] = curves[4, :10]  # both diverged
    found = identical_curves({1: (np.arange(10), curves)})
    assert [one.seeds for one in found] == [(0, 1), (4, 5)]


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
    assert len({repr(curves[seed]) for seed in range(n) if seed not in grouped}) == n - len(grouped)
    order = random.sample(range(n), n)
    assert identical_curves({1: (order, [curves[i] for i in order])}) == found


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
