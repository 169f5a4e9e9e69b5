"""Seeds needed: against samples drawn from the same population, and samples that show no split."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedsweep.analysis import SeedsNeeded, dip, seeds_needed

RANDOM = np.random.default_rng(4)
SPLIT = np.concatenate([RANDOM.normal(0.2, 0.05, 40), RANDOM.normal(0.6, 0.1, 60)])


def rejections(n: int, trials: int = 300) -> float:
    """How often the dip test rejects in fresh samples of SPLIT's own population."""
    random = np.random.default_rng(n)
    drawn = [
        np.where(random.random(n) < 0.4, random.normal(0.2, 0.05, n), random.normal(0.6, 0.1, n))
        for _ in range(trials)
    ]
    return float(np.mean([dip(x).pvalue < 0.05 for x in drawn]))


def number(x: Any, **options: Any) -> int:
    """Of seeds that are needed, where it is below the cap."""
    needed = seeds_needed(x, **options)
    assert needed.n is not None
    return needed.n


def test_fresh_samples_of_that_size_have_the_power() -> None:
    needed = seeds_needed(SPLIT)
    assert needed.n is not None
    assert rejections(needed.n) == pytest.approx(0.8, abs=0.12)
    assert rejections(2 * needed.n) > 0.93
    assert rejections(needed.n // 2) < 0.7


def test_the_interval_contains_the_estimate() -> None:
    needed: Any = seeds_needed(SPLIT)
    assert needed.low <= needed.n <= needed.high < 2 * needed.low
    assert needed.text == str(needed.n)
    assert (needed.observed, needed.power, needed.alpha, needed.cap) == (100, 0.8, 0.05, 2000)


def test_more_power_a_stricter_level_and_a_smaller_split_need_more_seeds() -> None:
    needed = number(SPLIT)
    assert number(SPLIT, power=0.95) > needed
    assert number(SPLIT, alpha=0.01) > needed
    closer = np.where(SPLIT < 0.4, SPLIT + 0.1, SPLIT)
    assert number(closer) > 2 * needed


def test_a_clear_split_needs_few_and_noise_more_than_can_be_had() -> None:
    assert number([0.0, 0.01, 0.02, 0.03, 0.97, 0.98, 0.99, 1.0]) < 20
    noise = seeds_needed(np.random.default_rng(1).normal(size=64), cap=500)
    assert (noise.n, noise.high, noise.text) == (None, None, "> 500")


def test_ties_at_the_floor_are_no_split() -> None:
    accuracy = np.round(np.random.default_rng(5).beta(0.5, 5, 64) * 91) / 91
    assert seeds_needed(accuracy, lattice=1 / 91, cap=300).n is None
    assert seeds_needed([0.5] * 60 + [0.51, 0.52], cap=64).n is None


@pytest.mark.parametrize("x", [[], [math.nan], [0.5], [0.0] * 64])
def test_nothing_to_detect(x: list[float]) -> None:
    observed = int(np.isfinite(x).sum())
    assert seeds_needed(x) == SeedsNeeded(None, None, None, observed, 0.8, 0.05, 2000)


@given(st.randoms(use_true_random=False))
@settings(max_examples=3, deadline=None)
def test_order_does_not_matter_nor_does_nan(random: Any) -> None:
    shuffled = random.sample([*SPLIT, math.nan], SPLIT.size + 1)
    assert seeds_needed(shuffled) == seeds_needed(SPLIT)


@given(factor=st.integers(-3, 3), offset=st.integers(-4, 4))
@settings(max_examples=3, deadline=None)
def test_unit_does_not_matter(factor: int, offset: int) -> None:
    exact = np.round(SPLIT * 1024) / 1024
    assert seeds_needed(exact * 2.0**factor + offset).n == pytest.approx(seeds_needed(exact).n, rel=0.05)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"power": 80}, "power is between 0 and 1"),
        ({"alpha": 0.0}, "alpha is between 0 and 1"),
        ({"cap": 4}, "at least 8"),
        ({"lattice": 0.0}, "lattice is the step"),
    ],
)
def test_refused_arguments(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        seeds_needed(SPLIT, **options)
    with pytest.raises(ValueError, match="infinite"):
        seeds_needed([0.0, math.inf])
