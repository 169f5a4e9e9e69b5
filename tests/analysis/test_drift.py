"""The Wasserstein-2 distance against POT, against closed forms, and as a metric."""

from __future__ import annotations

import math
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

os.environ.setdefault("POT_BACKEND_DISABLE_PYTORCH", "1")  # POT imports every backend that it finds
import ot

from seedsweep.analysis import wasserstein2

samples = st.lists(st.integers(0, 91).map(lambda i: i / 91), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([0, 0, 0, 1], [0, 1, 1, 1], math.sqrt(1 / 2)),
        ([0, 1], [0, 0, 1], math.sqrt(1 / 6)),
        ([3], [5], 2),
        ([0, 1], [0, 0, 1, 1], 0),
    ],
)
def test_vectors(a: list[float], b: list[float], expected: float) -> None:
    assert wasserstein2(a, b) == pytest.approx(expected, rel=1e-12, abs=0)


@pytest.mark.parametrize("n", [1, 2, 3, 17, 64])
@pytest.mark.parametrize("m", [1, 2, 3, 20, 64])
@pytest.mark.parametrize("ties", [False, True])
def test_agrees_with_pot(n: int, m: int, ties: bool) -> None:
    random = np.random.default_rng([n, m, ties])
    a, b = random.normal(size=n), random.normal(0.5, 2.0, size=m)
    if ties:
        a, b = np.round(a * 2) / 2, np.round(b * 2) / 2
    assert wasserstein2(a, b) == pytest.approx(math.sqrt(ot.wasserstein_1d(a, b, p=2)), rel=1e-9, abs=1e-12)
    assert wasserstein2(a, b) == pytest.approx(math.sqrt(ot.emd2_1d(a, b)), rel=1e-9, abs=1e-12)


def test_degenerate_samples() -> None:
    assert math.isnan(wasserstein2([], [1.0]))
    assert math.isnan(wasserstein2([1.0], []))
    assert math.isnan(wasserstein2([math.nan], [1.0]))
    assert wasserstein2([math.nan, 0.0], [1.0, math.nan, math.nan]) == 1.0


@pytest.mark.parametrize("bad", [[math.inf], [[1.0]], 1.0])
def test_refused_samples(bad) -> None:
    for arguments in ((bad, [0.0]), ([0.0], bad)):
        with pytest.raises(ValueError, match=r"infinite|one-dimensional"):
            wasserstein2(*arguments)


@given(a=samples, b=samples)
def test_symmetric_and_zero_only_for_equal_distributions(a: list[float], b: list[float]) -> None:
    distance = wasserstein2(a, b)
    assert distance == wasserstein2(b, a)
    assert distance >= 0
    assert wasserstein2(a, a) == 0
    equal = sorted(a * len(b)) == sorted(b * len(a))
    assert (distance == 0) == equal


@given(a=samples, b=samples, c=samples)
def test_triangle_inequality(a: list[float], b: list[float], c: list[float]) -> None:
    assert wasserstein2(a, c) <= wasserstein2(a, b) + wasserstein2(b, c) + 1e-12


@given(a=samples, b=samples, factor=st.floats(-50, 50), offset=st.floats(-50, 50))
def test_translation_and_scale(a: list[float], b: list[float], factor: float, offset: float) -> None:
    moved = wasserstein2(np.array(a) * factor + offset, np.array(b) * factor + offset)
    assert moved == pytest.approx(abs(factor) * wasserstein2(a, b), abs=1e-9)
    assert wasserstein2(a, np.array(a) + offset) == pytest.approx(abs(offset), abs=1e-9)


@given(a=samples, b=samples, random=st.randoms(use_true_random=False))
def test_order_does_not_matter(a: list[float], b: list[float], random) -> None:
    shuffled = random.sample(a, len(a))
    assert wasserstein2(shuffled, b) == wasserstein2(a, b)
