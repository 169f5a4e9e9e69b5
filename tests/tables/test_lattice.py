"""Lattices are found where they are, and not where they are not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedsweep.tables.lattice import lattice_of, lattice_seen, lattices_of


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


@pytest.mark.parametrize(
    ("values", "step"),
    [
        (100 * np.random.default_rng(0).poisson(8, 64), 100),
        (50 * np.random.default_rng(1).integers(10, 40, 30) + 7, 50),
        (100 * np.random.default_rng(2).binomial(45, 0.8, 64) / 45, 100 / 45),
        ((100 * np.random.default_rng(3).binomial(40, 0.5, 64) / 40).round(2), 2.5),
        (-np.random.default_rng(4).integers(1, 20, 64) / 20, 1 / 20),
        (np.random.default_rng(5).integers(1, 20, 64) / 10, 1 / 10),
        (0.013 + np.random.default_rng(6).integers(0, 30, 64) / 70, 1 / 70),
        ((100 * np.random.default_rng(7).binomial(8, 0.5, 64) / 8).astype(np.float32), 12.5),
    ],
)
def test_any_step_and_offset(values: npt.NDArray[np.float64], step: float) -> None:
    assert lattice_of(values) == pytest.approx(step, rel=1e-3)


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(8, 300),
    step=st.floats(1e-3, 1e3),
    offset=st.floats(-1e3, 1e3),
    seed=st.integers(0, 1000),
)
def test_moved_and_stretched_lattices_are_found(n: int, step: float, offset: float, seed: int) -> None:
    counts = np.random.default_rng(seed).integers(0, n + 1, 60)
    counts[:3] = 0, 1, n
    assert lattice_of(offset + step * counts) == pytest.approx(step, rel=1e-2)


def test_every_scale_has_its_own() -> None:
    random = np.random.default_rng(0)
    values = {float(n): random.binomial(n, 0.6, 60) / n for n in (10, 20, 30, 40)}
    assert lattices_of(values) == pytest.approx({n: 1 / n for n in values})
    assert lattices_of({1.0: random.random(40), 2.0: values[10.0], 3.0: [np.nan]}) == pytest.approx({2.0: 0.1})
    assert lattices_of({}) == {}


@settings(max_examples=40, deadline=None)
@given(n=st.integers(5, 400), announced=st.integers(5, 400), seed=st.integers(0, 1000))
def test_an_announced_lattice_holds_unless_the_values_tell_another(n: int, announced: int, seed: int) -> None:
    values = np.random.default_rng(seed).binomial(n, 0.6, 200) / n
    seen = lattice_seen(values.astype(np.float32), 1 / announced)
    assert lattice_seen(values.astype(np.float32), 1 / n) == 1 / n
    if seen is not None and seen != 1 / announced:
        assert seen == pytest.approx(1 / n)
    elif seen is not None:  # the values lie on it, about as widely apart
        assert np.abs(values * announced - np.rint(values * announced)).max() < 0.02
        assert n * 2.5 >= announced
