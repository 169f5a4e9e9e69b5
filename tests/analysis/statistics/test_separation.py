"""Effect sizes against textbook formulas and simulation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedsweep.analysis.statistics.separation import difference_in_one_group, standardised_difference


def test_by_hand() -> None:
    """Means 5 and 2, both variances 2.5: d = 3 / sqrt(2.5), J = 1 - 3 / 31."""
    found = standardised_difference([3, 4, 5, 6, 7], [0, 1, 2, 3, 4, math.nan])
    assert found.estimate == pytest.approx(3 / math.sqrt(2.5) * (1 - 3 / 31))
    half = 1.959964 * math.sqrt(10 / 25 + found.estimate**2 / 20)
    assert [found.low, found.high] == pytest.approx([found.estimate - half, found.estimate + half])
    assert found.n == 10


@pytest.mark.parametrize(("a", "b"), [([], []), ([1.0], [2.0, 3.0]), ([1.0, 1.0], [2.0, 2.0])])
def test_undefined(a: Any, b: Any) -> None:
    assert math.isnan(standardised_difference(a, b).estimate)


@given(st.floats(0.1, 10), st.floats(-5, 5), st.integers(0, 99))
def test_unit_does_not_matter(scale: float, shift: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    a, b = random.normal(1, 1, 9), random.normal(0, 1, 12)
    plain, moved = standardised_difference(a, b), standardised_difference(shift + scale * a, shift + scale * b)
    assert moved.estimate == pytest.approx(plain.estimate)
    assert standardised_difference(b, a).estimate == pytest.approx(-plain.estimate)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.9])
def test_one_group_cut_in_two(share: float) -> None:
    x = np.sort(np.random.default_rng(0).normal(size=200_000))
    cut = round(share * x.size)
    pooled = math.sqrt(share * x[:cut].var() + (1 - share) * x[cut:].var())
    assert difference_in_one_group(share) == pytest.approx((x[cut:].mean() - x[:cut].mean()) / pooled, rel=0.01)
    assert math.isnan(difference_in_one_group(0))


@pytest.mark.heavy
def test_coverage() -> None:
    random = np.random.default_rng(2)
    found = [standardised_difference(random.normal(4, 1, 20), random.normal(0, 1, 30)) for _ in range(2000)]
    assert np.mean([result.low <= 4 <= result.high for result in found]) == pytest.approx(0.95, abs=0.02)
