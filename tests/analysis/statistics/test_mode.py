"""The mode: which cluster it picks, where in the cluster it lies, and what it does without a density."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import gaussian_kde

from seedsweep.analysis import mode

samples = st.lists(st.integers(0, 91).map(lambda i: i / 91), min_size=1, max_size=30)


@pytest.mark.parametrize(("low", "high"), [(40, 24), (33, 31), (31, 33), (24, 40)])
@pytest.mark.parametrize("spread", [0.0, 0.01, 0.02])
def test_larger_of_two_narrow_clusters_wins(low: int, high: int, spread: float) -> None:
    x = np.concatenate([np.linspace(0, 2 * spread, low), np.linspace(0.9 - spread, 0.9 + spread, high)])
    expected = spread if low > high else 0.9
    assert mode(x) == pytest.approx(expected, abs=0.01)


def test_cluster_at_a_bound_counts_no_more_than_one_inside() -> None:
    assert mode([0.0] * 22 + list(np.linspace(0.88, 0.92, 42))) == pytest.approx(0.9, abs=0.01)
    assert mode([1.0] * 22 + list(np.linspace(0.08, 0.12, 42))) == pytest.approx(0.1, abs=0.01)


def test_close_clusters_are_kept_apart() -> None:
    format_failure_and_guessing = [0.0, 0.01] * 16 + [0.24, 0.25, 0.26] * 12
    assert mode(format_failure_and_guessing) == 0.25


def test_wide_bandwidth_would_merge_these_clusters() -> None:
    assert mode([0.0] * 25 + [0.3] * 20 + [0.4] * 19) == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_one_cluster_agrees_with_scipy(seed: int) -> None:
    x = np.random.default_rng(seed).normal(0.5, 0.05, 60)
    spread = min(x.std(ddof=1), (np.quantile(x, 0.75) - np.quantile(x, 0.25)) / 1.34)
    silverman = 0.9 * spread * 60**-0.2
    density = gaussian_kde(x, bw_method=silverman / x.std(ddof=1))
    assert mode(x) == x[np.argmax(density(x))]


def test_more_than_half_of_the_seeds_on_one_value() -> None:
    assert mode([0.0] * 40 + list(np.linspace(0.5, 1, 24))) == 0.0


def test_unbounded_metrics() -> None:
    loss = [*np.linspace(2.0, 2.2, 21), 3.7, 50.0]
    assert mode(loss, bounds=(0.0, math.inf)) == mode(loss, bounds=None) == pytest.approx(2.1, abs=0.02)


def test_equal_peaks_give_the_smaller() -> None:
    assert mode([0.0] * 10 + [1.0] * 10) == 0.0
    assert mode([1.0, 0.0]) == 0.0


@given(st.lists(st.integers(0, 64).map(lambda i: i / 64), min_size=1, max_size=12))
@settings(max_examples=50)
def test_symmetric_sample_has_its_mode_in_the_lower_half(x: list[float]) -> None:
    assert mode(x + [1 - value for value in x]) <= 0.5


def test_degenerate_samples() -> None:
    assert math.isnan(mode([]))
    assert math.isnan(mode([math.nan]))
    assert mode([0.25]) == 0.25
    assert mode([0.25] * 64) == 0.25
    assert mode([math.nan, 0.25, math.nan]) == 0.25
    assert mode([7.0, 7.0], bounds=None) == 7.0


@pytest.mark.parametrize("x", [[0.5, 1.5], [-0.1, 0.5]])
def test_refused_value(x: list[float]) -> None:
    with pytest.raises(ValueError, match="outside the bounds"):
        mode(x)


def test_rounding_may_leave_the_bounds() -> None:
    assert mode([1.0000001] * 3) == 1.0000001


@pytest.mark.parametrize("bounds", [(1.0, 0.0), (0.0, 0.0), (math.nan, 1.0)])
def test_refused_bounds(bounds: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="a lower and a higher end"):
        mode([0.5], bounds=bounds)


def test_refused_sample() -> None:
    with pytest.raises(ValueError, match="infinite"):
        mode([0.5, math.inf])


@given(x=samples, random=st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_order_does_not_matter(x: list[float], random: Any) -> None:
    assert mode(random.sample(x, len(x))) == mode(x)


@given(x=samples, factor=st.sampled_from([0.25, 2.0, 1024.0]))
@settings(max_examples=50)
def test_unit_does_not_matter(x: list[float], factor: float) -> None:
    assert mode(np.array(x) * factor, bounds=(0.0, factor)) == mode(x) * factor
    assert mode(x) in x


@pytest.mark.parametrize("seed", range(20))
def test_large_samples_have_the_mode_of_the_plain_sum_over_all_pairs(seed: int) -> None:
    random = np.random.default_rng(seed)
    n = int(random.integers(500, 2000))
    clusters = np.where(random.random(n) < 0.5, random.normal(0.1, 0.02, n), random.normal(0.9, 0.01, n))
    narrow = np.where(random.random(n) < 0.6, random.normal(0.3, 1e-4, n), random.random(n))
    shapes = [random.random(n), clusters, narrow, random.normal(0.5, 0.2, n), random.integers(0, 700, n) / 700]
    values = np.sort(np.clip(shapes[seed % 5], 0, 1))
    spread = min(values.std(ddof=1), np.subtract(*np.quantile(values, [0.75, 0.25])) / 1.34)
    bandwidth = min(0.9 * spread * n**-0.2, 1 / 20)
    density = np.exp(-0.5 * ((values[:, None] - values) / bandwidth) ** 2).sum(axis=1)
    assert mode(values) == values[density >= density.max() * (1 - 1e-12)][0]
