"""Linearity and breakthroughness against the vectors of the paper's formulas, and their symmetries."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from seedsweep.analysis import breakthroughness, linearity

BOTH = pytest.mark.parametrize("measure", [breakthroughness, linearity])
curves = st.lists(st.integers(-1000, 1000).map(lambda i: i / 64), min_size=2, max_size=9)


@pytest.mark.parametrize(
    ("y", "expected_linearity", "expected_breakthroughness"),
    [
        ([0, 0.25, 0.5, 0.75, 1], 4, 4),
        ([1, 0.75, 0.5, 0.25, 0], -4, -4),
        ([0.1, 0.9], 1, 1),
        ([0, 0.01, 0.02, 0.9, 0.95], 2.155337, 26.348259),
        ([0, 0.3, 0.1, 0.8], 1.759765, 2.666667),
        ([0, 1, 0, 1, 0], 1, 1),
        ([0, 0, 0, 1, 1], 2, math.inf),
        ([1, 1, 1, 0, 0], -2, -math.inf),
    ],
)
def test_vectors(y: list[float], expected_linearity: float, expected_breakthroughness: float) -> None:
    assert linearity(y) == pytest.approx(expected_linearity, rel=1e-6)
    assert breakthroughness(y) == pytest.approx(expected_breakthroughness, rel=1e-6)


@BOTH
def test_degenerate_curves(measure: Any) -> None:
    assert measure([0.3, 0.3, 0.3]) == 0.0
    assert measure([0.3, 0.3]) == 0.0
    assert math.isnan(measure([]))
    assert math.isnan(measure([0.5]))
    assert math.isnan(measure([0.0, math.nan, 1.0]))
    assert measure([0.2, 0.7]) == 1.0
    assert measure([0.7, 0.2]) == -1.0


@BOTH
def test_first_extreme_gives_the_sign(measure: Any) -> None:
    assert measure([0, 1, 0]) > 0  # maximum at 1, first minimum at 0
    assert measure([1, 0, 1]) < 0


@BOTH
@pytest.mark.parametrize("y", [[0.0, math.inf], [-math.inf, 0.0, 1.0], [[0.0, 1.0]], 3.0])
def test_refused_curves(measure: Any, y: Any) -> None:
    with pytest.raises(ValueError, match=r"infinite|one-dimensional") as error:
        measure(y)
    assert "\n" not in str(error.value)


@BOTH
@given(y=curves)
def test_reversal_flips_the_sign(measure: Any, y: list[float]) -> None:
    assume(y.count(max(y)) == 1 and y.count(min(y)) == 1)
    assert measure(y[::-1]) == -measure(y)


@BOTH
@given(y=curves, factor=st.sampled_from([0.125, 3.0, 100.0]), offset=st.sampled_from([-2.0, 0.0, 7.0]))
def test_unit_does_not_matter(measure: Any, y: list[float], factor: float, offset: float) -> None:
    assert measure(np.array(y) * factor + offset) == pytest.approx(measure(y))
    assert measure(np.array(y) * -1) == pytest.approx(-measure(y))


@given(y=curves)
def test_linearity_is_largest_for_an_even_ramp(y: list[float]) -> None:
    steps = len(y) - 1
    assert abs(linearity(y)) <= steps * (1 + 1e-12)
    assert linearity(np.linspace(0, 1, len(y))) == pytest.approx(steps)
