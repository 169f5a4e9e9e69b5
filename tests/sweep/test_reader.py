"""The population of a sweep as a researcher reads it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seedsweep.errors import InputError
from seedsweep.population import Population
from seedsweep.sweep.reader import load
from seedsweep.sweep.run import run
from seedsweep.sweep.specfile import read_spec
from tests.sweep.conftest import SPEC
from tests.sweep.fake import FakeTraining, value

Make = Callable[..., Population]


@pytest.fixture
def population(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Trains the small sweep, with changes, by the fake engine, and loads it."""
    monkeypatch.setattr("seedsweep.sweep.driver.Job", FakeTraining(str(tmp_path / "diary.txt")).job)
    (tmp_path / "small.yaml").write_text(SPEC)

    def make(*overrides: str, seeds: str | None = None) -> Population:
        spec = read_spec(tmp_path / "small.yaml", overrides=overrides, seeds=seeds).spec
        run(spec, tmp_path / "out", executor="inline")
        return load(tmp_path / "out")

    return make


def test_what_it_is(population: Make, tmp_path: Path) -> None:
    found = population()
    assert found.path == str(tmp_path / "out")
    assert found.scale_name == "model.depth"
    assert found.scales == (1.0, 2.0)
    assert found.seeds == (0, 1, 2, 3)
    assert found.splits["length-3"].role == "in-distribution"
    assert found.splits["length-5"].examples == 8
    assert found.metrics["exact_match"].counts_examples
    assert found.criterion.threshold == 0.5
    assert found.spec is not None
    assert found.spec["train"]["steps"] == 6
    assert found.fingerprint == read_spec(tmp_path / "small.yaml").spec.fingerprint()
    assert found.cells == 8
    assert repr(found) == f"<Population out: 8 seeds of model.depth 1, 2 in {tmp_path}/out>"


def test_final_values_are_those_of_the_last_evaluation(population: Make) -> None:
    final = population().final("exact_match")
    assert final.split == "length-5"
    assert final.scales == (1.0, 2.0)
    assert final.seeds.tolist() == [0, 1, 2, 3]
    expected = [value(seed, 6, "length-5", "exact_match") for seed in range(4)]
    assert final.values.tolist() == [expected, expected]
    assert final.present.all()
    assert final.at(2).tolist() == expected
    json.dumps(final.to_dict(), allow_nan=False)


def test_missing_cells(population: Make) -> None:
    population()
    final = population("scale.values=[2]", seeds="0:6").final("exact_match")
    assert final.scales == (1.0, 2.0)
    assert final.present.tolist() == [[True] * 4 + [False] * 2, [True] * 6]
    assert np.isnan(final.values[0, 4:]).all()
    assert len(final.at(1)) == 4
    assert final.seeds_at(1).tolist() == [0, 1, 2, 3]
    assert final.to_dict()["values"][0][5] is None


def test_scales_that_end_at_different_steps(population: Make) -> None:
    final = population("scale={field: train.steps, values: [4, 6]}").final("token_accuracy", "length-3")
    for steps in (4, 6):
        assert final.at(steps).tolist() == [value(seed, steps, "length-3", "token_accuracy") for seed in range(4)]


def test_crossed_seeds(population: Make) -> None:
    population(seeds="0:2")
    final = population(seeds="{init: 0:2, data: 0:3}").final("exact_match")
    pairs = list(zip(final.init_seeds.tolist(), final.data_seeds.tolist(), strict=True))
    assert sorted(pairs) == [(i, d) for i in range(2) for d in range(3)]
    assert pairs[:2] == [(0, 0), (1, 1)]  # the plain seeds that were there before
    assert final.present.all()


def test_curves(population: Make) -> None:
    curves = population().curves("exact_match", "in-distribution")
    assert set(curves) == {1.0, 2.0}
    curve = curves[1.0]
    assert curve.split == "length-3"
    assert curve.steps.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert curve.values.shape == (4, 7)
    assert curve.values[3, 2] == value(3, 2, "length-3", "exact_match")
    json.dumps(curve.to_dict(), allow_nan=False)


def test_splits_by_role(population: Make) -> None:
    found = population("task.test_lengths=[5, 7]")
    assert found.final("exact_match", "id").split == "length-3"
    assert found.final("exact_match", "in-distribution").split == "length-3"
    assert found.final("exact_match", "ood").split == "length-5"  # of two, the one that success is about
    assert found.final("exact_match", "length-7").split == "length-7"
    population("task.test_lengths=[5, 7]", "success.split=length-3")
    with pytest.raises(InputError, match="'ood': 2 splits have this role; name one: length-5, length-7"):
        load(found.path).final("exact_match", "ood")


def test_names_that_do_not_exist_suggest_the_nearest(population: Make) -> None:
    found = population()
    with pytest.raises(
        InputError, match=r"metric 'exact_mach': .*did you mean 'exact_match'\?.*it has exact_match, "
    ):
        found.final("exact_mach")
    with pytest.raises(
        InputError, match=r"split 'lenght-5': unknown \(did you mean 'length-5'\?\); there are length-3"
    ):
        found.curves("exact_match", "lenght-5")
    with pytest.raises(InputError, match="scale 3: no seed of it is finished; there are seeds of 1, 2"):
        found.final("exact_match").at(3)


def test_the_long_table(population: Make) -> None:
    found = population()
    assert found.to_arrow().num_rows == 8 * 7 * 2 * 5
    assert found.to_arrow(metric="exact_match").num_rows == 8 * 7 * 2
    assert found.to_arrow(metric="exact_match", split="ood").num_rows == 8 * 7
    frame = found.to_pandas(split="length-3")
    assert len(frame) == 8 * 7 * 5
    table = found.final("exact_match").to_pandas()
    assert table.at[2.0, 3] == value(3, 6, "length-5", "exact_match")
    assert table.index.name == "model.depth"


def test_before_the_first_seed_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = FakeTraining(str(tmp_path / "diary.txt"), raise_at_scale=1.0)
    monkeypatch.setattr("seedsweep.sweep.driver.Job", broken.job)
    (tmp_path / "small.yaml").write_text(SPEC)
    spec = read_spec(tmp_path / "small.yaml", overrides=["scale.values=[1]"]).spec
    assert run(spec, tmp_path / "out", executor="inline").failed == 4
    found = load(tmp_path / "out")
    assert found.scales == ()
    assert found.final("exact_match").values.shape == (0, 0)
    assert found.curves("exact_match", "ood") == {}
    assert found.to_arrow().num_rows == 0
    with pytest.raises(InputError, match="unknown for the split"):
        found.final("exact_mach")


def test_the_real_engine_also_keeps_its_training_loss(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SPEC)
    run(read_spec(tmp_path / "small.yaml", seeds="0:2").spec, tmp_path / "out", executor="inline")
    found = load(tmp_path / "out")
    loss = found.curves("loss", "train")[1.0]
    assert loss.steps.tolist() == [1, 2, 3, 4, 5, 6]
    assert np.isfinite(loss.values).all()
    assert found.final("diverged", "train").values.tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_a_block_removed_after_loading(population: Make) -> None:
    found = population()
    for block in Path(found.path).glob("metrics/*/*.parquet"):
        block.unlink()
    with pytest.raises(InputError, match="a block was removed since it was loaded; load it again"):
        found.to_arrow()
