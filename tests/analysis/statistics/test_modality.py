"""The dip test against published values, closed forms and its documented behaviour at the edges."""

from __future__ import annotations

import math
from typing import Any

import diptest
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedsweep.analysis import dip, dip_variants

# Faculty quality of 63 statistics departments, the example of Hartigan and Hartigan (1985); R: statfaculty.
STATFACULTY = [
    30, 33, 35, 36, 37, 37, 39, 39, 39, 39, 39, 40, 40, 40, 40, 41, 42, 43, 43, 43, 44, 44, 45, 45, 46, 46,
    47, 47, 48, 48, 48, 49, 50, 50, 51, 52, 52, 53, 53, 53, 53, 53, 54, 54, 57, 57, 59, 60, 60, 60, 61, 61,
    61, 61, 62, 62, 62, 62, 63, 66, 70, 72, 72,
]  # fmt: skip


def test_statfaculty() -> None:
    result = dip(STATFACULTY)
    assert result.n == 63
    assert result.statistic == pytest.approx(0.0595238, abs=5e-8)
    assert result.pvalue == pytest.approx(0.0867, abs=5e-5)
    assert result.jittered_by is None


@pytest.mark.parametrize(
    ("x", "expected"),
    [  # the checks in R's package diptest, tests/ex1.R
        ([1, 1, 2, 2], 1 / 4),
        ([0, 1, 3, 6], 1 / 8),
        ([0, 2, 3, 5, 6], 2 / 15),
        ([0, 1, 3, 4, 6], 2 / 15),
        ([1] + [2] * 9, 1 / 20),
    ],
)
def test_values_of_the_r_package(x: list[float], expected: float) -> None:
    assert dip(x).statistic == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("k", "n"), [(1, 4), (2, 4), (1, 10), (3, 10), (5, 10), (20, 64), (32, 64), (90, 250)])
def test_two_point_sample_has_a_closed_form(k: int, n: int) -> None:
    for low, high in ((0.0, 1.0), (1.0, 0.0)):
        x = [low] * k + [high] * (n - k)
        assert dip(x).statistic == pytest.approx(min(k, n - k) / (2 * n), rel=1e-12)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
def test_range_of_the_statistic(x: list[float]) -> None:
    result = dip(x)
    assert 1 / (2 * len(x)) - 1e-15 <= result.statistic <= max(1 / 4, 1 / (2 * len(x)))
    assert 0 <= result.pvalue <= 1


@pytest.mark.parametrize("n", [4, 5, 8, 64])
def test_smallest_dip_is_no_evidence(n: int) -> None:
    result = dip(np.arange(n))
    assert result.statistic == pytest.approx(1 / (2 * n))
    assert result.pvalue == 1.0


@pytest.mark.parametrize("lattice", [None, 0.5])
@pytest.mark.parametrize("x", [[7.0], [0.0, 1.0], [0.0, 0.0], [0.0, 0.5, 1.0], [0.0, 0.0, 9.0], [3.0] * 64])
def test_small_and_equal_samples(x: list[float], lattice: float | None) -> None:
    result = dip(x, lattice=lattice)
    assert result.statistic == pytest.approx(1 / (2 * len(x)))
    assert result.pvalue == 1.0


def test_empty_sample() -> None:
    for x in ([], [math.nan, math.nan]):
        result = dip(x, lattice=0.1)
        assert math.isnan(result.statistic)
        assert math.isnan(result.pvalue)
        assert math.isnan(result.tied_share)
        assert (result.n, result.n_nan, result.jittered_by) == (0, len(x), None)
        assert result.pvalue_text == "undefined"


def test_nan_is_dropped_and_counted() -> None:
    result = dip([math.nan, *STATFACULTY, math.nan])
    assert (result.n, result.n_nan) == (63, 2)
    assert result.statistic == dip(STATFACULTY).statistic


@pytest.mark.parametrize("lattice", [0.0, -0.1, math.inf, math.nan])
def test_refused_lattice(lattice: float) -> None:
    with pytest.raises(ValueError, match="lattice is the step"):
        dip([0.0, 1.0], lattice=lattice)


@pytest.mark.parametrize("x", [[0.0, math.inf], [[0.0, 1.0]]])
def test_refused_samples(x: Any) -> None:
    with pytest.raises(ValueError, match=r"infinite|one-dimensional"):
        dip(x)


