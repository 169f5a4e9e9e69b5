"""Shares of variance against a published analysis of variance, a plain count of pairs, and known components."""

from __future__ import annotations

import json
import math
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedsweep.analysis import VarianceShares, variance_shares

# Montgomery, Design and Analysis of Experiments, vascular grafts: 4 pressures (rows) x 6 batches of resin.
# Its table: mean squares 59.39 of pressure, 38.45 of batches, 7.33 of error.
GRAFTS = np.array(
    [
        [90.3, 89.2, 98.2, 93.9, 87.4, 97.9],
        [92.5, 89.5, 90.6, 94.7, 87.0, 95.8],
        [85.5, 90.8, 89.6, 86.2, 88.0, 93.4],
        [82.5, 89.5, 85.6, 87.4, 78.9, 90.7],
    ]
)


def of_matrix(matrix: np.ndarray, **options: Any) -> VarianceShares:
    init, data = np.indices(matrix.shape)
    return variance_shares(matrix.ravel(), init.ravel(), data.ravel(), **options)


def components(shares: VarianceShares) -> np.ndarray:
    return shares.total * np.array([shares.init.estimate, shares.data.estimate, shares.interaction.estimate])


def test_published_table() -> None:
    shares = of_matrix(GRAFTS)
    expected = [(59.39 - 7.33) / 6, (38.45 - 7.33) / 4, 7.33]
    assert components(shares) == pytest.approx(expected, abs=0.005)
    assert (shares.n, shares.n_init, shares.n_data, shares.n_nan) == (24, 4, 6, 0)
    assert shares.crossed
    assert shares.truncated == ()
    for share in (shares.init, shares.data, shares.interaction):
        assert 0 <= share.low <= share.estimate <= share.high <= 1
        assert share.resamples > 950


cells = st.integers(2, 5).flatmap(
    lambda rows: st.integers(2, 5).flatmap(
        lambda columns: st.lists(
            st.lists(st.sampled_from([0.0, 0.1, 0.4, 0.9, 1.0, math.nan]), min_size=columns, max_size=columns),
            min_size=rows,
            max_size=rows,
        )
    )
)


@given(cells)
def test_components_are_mean_squared_differences_of_pairs(matrix: Any) -> None:
    y = np.array(matrix)
    shares = of_matrix(y, resamples=1)
    kinds: dict[str, list[float]] = {"init": [], "data": [], "neither": []}
    present = ~np.isnan(y)
    accompanied = present & ((present.sum(axis=1, keepdims=True) > 1) | (present.sum(axis=0) > 1))
    assert (shares.n, shares.n_alone) == (accompanied.sum(), present.sum() - accompanied.sum())
    for (i, j), (k, m) in combinations(np.argwhere(accompanied).tolist(), 2):
        kind = "init" if i == k else "data" if j == m else "neither"
        kinds[kind].append((y[i, j] - y[k, m]) ** 2 / 2)
    assert shares.crossed == all(kinds.values())
    if not shares.crossed:
        assert math.isnan(shares.init.estimate)
        return
    init, data, neither = (float(np.mean(kinds[kind])) for kind in ("init", "data", "neither"))
    expected = {"init": neither - init, "data": neither - data, "interaction": init + data - neither}
    positive = np.clip(list(expected.values()), 0, None)
    assert shares.total == pytest.approx(positive.sum(), abs=1e-12)
    if positive.sum() > 1e-9:
        assert components(shares) == pytest.approx(positive, abs=1e-9)
        assert set(shares.truncated) >= {name for name, value in expected.items() if value < -1e-9}


@given(cells, st.randoms(use_true_random=False), st.floats(0.1, 100), st.floats(-100, 100))
def test_neither_names_nor_units_matter(matrix: Any, random: Any, factor: Any, offset: Any) -> None:
    y = np.array(matrix)
    init, data = np.indices(y.shape)
    names = random.sample(range(1000), 10)
    order = random.sample(range(y.size), y.size)
    moved = variance_shares(
        (y * factor + offset).ravel()[order],
        np.array(names)[init].ravel()[order],
        np.array(names)[::-1][data].ravel()[order],
        resamples=1,
    )
    plain = of_matrix(y, resamples=1)
    assert moved.total == pytest.approx(plain.total * factor**2, rel=1e-6, abs=1e-6, nan_ok=True)
    if plain.total > 1e-6:
        assert moved.init.estimate == pytest.approx(plain.init.estimate, abs=1e-6)
        assert moved.data.estimate == pytest.approx(plain.data.estimate, abs=1e-6)


def test_roles_are_symmetric() -> None:
    one, other = of_matrix(GRAFTS), of_matrix(GRAFTS.T)
    assert one.init.estimate == pytest.approx(other.data.estimate)
    assert one.interaction.estimate == pytest.approx(other.interaction.estimate)


