"""Seeds needed: against the test itself on fresh samples, and samples that have no spread to go by."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from seedsweep.analysis import SeedsNeeded, detectable_split, group_test, seeds_needed

SPREAD = np.random.default_rng(0).normal(0.7, 0.05, 100)


def number(x: Any, **options: Any) -> int:
    """Of seeds that are needed, where it is below the cap."""
    needed = seeds_needed(x, **options)
    assert needed.n is not None
    return needed.n


def found_in_fresh_samples(n: int, trials: int = 100) -> float:
    """How often the test finds a group of a fifth, .4 below the others."""
    random, sd = np.random.default_rng(n), float(SPREAD.std(ddof=1))
    samples = (random.normal(0.7, sd, n) - 0.4 * (random.random(n) < 0.2) for _ in range(trials))
    return float(np.mean([group_test(x).pvalue <= 0.05 for x in samples]))


def test_fresh_samples_of_that_size_have_the_power() -> None:
    n = number(SPREAD, distance=0.4)
    assert found_in_fresh_samples(n) == pytest.approx(0.8, abs=0.14)
    assert found_in_fresh_samples(2 * n) > 0.93
    assert found_in_fresh_samples(n // 2) < 0.7


def test_it_is_the_other_way_round_of_what_so_many_seeds_show() -> None:
    n = number(SPREAD, distance=0.4, alpha=0.0125)
    enough = np.resize(SPREAD, round(1.2 * n))
    too_few = np.resize(SPREAD, round(0.7 * n))
    assert detectable_split(enough, distance=0.4, alpha=0.0125).finds(0.2)
    assert not detectable_split(too_few, distance=0.4, alpha=0.0125).finds(0.2)


def test_more_power_a_stricter_level_a_nearer_and_a_smaller_group_need_more_seeds() -> None:
    needed = number(SPREAD, distance=0.4)
    assert number(SPREAD, distance=0.4, power=0.95) > needed
    assert number(SPREAD, distance=0.4, alpha=0.01) > needed
    assert number(SPREAD, distance=0.3) > needed
    assert number(SPREAD, distance=0.4, share=0.1) > needed


def test_what_no_number_of_seeds_shows() -> None:
    told: Any = seeds_needed(SPREAD, distance=0.05, cap=500)
    assert (told.n, told.text, told.share, told.observed) == (None, "> 500", 0.2, 100)


@pytest.mark.parametrize("x", [[], [math.nan], [0.5], [0.0] * 64])
def test_no_spread_to_go_by(x: list[float]) -> None:
    observed = int(np.isfinite(x).sum())
    assert seeds_needed(x, distance=0.5) == SeedsNeeded(None, 0.2, 0.5, observed, 0.8, 0.05, 2000)


def test_unit_order_and_nan_do_not_matter() -> None:
    moved = np.append(5 - 3 * SPREAD[::-1], math.nan)
    assert seeds_needed(moved, distance=1.2, lattice=0.03).n == seeds_needed(SPREAD, distance=0.4, lattice=0.01).n


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"power": 80}, "power is between 0 and 1"),
        ({"share": 1.5}, "share is between 0 and 1"),
        ({"alpha": 0.0}, "alpha is between 0 and 1"),
        ({"cap": 4}, "at least 8"),
        ({"lattice": 0.0}, "lattice is the step"),
    ],
)
def test_refused_arguments(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        seeds_needed(SPREAD, distance=0.4, **options)
    with pytest.raises(ValueError, match="infinite"):
        seeds_needed([0.0, math.inf], distance=0.4)