def test_tied_share() -> None:
    assert dip([1, 2, 3, 4]).tied_share == 0.0
    assert dip([1, 1, 3, 4]).tied_share == 0.5
    assert dip([1, 1, 3, 3]).tied_share == 1.0
    assert dip([1, 1, 3, 3], lattice=1.0).tied_share == 1.0


def test_floor_is_the_last_tail_of_the_table() -> None:
    tails = 1 - diptest.consts.Consts._ALPHA
    two_clusters = dip(np.concatenate([np.linspace(0, 0.1, 40), np.linspace(0.9, 1, 40)]))
    assert two_clusters.pvalue == tails[-1] == 0.0
    assert two_clusters.pvalue_floor == pytest.approx(tails[-2])
    assert two_clusters.pvalue_text == "< 1e-5"
    assert dip(STATFACULTY).pvalue_text == "0.087"


def test_sample_beyond_the_table() -> None:
    result = dip(np.linspace(0, 1, 80_000) ** 2)
    assert result.n == 80_000
    assert result.pvalue == 1.0


def test_jitter_takes_ties_at_the_floor_for_what_they_are() -> None:
    random = np.random.default_rng(5)
    false_alarms = {None: 0, 1 / 91: 0}
    for _ in range(100):
        accuracy = np.round(random.beta(0.5, 5, 64) * 91) / 91  # one mode, at 0
        for lattice in false_alarms:
            false_alarms[lattice] += dip(accuracy, lattice=lattice).pvalue < 0.05
    assert false_alarms[None] > 25
    assert false_alarms[1 / 91] <= 5


def test_jitter_keeps_two_clusters_apart() -> None:
    result = dip([0.0] * 30 + [81 / 91, 82 / 91, 83 / 91] * 10, lattice=1 / 91)
    assert result.pvalue_text == "< 1e-5"
    assert result.jittered_by == 1 / 91


@given(
    x=st.lists(st.integers(0, 10).map(lambda i: i / 10), min_size=4, max_size=30),
    lattice=st.sampled_from([None, 0.1]),
    random=st.randoms(use_true_random=False),
)
@settings(max_examples=40)
def test_order_does_not_matter(x: list[float], lattice: float | None, random: Any) -> None:
    assert dip(random.sample(x, len(x)), lattice=lattice) == dip(x, lattice=lattice)


def test_main_value_is_the_statistic() -> None:
    assert float(dip(STATFACULTY)) == dip(STATFACULTY).statistic


def test_variants_are_the_tests_of_their_parts() -> None:
    random = np.random.default_rng(8)
    x = np.concatenate([np.zeros(20), np.round(random.uniform(0.3, 0.9, 40) * 91) / 91, np.ones(4), [math.nan]])
    found = dip_variants(x, lattice=1 / 91)
    assert found.raw == dip(x)
    assert found.jittered == dip(x, lattice=1 / 91)
    assert found.unsaturated == dip(x[(x > 0) & (x < 1)], lattice=1 / 91)
    assert (found.floor_share, found.ceiling_share) == (20 / 64, 4 / 64)
    assert dip_variants(x).jittered is None


def test_a_split_between_zeros_and_one_cluster_is_gone_without_the_zeros() -> None:
    found = dip_variants(np.concatenate([np.zeros(30), np.linspace(0.7, 0.9, 34)]), lattice=0.01)
    assert found.jittered is not None
    assert found.jittered.pvalue < 0.001
    assert found.unsaturated.pvalue > 0.5


def test_saturation_follows_the_bounds() -> None:
    assert dip_variants([0, 2, 2, 5], bounds=(0, math.inf)).floor_share == 0.25
    assert dip_variants([0, 2, 2, 5], bounds=(0, math.inf)).ceiling_share == 0.0
    assert dip_variants(np.array([0.1, 0.3], np.float32), bounds=(0.1, 0.3)).unsaturated.n == 0
    with pytest.raises(ValueError, match="bounds are a lower and a higher end"):
        dip_variants([0.5], bounds=(1, 0))


def test_variants_of_nothing() -> None:
    for x, share in (([], math.nan), ([math.nan], math.nan), ([0.0, 0.0], 1.0)):
        found = dip_variants(x, lattice=0.1)
        assert found.floor_share == pytest.approx(share, nan_ok=True)
        assert found.unsaturated.n == 0
        assert math.isnan(found.unsaturated.pvalue)
