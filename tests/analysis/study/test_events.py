"""Survival until any event, and pairs of two populations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import seedsweep
from benchmarks.calibration.seen import Seen, population
from seedsweep import Criterion
from seedsweep.analysis import change_effect, event_survival, event_times, paired_effect, study
from seedsweep.errors import InputError
from tests.analysis.populations import table

POPULATIONS = Path(__file__).parents[3] / "populations"


def test_survival_of_the_criterion_is_that_of_the_study() -> None:
    known = seedsweep.load(POPULATIONS / "count-depth")
    examined = study(known)
    assert examined.survival is not None
    assert event_survival(known, examined.summary.criterion).to_dict() == examined.survival.to_dict()


def test_any_metric_and_split() -> None:
    made = population(Seen().draw(np.random.default_rng(0), 16))
    found = event_survival(made, Criterion("attention_mass", "output-3", 0.4))
    for scale, curves in zip(found.scales, made.curves("attention_mass", "output-3").values(), strict=True):
        times = event_times(curves.steps, curves.values, 0.4)
        np.testing.assert_array_equal(scale.times.reached, times.reached)
        np.testing.assert_array_equal(scale.times.steps[times.reached], times.high[times.reached])
    lower = event_survival(made, Criterion("attention_mass", "output-3", 0.4, higher_is_better=False))
    assert lower.scales[0].survival.n_events < 16  # from the start on, but few for good


def test_only_final_values(tmp_path: Path) -> None:
    known = table(tmp_path, {"accuracy": {1: [0.1, 0.9], 2: [0.9, 0.9]}})
    with pytest.raises(InputError, match="only final values are known"):
        event_survival(known, known.criterion)


def test_pairs_are_of_the_same_scale_and_seeds() -> None:
    random = np.random.default_rng(0)
    slow, fast = (population(Seen(median=median).draw(random, 20)) for median in (2000.0, 500.0))
    effect = change_effect(slow, fast)
    assert (effect.overall.n, effect.unpaired) == (60, 0)
    assert effect.overall.ratio.high < 1
    assert effect.overall.pvalue < 0.001
    for row, (scale, found) in enumerate(effect.by_scale.items()):
        sides = [
            event_times(curves[scale].steps, curves[scale].values, 0.9)
            for curves in (slow.curves("accuracy"), fast.curves("accuracy"))
        ]
        assert found.ratio == paired_effect(*sides).ratio
        np.testing.assert_array_equal(effect.overall.lowest[20 * row : 20 * row + 20], found.lowest)


def test_cells_that_one_has_alone_are_counted() -> None:
    random = np.random.default_rng(0)
    many = population(Seen(heads=(1.0, 2.0)).draw(random, 12))
    few = population(Seen(heads=(2.0, 4.0)).draw(random, 8))
    effect = change_effect(many, few)
    assert (effect.overall.n, effect.unpaired) == (8, 24 + 16 - 16)
    other = population(Seen(heads=(8.0,)).draw(random, 8))
    with pytest.raises(InputError, match="no scale and seeds in common"):
        change_effect(many, other)


def test_a_longer_budget_on_one_side_is_not_looked_at(tmp_path: Path) -> None:
    """Five steps against twenty: who gets there at the tenth has not, by the fifth."""
    curves = np.arange(20) >= np.array([2, 10, 10, 15])[:, None]
    whole, cut = (tmp_path / name for name in ("whole", "cut"))
    whole.mkdir()
    cut.mkdir()
    long = table(whole, {"accuracy": {1: curves.astype(float)}})
    short = table(cut, {"accuracy": {1: curves[:, :6].astype(float)}})
    effect = change_effect(long, short).overall
    assert (effect.sooner, effect.later, effect.neither) == (0, 0, 3)
