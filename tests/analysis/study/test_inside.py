"""What happened inside: of populations whose truth is known, of sweeps without streams, and of what is missing."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seedsweep
from benchmarks.calibration.seen import STEPS, Seen, population
from seedsweep import Population
from seedsweep.analysis import event_times, inside, study
from seedsweep.analysis.report.inside import inside_findings
from seedsweep.analysis.study.inside import learnt_at
from seedsweep.analysis.study.streams import OutputCurves, output_curves
from tests.analysis.populations import chance, table

POPULATIONS = Path(__file__).parents[3] / "populations"


def drawn(seeds: int = 24, *, without: tuple[str, ...] = (), crossed: bool = False, **seen: Any) -> Population:
    read = Seen(**seen).draw(np.random.default_rng(0), seeds)
    kept = {key: values for key, values in read.items() if not any(name in key for name in without)}
    return population(kept, crossed=crossed)


def test_nothing_without_streams(tmp_path: Path) -> None:
    assert inside(seedsweep.load(POPULATIONS / "count-depth")) is None
    examined = study(table(tmp_path, {"accuracy": chance(0, 0.5, 1)}))
    assert examined.inside is None
    assert "inside" not in examined.to_dict()


def test_outputs_are_the_curves_that_were_read() -> None:
    made = drawn(5, heads=(1.0, 4.0), outputs=11)  # output-10 stands behind output-9, not behind output-1
    curves = output_curves(made, "accuracy")
    assert list(curves) == [1.0, 4.0]
    for scale, found in curves.items():
        assert found.values.shape == (5, 11, STEPS.size)
        for output in range(11):
            expected = made.curves("accuracy", f"output-{output}")[scale].values
            np.testing.assert_array_equal(found.values[:, output], expected)
    assert output_curves(made, "nll") == {}


def test_all_that_is_known_is_told() -> None:
    made = drawn(shared=0.4, lead=100.0, told=0.9)
    found = inside(made)
    assert found is not None
    assert found.absent == {}
    assert found.streams == ("outputs", "attention", "probe")
    assert found.learnt_at == 0.95
    for scale, curves in zip(found.scales, output_curves(made, "accuracy").values(), strict=True):
        times = event_times(curves.steps, curves.values, 0.95)
        assert scale.times is not None
        np.testing.assert_array_equal(scale.times.high, times.high)
        assert scale.learnt == np.isfinite(times.high).mean()
        assert scale.dependence is not None
        shares = [(times.high <= step).mean() for step in curves.steps]
        assert abs((times.high <= scale.step).mean() - 0.5) == np.min(np.abs(np.array(shares) - 0.5))
        assert scale.lead is not None
        assert scale.lead.median.estimate == pytest.approx(-100, abs=50)
        assert {(one.split, one.metric) for one in scale.forecasts} <= {("probe", "value")}
    told = json.loads(json.dumps(study(made).to_dict(), allow_nan=False))["inside"]
    assert told["scales"][0]["dependence"]["ratio"]["n"] == 24
    assert told["scales"][-1]["forecasts"][0]["metric"] == "value"


@pytest.mark.parametrize(
    ("without", "absent", "questions"),
    [
        (("accuracy",), {"outputs"}, set()),
        (("attention_mass",), {"attention"}, {"Are a seed’s outputs learnt independently?"}),
    ],
)
def test_what_was_not_read_is_said(without: tuple[str, ...], absent: set[str], questions: set[str]) -> None:
    read = Seen().draw(np.random.default_rng(0), 16)
    kept = {key: x for key, x in read.items() if key[0] == "test" or not set(without) & set(key)}
    found = inside(population(kept))
    assert found is not None
    assert set(found.absent) == absent
    topics = {finding.topic for finding in inside_findings(found, "heads")}
    assert questions <= topics
    assert not any("attention" in topic for topic in topics)


def test_where_nobody_can_get_there_half_of_the_way_counts() -> None:
    """A ceiling of 0.82, as a task has whose rule must be guessed."""
    steps = np.arange(4.0)
    rises = np.array([[[0.25, 0.3, 0.8, 0.82], [0.25, 0.25, 0.3, 0.82]]])
    assert learnt_at({1.0: OutputCurves(steps, rises)}) == pytest.approx((0.25 + 0.82) / 2)
    assert learnt_at({1.0: OutputCurves(steps, rises + 0.15)}) == 0.95
    assert learnt_at({1.0: OutputCurves(steps, np.full((1, 2, 4), 0.5))}) == 0.95  # no rise at all
    assert math.isnan(learnt_at({}))
    assert math.isnan(learnt_at({1.0: OutputCurves(steps, np.empty((0, 2, 4)))}))


def test_forecasts_are_of_seeds_that_wait_at_an_early_step() -> None:
    found = inside(drawn(48, shared=0.5, told=0.9))
    assert found is not None
    for scale in found.scales:
        for one in scale.forecasts:
            succeeded = one.times.high[one.times.reached]
            assert (succeeded <= 2 * one.forecast.step).sum() <= 0.1 * scale.n + 1
            assert one.forecast.n + one.forecast.gone == scale.n
            assert one.forecast.n == (one.times.low >= one.forecast.step).sum()


@pytest.mark.parametrize("seeds", [1, 2, 4])
def test_few_seeds_say_little(seeds: int) -> None:
    found = inside(drawn(seeds))
    assert found is not None
    json.dumps(found.to_dict(), allow_nan=False)
    assert not any(finding.text.startswith("Yes, at") for finding in inside_findings(found, "heads"))


def test_diverged_seeds_never_learn() -> None:
    read = Seen(heads=(4.0,)).draw(np.random.default_rng(0), 12)
    for by_scale in read.values():
        by_scale[4.0][:3, 20:] = math.nan
    found = inside(population(read))
    assert found is not None
    times = found.scales[0].times
    assert times is not None
    assert times.diverged[:3].all()
    assert not times.reached[:3].any()
    assert times.reached[3:].any()
