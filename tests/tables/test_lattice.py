"""Lattices are found where they are, and not where they are not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedsweep.tables.lattice import lattice_of


@settings(max_examples=50, deadline=None)
@given(n=st.integers(7, 2000), seed=st.integers(0, 1000), kind=st.sampled_from(["f8", "f4"]))
def test_shares_of_n_examples(n: int, seed: int, kind: str) -> None:
    counts = np.random.default_rng(seed).integers(0, n + 1, 60)
    counts[:2] = 1, n - 1  # so that no divisor of n does as well
    assert lattice_of((counts / n).astype(kind)) == pytest.approx(1 / n)


@pytest.mark.parametrize("seed", range(20))
def test_continuous_values_have_none(seed: int) -> None:
    random = np.random.default_rng(seed)
    assert lattice_of(random.random(4)) is None
    assert lattice_of(random.random((10, 100)).astype(np.float32)) is None
    assert lattice_of(random.normal(3, 1, 50)) is None


def test_written_with_few_decimals() -> None:
    random = np.random.default_rng(0)
    shares = random.integers(0, 46, 40) / 45
    assert lattice_of(shares.round(4)) == pytest.approx(1 / 45)
    assert lattice_of(random.random(40).round(2)) == 0.01
    assert lattice_of(random.random(40).round(5)) is None


def test_counts_and_what_says_too_little() -> None:
    assert lattice_of([3, 8, 120, np.nan]) == 1.0
    for little in ([], [np.nan], [0, 1], [0, 0.5, 1], [0.25, 0.5]):
        assert lattice_of(little) is None
