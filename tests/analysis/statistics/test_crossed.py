"""Shares of the variance of log times against statsmodels and the analysis of variance, and known components."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seedsweep.analysis import TimeShares, time_shares, variance_shares
from tests.analysis.statistics.eventtimes import between, seen

# 8 x 8 times, rounded, of a log-normal model; statsmodels 0.15, `MixedLM` of their logarithms by restricted
# maximum likelihood with crossed random effects: variances .4737 (rows), .3484 (columns), .1649 (rest).
MOMENTS = np.array(
    [
        [275, 228, 173, 102, 101, 531, 223, 79],
        [232, 407, 69, 75, 58, 243, 80, 71],
        [438, 546, 218, 166, 131, 319, 401, 95],
        [1368, 1554, 232, 395, 222, 1089, 626, 105],
        [1202, 1694, 1806, 339, 987, 1096, 920, 329],
        [1226, 1125, 1657, 371, 458, 1272, 353, 213],
        [687, 409, 318, 157, 240, 410, 261, 146],
        [306, 269, 376, 69, 81, 215, 379, 90],
    ],
    dtype=float,
)
REML = np.array([0.47371661, 0.34843327, 0.16489691])
INIT, DATA = (seeds.ravel() for seeds in np.indices((8, 8)))


def of(shares: TimeShares) -> np.ndarray:
    return np.array([part.estimate for part in (shares.init, shares.data, shares.interaction)])


def test_known_times_give_about_what_restricted_likelihood_gives() -> None:
    at = MOMENTS.ravel()
    shares = time_shares(between(at * (1 - 1e-9), at), INIT, DATA)
    assert of(shares) == pytest.approx(REML / REML.sum(), abs=0.05)  # medians of a posterior, not its mode
    anova = variance_shares(np.log(at), INIT, DATA)
    assert of(shares) == pytest.approx(
        [anova.init.estimate, anova.data.estimate, anova.interaction.estimate], abs=0.05
    )
    assert shares.deviation.low < math.sqrt(REML.sum()) < shares.deviation.high
    assert (shares.n, shares.reached, shares.censored, shares.n_init, shares.n_data) == (64, 64, 0, 8, 8)


def test_what_the_schedule_and_the_budget_leave_open() -> None:
    """Coarse evaluations and a budget at which a quarter still waits move the shares little; taking the budget for
    the time would."""
    whole = time_shares(seen(MOMENTS.ravel(), np.arange(0, 2000, 25.0)), INIT, DATA)
    budget = np.arange(0, 401, 25.0)
    cut = seen(MOMENTS.ravel(), budget)
    shares = time_shares(cut, INIT, DATA)
    assert shares.censored == (MOMENTS > 400).sum() > 15
    assert of(shares) == pytest.approx(of(whole), abs=0.08)
    naive = variance_shares(np.log(np.minimum(MOMENTS.ravel(), 400)), INIT, DATA)
    assert abs(naive.total / REML.sum() - 1) > abs(shares.deviation.estimate**2 / REML.sum() - 1)


def test_the_same_seed_gives_the_same_numbers() -> None:
    times = seen(MOMENTS.ravel())
    assert time_shares(times, INIT, DATA) == time_shares(times, INIT, DATA)


def test_roles_can_be_exchanged() -> None:
    one, other = time_shares(seen(MOMENTS.ravel()), INIT, DATA), time_shares(seen(MOMENTS.ravel()), DATA, INIT)
    assert of(other)[[1, 0, 2]] == pytest.approx(of(one), abs=0.03)


@pytest.mark.parametrize(
    ("times", "init", "data"),
    [
        (seen([]), [], []),
        (seen(np.arange(100, 900, 10)), np.arange(80), np.arange(80)),  # plain seeds
        (seen(np.full(64, 9000.0)), INIT, DATA),  # nobody gets there
        (seen(MOMENTS[:3].ravel()), INIT[:24], DATA[:24]),  # three initialisations
    ],
)
def test_not_to_be_told(times: object, init: np.ndarray, data: np.ndarray) -> None:
    shares = time_shares(times, init, data)  # type: ignore[arg-type]
    assert not shares.crossed
    assert np.isnan(of(shares)).all()


def test_there_from_the_start() -> None:
    moments = MOMENTS.ravel().copy()
    moments[::9] = 0.0
    assert time_shares(seen(moments), INIT, DATA).crossed


@pytest.mark.parametrize("components", [(0.6, 0.0, 0.4), (0.3, 0.3, 0.4)])
def test_coverage(components: tuple[float, float, float]) -> None:
    """A third is censored."""
    random, covered = np.random.default_rng(7), np.zeros(3)
    a, b, e = np.sqrt(components)
    for _ in range(20):
        logs = 7.5 + random.normal(0, a, 8)[INIT] + random.normal(0, b, 8)[DATA] + random.normal(0, e, 64)
        shares = time_shares(seen(np.exp(logs)), INIT, DATA)
        parts = zip((shares.init, shares.data, shares.interaction), components, strict=True)
        covered += [part.low <= share <= part.high for part, share in parts]
    assert covered.min() >= 15
    assert covered.sum() >= 51
