"""Dependence of outputs: the variance by hand, the permutations one by one, and known populations."""

from __future__ import annotations

import math
from itertools import permutations, product

import numpy as np
import pytest
from scipy.stats import binom, norm

from seedsweep.analysis import output_dependence


def test_ratio_is_one_and_the_covariances() -> None:
    learnt = np.random.default_rng(0).random((20, 5)) < [0.2, 0.4, 0.5, 0.6, 0.9]
    found = output_dependence(learnt)
    covariance = np.cov(learnt.T.astype(float))
    assert found.variance == pytest.approx(covariance.sum())
    assert found.independent == pytest.approx(np.trace(covariance))
    assert found.ratio.estimate == pytest.approx(covariance.sum() / np.trace(covariance))
    p = learnt.mean()
    assert found.equal_outputs == pytest.approx(5 * p * (1 - p))
    assert found.counts.tolist() == np.bincount(learnt.sum(axis=1), minlength=6).tolist()


def test_test_is_the_permutation_test() -> None:
    learnt = np.array([[1, 1, 1], [1, 1, 0], [0, 0, 0], [0, 0, 1]])
    orders = [np.array(order) for order in permutations(range(4))]
    drawn = [
        np.column_stack([learnt[a, 0], learnt[b, 1], learnt[c, 2]]).sum(axis=1).var()
        for a, b, c in product(orders, repeat=3)
    ]
    seen = learnt.sum(axis=1).var()
    tails = np.mean(np.array(drawn) >= seen - 1e-9), np.mean(np.array(drawn) <= seen + 1e-9)
    found = output_dependence(learnt, permutations=20_000)
    assert found.pvalue == pytest.approx(min(1, 2 * min(tails)), abs=0.02)


def test_expected_counts_are_binomial_where_outputs_are_equally_hard() -> None:
    learnt = np.tile(np.eye(4), (3, 1))  # each output by a quarter of the seeds
    found = output_dependence(learnt)
    assert found.expected == pytest.approx(12 * binom.pmf(range(5), 4, 0.25))
    assert found.ratio.estimate == found.ratio.low == 0.0  # exactly one each: as far from independent as can be
    assert found.pvalue < 0.01


@pytest.mark.parametrize(
    ("learnt", "reason"),
    [
        (np.zeros((0, 4)), "no seeds"),
        (np.ones((10, 4)), "all learnt"),
        (np.zeros((10, 4)), "none learnt"),
        (np.eye(2), "two seeds"),
        (np.arange(10)[:, None] < 5, "one output"),
        (np.column_stack([np.arange(10) < 5, np.ones(10)]), "one output that is undecided"),
    ],
)
def test_nothing_to_tell(learnt: np.ndarray, reason: str) -> None:
    found = output_dependence(learnt)
    assert math.isnan(found.pvalue), reason
    assert math.isnan(found.ratio.estimate) or reason == "no seeds"
    assert found.counts.sum() == len(learnt)


@pytest.mark.parametrize("correlation", [0.0, 0.3])
def test_coverage_size_and_power(correlation: float) -> None:
    random, hard = np.random.default_rng(1), np.linspace(0.2, 0.8, 8)

    def draw(n: int) -> np.ndarray:
        own, shared = random.normal(size=(n, 8)), random.normal(size=(n, 1))
        return np.asarray(math.sqrt(1 - correlation) * own + math.sqrt(correlation) * shared < norm.ppf(hard))

    many = draw(200_000)
    true = many.sum(axis=1).var() / many.var(axis=0).sum()
    found = [output_dependence(draw(48), permutations=199) for _ in range(120)]
    covered = np.mean([one.ratio.low <= true <= one.ratio.high for one in found])
    rejected = np.mean([one.pvalue <= 0.05 for one in found])
    assert covered >= 0.89
    assert rejected <= 0.11 if correlation == 0 else rejected > 0.9


def test_refusals() -> None:
    with pytest.raises(ValueError, match="two axes"):
        output_dependence([1, 0])
    with pytest.raises(ValueError, match="permutations"):
        output_dependence([[1, 0]], permutations=0)
