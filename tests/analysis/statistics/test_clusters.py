"""The success cluster: against R's mixtools on Old Faithful, symmetries, and what does not support two."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedsweep.analysis import dip, success_cluster, success_rate

# Minutes between 272 eruptions of Old Faithful; R: faithful$waiting (Azzalini and Bowman 1990).
WAITING = [
    79, 54, 74, 62, 85, 55, 88, 85, 51, 85, 54, 84, 78, 47, 83, 52, 62, 84, 52, 79, 51, 47, 78, 69, 74, 83,
    55, 76, 78, 79, 73, 77, 66, 80, 74, 52, 48, 80, 59, 90, 80, 58, 84, 58, 73, 83, 64, 53, 82, 59, 75, 90,
    54, 80, 54, 83, 71, 64, 77, 81, 59, 84, 48, 82, 60, 92, 78, 78, 65, 73, 82, 56, 79, 71, 62, 76, 60, 78,
    76, 83, 75, 82, 70, 65, 73, 88, 76, 80, 48, 86, 60, 90, 50, 78, 63, 72, 84, 75, 51, 82, 62, 88, 49, 83,
    81, 47, 84, 52, 86, 81, 75, 59, 89, 79, 59, 81, 50, 85, 59, 87, 53, 69, 77, 56, 88, 81, 45, 82, 55, 90,
    45, 83, 56, 89, 46, 82, 51, 86, 53, 79, 81, 60, 82, 77, 76, 59, 80, 49, 96, 53, 77, 77, 65, 81, 71, 70,
    81, 93, 53, 89, 45, 86, 58, 78, 66, 76, 63, 88, 52, 93, 49, 57, 77, 68, 81, 81, 73, 50, 85, 74, 55, 77,
    83, 83, 51, 78, 84, 46, 83, 55, 81, 57, 76, 84, 77, 81, 87, 77, 51, 78, 60, 82, 91, 53, 78, 46, 77, 84,
    49, 83, 71, 80, 49, 75, 64, 76, 53, 94, 55, 76, 50, 82, 54, 75, 78, 79, 78, 78, 70, 79, 70, 54, 86, 50,
    90, 54, 54, 77, 79, 64, 75, 47, 86, 63, 85, 82, 57, 82, 67, 74, 54, 83, 73, 73, 88, 80, 71, 83, 56, 79,
    78, 84, 58, 83, 43, 60, 75, 81, 46, 90, 46, 74,
]  # fmt: skip


def two_clusters(seeds: int, share: float, random: np.random.Generator) -> np.ndarray:
    return np.where(random.random(seeds) < share, random.normal(0.8, 0.06, seeds), random.normal(0.1, 0.03, seeds))


def test_old_faithful_as_fitted_by_mixtools() -> None:
    """R's mixtools: lambda 0.3608868, 0.6391132; mu 54.61489, 80.09109; sigma 5.871241, 5.867718."""
    w, m, s = np.array([0.3608868, 0.6391132]), np.array([54.61489, 80.09109]), np.array([5.871241, 5.867718])
    found = success_cluster(WAITING, lattice=1.0, bounds=(-math.inf, math.inf))
    assert found.supported
    assert found.separation == pytest.approx((m[1] - m[0]) / math.sqrt(np.mean(s**2)), rel=1e-4)
    densities = w * np.exp(-0.5 * ((found.threshold - m) / s) ** 2) / s
    assert densities[0] == pytest.approx(densities[1], rel=1e-3)
    log_likelihood_of_two = -1034.002  # as mixtools reports it
    one = np.sum(-0.5 * np.log(2 * math.pi * np.var(WAITING)) - 0.5 * 1.0) * len(WAITING)
    assert found.bic_gain == pytest.approx(2 * (log_likelihood_of_two - one) - 3 * math.log(272), abs=0.01)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_two_clusters_are_found(share: float) -> None:
    x = two_clusters(80, share, np.random.default_rng(int(100 * share)))
    found = success_cluster(x)
    assert found.supported
    assert found.reason == ""
    assert x[x < 0.45].max() < found.threshold <= x[x > 0.45].min()
    assert found.upper == success_rate(x, found.threshold)
    assert found.upper.successes == (x > 0.45).sum()
    assert found.lower_mean == pytest.approx(x[x < 0.45].mean())
    assert found.upper_mean == pytest.approx(x[x > 0.45].mean())
    assert found.separation > 4
    assert found.bic_gain > 10
    assert found.dip == dip(x)
    assert float(found) == found.threshold


