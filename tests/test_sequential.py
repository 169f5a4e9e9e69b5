"""Confidence sequences for shares, held to their promise exactly: by the binomial paths, not by drawing some."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import betaln
from scipy.stats import binom

from seedsweep.sequential import CELLS, Aim, Limits, _share, _Tests, seeds_for, share_limits

AIM = Aim(0.1, 160)
HORIZON = 256


def missed(p: float, limits: Callable[[int, int], Limits], horizon: int) -> float:
    """Probability that some interval up to so many seeds does not hold p."""
    inside = np.array([1.0])
    for n in range(1, horizon + 1):
        inside = np.append(inside, 0.0) * (1 - p) + np.append(0.0, inside) * p
        for successes in np.flatnonzero(inside > 0):
            low, high = limits(int(successes), n)
            if not low <= p <= high:
                inside[successes] = 0.0
    return 1 - float(inside.sum())


@pytest.mark.parametrize("p", [0.0, 0.004, 0.05, 0.1037, 0.31, 0.5, 0.8123, 0.95, 1.0])
def test_a_sequence_with_an_aim_misses_a_share_at_any_time_in_at_most_one_of_twenty(p: float) -> None:
    found = missed(p, lambda successes, n: share_limits(successes, n, aim=AIM), HORIZON)
    assert found <= 0.05
    if 0.1 <= p <= 0.9:
        assert found > 0.03  # and is not wider than it need be


@pytest.mark.parametrize("p", [0.01, 0.2, 0.5])
def test_a_sequence_without_an_aim_does_too(p: float) -> None:
    assert missed(p, share_limits, 150) <= 0.05


def test_wilsons_interval_does_not() -> None:
    """The fault that all this is for."""

    def wilson(successes: int, n: int) -> Limits:
        z, rate = 1.96, successes / n
        centre = (rate + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * math.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
        return Limits(centre - half, centre + half)

    assert missed(0.5, wilson, 200) > 0.3


def test_the_mixture_is_a_ratio_of_likelihoods() -> None:
    """Of a beta(1/2, 1/2) mixture to one share: 20 at the ends of the interval, by scipy."""
    for successes, n in [(32, 64), (3, 40), (0, 64), (250, 400)]:
        limits = share_limits(successes, n)
        mixed = betaln(successes + 0.5, n - successes + 0.5) - betaln(0.5, 0.5)
        for end in limits:
            if 0 < end < 1:
                alone = binom.logpmf(successes, n, end) - math.log(math.comb(n, successes))
                assert mixed - alone == pytest.approx(math.log(20), rel=1e-9)


def test_an_interval_is_the_hull_of_all_shares_that_are_not_excluded() -> None:
    """They are looked for in two steps; here in one by one."""
    tests = _Tests(AIM, 0.025)
    for n, successes in [(8, 0), (33, 1), (64, 20), (100, 50), (130, 121), (200, 100), (255, 4)]:
        kept = []
        for first in range(0, CELLS, 128):
            fewest = tests._boundaries(np.arange(first, first + 128), HORIZON)[n]
            kept += list(first + np.flatnonzero(fewest <= successes))
        assert tests.highest(successes, n) == _share(int(max(kept)) + 1)


def test_what_was_asked_before_makes_no_difference() -> None:
    late_first, early_first = _Tests(AIM, 0.025), _Tests(AIM, 0.025)
    order = [(120, 300), (10, 20), (60, 128)]
    late = [late_first.highest(*asked) for asked in order]
    early = [early_first.highest(*asked) for asked in reversed(order)]
    assert late == early[::-1]


def test_successes_and_failures_are_treated_alike() -> None:
    for aim in (None, AIM):
        low, high = share_limits(12, 50, aim=aim)
        mirrored = share_limits(38, 50, aim=aim)
        assert (1 - high, 1 - low) == pytest.approx(mirrored)


def test_no_seed_tells_nothing() -> None:
    assert share_limits(0, 0) == share_limits(0, 0, aim=AIM) == (0.0, 1.0)
    with pytest.raises(ValueError, match="between 0 and n = 3"):
        share_limits(4, 3)


def test_an_aim_is_reached_with_one_and_a_half_times_the_seeds() -> None:
    """Of Wilson's interval for a number that is fixed beforehand; without an aim it takes more than thrice."""
    for share in (0.25, 0.5):
        fixed = seeds_for(share, 0.1)
        needed = next(n for n in range(4, 400, 4) if share_limits(round(share * n), n, aim=AIM).half_width <= 0.1)
        general = next(n for n in range(4, 400, 4) if share_limits(round(share * n), n).half_width <= 0.1)
        assert fixed < needed < 1.6 * fixed
        assert general > 3 * fixed


def test_seeds_for_is_wilsons_interval() -> None:
    """Half-widths by the formula that scipy has."""
    from scipy.stats import binomtest

    for share, half_width in [(0.5, 0.05), (0.25, 0.1)]:
        n = seeds_for(share, half_width)
        n -= n % 4
        low, high = binomtest(round(n * share), n).proportion_ci(method="wilson")
        assert (high - low) / 2 == pytest.approx(half_width, rel=0.02)
