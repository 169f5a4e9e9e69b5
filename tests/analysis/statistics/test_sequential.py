"""Success rates and means of who stops when the interval is narrow enough."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seedsweep.analysis.statistics.samples import FloatArray, generator
from seedsweep.analysis.statistics.sequential import Aim, mean_sequence, success_sequence
from seedsweep.sequential import share_limits

GOLDEN = (np.arange(100) * 0.6180339887498949) % 1


@pytest.mark.parametrize(
    ("values", "n", "low", "high"),
    [
        (GOLDEN, 10, 0.202, 0.755),
        (GOLDEN, 100, 0.407, 0.577),
        (GOLDEN**2, 30, 0.180, 0.495),
        (GOLDEN < 0.3, 30, 0.129, 0.569),
        (GOLDEN < 0.3, 100, 0.185, 0.459),
        (0.7 + 0.05 * GOLDEN, 100, 0.673, 0.745),
    ],
)
def test_the_mean_is_that_of_confseq(values: FloatArray, n: int, low: float, high: float) -> None:
    """`hedged_cs` of confseq 0.0.11, the package of the method's authors."""
    found = mean_sequence(np.asarray(values, dtype=float)[:n])
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)


def test_other_bounds_move_the_interval_with_the_values() -> None:
    unit, moved = mean_sequence(GOLDEN), mean_sequence(10 * GOLDEN - 4, bounds=(-4, 6))
    assert (moved.low, moved.high) == pytest.approx((10 * unit.low - 4, 10 * unit.high - 4))


def test_a_mean_is_missed_at_any_time_in_at_most_one_of_twenty() -> None:
    """300 samples of 60 seeds, of which a few end far from all others, looked at after each."""
    random = generator(5)
    missed = 0
    for _ in range(300):
        values = np.where(random.random(60) < 0.1, 0.05, random.uniform(0.7, 0.9, 60))
        found = mean_sequence(values)  # intersected over all numbers of seeds
        missed += not found.low <= 0.725 <= found.high
    assert missed <= 24  # 5 % are 15, with a standard deviation of 3.8


def test_a_mean_without_values_or_bounds() -> None:
    assert math.isnan(mean_sequence([math.nan]).low)
    with pytest.raises(ValueError, match="without bounds"):
        mean_sequence([1.0], bounds=(0, math.inf))
    with pytest.raises(ValueError, match="not within the bounds"):
        mean_sequence([1.5])


def test_a_rate_has_the_limits_of_its_sequence() -> None:
    values = [0.1, 0.9, math.nan] * 20
    rate = success_sequence(values, 0.5)
    assert (rate.n, rate.successes) == (60, 20)
    assert rate.rate == pytest.approx(1 / 3)
    assert (rate.low, rate.high) == share_limits(20, 60)
    aimed = success_sequence(values, 0.5, aim=Aim(0.15, 100))
    assert (aimed.low, aimed.high) == share_limits(20, 60, aim=Aim(0.15, 100))
    assert aimed.to_dict()["aim"] == [0.15, 100]


def test_intervals_that_hold_together_are_those_of_a_higher_confidence() -> None:
    together = success_sequence([0.0, 1.0] * 30, 0.5, scales=5)
    assert (together.low, together.high) == share_limits(30, 60, confidence=0.99)
    assert (together.confidence, together.scales) == (0.95, 5)
    with pytest.raises(ValueError, match="scales is a positive number"):
        success_sequence([1.0], 0.5, scales=0)
