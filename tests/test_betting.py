"""Confidence sequences for means: their stakes against a brute force, their promise exactly and by simulation."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import ndtr, ndtri

from seedsweep.betting import BLOCK, _Betting, _betting, mean_limits
from seedsweep.sequential import Aim, Limits, share_limits

AIM = Aim(0.1, 160)
GOLDEN = ((np.arange(130) * 0.6180339887498949) % 1).tolist()
SPLIT = [0.9 if value < 0.4 else value / 5 for value in GOLDEN]


def fortunes(values: list[float], mean: float, aim: Aim | None) -> list[float]:
    """Of somebody who bets on values above a mean, after each of them: straight from the definition."""
    level, plain, aimed, found = 0.025, 1.0, 1.0, []
    total, squares = 0.5, 0.25
    for t, value in enumerate(values, start=1):
        variance = squares / t
        most = 0.5 / mean if mean else math.inf
        plug_in = math.sqrt(2 * math.log(1 / level) / (t * math.log(1 + t) * variance))
        plain *= 1 + min(plug_in, most) * (value - mean)
        total += value
        squares += (value - total / (t + 1)) ** 2
        if aim is None:
            found.append(plain)
            continue
        planned = 1.25 * float(ndtri(1 - 0.9 * level)) ** 2 * variance / aim.half_width**2
        planned = max(1.0, min(planned, aim.at_most / 1.15))
        left = max(planned - t + 1, 0.02 * planned)
        z = min(max(ndtri(min(1.0, 0.9 * level * aimed)), -8), 4)
        hedge = math.exp(-z * z / 2) / math.sqrt(2 * math.pi) / ndtr(z) / math.sqrt(variance * left)
        aimed *= 1 + min(hedge, 1.5 * most) * (value - mean)
        found.append(0.1 * plain + 0.9 * aimed)
    return found


@pytest.mark.parametrize("aim", [None, AIM], ids=["plain", "aimed"])
@pytest.mark.parametrize("values", [GOLDEN, SPLIT], ids=["golden", "split"])
def test_limits_are_those_of_a_brute_force(values: list[float], aim: Aim | None) -> None:
    """Every fiftieth mean by itself: a limit lies between the last that is excluded and the first that is not."""
    found = mean_limits(values, aim=aim)
    mirrored = [1 - value for value in values]
    for side, limit in ((values, found.low), (mirrored, 1 - found.high)):
        first = next(m for m in np.arange(51) / 50 if max(fortunes(side, m, aim)) < 40)
        assert first - 0.021 <= limit <= first


@pytest.mark.parametrize("aim", [None, Aim(0.2, 24)], ids=["plain", "aimed"])
@pytest.mark.parametrize(("low", "high", "chance"), [(0.0, 1.0, 0.3), (0.1, 0.9, 0.75), (0.0, 0.02, 0.5)])
def test_no_fortune_grows_against_the_mean(low: float, high: float, chance: float, aim: Aim | None) -> None:
    """Whatever is staked: exactly, over all paths of eight values."""
    mean = low + chance * (high - low)
    index, up, down = round(1000 * mean), 0.0, 0.0
    for path in itertools.product((False, True), repeat=8):
        betting = _Betting(0.05, aim)
        for large in path:
            betting.add(high if large else low)
        probability = chance ** sum(path) * (1 - chance) ** (8 - sum(path))
        for part, bettors in ((0.1, "plain"), (0.9, "aimed")):
            up += part * probability * math.exp(getattr(betting.above, bettors)[index])
            down += part * probability * math.exp(getattr(betting.below, bettors)[1000 - index])
    assert (up, down) == pytest.approx((1.0, 1.0), rel=1e-9)


@pytest.mark.parametrize(("rare", "low", "high"), [(0.05, 1.0, 0.0), (0.1, 0.05, 0.75)])
def test_a_mean_is_missed_at_any_time_in_at_most_one_of_twenty(rare: float, low: float, high: float) -> None:
    """150 samples of which a few seeds end far from all others; `benchmarks.goals_of_means` has more.

    The limits are those of all numbers of seeds so far.
    """
    random = np.random.default_rng(17)
    mean, missed = rare * low + (1 - rare) * high, 0
    for _ in range(150):
        least, most = mean_limits(np.where(random.random(100) < rare, low, high).tolist(), aim=AIM)
        missed += not least <= mean <= most
    assert missed <= 14  # 5 % are 7.5, with a standard deviation of 2.7


@pytest.mark.parametrize("share", [0.5, 0.25])
def test_on_zeros_and_ones_it_needs_about_as_many_seeds_as_the_sequence_for_shares(share: float) -> None:
    """In most samples; in some it does not get there by then, and takes far more."""
    ratios = [_more_seeds_by_betting(np.random.default_rng(seed).random(400) < share) for seed in range(15)]
    assert 0.75 < np.median(ratios) < 1.25


def _more_seeds_by_betting(drawn: npt.NDArray[np.bool_]) -> float:
    ones = drawn.astype(float).tolist()
    by_betting = needed(lambda n: mean_limits(ones[:n], aim=AIM))
    return by_betting / needed(lambda n: share_limits(int(sum(ones[:n])), n, aim=AIM))


def test_an_aim_is_reached_with_less_than_half_the_seeds_that_it_takes_without() -> None:
    ones = [float(i * i % 7 in (1, 2)) for i in range(500)]
    with_aim = needed(lambda n: mean_limits(ones[:n], aim=AIM))
    without = needed(lambda n: mean_limits(ones[:n]))
    assert with_aim < 0.5 * without


def needed(limits: Callable[[int], Limits]) -> int:
    """Seeds until an interval is as narrow as is aimed at."""
    return next((n for n in range(8, 500, 8) if limits(n).half_width <= AIM.half_width), 500)


def test_values_and_their_mirror_image_are_treated_alike() -> None:
    low, high = mean_limits(SPLIT, aim=AIM)
    assert mean_limits([1 - value for value in SPLIT], aim=AIM) == pytest.approx((1 - high, 1 - low))
    moved = mean_limits([10 * value - 4 for value in SPLIT], bounds=(-4, 6), aim=Aim(1.0, 160))
    assert moved == pytest.approx((10 * low - 4, 10 * high - 4))


def test_what_was_asked_before_makes_no_difference() -> None:
    _betting.cache_clear()
    late = [mean_limits(GOLDEN[:n], aim=AIM) for n in (130, 70, BLOCK, 3)]
    _betting.cache_clear()
    early = [mean_limits(GOLDEN[:n], aim=AIM) for n in (3, BLOCK, 70, 130)]
    assert late == early[::-1]


def test_intervals_never_grow_and_hold_the_mean_of_what_was_seen() -> None:
    """Also where later values are of another kind, so that no mean is left."""
    values = [0.1] * 100 + [0.9] * 160
    before = Limits(0.0, 1.0)
    for n in range(1, len(values) + 1, 9):
        low, high = mean_limits(values[:n], aim=AIM)
        assert low - 1e-12 <= np.mean(values[:n]) <= high + 1e-12
        if n <= 100:
            assert before.low <= low < high <= before.high
        before = Limits(low, high)


def test_no_value_tells_nothing_and_what_is_beyond_bounds_is_refused() -> None:
    assert mean_limits([], bounds=(-1, 3)) == (-1, 3)
    assert mean_limits([1 + 1e-7] * 9).high == 1
    with pytest.raises(ValueError, match="not within the bounds"):
        mean_limits([0.5, 1.5])
    with pytest.raises(ValueError, match="without bounds"):
        mean_limits([0.5], bounds=(0, math.inf))
