"""A run trains what is missing, and nothing else; it goes on after any kind of end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from seedsweep.errors import InputError
from seedsweep.sweep.events import Event
from seedsweep.sweep.reader import load
from seedsweep.sweep.run import run
from seedsweep.sweep.spec import SweepSpec
from seedsweep.sweep.store import Store
from tests.sweep.fake import FakeTraining, value

MakeSpec = Callable[..., SweepSpec]
MakeFake = Callable[..., FakeTraining]


def snapshot(out: Path) -> dict[str, tuple[bytes, int]]:
    """Bytes and time of change of every block."""
    return {str(file): (file.read_bytes(), file.stat().st_mtime_ns) for file in out.glob("metrics/**/*.parquet")}


def rows(out: Path) -> pa.Table:
    """The whole table in one order."""
    order = [(name, "ascending") for name in ("scale", "seed", "step", "split", "metric")]
    return ds.dataset(out / "metrics").to_table().sort_by(order)


def test_all_cells_are_trained_and_hold_what_was_measured(spec: MakeSpec, fake: MakeFake, tmp_path: Path) -> None:
    fake()
    result = run(spec(), tmp_path / "out", executor="inline")
    assert (result.asked, result.present, result.trained, result.failed) == (8, 0, 8, 0)
    assert not result.interrupted
    assert result.missing == 0
    table = rows(tmp_path / "out")
    assert table.num_rows == 8 * 7 * 2 * 5  # cells × evaluations (0 to 6) × splits × metrics
    for row in table.slice(0, 50).to_pylist():
        assert row["value"] == value(row["seed"], row["step"], row["split"], row["metric"])
    assert not (tmp_path / "out/work").exists() or not list((tmp_path / "out/work").iterdir())
    json.dumps(result.to_dict(), allow_nan=False)


def test_a_second_run_trains_nothing_and_touches_no_block(spec: MakeSpec, fake: MakeFake, tmp_path: Path) -> None:
    training = fake()
    run(spec(), tmp_path / "out", executor="inline")
    before, calls = snapshot(tmp_path / "out"), training.calls()
    record = (tmp_path / "out/sweep.json").read_bytes()
    result = run(spec(), tmp_path / "out", executor="inline")
    assert (result.asked, result.present, result.trained, result.interrupted) == (8, 8, 0, False)
    assert snapshot(tmp_path / "out") == before
    assert training.calls() == calls
    assert (tmp_path / "out/sweep.json").read_bytes() == record


def test_more_seeds_and_a_new_scale_train_only_what_is_new(spec: MakeSpec, fake: MakeFake, tmp_path: Path) -> None:
    training = fake()
    run(spec(), tmp_path / "out", executor="inline")
    before = snapshot(tmp_path / "out")
    assert run(spec(seeds="0:6"), tmp_path / "out", executor="inline").trained == 4
    assert run(spec("scale.values=[1,2,3]", seeds="0:6"), tmp_path / "out", executor="inline").trained == 6
    after = snapshot(tmp_path / "out")
    assert {name: after[name] for name in before} == before
    assert len(training.calls()) == 4 + 2 + 3
    assert load(tmp_path / "out").final("exact_match").present.all()


def test_fewer_seeds_keep_what_is_there(spec: MakeSpec, fake: MakeFake, tmp_path: Path) -> None:
    fake()
    run(spec(), tmp_path / "out", executor="inline")
    result = run(spec(seeds="0:2"), tmp_path / "out", executor="inline")
    assert (result.asked, result.present, result.trained) == (4, 4, 0)
    population = load(tmp_path / "out")
    assert population.seeds == (0, 1, 2, 3)
    assert population.spec is not None
    assert population.spec["seeds"] == "0:2"


def test_what_counts_as_success_may_change_without_training(
    spec: MakeSpec, fake: MakeFake, tmp_path: Path
) -> None:
    fake()
    run(spec(), tmp_path / "out", executor="inline")
    run(spec("success.at_least=0.9"), tmp_path / "out", executor="inline", name="other")
    population = load(tmp_path / "out")
    assert population.criterion.threshold == 0.9
    assert population.name == "other"


def test_the_record_says_what_was_done_and_the_spec_reads_back(
    spec: MakeSpec, fake: MakeFake, tmp_path: Path
) -> None:
    fake()
    run(spec(), tmp_path / "out", executor="inline", name="small")
    run(spec(seeds="0:6"), tmp_path / "out", executor="inline")
    record = Store(tmp_path / "out").existing_record()
    assert record.name == "small"
    assert SweepSpec.model_validate(record.spec) == spec(seeds="0:6")
    assert record.settings == json.loads(json.dumps(spec().identity()))
    assert [(one["asked"], one["present"], one["trained"]) for one in record.runs] == [(8, 0, 8), (12, 8, 4)]
    assert all(one["finished"] and one["packages"]["torch"] for one in record.runs)


def test_other_settings_are_refused_naming_the_fields(spec: MakeSpec, fake: MakeFake, tmp_path: Path) -> None:
    fake()
    run(spec(), tmp_path / "out", executor="inline")
    before = snapshot(tmp_path / "out")
    with pytest.raises(
        InputError, match=r"train\.batch: 4 there, 8 here; train\.steps: 6 there, 7 here; use another"
    ):
        run(spec("train.steps=7", "train.batch=8"), tmp_path / "out", executor="inline")
    with pytest.raises(InputError, match=r'scale\.field: "model\.depth" there, "model\.heads" here'):
        run(spec("scale={field: model.heads, values: [1, 2]}"), tmp_path / "out", executor="inline")
    assert snapshot(tmp_path / "out") == before


def test_a_place_that_cannot_hold_a_sweep_is_refused_and_nothing_is_made(
    spec: MakeSpec, fake: MakeFake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake()
    (tmp_path / "file").write_text("mine")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/thesis.tex").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    for place, reason in [
        ("file", "is a file"),
        ("file/below", "is a file"),
        ("other", "not a sweep: it holds thesis"),
    ]:
        with pytest.raises(InputError, match=reason):
            run(spec(), tmp_path / place, executor="inline")
    monkeypatch.setattr(os, "access", lambda *arguments: False)
    with pytest.raises(InputError, match="not writable"):
        run(spec(), tmp_path / "new/deep", executor="inline")
    assert sorted(tmp_path.rglob("*")) == before


def test_an_executor_that_is_not_there_is_refused_and_nothing_is_made(
    spec: MakeSpec, fake: MakeFake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake()
    out = tmp_path / "out"
    with pytest.raises(InputError, match=r"executor=rey: unknown \(did you mean 'ray'\?\)"):
        run(spec(), out, executor="rey")
    with pytest.raises(InputError, match="only the ray executor takes one"):
        run(spec(), out, executor="inline", address="auto")
    with pytest.raises(InputError, match="Ray Client addresses are not supported"):
        run(spec(), out, executor="ray", address="ray://head:10001")
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "seedsweep.sweep.executors.ray", raising=False)
    with pytest.raises(InputError, match="Ray is not installed"):
        run(spec(), out, executor="ray")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(InputError, match="cuda is asked for"):
        run(spec("execution.device=cuda"), out, executor="inline")
    with pytest.raises(InputError, match="tf32 exists on CUDA devices only"):
        run(spec("train.precision=tf32"), out, executor="inline")
    assert not out.exists()


def test_a_pack_that_always_fails_is_given_up_and_the_rest_goes_on(
    spec: MakeSpec, fake: MakeFake, tmp_path: Path
) -> None:
    training = fake(raise_at_scale=1.0)
    result = run(spec(), tmp_path / "out", executor="inline")
    assert (result.trained, result.failed, result.missing, result.interrupted) == (4, 4, 4, False)
    assert len(training.calls()) == 2 + 2 * 3
    first = result.failures[0]
    assert first.scale == 1.0
    assert first.seeds == (0, 1)
    assert first.error == "ArithmeticError: this scale cannot be trained"
    text = Path(first.path).read_text()
    assert "after 3 attempts" in text
    assert "Traceback" in text
    # What was wrong is put right: the next run trains these cells, and forgets the failure.
    fake()
    assert run(spec(), tmp_path / "out", executor="inline").trained == 4
    assert not list((tmp_path / "out/failures").iterdir())


def test_ctrl_c_saves_a_checkpoint_and_the_next_run_completes_the_same_rows(
    spec: MakeSpec, fake: MakeFake, tmp_path: Path
) -> None:
    fake()
    run(spec(), tmp_path / "undisturbed", executor="inline")
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)

    def interrupt(event: Event) -> None:
        if event.kind == "start":
            os.kill(os.getpid(), signal.SIGINT if not interrupted else signal.SIGTERM)

    interrupted: list[Any] = []
    while True:
        result = run(spec(), tmp_path / "out", executor="inline", on_progress=interrupt)
        interrupted.append(result)
        assert result.interrupted
        assert result.trained == 0  # it stopped at its first step
        assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers
        if len(interrupted) == 2:
            break
    assert len(list((tmp_path / "out/work").iterdir())) == 1
    result = run(spec(), tmp_path / "out", executor="inline")
    assert (result.trained, result.interrupted) == (8, False)
    assert rows(tmp_path / "out").equals(rows(tmp_path / "undisturbed"))


def test_a_second_ctrl_c_ends_at_once(spec: MakeSpec, fake: MakeFake, tmp_path: Path) -> None:
    fake(step_seconds=60.0)

    def interrupt(event: Event) -> None:
        if event.kind == "start":
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGALRM, lambda number, frame: os.kill(os.getpid(), signal.SIGINT))
    try:
        with pytest.raises(KeyboardInterrupt):
            run(spec(), tmp_path / "out", executor="inline", on_progress=interrupt)
    finally:
        signal.signal(signal.SIGALRM, before)
    fake()
    assert run(spec(), tmp_path / "out", executor="inline").trained == 8


DRIVER = """
import sys
import seedsweep.sweep.driver
import seedsweep.sweep.run
from seedsweep.sweep.specfile import read_spec
from tests.sweep.fake import FakeTraining
seedsweep.sweep.driver.Job = FakeTraining(sys.argv[3], step_seconds=0.3).job
spec, out, _, executor, address = sys.argv[1:]
seedsweep.sweep.run.run(read_spec(spec).spec, out, executor=executor, address=address or None)
"""


def start_driver(spec_file: Path, out: Path, diary: Path, executor: str = "inline", address: str = "") -> Any:
    """A run in a process of its own."""
    command = [sys.executable, "-c", DRIVER, str(spec_file), str(out), str(diary), executor, address]
    return subprocess.Popen(command, cwd=Path(__file__).parents[2])


def kill_when(process: Any, ready: Callable[[], bool]) -> None:
    """kill -9 a driver as soon as something holds."""
    while not ready():
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()


def test_a_driver_killed_in_the_middle_leaves_a_store_that_the_next_run_completes(
    spec: MakeSpec, spec_file: Path, fake: MakeFake, tmp_path: Path
) -> None:
    training = fake()
    run(spec(), tmp_path / "undisturbed", executor="inline")
    out = tmp_path / "out"
    process = start_driver(spec_file, out, tmp_path / "diary.txt")
    kill_when(process, lambda: bool(list(out.glob("metrics/**/*.parquet"))))
    (out / "metrics/.half.parquet.0123.tmp").write_bytes(b"PAR1")  # as a kill in the middle of a write leaves it
    with pytest.raises(InputError, match="other settings"):
        run(spec("train.steps=7"), out, executor="inline")
    assert load(out).seeds == ()
    result = run(spec(), out, executor="inline")
    assert (result.present, result.trained) == (0, 8)
    assert rows(out).equals(rows(tmp_path / "undisturbed"))
    assert not list(out.rglob("*.tmp"))
    assert any(line.endswith((" 1", " 2", " 3")) for line in training.calls())  # it went on from a checkpoint


def test_a_begun_pack_whose_cells_are_wanted_in_other_packs_leaves_no_double_rows(
    spec: MakeSpec, fake: MakeFake, tmp_path: Path
) -> None:
    fake()
    out = tmp_path / "out"

    def interrupt(event: Event) -> None:
        if event.kind == "finish":
            os.kill(os.getpid(), signal.SIGINT)

    run(spec("execution.pack=3", seeds="1:7"), out, executor="inline", on_progress=interrupt)
    run(spec("execution.pack=4", seeds="0:5"), out, executor="inline")
    final = load(out).final("exact_match")
    assert set(final.seeds_at(1)) == set(range(5))
    assert set(final.seeds_at(2)) == {0, 1, 2, 3, 4}
    table = rows(out)
    keys = table.select(["scale", "seed", "step", "split", "metric"])
    assert keys.group_by(keys.column_names).aggregate([]).num_rows == table.num_rows


def test_two_runs_at_once_are_refused(spec: MakeSpec, spec_file: Path, fake: MakeFake, tmp_path: Path) -> None:
    fake()
    out = tmp_path / "out"
    process = start_driver(spec_file, out, tmp_path / "diary.txt")
    try:
        while not list(out.glob("work/*/progress.json")):
            assert process.poll() is None
            time.sleep(0.02)
        with pytest.raises(InputError, match=rf"another run \(process {process.pid} on "):
            run(spec(), out, executor="inline")
    finally:
        process.kill()
        process.wait()
    assert run(spec(), out, executor="inline").missing == 0  # the lock died with its process


def test_an_object_store_is_as_good_as_a_directory(spec: MakeSpec, fake: MakeFake, tmp_path: Path) -> None:
    fake()
    run(spec(), tmp_path / "local", executor="inline")
    place = f"memory://bucket/{tmp_path.name}"  # fsspec's store in memory: no rename, no lock, like S3
    run(spec(seeds="0:2"), place, executor="inline")
    run(spec(), place, executor="inline")
    assert run(spec(), place, executor="inline").trained == 0
    mine, other = load(place).final("exact_match"), load(tmp_path / "local").final("exact_match")
    assert np.array_equal(mine.values, other.values)
    with pytest.raises(InputError, match="no sweep there"):
        load("memory://bucket/nothing")
    with pytest.raises(InputError, match="nor fsspec opens nope://"):
        run(spec(), "nope://bucket/x", executor="inline")


def test_a_file_url_is_the_directory(spec: MakeSpec, fake: MakeFake, tmp_path: Path) -> None:
    fake()
    run(spec(), f"file://{tmp_path}/out", executor="inline")
    assert load(tmp_path / "out").path == str(tmp_path / "out")


@pytest.mark.usefixtures("two_threads")
def test_inline_leaves_the_process_as_it_was(spec: MakeSpec, tmp_path: Path) -> None:
    import torch

    run(spec(), tmp_path / "first", executor="inline")  # torch sets a variable when it is first used
    before = torch.get_num_threads(), torch.initial_seed(), dict(os.environ), signal.getsignal(signal.SIGINT)
    run(spec(), tmp_path / "out", executor="inline")
    after = torch.get_num_threads(), torch.initial_seed(), dict(os.environ), signal.getsignal(signal.SIGINT)
    assert before == after


def test_a_real_training_interrupted_has_the_rows_of_an_undisturbed_one(spec: MakeSpec, tmp_path: Path) -> None:
    run(spec(), tmp_path / "undisturbed", executor="inline")

    def interrupt(event: Event) -> None:
        if event.kind == "start":
            os.kill(os.getpid(), signal.SIGINT)

    assert run(spec(), tmp_path / "out", executor="inline", on_progress=interrupt).interrupted
    assert run(spec("execution.pack=3"), tmp_path / "out", executor="inline").trained == 8
    assert rows(tmp_path / "out").equals(rows(tmp_path / "undisturbed"))


def test_events_tell_the_story(spec: MakeSpec, fake: MakeFake, tmp_path: Path) -> None:
    fake()
    events: list[Event] = []
    run(spec(), tmp_path / "out", executor="inline", on_progress=events.append)
    kinds = [event.kind for event in events if event.kind != "tick"]
    assert kinds == ["plan", "ready", *["start", "finish"] * 4]
    assert events[0].message == "8 seeds to train in 4 packs, 0 are there"
    assert [event.status.done for event in events if event.kind == "finish"] == [2, 4, 6, 8]
    assert events[-1].status.complete


def test_a_moved_sweep_goes_on_where_it_lies_now(spec: MakeSpec, fake: MakeFake, tmp_path: Path) -> None:
    fake()
    run(spec(seeds="0:2"), tmp_path / "here", executor="inline")
    shutil.move(tmp_path / "here", tmp_path / "there")
    assert run(spec(), tmp_path / "there", executor="inline").present == 4