def test_one_right_answer_is_no_success_beside_zeros() -> None:
    x = np.array([0] * 20 + [1] * 3 + [20, 25, 30, 31, 32, 33, 34, 35, 36, 37] * 3) / 45
    found = success_cluster(x, lattice=1 / 45)
    assert 1 / 45 < found.threshold < 20 / 45
    assert found.upper is not None
    assert found.upper.successes == 30


@pytest.mark.parametrize("shape", [(0.5, 5), (5, 0.5), (1, 1), (8, 2), (40, 40)])
def test_one_mode_is_hardly_ever_split(shape: tuple[float, float]) -> None:
    random = np.random.default_rng(7)
    samples = [np.round(random.beta(*shape, 64) * 91) / 91 for _ in range(60)]
    assert sum(success_cluster(x, lattice=1 / 91).supported for x in samples) <= 3


@given(seed=st.integers(0, 1000), share=st.sampled_from([0.3, 0.5, 0.7]))
@settings(max_examples=20, deadline=None)
def test_reflected_values_have_the_reflected_threshold(seed: int, share: float) -> None:
    random = np.random.default_rng(seed)
    upper = round(64 * share)  # not as chance has it, so that two are always supported
    x = np.concatenate([random.normal(0.8, 0.06, upper), random.normal(0.1, 0.03, 64 - upper)])
    found, reflected = success_cluster(x), success_cluster(1 - x)
    assert found.supported
    assert reflected.threshold == pytest.approx(1 - found.threshold, abs=1e-4)
    assert reflected.bic_gain == pytest.approx(found.bic_gain, abs=1e-4)


@given(seed=st.integers(0, 1000), random=st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_order_does_not_matter(seed: int, random: Any) -> None:
    x = two_clusters(32, 0.5, np.random.default_rng(seed)).tolist()
    assert success_cluster(random.sample(x, len(x))).threshold == success_cluster(x).threshold


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (0.0, math.inf)])
def test_unit_does_not_matter(bounds: tuple[float, float]) -> None:
    x = two_clusters(64, 0.5, np.random.default_rng(3)).clip(0, 1)
    percent = success_cluster(100 * x, bounds=(bounds[0], 100 * bounds[1]))
    assert percent.threshold == pytest.approx(100 * success_cluster(x, bounds=bounds).threshold, rel=1e-4)


def test_diverged_seeds_fail_and_have_no_part_in_the_fit() -> None:
    x = two_clusters(64, 0.5, np.random.default_rng(3))
    with_nan = success_cluster([*x, math.nan, math.nan])
    assert with_nan.threshold == success_cluster(x).threshold
    assert with_nan.upper is not None
    assert with_nan.upper.n == 66


@pytest.mark.parametrize(
    ("x", "reason"),
    [
        ([], "fewer than 8 values"),
        ([0.1] * 3 + [0.9] * 3 + [math.nan] * 9, "fewer than 8 values"),
        ([0.4] * 64, "all values are equal"),
        (np.linspace(0.3, 0.7, 64), "two normal components fit hardly better"),
        (np.linspace(0, 1, 64) ** 4, "the dip test does not reject one mode"),
    ],
)
def test_what_does_not_support_two(x: Any, reason: str) -> None:
    found = success_cluster(x)
    assert not found.supported
    assert found.reason.startswith(reason)
    assert math.isnan(found.threshold)
    assert found.upper is None
    assert np.isnan([found.lower_mean, found.upper_mean]).all()


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        ([0.1, math.inf], {}, "infinite"),
        ([[0.1]], {}, "one-dimensional"),
        ([0.1], {"bounds": (1.0, 0.0)}, "bounds are a lower and a higher end"),
        ([0.1], {"lattice": 0.0}, "lattice is the step"),
    ],
)
def test_refused_arguments(x: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        success_cluster(x, **options)


@pytest.mark.heavy
def test_coverage_of_the_share() -> None:
    random = np.random.default_rng(11)
    hits = supported = 0
    for _ in range(600):
        found = success_cluster(two_clusters(48, 0.7, random))
        supported += found.supported
        hits += found.upper is not None and found.upper.low <= 0.7 <= found.upper.high
    assert supported > 550
    assert 0.92 <= hits / supported <= 0.98
