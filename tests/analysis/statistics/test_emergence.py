"""Curves drawn from a population: against exact enumeration, the claim rule, extremes, and degenerate ladders."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedsweep.analysis import breakthroughness, emergence_claims, extreme_curves, linearity

LADDER: dict[float, list[float]] = {
    1: [0.0, 0.1],
    2: [0.0, 0.2, 0.7],
    3: [0.1, 0.25, 0.6, 0.8],
    4: [0.3, 0.9],
    5: [0.8, 0.85, 0.9],
}
ALL_CURVES = [list(curve) for curve in itertools.product(*LADDER.values())]

ladders = st.lists(
    st.lists(st.integers(0, 91).map(lambda i: i / 91), min_size=1, max_size=5), min_size=2, max_size=5
)


def claims(curve: list[float], ratio: float, threshold: float | None) -> bool:
    present = threshold is None or min(curve) < threshold <= max(curve)
    return present and breakthroughness(curve) > ratio * (len(curve) - 1)


@pytest.mark.parametrize("threshold", [None, 0.85])
@pytest.mark.parametrize("ratio", [1.5, 3.0])
def test_single_seeds_against_all_curves(ratio: float, threshold: float | None) -> None:
    exact = np.mean([claims(curve, ratio, threshold) for curve in ALL_CURVES])
    found = emergence_claims(LADDER, ratio=ratio, threshold=threshold, draws=20_000, resamples=50)
    assert found.monte_carlo_error == pytest.approx(math.sqrt(exact * (1 - exact) / 20_000), rel=0.1)
    assert found.probability.estimate == pytest.approx(exact, abs=4 * found.monte_carlo_error)
    assert found.threshold == ratio * 4


def test_means_of_two_seeds_against_all_pairs() -> None:
    ladder: dict[float, list[float]] = {scale: LADDER[scale] for scale in (1, 2, 3, 4)}
    pairs = [[float(np.mean(pair)) for pair in itertools.product(x, repeat=2)] for x in ladder.values()]
    exact = np.mean([claims(list(curve), 1.5, None) for curve in itertools.product(*pairs)])
    found = emergence_claims(ladder, seeds=2, ratio=1.5, draws=20_000, resamples=50)
    assert 0.05 < exact < 0.95
    assert found.probability.estimate == pytest.approx(exact, abs=4 * found.monte_carlo_error)


def test_distributions_are_those_of_all_curves() -> None:
    found = emergence_claims(LADDER, draws=20_000, resamples=1)
    for measure, distribution in ((breakthroughness, found.breakthroughness), (linearity, found.linearity)):
        exact = np.array([measure(curve) for curve in ALL_CURVES])
        assert distribution.share_positive_infinite == pytest.approx(np.mean(exact == math.inf), abs=0.01)
        assert distribution.share_negative_infinite == pytest.approx(np.mean(exact == -math.inf), abs=0.01)
        for level, value in distribution.quantiles.items():
            assert np.isclose(exact, value).any()
            assert np.mean(exact < value) - 0.02 <= level <= np.mean(exact <= value) + 0.02


def test_infinite_breakthroughness_is_told() -> None:
    found = emergence_claims({1: [0.0], 2: [0.0, 0.5], 3: [0.0], 4: [1.0]}, threshold=0.5, draws=4000)
    assert found.breakthroughness.share_positive_infinite == pytest.approx(0.5, abs=0.05)
    assert found.breakthroughness.quantiles[0.95] == math.inf
    assert found.breakthroughness.quantiles[0.05] == 2.0
    falling = emergence_claims({1: [1.0], 2: [0.0], 3: [0.0], 4: [0.0]})
    assert falling.breakthroughness.share_negative_infinite == 1.0
    assert falling.probability.estimate == 0.0


def test_equal_means_have_no_tiny_steps() -> None:
    thirds: dict[float, Any] = {**{scale: [0.1, 0.2, 0.3] for scale in (1, 2, 3)}, 4: [0.9]}
    found = emergence_claims(thirds, seeds=3, draws=5000, resamples=1)
    finite = [value for value in found.breakthroughness.quantiles.values() if math.isfinite(value)]
    assert found.breakthroughness.share_positive_infinite > 0.03
    assert max(finite) < 1e6


def test_a_rise_must_cross_the_threshold() -> None:
    barely: dict[float, Any] = {1: [0.0], 2: [0.0], 3: [0.0], 4: [0.02]}
    assert emergence_claims(barely).probability.estimate == 1.0
    assert emergence_claims(barely, threshold=0.5).probability.estimate == 0.0


def test_more_seeds_claim_less_when_only_the_mean_is_smooth() -> None:
    chance: dict[float, Any] = {depth: [0.0] * (8 - 2 * depth) + [0.9] * (2 * depth) for depth in (0, 1, 2, 3, 4)}
    probabilities = [emergence_claims(chance, seeds=k, resamples=1).probability.estimate for k in (1, 4, 64)]
    assert probabilities[0] > probabilities[1] > probabilities[2]
    assert probabilities[2] < 0.001


@pytest.mark.parametrize("steps", [3, 4, 5, 7])
def test_noise_on_an_even_ramp_is_hardly_ever_claimed(steps: int) -> None:
    random = np.random.default_rng(steps)
    for noise in (0.25, 0.5, 1.0):
        ladder: dict[float, Any] = {i: i + noise * random.normal(size=4000) for i in range(steps + 1)}
        assert emergence_claims(ladder, resamples=1).probability.estimate < 0.04


@given(ladder=ladders, random=st.randoms(use_true_random=False), seeds=st.integers(1, 3))
@settings(max_examples=20, deadline=None)
def test_order_of_the_seeds_does_not_matter(ladder: Any, random: Any, seeds: int) -> None:
    values: dict[float, Any] = dict(enumerate(ladder))
    shuffled = {scale: random.sample(x, len(x)) for scale, x in reversed(values.items())}
    options: dict[str, Any] = {"seeds": seeds, "threshold": 0.5, "draws": 50, "resamples": 5}
    told = json.dumps(emergence_claims(values, **options).to_dict(), allow_nan=False)
    assert json.dumps(emergence_claims(shuffled, **options).to_dict(), allow_nan=False) == told
    found, again = extreme_curves(values, draws=50), extreme_curves(shuffled, draws=50)
    assert found.most_breakthrough.values == again.most_breakthrough.values


@given(ladder=ladders, power=st.integers(-3, 3))
@settings(max_examples=20, deadline=None)
def test_unit_does_not_matter(ladder: Any, power: int) -> None:
    values: dict[float, Any] = dict(enumerate(ladder))
    scaled = {scale: np.array(x) * 2.0**power for scale, x in values.items()}
    one, other = (emergence_claims(v, seeds=2, draws=50, resamples=5) for v in (values, scaled))
    assert str(one) == str(other)  # nan is not equal to itself


def test_extremes_are_those_of_all_curves() -> None:
    found = extreme_curves(LADDER, draws=10_000)
    for measure, most, least in (
        (breakthroughness, found.most_breakthrough, found.least_breakthrough),
        (linearity, found.most_linear, found.least_linear),
    ):
        exact = [measure(curve) for curve in ALL_CURVES]
        assert measure(most.values) == max(exact)
        assert measure(least.values) == min(exact)
    for curve in (found.most_breakthrough, found.least_breakthrough, found.most_linear, found.least_linear):
        assert curve.values == tuple(LADDER[s][i] for s, i in zip(found.scales, curve.indices, strict=True))
        assert curve.breakthroughness == breakthroughness(curve.values)
        assert curve.linearity == linearity(curve.values)


def test_of_equally_extreme_curves_the_largest_rise_is_told() -> None:
    found = extreme_curves({1: [0.0], 2: [0.0], 3: [0.1, 0.0], 4: [0.02, 1.0, 0.3]})
    assert found.most_breakthrough.values == (0.0, 0.0, 0.0, 1.0)
    assert found.most_breakthrough.indices == (0, 0, 1, 1)


def test_diverged_seeds_and_empty_scales_are_left_out() -> None:
    holes: dict[float, Any] = {1: [math.nan, 0.1], 2: [math.nan], 3: [0.5, math.nan, 0.6], 4: [], 5: [0.9]}
    found = extreme_curves(holes)
    assert found.scales == (1.0, 3.0, 5.0)
    assert {curve.indices[0] for curve in (found.most_linear, found.least_linear)} == {1}
    assert {found.most_linear.indices[1], found.least_linear.indices[1]} == {0, 2}
    assert emergence_claims(holes).scales == (1.0, 3.0, 5.0)


@pytest.mark.parametrize("values", [{}, {1: [0.5]}, {1: [0.5], 2: [math.nan]}])
def test_no_curve(values: Any) -> None:
    found = emergence_claims(values)
    assert math.isnan(found.probability.estimate)
    assert np.isnan([*found.breakthroughness.quantiles.values(), found.linearity.share_positive_infinite]).all()
    assert json.dumps(found.to_dict(), allow_nan=False)
    with pytest.raises(ValueError, match="needs two scales"):
        extreme_curves(values)


@pytest.mark.parametrize("ladder", [{1: [0.0, 0.1], 2: [0.8, 0.9]}, {1: [0.0], 2: [0.0, 0.01], 3: [0.9]}])
def test_two_and_three_scales_cannot_show_a_breakthrough(ladder: Any) -> None:
    found = emergence_claims(ladder)
    assert found.breakthroughness == found.linearity
    assert found.breakthroughness.quantiles[0.95] <= len(ladder) - 1
    assert math.isnan(found.probability.estimate)
    assert math.isnan(found.monte_carlo_error)


def test_single_and_constant_seeds() -> None:
    single = emergence_claims({1: [0.0], 2: [0.0], 3: [0.0], 4: [0.9]})
    assert (single.probability.estimate, math.isnan(single.probability.low)) == (1.0, True)
    constant = emergence_claims({scale: [0.5] * 3 for scale in (1, 2, 3, 4)})
    assert (constant.probability.estimate, constant.breakthroughness.quantiles[0.95]) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ({1: [0.1], 2: [math.inf]}, {}, "at scale 2: .* infinite"),
        ({1: [0.1], 2: [0.2]}, {"seeds": 0}, "seeds is a positive number"),
        ({1: [0.1], 2: [0.2]}, {"draws": 0}, "draws is a positive number"),
        ({1: [0.1], 2: [0.2]}, {"ratio": math.nan}, "ratio is a positive number"),
        ({1: [0.1], 2: [0.2]}, {"threshold": math.nan}, "threshold is a finite number"),
    ],
)
def test_refused_arguments(values: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        emergence_claims(values, **options)
    with pytest.raises(ValueError, match="draws is a positive number"):
        extreme_curves(LADDER, draws=0)


@pytest.mark.heavy
@pytest.mark.parametrize("seeds", [1, 4])
def test_coverage_of_the_interval(seeds: int) -> None:
    chances = (0.05, 0.35, 0.65, 0.95)
    random = np.random.default_rng(seeds)

    def population(n: int) -> dict[float, np.ndarray]:
        return {i: np.where(random.random(n) < p, random.normal(0.9, 0.05, n), 0.0) for i, p in enumerate(chances)}

    truth = emergence_claims(population(100_000), seeds=seeds, draws=50_000, resamples=1).probability.estimate
    hits = 0
    for _ in range(150):
        interval = emergence_claims(population(48), seeds=seeds, draws=2000, resamples=200).probability
        hits += interval.low <= truth <= interval.high
    assert hits / 150 >= 0.88
