"""Monotone trends against scikit-learn's isotonic regression, and the rate at which they are claimed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seedsweep.analysis import event_trend


def test_fit_is_that_of_scikit_learn() -> None:
    isotonic = pytest.importorskip("sklearn.isotonic")
    random = np.random.default_rng(0)
    for _ in range(20):
        happened = {float(scale): random.random(random.integers(3, 20)) < random.random() for scale in range(6)}
        found = event_trend(happened, permutations=1)
        rates = [values.mean() for values in happened.values()]
        weights = [values.size for values in happened.values()]
        other = isotonic.IsotonicRegression(increasing=found.rises, y_min=0, y_max=1)
        assert found.fitted == pytest.approx(other.fit_transform(range(6), rates, sample_weight=weights))


@pytest.mark.heavy
def test_a_trend_is_claimed_as_often_as_it_may_be() -> None:
    """Independent seeds; and branches of the same runs, of which a run has a chance of its own."""
    random = np.random.default_rng(1)
    plain, paired, unpaired = [], [], []
    scales = (100.0, 200.0, 400.0, 800.0)
    for _ in range(100):
        found = event_trend({scale: random.random(16) < 0.4 for scale in scales}, permutations=199)
        plain.append(found.pvalue <= 0.05)
        likely = random.beta(0.3, 0.3, 16)
        branches = {scale: random.random(16) < likely for scale in scales}
        with_seeds = event_trend(branches, seeds=dict.fromkeys(scales, range(16)), permutations=199)
        assert with_seeds.paired
        paired.append(with_seeds.pvalue <= 0.05)
        unpaired.append(event_trend(branches, permutations=199).pvalue <= 0.05)
    assert np.mean(plain) <= 0.1
    assert np.mean(paired) <= 0.1
    assert np.mean(paired) >= np.mean(unpaired)  # who ignores the pairs loses power


def test_whether_it_is_monotone_is_told() -> None:
    some = [True] * 16 + [False] * 16
    all_of_them, none = [True] * 32, [False] * 32
    rises = event_trend({1: none, 2: some, 4: all_of_them})
    assert (rises.rises, rises.fits, rises.pvalue < 0.01) == (True, True, True)
    hump = event_trend({1: none, 2: all_of_them, 4: none})
    assert not hump.fits
    assert hump.pvalue < 0.01


def test_degenerate() -> None:
    one = event_trend({1: [True, False], 2: []})
    assert one.scales == (1.0,)
    assert math.isnan(one.pvalue)
    alike = event_trend({1: [True, True], 2: [True]})
    assert alike.fitted.tolist() == [1, 1]
    assert math.isnan(alike.pvalue)
    with pytest.raises(ValueError, match="one seed is needed"):
        event_trend({1: [True], 2: [False]}, seeds={1: ["a"], 2: []})
