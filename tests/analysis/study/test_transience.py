"""What comes and goes in populations: counted, censored, and only where it is so."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import seedsweep
from benchmarks.calibration.transients import TRANSIENTS, TransientCase
from seedsweep import Criterion, InputError, Population
from seedsweep.analysis import event_by_scale, event_survival, study, transience, verdict
from tests.analysis.populations import table, write

POPULATIONS = Path(__file__).parents[3] / "populations"


def case(name: str) -> TransientCase:
    return next(case for case in TRANSIENTS if case.name == f"transient-{name}")


def population(name: str, folder: Path) -> Population:
    return case(name).population(0, 0, folder)


@pytest.mark.parametrize(
    "name", ["guesses-48", "plateau-48", "plateau-training-48", "stays-48", "late-48", "back-48"]
)
def test_what_does_not_come_and_go_is_not_said_to(name: str, tmp_path: Path) -> None:
    examined = study(population(name, tmp_path))
    assert examined.transience is None
    assert "transience" not in examined.to_dict()
    assert verdict(examined) != "comes and goes"


@pytest.mark.parametrize(("name", "mostly"), [("true-48", True), ("some-48", False)])
def test_what_comes_and_goes_is_said_to(name: str, mostly: bool, tmp_path: Path) -> None:
    examined = study(population(name, tmp_path))
    assert examined.transience is not None
    assert (verdict(examined) == "comes and goes") == mostly
    (scale,) = examined.transience.scales
    counts = [scale.count(outcome) for outcome in ("never", "there", "gone", "back")]
    assert sum(counts) == scale.n == 48
    assert scale.emerged.successes == 48 - counts[0]
    assert scale.transient.successes <= counts[2]
    assert scale.shares.stacked[:, -1] == pytest.approx(np.array(counts) / 48)
    told = json.loads(json.dumps(examined.to_dict(), allow_nan=False))["transience"]
    assert len(told["scales"][0]["seeds"]) == scale.emerged.successes


@pytest.mark.parametrize(
    "name", ["addition-depth", "count-depth", "digits", "linear-map-heads", "mmlu-mix", "question-formation-mix"]
)
def test_shipped_populations_do_not_come_and_go(name: str) -> None:
    """Their verdicts, pages and JSON are what they were."""
    found = transience(seedsweep.load(POPULATIONS / name))
    assert not found.shown


def test_of_a_loss_the_lower_is_the_better(tmp_path: Path) -> None:
    """The same seeds, turned round: the same events, and what they begin with in the unit of the metric."""
    coming = replace(case("true-48").coming, noise="slow")  # a share of examples would have its own noise
    curves = coming.draw(np.random.default_rng(0), 24)["value"]
    up = transience(table(tmp_path, {"accuracy": curves}, threshold=0.65))
    down = transience(
        table(
            tmp_path, {"loss": {s: 2 - values for s, values in curves.items()}}, 2 - 0.65, higher_is_better=False
        )
    )
    assert up.scales[0].transient.successes > 5
    for one, other in zip(up.scales, down.scales, strict=True):
        assert np.array_equal(one.events.states, other.events.states)
    assert down.chance == pytest.approx(2 - up.chance)


def test_nobody_having_said_what_success_is_nothing_is_said(tmp_path: Path) -> None:
    curves = case("true-48").coming.draw(np.random.default_rng(0), 24)["value"]
    assert study(table(tmp_path, {"accuracy": curves}, threshold=0.65)).transience is not None
    assert study(table(tmp_path, {"accuracy": curves}, threshold=None)).transience is None


def test_seeds_that_were_stopped_count_until_then(tmp_path: Path) -> None:
    """Half of the seeds end half-way; what they would have done is not known, and shares stay what they are."""
    drawn = case("true-48").coming.draw(np.random.default_rng(0), 200)["value"][1.0]
    whole = table(tmp_path, {"accuracy": {1: drawn}}, threshold=0.65)
    file = write(tmp_path / "stopped.csv", {"accuracy": {1: drawn}})
    kept = [
        line
        for line in file.read_text().splitlines()
        if not line[0].isdigit() or int(line.split(",")[1]) % 2 or int(line.split(",")[2]) <= 30
    ]
    file.write_text("\n".join(kept))
    read = seedsweep.read_table(
        file, scale="depth", seed="run", metric="accuracy", step="step", threshold=0.65, unfinished="dropped"
    )
    half = transience(read)
    full = transience(whole)
    assert half.scales[0].n == 100
    assert half.scales[0].shares.n == 200
    assert half.scales[0].shares.observed[[0, 20, 31]].tolist() == [200, 200, 100]
    apart = half.scales[0].shares.stacked - full.scales[0].shares.stacked
    assert np.abs(apart[:, :20]).max() == pytest.approx(0, abs=0.011)  # a shorter run has a narrower band
    assert np.abs(apart).max() < 0.1


def test_final_values_alone_tell_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="only final values are known"):
        transience(table(tmp_path, {"accuracy": {1: [0.1, 0.9]}}))
    assert study(table(tmp_path, {"accuracy": {1: [0.1, 0.9]}})).transience is None


def test_chance_and_criterion_can_be_given(tmp_path: Path) -> None:
    read = population("true-48", tmp_path)
    lower = replace(read.criterion, threshold=0.55)
    found = transience(read, lower, chance=0.45)
    assert (found.criterion, found.chance) == (lower, 0.45)
    assert transience(read).chance == pytest.approx(0.5, abs=0.01)
    assert found.scales[0].emerged.successes == transience(read).scales[0].emerged.successes


def branches(folder: Path, shares: Mapping[float, float]) -> Population:
    """Of sixteen runs, of which the first succeed, by the step at which they branch off."""
    curves = {
        step: [[0.5, 0.5, 0.9, 0.9, 0.9, 0.9] if run < share * 16 else [0.5] * 6 for run in range(16)]
        for step, share in shares.items()
    }
    return table(folder, {"accuracy": {step: np.array(values) for step, values in curves.items()}}, threshold=0.65)


def test_events_by_branch_step(tmp_path: Path) -> None:
    shares = {100.0: 1.0, 200.0: 0.75, 400.0: 0.25, 800.0: 0.0}
    ladder = branches(tmp_path, shares)
    for event in ("success", "emerged", "there"):
        found = event_by_scale(ladder, event)
        assert [rate.rate for rate in found.rates] == list(shares.values())
        assert (found.rises, found.paired, found.fits) == (False, True, True)
        assert found.pvalue < 0.01
    assert {rate.rate for rate in event_by_scale(ladder, "gone").rates} == {0.0}
    apart: dict[float, Population] = {}
    for step, share in shares.items():
        folder = tmp_path / f"{step:g}"
        folder.mkdir()
        apart[step] = branches(folder, {1: share})
    joined = event_by_scale(apart, "emerged")
    assert joined.scales == (100, 200, 400, 800)
    assert [rate.rate for rate in joined.rates] == list(shares.values())
    with pytest.raises(ValueError, match="there is no population"):
        event_by_scale({})
    with pytest.raises(ValueError, match="an event is one of emerged"):
        event_by_scale(ladder, "went")  # type: ignore[arg-type]


def test_survival_for_good_has_what_is_still_there(tmp_path: Path) -> None:
    """Two ways to the same count: seeds that reach the threshold and stay are those that are there at the end."""
    read = population("ladder-48", tmp_path)
    known = event_survival(read, Criterion("value", read.criterion.split, 0.65))
    for survival, scale in zip(known.scales, transience(read).scales, strict=True):
        stayed = survival.survival.n_events
        assert abs(stayed - scale.count("there") - scale.count("back")) <= 2  # a last evaluation is not sure
        assert not math.isnan(scale.half_life.median.estimate)
