"""Checkpoints that a spec has kept: whole, once, for good, whatever happens to the sweep around them."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open

import seedsweep as ss
from seedsweep.errors import InputError
from seedsweep.keptfile import KEY, verified
from seedsweep.seeds import Seed
from seedsweep.sweep.check import check
from seedsweep.sweep.compact import compact
from seedsweep.sweep.run import run
from seedsweep.sweep.spec import SweepSpec
from seedsweep.sweep.status import status
from seedsweep.sweep.store import Store
from seedsweep.workers.device import reproducible
from seedsweep.workers.engine import EngineRecipe
from seedsweep.workers.trainer import PackTrainer
from tests.sweep.s3 import serving
from tests.sweep.test_run import rows

MakeSpec = Callable[..., SweepSpec]
KEEP = "keep_checkpoints=[0, 3, 6]"


def kept(out: Path) -> dict[str, bytes]:
    return {str(file.relative_to(out)): file.read_bytes() for file in sorted(out.glob("checkpoints/**/*"))
            if file.is_file()}  # fmt: skip


@pytest.fixture(autouse=True)
def as_in_training() -> Iterator[None]:
    with reproducible("cpu", "float32"):
        yield


@pytest.fixture
def parent(spec: MakeSpec, tmp_path: Path) -> Path:
    run(spec(KEEP), tmp_path / "parent", executor="inline")
    return tmp_path / "parent"


def test_a_file_per_pack_and_step_holds_what_training_had(parent: Path, spec: MakeSpec, tmp_path: Path) -> None:
    names = list(kept(parent))
    assert len(names) == 2 * 2 * 3
    assert names[0].startswith("checkpoints/scale-1/depth-1-seeds-0-1-")
    assert names[0].endswith("-step-000000.safetensors")
    recipe = spec().recipes[2]
    assert isinstance(recipe, EngineRecipe)
    trainer = PackTrainer(recipe.settings, [Seed(2, 2), Seed(3, 3)], "cpu")
    for step in (0, 3, 6):
        trainer.train_to(step)
        file = next(parent.glob(f"checkpoints/scale-2/depth-2-seeds-2-3-*-step-{step:06d}.safetensors"))
        with safe_open(file, framework="pt") as theirs:
            assert set(theirs.keys()) == set(trainer.decoder.parameters)
            for name, tensor in trainer.decoder.parameters.items():
                assert torch.equal(theirs.get_tensor(name), tensor)
            assert KEY in theirs.metadata()
        info = verified(file.read_bytes()).info
        assert (info.step, info.scale, info.scale_name, info.pairs) == (
            step, 2.0, "model.depth", (Seed(2, 2), Seed(3, 3)),
        )  # fmt: skip
        assert info.diverged == ()
        assert info.provenance["torch"] == torch.__version__
    run(spec(), tmp_path / "plain", executor="inline")
    assert rows(parent).equals(rows(tmp_path / "plain")), "keeping changes no number"


def test_keeping_is_no_part_of_the_identity(parent: Path, spec: MakeSpec) -> None:
    assert spec().fingerprint() == spec(KEEP).fingerprint()
    before = kept(parent)
    assert run(spec("keep_checkpoints=[0, 3]", seeds="0:6"), parent, executor="inline").trained == 4
    after = kept(parent)
    assert before.items() <= after.items()
    assert len(after) == len(before) + 2 * 2
    late = run(spec("keep_checkpoints=[0, 4]", seeds="0:6"), parent, executor="inline")
    assert (late.trained, kept(parent)) == (0, after)
    assert late.notes == (
        "keep_checkpoints: step 4 of 12 cells is not kept: they were trained before it was asked for; a sweep in "
        "another directory keeps it",
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("keep_checkpoints=[7]", r"keep_checkpoints=\[7\]: step 7 is behind the last; give steps from 0 to 6"),
        ("keep_checkpoints=[-1]", r"-1 is not a step; 0 is before training"),
        ("keep_checkpoints=[true]", r"True is not a step"),
        ("keep_checkpoints=['3']", r"'3' is not a step"),
        ("keep_checkpoints=[0.5]", r"0\.5 is not a step"),
        ("keep_checkpoints=[1, 1]", r"step 1 is given twice"),
        ("keep_checkpoints=3", r"give a list of steps, for example \[0, 1000\]"),
    ],
)
def test_steps_that_cannot_be_kept(change: str, message: str, spec: MakeSpec) -> None:
    with pytest.raises(InputError, match=message):
        spec(change)


def test_a_ladder_of_steps_keeps_what_each_scale_has(spec: MakeSpec, tmp_path: Path) -> None:
    ladder = "scale={field: train.steps, values: [2, 6]}"
    run(spec(ladder, "keep_checkpoints=[2, 5]", seeds="0:2"), tmp_path / "out", executor="inline")
    steps = sorted((file.split("/")[1], file.split("-step-")[1][:6]) for file in kept(tmp_path / "out"))
    assert steps == [("scale-2", "000002"), ("scale-6", "000002"), ("scale-6", "000005")]


def test_they_survive_check_fix_and_merging(parent: Path, spec: MakeSpec, tmp_path: Path) -> None:
    before, status_before = kept(parent), status(parent)
    assert check(parent).well
    assert check(parent, fix=True).well
    compact(parent)
    assert check(parent, fix=True).well
    assert run(spec(KEEP), parent, executor="inline").present == 8
    assert kept(parent) == before
    assert status(parent).complete == status_before.complete
    # The record is lost, and written anew.
    (parent / "sweep.json").unlink()
    run(spec(KEEP), parent, executor="inline")
    assert kept(parent) == before
    assert ss.load_checkpoint(parent, scale=2, seed=3, step=6)


def flip(file: Path, place: int) -> None:
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    file.write_bytes(data)


DAMAGE: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a bit of a weight": ("flipped", lambda file: flip(file, -3)),
    "a bit of its seeds": ("flipped", lambda file: flip(file, file.read_bytes().index(b"seeds") + 12)),
    "cut": ("truncated", lambda file: file.write_bytes(file.read_bytes()[:-5])),
    "empty": ("truncated", lambda file: file.write_bytes(b"")),
    "something else": ("truncated", lambda file: file.write_bytes(b"my thesis, chapter 4")),
    "a header without end": ("truncated", lambda file: file.write_bytes(b"\xff" * 7 + b"\x7f" + b"{}")),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_one_that_is_damaged_is_named_and_stays(how: str, parent: Path, spec: MakeSpec) -> None:
    kind, damage = DAMAGE[how]
    file = next(parent.glob("checkpoints/scale-2/*seeds-0-1-*-step-000003*"))
    damage(file)
    before = kept(parent)
    for fix in (False, True):
        (found,) = check(parent, fix=fix).findings
        assert found.damage.kind == kind
        assert found.damage.file.startswith("checkpoints/scale-2/")
        assert found.done is None
    assert run(spec(seeds="0:6"), parent, executor="inline").missing == 0
    assert before.items() <= kept(parent).items()
    with pytest.raises(InputError, match=rf"{file.name}: ") as told:
        ss.load_checkpoint(parent, scale=2, seed=0, step=3)
    assert "\n" not in str(told.value)
    assert ss.load_checkpoint(parent, scale=2, seed=2, step=3)


def test_a_renamed_one_gets_its_name_back(parent: Path) -> None:
    before = kept(parent)
    file = next(parent.glob("checkpoints/scale-2/*seeds-0-1-*-step-000003*"))
    file.rename(file.with_name(file.name.replace("000003", "000004")))
    with pytest.raises(InputError, match="is not kept of it"):
        ss.load_checkpoint(parent, scale=2, seed=0, step=3)
    with pytest.raises(InputError, match=r"000004\.safetensors: copied or renamed; move it out"):
        ss.load_checkpoint(parent, scale=2, seed=0, step=4)
    (found,) = check(parent, fix=True).findings
    assert (found.damage.kind, found.done) == ("renamed", f"renamed to {file.relative_to(parent)}")
    assert kept(parent) == before


def test_what_is_not_ours_is_told(parent: Path, spec: MakeSpec, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    run(spec("train.batch=5", KEEP, seeds="0:2"), tmp_path / "other", executor="inline")
    shutil.copytree(tmp_path / "other/checkpoints", parent / "checkpoints", dirs_exist_ok=True)
    (parent / "checkpoints/notes.txt").write_text("mine")
    save_file({"a": torch.ones(1)}, parent / "checkpoints/scale-1/mine-step-000003.safetensors")
    (parent / "checkpoints/scale-1/.x.tmp").write_text("cut")
    found = {finding.damage.file: finding.damage for finding in check(parent).findings}
    assert {piece.kind for piece in found.values()} == {"foreign", "debris"}
    assert len([piece for piece in found.values() if piece.problem.startswith("belongs to a sweep")]) == 6
    assert found["checkpoints/notes.txt"].problem == "not written by seedsweep"
    assert not found["checkpoints/notes.txt"].ours
    assert found["checkpoints/scale-1/mine-step-000003.safetensors"].kind == "foreign"
    run(spec(seeds="0:5"), parent, executor="inline")
    assert not (parent / "checkpoints/scale-1/.x.tmp").exists()
    assert (parent / "checkpoints/notes.txt").read_text() == "mine"


def test_a_killed_run_goes_on_and_keeps_the_same(parent: Path, spec: MakeSpec, tmp_path: Path) -> None:
    from seedsweep.sweep import job

    write, left = job.StoreSink.keep_checkpoint, [2, 3, 5, 8]

    def stopping(self: job.StoreSink, step: int, content: bytes) -> None:
        write(self, step, content)
        left[0] -= 1
        if left[0] == 0:
            left.pop(0)
            os.kill(os.getpid(), signal.SIGINT)

    out = tmp_path / "out"
    lives = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job.StoreSink, "keep_checkpoint", stopping)
        while run(spec(KEEP), out, executor="inline").missing:
            lives += 1
            if not left:
                left = [100]
    assert lives >= 3
    assert kept(out) == kept(parent)
    assert rows(out).equals(rows(parent))
    assert check(out).well


def test_reading_names_what_is_missing(parent: Path, spec: MakeSpec, tmp_path: Path) -> None:
    weights = ss.load_checkpoint(parent, scale=1, seed=3, step=3)
    recipe = spec().recipes[1]
    assert isinstance(recipe, EngineRecipe)
    trainer = PackTrainer(recipe.settings, [Seed(3, 3)], "cpu")
    trainer.train_to(3)
    assert {name: tuple(tensor.shape) for name, tensor in weights.items()} == {
        shape.name: shape.shape for shape in trainer.decoder.shapes
    }
    for name, tensor in trainer.decoder.parameters.items():
        assert torch.equal(weights[name], tensor[0])
    asked: list[tuple[dict[str, Any], str]] = [
        ({"seed": 3, "step": 3}, r"scale: is missing: .* has model\.depth = 1, 2"),
        ({"seed": 3, "step": 3, "scale": 3}, r"scale=3: .* has model\.depth = 1, 2"),
        ({"seed": 3, "step": 4, "scale": 1}, r"step=4: is not kept in .*; kept are 0, 3, 6"),
        ({"seed": 4, "step": 3, "scale": 1}, r"seed=4: step 3 is not kept of it in"),
        ({"seed": (3, 0), "step": 3, "scale": 1}, r"seed=\(3, 0\): step 3 is not kept of it in"),
    ]
    for wanted, message in asked:
        with pytest.raises(InputError, match=message):
            ss.load_checkpoint(parent, **wanted)
    with pytest.raises(InputError, match="no sweep there"):
        ss.load_checkpoint(tmp_path / "nowhere", seed=3, step=3)


def test_crossed_seeds_are_told_by_pair_or_id(spec: MakeSpec, tmp_path: Path) -> None:
    run(spec(KEEP, "scale.values=[1]", seeds="{init: 0:2, data: 1:3}"), tmp_path / "out", executor="inline")
    by_pair = ss.load_checkpoint(tmp_path / "out", seed=(0, 2), step=6)
    by_id = ss.load_checkpoint(tmp_path / "out", seed=Seed(0, 2).id, step=6)
    assert all(torch.equal(by_pair[name], by_id[name]) for name in by_pair)
    other = ss.load_checkpoint(tmp_path / "out", seed=(0, 1), step=6)
    assert not torch.equal(by_pair["unembed_DV"], other["unembed_DV"])


def test_a_seed_that_had_diverged_is_noted(spec: MakeSpec, tmp_path: Path) -> None:
    run(spec(KEEP, "train.learning_rate=1.0e+30", "scale.values=[1]"), tmp_path / "out", executor="inline")
    told = [verified(content).info for name, content in kept(tmp_path / "out").items() if "000006" in name]
    assert sorted(id for info in told for id in info.diverged) == [0, 1, 2, 3]
    final = ss.load(tmp_path / "out").final("diverged", split="train")
    assert np.all(final.values == 1)


def test_on_an_object_store(parent: Path, spec: MakeSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(monkeypatch) as s3:
        place = s3.url("sweep")
        run(spec(KEEP), place, executor="inline")
        there = Store(place).files
        assert {entry.name: there.read(entry.name) for entry in there.listing("checkpoints")} == kept(parent)
        assert check(place).well
        mine, theirs = (ss.load_checkpoint(where, scale=2, seed=1, step=3) for where in (parent, place))
        assert all(torch.equal(mine[name], theirs[name]) for name in mine)
