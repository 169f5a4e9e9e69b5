"""The table of a whole ladder."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from seedsweep.analysis import dip, mode, success_rate, summarise, wasserstein2
from tests.analysis.populations import ACCURACY

RANDOM = np.random.default_rng(2)
LADDER: dict[float, Any] = {
    8: np.concatenate([np.zeros(4), RANDOM.uniform(0.8, 1.0, 60)]),
    2: RANDOM.uniform(0.0, 0.1, 64),
    4: np.concatenate([np.zeros(30), RANDOM.uniform(0.8, 1.0, 33), [math.nan]]),
}


def test_every_statistic_is_the_one_of_its_function() -> None:
    summaries = summarise(LADDER, ACCURACY, lattice=0.01)
    assert [summary.scale for summary in summaries] == [2, 4, 8]
    for summary in summaries:
        x = LADDER[summary.scale]
        assert summary.n == 64
        assert summary.mean.estimate == pytest.approx(np.nanmean(x))
        assert summary.mean.low < summary.mean.estimate < summary.mean.high
        assert summary.median == np.nanmedian(x)
        assert summary.quantiles == {q: np.nanquantile(x, q) for q in (0.05, 0.25, 0.75, 0.95)}
        assert summary.mode.estimate == mode(x)
        assert summary.success == success_rate(x, 0.5)
        assert summary.dip == dip(x, lattice=0.01)
        assert summary.w2_to_largest.estimate == wasserstein2(x, LADDER[8])


def test_what_the_ladder_shows() -> None:
    small, middle, large = summarise(LADDER, ACCURACY)
    assert (small.n_diverged, middle.n_diverged, large.n_diverged) == (0, 1, 0)
    assert small.mean_given_success is None
    assert middle.mean_given_success is not None
    assert middle.mean_given_success.estimate == pytest.approx(0.9, abs=0.05)
    assert middle.success.n == 64
    assert middle.mean.n == 63
    assert (large.w2_to_largest.low, large.w2_to_largest.high) == (0.0, 0.0)
    assert small.w2_to_largest.low > middle.w2_to_largest.high


def test_order_of_the_seeds_does_not_change_a_digit() -> None:
    shuffled = {scale: np.random.default_rng(3).permutation(x) for scale, x in LADDER.items()}
    assert summarise(shuffled, ACCURACY, lattice=0.01) == summarise(LADDER, ACCURACY, lattice=0.01)


def test_degenerate_scales() -> None:
    empty, diverged, one = summarise({1: [], 2: [math.nan, math.nan], 3: [0.7]}, ACCURACY)
    assert (empty.n, diverged.n, diverged.n_diverged, one.n) == (0, 2, 2, 1)
    for summary in (empty, diverged):
        assert summary.mean_given_success is None
        values = (
            summary.mean.estimate,
            summary.median,
            *summary.quantiles.values(),
            summary.mode.estimate,
            summary.dip.statistic,
        )
        assert np.isnan([*values, summary.w2_to_largest.estimate]).all()
    assert diverged.success.rate == 0.0
    assert (one.median, one.mode.estimate, one.dip.pvalue) == (0.7, 0.7, 1.0)
    assert one.w2_to_largest.estimate == 0.0
    assert math.isnan(summarise({1: []}, ACCURACY)[0].w2_to_largest.estimate)
    assert summarise({}, ACCURACY) == ()


def test_ready_for_strict_json() -> None:
    for summary in summarise(LADDER | {1: [], 3: [math.nan], 5: [0.7]}, ACCURACY):
        table = json.loads(json.dumps(summary.to_dict(), allow_nan=False))
        assert table["scale"] == summary.scale
        assert table["dip"]["pvalue_floor"] == 1e-5
        assert list(table["quantiles"]) == ["0.05", "0.25", "0.75", "0.95"]
        assert (table["mean"]["estimate"] is None) == math.isnan(summary.mean.estimate)
        assert (table["mean_given_success"] is None) == (summary.success.successes == 0)


def test_unbounded_metric() -> None:
    (summary,) = summarise({1: [3.0, 3.1, 9.0]}, replace(ACCURACY, threshold=3.05), bounds=(0, math.inf))
    assert summary.mode.estimate in (3.0, 3.1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({2: [0.1], 4: [0.1, math.inf]}, "at scale 4: 1 of 2 values are infinite"),
        ({2: [0.1, 1.7]}, "at scale 2: the value 1.7 is outside the bounds"),
        ({2: [[0.1]]}, "at scale 2: .* one-dimensional"),
        ({math.nan: [0.1]}, "scales are finite numbers"),
    ],
)
def test_errors_name_the_scale(values: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        summarise(values, ACCURACY)