def test_components_are_found_with_missing_cells() -> None:
    random = np.random.default_rng(0)
    y = random.normal(0, 1, (150, 1)) + random.normal(0, 2, (1, 150)) + random.normal(0, 3, (150, 150))
    y[random.random(y.shape) < 0.7] = math.nan
    assert components(of_matrix(y, resamples=1)) == pytest.approx([1, 4, 9], rel=0.25)


def test_pure_effects() -> None:
    row, column = np.array([[0.0], [0.5], [0.9]]), np.array([[0.1, 0.4, 0.2, 0.3]])
    init_only = of_matrix(row + 0 * column)
    assert (init_only.init.estimate, init_only.data.estimate) == pytest.approx((1, 0), abs=1e-12)
    both = of_matrix(row + column)
    assert both.interaction.estimate == pytest.approx(0, abs=1e-12)
    assert both.init.estimate == pytest.approx(
        np.var(row, ddof=1) / (np.var(row, ddof=1) + np.var(column, ddof=1))
    )
    checkerboard = of_matrix(np.indices((6, 6)).sum(axis=0) % 2.0)
    assert checkerboard.interaction.estimate == 1
    assert checkerboard.truncated == ("init", "data")


@pytest.mark.parametrize(
    ("init", "data"),
    [
        (range(6), range(6)),  # plain seeds
        ([0, 0, 1, 1, 2, 2], range(6)),  # data nested in init
        ([0] * 6, range(6)),
        ([0], [0]),
        ([], []),
    ],
    ids=["plain", "nested", "one row", "one run", "no run"],
)
def test_not_crossed(init: Any, data: Any) -> None:
    shares = variance_shares(np.arange(len(init)) / 10, list(init), list(data))
    assert not shares.crossed
    assert all(
        math.isnan(s.estimate) and math.isnan(s.low) for s in (shares.init, shares.data, shares.interaction)
    )
    assert math.isnan(shares.total)
    told = json.loads(json.dumps(shares.to_dict(), allow_nan=False))
    assert told["init"]["estimate"] is None


def test_nothing_to_share_out() -> None:
    shares = of_matrix(np.full((5, 7), 0.1))
    assert shares.crossed
    assert shares.total == 0
    assert math.isnan(shares.init.estimate)
    diverged = of_matrix(np.full((5, 7), math.nan))
    assert (diverged.crossed, diverged.n, diverged.n_nan) == (False, 0, 35)


def test_plain_seeds_beside_a_crossed_block_do_no_harm() -> None:
    random = np.random.default_rng(1)
    init, data = (x.ravel() for x in np.indices((8, 8)))
    values = random.normal(0, 1, 8)[init] + random.normal(0, 0.2, 64)
    alone = variance_shares(values, init, data)
    extra = np.arange(8, 40)
    beside = variance_shares(
        np.concatenate([values, random.normal(0, 1, 32)]),
        np.concatenate([init, extra]),
        np.concatenate([data, extra]),
    )
    assert (beside.n, beside.n_alone) == (64, 32)
    assert (beside.init, beside.data) == (alone.init, alone.data)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.1, 0.2], [0, 0], [1, 1]), "init seed 0 and data seed 1 occur in 2 runs"),
        (([0.1, 0.2], [0], [1, 1]), "one init seed and one data seed per value"),
        (([0.1, math.inf], [0, 0], [1, 2]), "infinite"),
    ],
)
def test_refused_input(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        variance_shares(*arguments)
    for wrong in ({"confidence": 95}, {"resamples": 0}):
        with pytest.raises(ValueError, match=r"between 0 and 1|positive number"):
            of_matrix(GRAFTS, **wrong)


@pytest.mark.heavy
@pytest.mark.parametrize("seeds", [8, 16])
@pytest.mark.parametrize("bimodal", [False, True])
@pytest.mark.parametrize("spread", [(1, 0.5, 1), (0.3, 0.3, 1), (1, 1, 0.3), (0, 0, 1), (1, 0, 1)])
def test_coverage_of_the_intervals(seeds: int, bimodal: bool, spread: Any) -> None:
    random = np.random.default_rng(2)

    def draw(n: int) -> np.ndarray:
        init, data, rest = spread
        z = random.normal(0, init, (n, 1)) + random.normal(0, data, (1, n)) + random.normal(0, rest, (n, n))
        return 0.9 / (1 + np.exp(-12 * z)) if bimodal else z

    large = of_matrix(draw(1500), resamples=1)
    truth = [large.init.estimate, large.data.estimate, large.interaction.estimate]
    covered = np.zeros(3)
    repeats = 300
    for _ in range(repeats):
        shares = of_matrix(draw(seeds), resamples=400)
        intervals = (shares.init, shares.data, shares.interaction)
        covered += [s.low - 0.005 <= t <= s.high + 0.005 for s, t in zip(intervals, truth, strict=True)]
    assert np.all(covered / repeats > 0.9)
