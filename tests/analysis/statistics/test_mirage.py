"""The mirage check: its parts are the plain statistics, and its verdicts are those of constructed seeds."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from seedsweep.analysis import breakthroughness, dip, group_test, linearity, mirage_check

NAN = math.nan
RANDOM = np.random.default_rng(0)
SPREAD = RANDOM.normal(0.5, 0.12, 120).clip(0.05, 0.95)  # one continuous cluster
CLUSTERS = np.concatenate([RANDOM.normal(0.1, 0.03, 60), RANDOM.normal(0.8, 0.04, 60)])


def harsh(probability: np.ndarray) -> np.ndarray:
    """Nothing is right below one half; nearly everything above."""
    return np.round(np.where(probability > 0.5, 0.7 + 0.3 * probability, 0.02 * probability) * 91) / 91


@pytest.mark.parametrize(
    ("scales", "verdict", "verdicts"),
    [
        ({1: SPREAD}, "not detected", ("not detected",)),
        ({1: CLUSTERS}, "survives", ("survives",)),
        ({1: CLUSTERS, 2: SPREAD}, "mixed", ("survives", "not detected")),
        ({1: SPREAD / 2, 2: CLUSTERS}, "survives", ("not multimodal", "survives")),
        ({1: SPREAD / 2}, "not multimodal", ("not multimodal",)),
        ({}, "not multimodal", ()),
    ],
)
def test_verdicts(scales: Any, verdict: str, verdicts: Any) -> None:
    values = {"exact": {s: harsh(x) for s, x in scales.items()}, "probability": scales}
    check = mirage_check(values, threshold=0.5, lattices={"exact": 1 / 91})
    assert (check.verdict, check.verdicts) == (verdict, verdicts)
    json.dumps(check.to_dict(), allow_nan=False)


def test_three_metrics_that_do_not_agree() -> None:
    check = mirage_check(
        {"exact": {1: harsh(CLUSTERS)}, "probability": {1: CLUSTERS}, "error": {1: -np.sort(SPREAD)[::-1]}},
    )
    assert check.verdict == "mixed"
    assert [interval[0].estimate > 0 for interval in check.agreement.values()] == [True, True]


def test_every_number_is_that_of_the_plain_statistic() -> None:
    exact: dict[float, Any] = {2: harsh(CLUSTERS), 1: harsh(SPREAD / 2), 4: harsh(SPREAD)}
    error: dict[float, Any] = {
        scale: -np.log(x) for scale, x in {2: CLUSTERS.clip(0.01), 1: SPREAD / 2, 4: SPREAD}.items()
    }
    check = mirage_check({"exact": exact, "error": {s: -x for s, x in error.items()}}, lattices={"exact": 1 / 91})
    first, second = check.metrics
    assert check.scales == (1, 2, 4)
    assert first.dips == tuple(dip(exact[scale], lattice=1 / 91) for scale in (1, 2, 4))
    assert first.groups == tuple(group_test(exact[scale], lattice=1 / 91) for scale in (1, 2, 4))
    assert [d.statistic for d in second.dips] == pytest.approx([dip(error[s]).statistic for s in (1, 2, 4)])
    means = [-error[scale].mean() for scale in (1, 2, 4)]
    assert second.breakthroughness == pytest.approx(breakthroughness(means))
    assert second.linearity == pytest.approx(linearity(means))
    for scale, agreement in zip((1, 2, 4), check.agreement["error"], strict=True):
        assert agreement.estimate == pytest.approx(-spearmanr(exact[scale], error[scale]).statistic)
        assert agreement.low < agreement.estimate < agreement.high


def test_holm_over_the_scales() -> None:
    values: dict[float, Any] = {scale: np.random.default_rng([7, scale]).random(40) for scale in range(6)}
    check = mirage_check({"a": values, "b": {**values, 3: [NAN] * 40}})
    plain = [groups.pvalue for groups in check.metrics[0].groups]
    order = np.argsort(plain)
    running = 0.0
    for rank, i in enumerate(order):
        running = max(running, min(1.0, (6 - rank) * plain[i]))
        assert check.metrics[0].pvalues[i] == pytest.approx(running)
    assert math.isnan(check.metrics[1].pvalues[3])
    smallest = min(p for i, p in enumerate(plain) if i != 3)
    assert min(p for p in check.metrics[1].pvalues if not math.isnan(p)) == pytest.approx(min(1, 5 * smallest))
    assert math.isnan(check.metrics[1].linearity)


def test_absence_is_said_only_where_groups_would_have_been_seen() -> None:
    """The halves of one group are 2.6 standard deviations apart; 120 seeds would not show them, 1200 would."""
    for seeds, verdict in ((120, "not detected"), (1200, "mirage")):
        flat: dict[float, Any] = {1: np.linspace(0.4, 0.6, seeds) + np.linspace(-0.1, 0.1, seeds) ** 3}
        first: dict[float, Any] = {1: np.where(flat[1] > 0.5, 0.9, 0.1) + flat[1] / 100}
        check = mirage_check({"exact": first, "flat": flat}, threshold=0.5)
        assert check.verdict == verdict
        missed = check.at(1).missed["flat"].even_distance
        assert missed is not None
        assert 0 < missed < np.ptp(flat[1])


def test_an_empty_middle_separates_more_than_one_group_would() -> None:
    two: dict[float, Any] = {1: np.concatenate([np.linspace(0.1, 0.2, 60), np.linspace(0.81, 0.9, 60)])}
    check = mirage_check({"exact": two, "margin": two}, threshold=0.5)
    assert check.verdict == "survives"
    assert check.at(1).missed == {}
    assert check.at(1).separation["margin"].low > 2 * check.at(1).one_group


@given(
    st.lists(st.integers(1, 99).map(lambda i: i / 100), min_size=4, max_size=20), st.randoms(use_true_random=False)
)
def test_agreement_knows_only_ranks(x: Any, random: Any) -> None:
    y = random.sample(x, len(x))
    plain = mirage_check({"a": {1: x}, "b": {1: y}}).agreement["b"][0]
    order = random.sample(range(len(x)), len(x))
    moved = mirage_check({"a": {1: np.log(np.array(x)[order])}, "b": {1: np.array(y)[order] ** 3}}).agreement["b"][
        0
    ]
    assert moved.estimate == pytest.approx(plain.estimate, nan_ok=True)
    assert moved.low == pytest.approx(plain.low)


@pytest.mark.parametrize(
    ("a", "b", "estimate", "low", "high", "n"),
    [
        ([], [], NAN, -1, 1, 0),
        ([0.5], [0.5], NAN, -1, 1, 1),
        ([0.0] * 9, list(range(9)), NAN, -1, 1, 9),
        ([1, 2, 3], [4, 5, 6], 1, -1, 1, 3),
        ([1, 2, 3, 4], [8, 7, 6, 5], -1, -1, -1, 4),
        ([1, 2, NAN, 4, 5], [1, NAN, 2, 4, 5], 1, -1, 1, 3),
    ],
)
def test_degenerate_agreement(a: Any, b: Any, estimate: Any, low: Any, high: Any, n: Any) -> None:
    check = mirage_check({"a": {1: a}, "b": {1: b}})
    found = check.agreement["b"][0]
    assert found.estimate == pytest.approx(estimate, nan_ok=True)
    assert (found.low, found.high, found.n) == (low, high, n)
    assert check.verdict == "not multimodal"
    json.dumps(check.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ({"a": {1: [0.1]}}, {}, "two metrics at least"),
        ({"a": {1: [0.1]}, "b": {2: [0.1]}}, {}, "the scales of b"),
        ({"a": {1: [0.1]}, "b": {1: [0.1, 0.2]}}, {}, "at scale 1: 2 seeds of b and 1 of a"),
        ({"a": {1: [0.1]}, "b": {1: [0.1]}}, {"lattices": {"c": 0.1}}, "no values of the metric 'c'"),
        ({"a": {1: [0.1]}, "b": {1: [0.1]}}, {"level": 5}, "level is between 0 and 1"),
        ({"a": {1: [0.1]}, "b": {1: [math.inf]}}, {}, "infinite"),
    ],
)
def test_refused_input(values: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mirage_check(values, **options)


@pytest.mark.heavy
def test_coverage_of_the_rank_correlation() -> None:
    random = np.random.default_rng(1)
    covered, repeats, rho = 0, 3000, 0.7
    truth = 6 / math.pi * math.asin(rho / 2)  # Spearman's of the bivariate normal
    for _ in range(repeats):
        x = random.normal(size=48)
        y = rho * x + math.sqrt(1 - rho**2) * random.normal(size=48)
        found = mirage_check({"a": {1: x}, "b": {1: y}}).agreement["b"][0]
        covered += found.low <= truth <= found.high
    assert covered / repeats == pytest.approx(0.95, abs=0.02)
