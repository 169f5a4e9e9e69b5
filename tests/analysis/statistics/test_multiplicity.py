"""Adjusted p-values against scipy, against R's p.adjust, and by their definitions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from seedsweep.analysis import adjust_pvalues

METHODS = pytest.mark.parametrize("method", ["holm", "benjamini-hochberg"])
pvalues = st.lists(st.floats(0, 1, allow_subnormal=False), min_size=1, max_size=12)

# The 15 p-values of Benjamini and Hochberg (1995), section 3.2: thrombolysis with rt-PA against APSAC.
BENJAMINI_HOCHBERG_1995 = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
    0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000,
]  # fmt: skip


def test_example_of_benjamini_and_hochberg() -> None:
    """The paper: its procedure rejects the four smallest at 0.05, a familywise one the three smallest."""
    rejected = adjust_pvalues(BENJAMINI_HOCHBERG_1995, "benjamini-hochberg") <= 0.05
    assert rejected.tolist() == [True] * 4 + [False] * 11
    assert (adjust_pvalues(BENJAMINI_HOCHBERG_1995) <= 0.05).tolist() == [True] * 3 + [False] * 12


def test_holm_by_hand() -> None:
    # sorted 0.01, 0.02, 0.03, 0.04, 0.05 by factors 5, 4, 3, 2, 1: 0.05, 0.08, 0.09, 0.08, 0.05
    adjusted = adjust_pvalues([0.05, 0.01, 0.03, 0.02, 0.04])
    assert adjusted == pytest.approx([0.09, 0.05, 0.09, 0.08, 0.09])


@given(pvalues)
def test_benjamini_hochberg_is_scipys(p: list[float]) -> None:
    expected = false_discovery_control(p, method="bh")
    np.testing.assert_allclose(adjust_pvalues(p, "benjamini-hochberg"), expected, rtol=1e-12)


@given(pvalues)
def test_holm_rejects_as_the_sequential_procedure(p: list[float]) -> None:
    """Holm (1979): go up from the smallest p-value and stop at the first above level / (tests left)."""
    adjusted = adjust_pvalues(p)
    for level in (0.01, 0.05, 0.3):
        rejected = set()
        for done, i in enumerate(np.argsort(p, kind="stable")):
            if p[i] * (len(p) - done) > level:
                break
            rejected.add(int(i))
        assert rejected == {i for i, a in enumerate(adjusted) if a <= level}


@METHODS
@given(p=pvalues, random=st.randoms(use_true_random=False))
def test_order_does_not_matter_and_nothing_gets_smaller(method: Any, p: list[float], random: Any) -> None:
    order = random.sample(range(len(p)), len(p))
    adjusted = adjust_pvalues(p, method)
    np.testing.assert_array_equal(adjust_pvalues(np.array(p)[order], method), adjusted[order])
    assert (adjusted >= np.array(p) * (1 - 1e-15)).all()
    assert (adjusted <= 1).all()


@METHODS
def test_scales_without_a_test_do_not_count(method: Any) -> None:
    with_gaps = adjust_pvalues([math.nan, 0.01, math.nan, 0.04], method)
    assert np.isnan(with_gaps[[0, 2]]).all()
    np.testing.assert_array_equal(with_gaps[[1, 3]], adjust_pvalues([0.01, 0.04], method))
    assert adjust_pvalues([], method).size == 0
    assert np.isnan(adjust_pvalues([math.nan], method)).all()
    assert adjust_pvalues([0.0, 0.5], method)[0] == 0.0


def test_input_is_not_changed() -> None:
    p = np.array([0.01, 0.04])
    adjust_pvalues(p)
    assert p.tolist() == [0.01, 0.04]


@pytest.mark.parametrize(
    ("p", "method", "message"),
    [
        ([0.1, 1.1], "holm", "between 0 and 1"),
        ([-0.1], "holm", "between 0 and 1"),
        ([[0.1]], "holm", "one-dimensional"),
        ([0.1], "bonferroni", 'method is "holm" or'),
    ],
)
def test_refused_arguments(p: Any, method: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        adjust_pvalues(p, method)
