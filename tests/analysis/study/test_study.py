"""A study has every part that applies, says why others are missing, and speaks in the unit of the metric."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seedsweep import read_table
from seedsweep.analysis import adjust_pvalues, emergence_claims, group_test, study, summarise
from tests.analysis.populations import ACCURACY, as_curves, chance, table, write

VALUES = chance(0, 0.5, 0.7, 1.0, seeds=24)


def test_parts_are_those_of_the_statistics(tmp_path: Path) -> None:
    found = study(table(tmp_path, {"accuracy": VALUES}))
    assert [scale.summary for scale in found.scales] == list(summarise(VALUES, ACCURACY))
    assert [scale.groups for scale in found.scales] == [group_test(x, bounds=(0, 1)) for x in VALUES.values()]
    holm = adjust_pvalues([scale.groups.pvalue for scale in found.scales])
    assert [scale.pvalue_holm for scale in found.scales] == holm.tolist()
    assert [scale.mixed for scale in found.scales] == [False, True, True, False]
    assert [scale.seeds_needed is None for scale in found.scales] == [
        scale.multimodal or not scale.mixed for scale in found.scales
    ]
    assert [claims.seeds for claims in found.claims] == [1, 2, 4, 8, 16]
    assert found.claims[0] == emergence_claims(VALUES, threshold=0.5)
    assert set(found.absent) == {"mirage", "survival", "variance"}
    assert found.duplicates == ()


def test_lower_is_better_is_told_in_the_unit_of_the_metric(tmp_path: Path) -> None:
    loss = {depth: 3 - 2 * x for depth, x in VALUES.items()}
    found = study(table(tmp_path, {"loss": loss}, threshold=2.0, higher_is_better=False))
    same = study(table(tmp_path, {"accuracy": VALUES}))
    cluster, mirrored = found.scales[1].cluster, same.scales[1].cluster
    assert cluster.threshold == pytest.approx(3 - 2 * mirrored.threshold, rel=0.1)
    assert cluster.upper_mean == pytest.approx(3 - 2 * mirrored.upper_mean)
    assert cluster.upper is not None
    assert mirrored.upper is not None
    assert cluster.upper.successes == mirrored.upper.successes
    assert found.extremes is not None
    assert all(
        value in loss[depth] for depth, value in zip(VALUES, found.extremes.most_linear.values, strict=True)
    )
    assert found.claims[0].probability.estimate == same.claims[0].probability.estimate


def test_a_metric_that_points_the_other_way_is_recognised(tmp_path: Path) -> None:
    margin = {depth: 5 - x for depth, x in VALUES.items()}
    check = study(table(tmp_path, {"accuracy": VALUES, "margin": margin})).mirage
    assert check is not None
    assert check.agreement["margin"][1].estimate == 1.0
    assert check.metrics[1].linearity == pytest.approx(check.metrics[0].linearity)


def test_curves_give_times_and_duplicates(tmp_path: Path) -> None:
    curves = {depth: as_curves(x, np.full(24, 4)) for depth, x in VALUES.items()}
    curves[2][9] = curves[2][4]
    found = study(table(tmp_path, {"accuracy": curves}))
    assert found.survival is not None
    assert found.survival.scales[3].survival.median.estimate == 4
    assert found.duplicates is not None
    assert [(group.scale, group.seeds, group.same_run) for group in found.duplicates] == [(2, (4, 9), True)]


def test_duplicates_in_final_values_of_two_scales_and_in_a_run_that_ends_early(tmp_path: Path) -> None:
    copied = {depth: x.copy() for depth, x in VALUES.items()}
    copied[3][7] = copied[2][4]
    (one,) = study(table(tmp_path, {"accuracy": copied})).duplicates
    assert (one.scales, one.seeds, one.same_run) == ((2, 3), (4, 7), True)
    curves = {depth: as_curves(x, np.full(24, 4)) for depth, x in VALUES.items()}
    file = write(tmp_path / "early.csv", {"accuracy": curves})
    lines = [f"2,99,{step},{value}" for step, value in enumerate(curves[2][4][:9])]
    file.write_text(file.read_text() + "\n".join(lines))
    early = study(read_table(file, scale="depth", seed="run", metric="accuracy", step="step", threshold=0.5))
    assert [(one.scales, one.seeds) for one in early.duplicates] == [((2, 2), (4, 99))]
    assert early.summary.scales[1].n == 24


def test_crossed_seeds_have_shares_of_variance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A square of four initialisations and four orders of data, where the former decides."""
    by_init = np.repeat([0.1, 0.2, 0.8, 0.9], 4) + np.random.default_rng(0).normal(0, 0.01, 16)
    population = table(tmp_path, {"accuracy": {1: by_init, 2: by_init[::-1]}})
    final, seeds = population.reader.final, np.arange(16)
    monkeypatch.setattr(
        population.reader, "final", lambda *of: replace(final(*of), init_seeds=seeds // 4, data_seeds=seeds % 4)
    )
    found = study(population)
    assert found.variance is not None
    assert list(found.variance) == [1, 2]
    assert found.variance[1].init.estimate > 0.9


@pytest.mark.parametrize(
    "values",
    [
        {1: [0.5]},
        {1: [np.nan, np.nan], 2: [0.1, 0.2]},
        {1: [0.5] * 9, 2: [0.5] * 9},
        {1: [1e-9, 0.0], 2: [1e9, 0.1]},
    ],
)
def test_degenerate_populations_are_strict_json(tmp_path: Path, values: Any) -> None:
    for threshold in (0.5, None):
        found = study(table(tmp_path, {"accuracy": values}, threshold=threshold))
        told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
        assert len(told["scales"]) == len(values)
        assert told["absent"].keys() >= {"claims", "mirage"}
