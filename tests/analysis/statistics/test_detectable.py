"""What so many seeds would have shown: against the test itself on fresh samples."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from seedsweep.analysis import detectable_split, group_test
from seedsweep.analysis.statistics.detectable import power_to_find

SPREAD = np.random.default_rng(0).normal(0.7, 0.05, 100)


def found_in_fresh_samples(n: int, share: float, distance: float, sd: float, repeats: int) -> float:
    random = np.random.default_rng(n)
    samples = (random.normal(0.7, sd, n) - distance * (random.random(n) < share) for _ in range(repeats))
    return float(np.mean([group_test(x).pvalue <= 0.05 for x in samples]))


def test_the_smallest_share_is_found_as_often_as_promised() -> None:
    found = detectable_split(SPREAD, distance=0.5)
    assert found.share is not None
    sd = found.spread
    assert found_in_fresh_samples(100, found.share, 0.5, sd, 60) == pytest.approx(0.8, abs=0.17)
    assert found.finds(found.share)
    assert not found.finds(found.share - 0.01)


def test_even_groups_as_far_apart_are_found_and_closer_ones_less_often() -> None:
    found = detectable_split(SPREAD)
    assert found.share is None
    assert found.even_distance is not None
    sd = math.sqrt(found.spread**2 - found.even_distance**2 / 4)
    assert found_in_fresh_samples(100, 0.5, found.even_distance, sd, 60) == pytest.approx(0.8, abs=0.17)
    assert found_in_fresh_samples(100, 0.5, found.even_distance / 2, sd, 60) < 0.3


def test_more_seeds_a_laxer_level_and_farther_groups_show_more() -> None:
    share: Any = detectable_split(SPREAD, distance=0.5).share
    fewer: Any = detectable_split(SPREAD[:40], distance=0.5).share
    stricter: Any = detectable_split(SPREAD, distance=0.5, alpha=0.005).share
    assert min(fewer, stricter) > share
    nearer = detectable_split(SPREAD, distance=0.2).share
    assert nearer is None or nearer > share


def test_unit_and_order_do_not_matter() -> None:
    plain = detectable_split(SPREAD, distance=0.4, lattice=0.01)
    moved = detectable_split(5 - 3 * SPREAD[::-1], distance=1.2, lattice=0.03)
    assert moved.share == plain.share
    assert plain.even_distance is not None
    assert moved.even_distance == pytest.approx(3 * plain.even_distance)


@pytest.mark.parametrize("x", [[], [0.5], [0.1, 0.9] * 3, [0.5] * 64])
def test_nothing_would_be_found(x: Any) -> None:
    found = detectable_split(x, distance=0.5)
    assert (found.share, found.even_distance, found.n) == (None, None, len(x))
    assert not found.finds(0.5)


def test_power_of_halves_of_one_group_and_of_far_groups() -> None:
    assert power_to_find(200, share=0.5, separation=2.6) < 0.4
    assert power_to_find(64, share=0.5, separation=20) == 1
    assert power_to_find(64, share=0.0, separation=20) == 0
    assert power_to_find(5, share=0.5, separation=20) == 0


def test_refused_options() -> None:
    for options, message in (({"alpha": 0.0}, "alpha"), ({"power": 1.5}, "power"), ({"lattice": -1.0}, "lattice")):
        with pytest.raises(ValueError, match=message):
            detectable_split(SPREAD, **options)
