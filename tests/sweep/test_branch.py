"""Sweeps whose seeds start from what another one has kept: a graft of a run into itself is that run, bitwise."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import torch

import seedsweep as ss
from seedsweep.analysis.report.first_screen import trained
from seedsweep.errors import InputError
from seedsweep.seeds import Seed
from seedsweep.sweep.check import check
from seedsweep.sweep.find import find
from seedsweep.sweep.reader import load
from seedsweep.sweep.run import run
from seedsweep.sweep.spec import SweepSpec
from seedsweep.sweep.status import status
from seedsweep.sweep.store import Store
from seedsweep.sweep.verify import verify
from tests.sweep.s3 import serving
from tests.sweep.test_run import rows

MakeSpec = Callable[..., SweepSpec]
DEPTH_2 = ("model.depth=2", "scale={field: train.learning_rate, values: [0.01]}")
STEPS = "scale={field: start.step, values: [0, 3, 6]}"


def start(parent: Path | str, step: int | None, **more: object) -> str:
    given = {"sweep": str(parent), **({} if step is None else {"step": step}), **more}
    return "start={" + ", ".join(f"{key}: {value!r}".replace("(", "[") for key, value in given.items()) + "}"


def values(table: pa.Table, step: int, *, of: tuple[int, ...] | None = None) -> dict[tuple[int, str, str], float]:
    """What was measured of every seed at a step, apart from the mean loss of the steps before."""
    kept = table.filter(pc.and_(pc.equal(table["step"], step), pc.not_equal(table["metric"], "loss")))
    return {
        (row["seed"], row["split"], row["metric"]): row["value"]
        for row in kept.to_pylist()
        if of is None or row["seed"] in of
    }


@pytest.fixture
def parent(spec: MakeSpec, tmp_path: Path) -> Path:
    """One scale, four seeds in two packs, three steps kept."""
    run(spec(*DEPTH_2, "keep_checkpoints=[0, 3, 6]"), tmp_path / "parent", executor="inline")
    return tmp_path / "parent"


def test_everything_taken_is_the_parent_at_that_step(parent: Path, spec: MakeSpec, tmp_path: Path) -> None:
    """At its step 0 a branch measures what its parent has where it branches off, whoever is packed with whom."""
    run(spec(*DEPTH_2[:1], STEPS, start(parent, None), "execution.pack=3"), tmp_path / "out", executor="inline")
    theirs, ours = rows(parent), rows(tmp_path / "out")
    for step in (0, 3, 6):
        here = ours.filter(pc.equal(ours["scale"], step))
        assert values(here, 0) == values(theirs, step)
        assert set(here["scale_name"].to_pylist()) == {"start.step"}
    # From step 0 on it is the parent, to the end: its moments start at 0 as those did.
    here = ours.filter(pc.equal(ours["scale"], 0))
    for step in (1, 4, 6):
        assert values(here, step) == values(theirs, step)
    # Later branches go other ways: moments and schedule begin anew.
    assert values(ours.filter(pc.equal(ours["scale"], 6)), 6) != values(theirs, 6)
    assert load(tmp_path / "out").scales == (0.0, 3.0, 6.0)
    nothing: Any = None
    assert "from kept steps of parent;" in str(trained(load(tmp_path / "out"), nothing))
    assert check(tmp_path / "out").well
    assert status(tmp_path / "out").complete


@pytest.mark.parametrize("take", [["layer2", "output"], ["mlp"], ["embedding", "attention"]])
def test_what_was_drawn_anyway_changes_no_bit(
    take: list[str], parent: Path, spec: MakeSpec, tmp_path: Path
) -> None:
    branch = spec(*DEPTH_2, start(parent, 0, take=take))
    run(branch, tmp_path / "out", executor="inline")
    assert rows(tmp_path / "out").equals(rows(parent))
    assert verify(branch, 2, 4).kept


def test_taken_tensors_are_the_parents_and_others_are_drawn(parent: Path, spec: MakeSpec, tmp_path: Path) -> None:
    wanted = spec(*DEPTH_2, start(parent, 6, take=["layer2", "output"]), "keep_checkpoints=[0]")
    run(wanted, tmp_path / "out", executor="inline")
    for seed in (0, 3):
        mine = ss.load_checkpoint(tmp_path / "out", seed=seed, step=0)
        first, last = (ss.load_checkpoint(parent, seed=seed, step=step) for step in (0, 6))
        for name, tensor in mine.items():
            taken = name.startswith(("layer1.", "final_norm", "unembed"))
            assert torch.equal(tensor, (last if taken else first)[name]), name


def test_what_is_frozen_stays(parent: Path, spec: MakeSpec, tmp_path: Path) -> None:
    frozen = start(parent, 3, take=["layer2", "output"], freeze=["layer2", "output"])
    run(spec(*DEPTH_2, frozen, "keep_checkpoints=[0, 6]"), tmp_path / "out", executor="inline")
    before, after = (ss.load_checkpoint(tmp_path / "out", seed=2, step=step) for step in (0, 6))
    stayed = {name for name in before if torch.equal(before[name], after[name])}
    assert stayed == {name for name in before if name.startswith(("layer1.", "final_norm", "unembed"))}


def test_a_branch_goes_on_extends_and_its_parent_may_move(parent: Path, spec: MakeSpec, tmp_path: Path) -> None:
    from seedsweep.sweep import job

    asked = ("keep_checkpoints=[0, 2]", start(parent, 6), *DEPTH_2)
    run(spec(*asked), tmp_path / "whole", executor="inline")
    report = job.StoreSink.report

    def stopping(self: job.StoreSink, step: int, steps: int, **measured: object) -> None:
        import os
        import signal

        report(self, step, steps)
        if step == 3:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job.StoreSink, "report", stopping)
        assert run(spec(*asked, seeds="0:2"), tmp_path / "out", executor="inline").interrupted
    moved = tmp_path / "elsewhere" / "parent"
    shutil.copytree(parent, moved)
    shutil.rmtree(parent)
    asked = ("keep_checkpoints=[0, 2]", start(moved, 6), *DEPTH_2)
    assert run(spec(*asked, seeds="0:2"), tmp_path / "out", executor="inline").missing == 0
    assert run(spec(*asked), tmp_path / "out", executor="inline").trained == 2
    assert rows(tmp_path / "out").equals(rows(tmp_path / "whole"))
    assert check(tmp_path / "out").well


def test_provenance_says_what_seeds_started_from(parent: Path, spec: MakeSpec, tmp_path: Path) -> None:
    run(spec(*DEPTH_2, start(parent, 3, take=["layer1"])), tmp_path / "out", executor="inline")
    store, there = Store(tmp_path / "out"), Store(parent)
    record = store.existing_record()
    facts = [pack.blocks[-1].info.provenance for pack in store.packs(record)]
    assert {fact["parent"] for fact in facts} == {there.existing_record().fingerprint}
    taken = {seed: digest for fact in facts for seed, digest in fact["taken"].items()}
    assert sorted(taken) == ["0", "1", "2", "3"]
    assert len(set(taken.values())) == 4
    assert record.settings["start.sweep"] == there.existing_record().fingerprint
    assert (record.settings["start.step"], record.settings["start.take"]) == (3, ["layer1"])
    nothing: Any = None
    assert "from step 3 of parent (layer1)" in str(trained(load(tmp_path / "out"), nothing))


@pytest.mark.parametrize(
    "change", [{"step": 6}, {"take": ["layer2"]}, {"freeze": ["mlp"]}, {"take": ["layer1"], "freeze": ["layer1"]}]
)
def test_another_start_is_another_sweep(
    change: dict[str, object], parent: Path, spec: MakeSpec, tmp_path: Path
) -> None:
    first = spec(*DEPTH_2, start(parent, 3, take=["layer1"])).resolve()
    given = {"step": 3, "take": ["layer1"]} | change
    other = spec(*DEPTH_2, start(parent, **given)).resolve()  # type: ignore[arg-type]
    assert first.fingerprint() != other.fingerprint()
    assert first.fingerprint() != spec(*DEPTH_2).fingerprint()


def test_the_order_of_parts_is_none(parent: Path, spec: MakeSpec) -> None:
    one, other = (
        spec(*DEPTH_2, start(parent, 3, take=parts)).resolve() for parts in (["mlp", "norms"], ["norms", "mlp"])
    )
    assert one.fingerprint() == other.fingerprint()


def test_the_ladder_of_the_parent_is_followed(spec: MakeSpec, tmp_path: Path) -> None:
    run(spec("keep_checkpoints=[3]"), tmp_path / "parent", executor="inline")
    run(spec(start(tmp_path / "parent", 3)), tmp_path / "out", executor="inline")
    theirs, ours = rows(tmp_path / "parent"), rows(tmp_path / "out")
    for depth in (1, 2):
        here, there = (table.filter(pc.equal(table["scale"], depth)) for table in (ours, theirs))
        assert values(here, 0) == values(there, 3)
    with pytest.raises(InputError, match=r"start\.sweep: .*has no model\.depth = 3; it has 1, 2"):
        run(spec(start(tmp_path / "parent", 3), "scale.values=[1, 3]"), tmp_path / "no", executor="inline")
    with pytest.raises(InputError, match=r"has 2 scales of model\.depth, and nothing says from which to start"):
        run(spec(start(tmp_path / "parent", 3), *DEPTH_2), tmp_path / "no", executor="inline")
    assert not (tmp_path / "no").exists()


def test_crossed_seeds_start_from_their_pair_or_the_plain_seed(
    parent: Path, spec: MakeSpec, tmp_path: Path
) -> None:
    crossed = "{init: 0:2, data: 1:3}"
    run(spec(*DEPTH_2, start(parent, 3), seeds=crossed), tmp_path / "of-plain", executor="inline")
    theirs, ours = values(rows(parent), 3), values(rows(tmp_path / "of-plain"), 0)
    for init in (0, 1):
        for data in (1, 2):
            id = Seed(init, data).id
            for (seed, split, metric), value in theirs.items():
                if seed == init:
                    assert ours[id, split, metric] == value

    run(spec(*DEPTH_2, "keep_checkpoints=[3]", seeds=crossed), tmp_path / "crossed", executor="inline")
    run(spec(*DEPTH_2, start(tmp_path / "crossed", 3), seeds=crossed), tmp_path / "out", executor="inline")
    assert values(rows(tmp_path / "out"), 0) == values(rows(tmp_path / "crossed"), 3)
    with pytest.raises(InputError, match=r"not kept in .* of seeds 0, and .* same init seed; it has seeds 1"):
        run(spec(*DEPTH_2, start(tmp_path / "crossed", 3), seeds="0,1"), tmp_path / "no", executor="inline")


def test_a_seed_that_had_diverged_has_diverged(spec: MakeSpec, tmp_path: Path) -> None:
    sick = ("train.learning_rate=1.0e+30", "scale.values=[1]")
    run(spec(*sick, "keep_checkpoints=[0, 6]"), tmp_path / "parent", executor="inline")
    for step, diverged in ((0, 0.0), (6, 1.0)):
        out = tmp_path / f"from-{step}"
        run(spec("scale.values=[1]", start(tmp_path / "parent", step)), out, executor="inline")
        told = {value for (_, _, metric), value in values(rows(out), 0).items() if metric == "diverged"}
        assert told == {diverged}


PROBLEMS = {
    "no sweep": ("{sweep: nowhere, step: 3}", (), r"start\.sweep: .*nowhere: no sweep there"),
    "step": ("{sweep: PARENT, step: 4}", (), r"start\.step: 4 is not kept in .*; it has kept 0, 3, 6 "),
    "a step of a ladder": (
        "{sweep: PARENT}", ("scale={field: start.step, values: [3, 5]}", "model.depth=2"),
        r"start\.step: 5 is not kept",
    ),
    "seeds": ("{sweep: PARENT, step: 3}", ("seeds=2:9",), r"seeds: step 3 .* of seeds 4:9, .* it has seeds 2:4"),
    "width": (
        "{sweep: PARENT, step: 3}", ("model.head_dim=16",),
        r"start\.take: embed_VD has the shape \(16, 32\) here, and the shape \(16, 16\) in",
    ),
    "depth": ("{sweep: PARENT, step: 3}", ("model.depth=3",), r"start\.take: layer2\..* and no such tensor in"),
    "half a step": (
        "{sweep: PARENT}", ("scale={field: start.step, values: [0.5]}", "model.depth=2"),
        r"start\.step = 0\.5 cannot be: 0\.5",
    ),
    "part": (
        "{sweep: PARENT, step: 3, take: [layer3]}", (),
        r"start\.take: 'layer3' is no part of this model \(did you mean 'layer2'\?\); it has embedding, layer1, "
        r"layer2, output, attention, mlp, norms",
    ),
    "frozen part": ("{sweep: PARENT, step: 3, freeze: [positions]}", (), r"start\.freeze: 'positions' is no part"),
    "nothing taken": ("{sweep: PARENT, step: 3, take: []}", (), r"start\.take: give at least one part"),
    "no step": ("{sweep: PARENT}", (), r"start\.step: is missing"),
    "a key": ("{sweep: PARENT, stpe: 3}", (), r"start\.stpe: unknown key \(did you mean 'step'\?\)"),
    "nothing to start from": (
        "null", ("scale={field: start.step, values: [3]}",), r"'start\.step' is not a numeric field",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", PROBLEMS)
def test_what_is_missing_is_one_line_and_nothing_is_created(
    what: str, parent: Path, spec: MakeSpec, tmp_path: Path
) -> None:
    given, changes, message = PROBLEMS[what]
    with pytest.raises(InputError, match=message) as told:
        run(spec(*DEPTH_2, f"start={given.replace('PARENT', str(parent))}", *changes), tmp_path / "out",
            executor="inline")  # fmt: skip
    assert "\n" not in str(told.value)
    assert not (tmp_path / "out").exists()


def test_a_parent_that_keeps_nothing_or_is_no_decoder(out: Path, spec: MakeSpec, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"start\.step: 3 is not kept in .*it has kept no checkpoint"):
        find(spec(start(out, 3)), tmp_path / "new")


def test_a_checkpoint_that_is_damaged_later_costs_its_pack_and_names_the_file(
    parent: Path, spec: MakeSpec, tmp_path: Path
) -> None:
    file = next(parent.glob("checkpoints/*/*seeds-2-3-*-step-000003*"))
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    result = run(spec(*DEPTH_2, start(parent, 3)), tmp_path / "out", executor="inline")
    assert (result.trained, result.failed) == (2, 2)
    assert file.name in result.failures[0].error
    assert "its bytes are not those that were written" in result.failures[0].error


def test_of_doubled_checkpoints_those_of_the_finished_pack_count(
    parent: Path, spec: MakeSpec, tmp_path: Path
) -> None:
    """As a pack leaves them that ran out of memory, was halved, and had kept something before."""
    own = ("keep_checkpoints=[3]", *DEPTH_2, "execution.pack=4")
    run(spec(*own), tmp_path / "larger", executor="inline")
    shutil.copytree(tmp_path / "larger/checkpoints", parent / "checkpoints", dirs_exist_ok=True)
    for seeds in ("0:4", "1:3"):
        wanted = spec(*DEPTH_2, start(parent, 3), seeds=seeds)
        run(wanted, tmp_path / "out", executor="inline")
        assert values(rows(tmp_path / "out"), 0) == values(rows(parent), 3)
    from seedsweep.sweep.parent import ParentSweep

    held = ParentSweep(str(parent)).rows(0.01, 3, [Seed(1, 1)])
    assert held[Seed(1, 1)][0].header.info.pairs == (Seed(0, 0), Seed(1, 1))


def test_on_an_object_store(parent: Path, spec: MakeSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(spec(*DEPTH_2, start(parent, 3)), tmp_path / "here", executor="inline")
    with serving(monkeypatch) as s3:
        run(spec(*DEPTH_2, "keep_checkpoints=[3]"), s3.url("parent"), executor="inline")
        run(spec(*DEPTH_2, start(s3.url("parent"), 3)), s3.url("branch"), executor="inline")
        order = [(name, "ascending") for name in ("scale", "seed", "step", "split", "metric")]
        assert load(s3.url("branch")).to_arrow().sort_by(order).equals(rows(tmp_path / "here"))
        assert check(s3.url("branch")).well
