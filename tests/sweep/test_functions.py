"""Sweeps of a Python function: of a module, of a script or notebook, one seed or several in a call."""

from __future__ import annotations

import os
import pickle
import random
import re
import signal
import subprocess
import sys
import textwrap
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

import seedsweep as ss
from seedsweep.cell import CellError, Pack, Sink
from seedsweep.errors import InputError
from seedsweep.seeds import Seed
from seedsweep.sweep.events import Event
from seedsweep.sweep.programspec import ProgramSpec
from seedsweep.sweep.programverify import verify_program
from seedsweep.sweep.reader import load as load_store
from seedsweep.sweep.run import run
from seedsweep.sweep.specfile import read_spec
from seedsweep.workers.programs.capture import Captured
from seedsweep.workers.programs.process import Output
from tests.sweep.test_run import rows, snapshot

ROOT = Path(__file__).parents[2]
HEAD = """\
import os, random, signal
import numpy as np
def value(width, seed, step):
    return random.Random(f"{width} {seed} {step}").random()
"""
ONE = """\
def train(width, seed, report, lr=0.1):
    print("training", width, seed)
    for step in range(7):
        report(step, accuracy=value(width, seed, step), split="test")
"""
SEVERAL = """\
def train(width, seeds, report):
    print("training", width, seeds)
    for step in range(7):
        report(step, accuracy=np.array([value(width, seed, step) for seed in seeds]), split="test")
"""
NOWHERE = cast(Sink, None)
SUCCESS = {"metric": "accuracy", "split": "test", "at_least": 0.5}


def value(width: int, seed: int, step: int) -> float:
    """What the functions measure."""
    return random.Random(f"{width} {seed} {step}").random()


def expected(seeds: int = 2) -> list[tuple[float, int, int, float]]:
    return [
        (float(width), seed, step, value(width, seed, step))
        for width in (16, 32)
        for seed in range(seeds)
        for step in range(7)
    ]


def found(out: Path) -> list[tuple[float, int, int, float]]:
    return sorted((row["scale"], row["seed"], row["step"], row["value"]) for row in rows(out).to_pylist())


def spec_of(folder: Path, body: str, **changes: Any) -> ProgramSpec:
    """A module with this body, of a name that no other test has, and a sweep of its function `train`."""
    folder.mkdir(parents=True, exist_ok=True)
    module = f"mine_{uuid.uuid4().hex[:8]}"
    (folder / f"{module}.py").write_text(HEAD + textwrap.dedent(body))
    asked: dict[str, Any] = {"scale": {"width": [16, 32]}, "seeds": "0:2", "success": SUCCESS, "directory": folder}
    return ss.sweep(f"{module}:train", **asked | changes)


def test_every_value_that_a_function_reports_is_a_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec, out = spec_of(tmp_path / "mine", ONE), tmp_path / "out"
    result = run(spec, out, executor="inline")
    assert (result.asked, result.trained, result.failed, result.notes) == (4, 4, 0, ())
    assert found(out) == expected()
    assert "training 32 1\n" in (out / "logs/width-32-seed-1.txt").read_text()
    assert capsys.readouterr().out == ""
    before = snapshot(out)
    assert run(spec, out, executor="inline").trained == 0
    more = spec.model_copy(update={"seeds": type(spec.seeds).model_validate("0:3")})
    assert run(more, out, executor="inline").trained == 2
    assert before.items() <= snapshot(out).items()
    assert found(out) == expected(3)
    assert not (out / "cells").exists()
    assert not list((out / "work").iterdir())
    code = load_store(out).origin.facts["code"]
    assert f"{spec.program.model_dump()['function'].partition(':')[0]}.py " in code


def test_several_seeds_in_a_call_are_as_each_alone(tmp_path: Path) -> None:
    for pack, packs in (("auto", 2), (2, 4), (1, 6)):
        spec = spec_of(tmp_path / "mine", SEVERAL, seeds="0:3", execution={"pack": pack})
        out = tmp_path / f"out-{pack}"
        result = run(spec, out, executor="inline")
        assert (result.trained, result.notes) == (6, ())
        assert found(out) == expected(3)
        assert len(list((out / "metrics").rglob("*.parquet"))) == packs


def test_a_spec_names_a_function_of_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    mine = tmp_path / "mine/lab"
    mine.mkdir(parents=True)
    (mine / "experiment.py").write_text(HEAD + ONE)
    (tmp_path / "mine/sweep.yaml").write_text(
        """\
program: {function: lab.experiment:train, parameters: {lr: 0.2}, directory: .}
scale: {field: program.width, values: [16, 32]}
seeds: 0:2
success: {metric: accuracy, split: test, at_least: 0.5}
"""
    )
    spec = read_spec("mine/sweep.yaml").spec
    assert spec.identity() == {
        "scale.field": "program.width",
        "program.function": "lab.experiment:train",
        "program.steps": None,
        "program.parameters.lr": 0.2,
    }
    assert run(spec, "out", executor="inline").trained == 4
    assert found(tmp_path / "out") == expected()
    assert str(tmp_path / "mine") not in sys.path


def test_ctrl_c_stops_a_function_at_its_next_report(tmp_path: Path) -> None:
    body = """\
    from pathlib import Path
    def train(width, seed, report, dir, resume):
        at, diary = Path(dir, "at"), Path(dir, "diary")
        first = int(at.read_text()) if resume else 0
        for step in range(first, 7):
            try:
                report(step, accuracy=value(width, seed, step), split="test")
            except Exception:
                pass
            at.write_text(str(step + 1))
            diary.write_text((diary.read_text() if diary.exists() else "") + f"{step} ")
            if step == 3 and not resume:
                os.kill(os.getpid(), signal.SIGINT)
    """
    spec, out = spec_of(tmp_path / "mine", body), tmp_path / "out"
    result = run(spec, out, executor="inline")
    assert (result.trained, result.interrupted) == (0, True)
    assert len(found(out)) == 5  # of one cell, up to the report at which it was stopped
    while (result := run(spec, out, executor="inline")).interrupted:
        assert result.failed == 0
    assert found(out) == expected()
    assert (out / "cells/width-16-seed-0/diary").read_text() == "0 1 2 3 4 5 6 "


def test_what_was_reported_before_a_kill_is_not_lost(tmp_path: Path) -> None:
    """Killed without a word after it has saved its state, and within the time that no checkpoint is written."""
    body = """\
    from pathlib import Path
    def train(width, seeds, report, dir):
        at = Path(dir, "at")
        for step in range(int(at.read_text()) if at.exists() else 0, 7):
            report(step, accuracy=[value(width, seed, step) for seed in seeds], split="test")
            at.write_text(str(step + 1))
            if step == 4:
                os._exit(9)
    """
    spec, out = spec_of(tmp_path / "mine", body), tmp_path / "out"
    driver = "import pickle, sys, seedsweep as ss; ss.run(pickle.load(sys.stdin.buffer), 'out', executor='inline')"
    command = [sys.executable, "-c", driver]
    ends = [subprocess.run(command, cwd=tmp_path, input=pickle.dumps(spec)).returncode for _ in range(3)]
    assert ends == [9, 9, 0]
    assert found(out) == expected()


def test_a_function_that_fails_once_gives_each_step_once(tmp_path: Path) -> None:
    body = """\
    def train(width, seeds, report, dir, resume):
        first = 3 if resume else 0
        os.makedirs(f"{dir}/here", exist_ok=True)
        for step in range(first, 7):
            report(step, accuracy=[value(width, seed, step) for seed in seeds], split="test")
            if step == 4 and not resume:
                raise OSError("the data are gone")
    """
    events: list[Event] = []
    spec, out = spec_of(tmp_path / "mine", body), tmp_path / "out"
    result = run(spec, out, executor="inline", on_progress=events.append)
    assert (result.trained, result.failed) == (4, 0)
    assert found(out) == expected()
    retries = [event.message for event in events if event.kind == "retry"]
    assert len(retries) == 2
    assert "the function raised OSError: the data are gone (mine_" in retries[0]


def test_a_function_that_fails_is_quarantined_with_its_own_part_of_the_traceback(tmp_path: Path) -> None:
    body = """\
    def inner(width):
        raise ValueError(f"no width {width}")
    def train(width, seed, report):
        print("about to fail")
        if width == 32:
            inner(width)
        report(1, accuracy=1.0, split="test")
    """
    out = tmp_path / "out"
    result = run(spec_of(tmp_path / "mine", body), out, executor="inline")
    assert (result.trained, result.failed) == (2, 2)
    assert result.failures[0].error.startswith("the function raised ValueError: no width 32 (mine_")
    text = Path(result.failures[0].path).read_text()
    assert "about to fail" in text
    assert "in inner" in text
    assert "in train" in text
    assert "seedsweep/" not in text.partition("Traceback")[2]
    log = (out / "logs/width-32-seed-0.txt").read_text()
    assert "ValueError: no width 32" in log


WRONG = {
    "report(1, accuracy='high')": "accuracy is 'high', not a number",
    "report(1, accuracy={'a': 1})": "accuracy is {'a': 1}, not a number",
    "report(1, accuracy=[1, 2])": r"accuracy has the shape \(2,\); give one number",
    "report(1)": "has no metric; write for example",
    "report(1, accuracy=1); report(1, accuracy=1)": "accuracy was reported at this step before",
    "report(-1, accuracy=1)": "step is -1.0, not a whole number",
    "report(0.5, accuracy=1)": "step is 0.5, not a whole number",
    "report('one', accuracy=1)": "step is 'one', not a number",
    "report(1, accuracy=1, split=3)": "split is 3, not a text",
    "report(9, accuracy=1)": "is beyond the last step, program.steps: 8",
    "pass": "the function has returned and reported nothing",
    "raise SystemExit(3)": "the function raised SystemExit: 3",
    "try: report(1)\n    except ValueError: report(2, accuracy=1)": "has no metric",
}


@pytest.mark.parametrize("call", WRONG)
def test_what_a_function_does_wrong_is_told_in_one_line(tmp_path: Path, call: str) -> None:
    spec = spec_of(tmp_path / "mine", f"def train(width, seed, report):\n    {call}\n", seeds="0", last_step=8)
    result = run(spec, tmp_path / "out", executor="inline")
    assert result.failed == 2
    error = result.failures[0].error
    assert "\n" not in error
    assert re.search(WRONG[call], error), error


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("0.5", "accuracy is one number for all 2 seeds; give an array of one per seed"),
        ("[1, 2, 3]", r"accuracy has the shape (3,); one per seed is (2,)"),
    ],
)
def test_arrays_of_another_length_are_refused(tmp_path: Path, given: str, message: str) -> None:
    spec = spec_of(tmp_path / "mine", f"def train(width, seeds, report):\n    report(1, accuracy={given})\n")
    result = run(spec, tmp_path / "out", executor="inline")
    assert message in result.failures[0].error


NOT_CALLED = {
    "train(width, rate, lr, seed, report)": "program.parameters: .* wants lr; give parameters: {lr: …}",
    "train(width, lrate, seed, report)": r"rate is no argument of .* \(did you mean 'lrate'\?\); leave it out",
    "train(width, seed, report)": r"program.parameters: rate is no argument of mine_.*; leave it out",
    "train(width, rate, seed)": "has no argument report",
    "train(width, rate, report)": "has no argument seed, nor seeds",
    "train(width, rate, seed, report, /)": "width cannot be given by its name",
    "train(width, rate, seeds, report, init_seed)": "init_seed does not go with the other seeds; write init_seeds",
    "other(width, rate, seed, report)": r"has no train",
}


@pytest.mark.parametrize("signature", NOT_CALLED)
def test_a_function_that_does_not_fit_is_refused_before_anything_is_made(tmp_path: Path, signature: str) -> None:
    spec = spec_of(tmp_path / "mine", f"def {signature}:\n    pass\n", rate=1)
    with pytest.raises(InputError, match=NOT_CALLED[signature]):
        run(spec, tmp_path / "out", executor="inline")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"program": "nowhere_:train"}, "program.function: nowhere_:train: no module nowhere_ in "),
        ({"program": "train.py:train"}, "is no function; write module:name"),
        ({"execution": {"pack": 4}}, "execution.pack: a function that takes seed trains one seed at a time"),
        (
            {"seeds": {"init": "0:2", "data": "0:2"}},
            "the seeds are crossed: take init_seed and data_seed in place",
        ),
        ({"seed": 3}, "'seed' is what every cell has of its own"),
        ({"metrics": "m.csv"}, "metrics: a function has none"),
        ({"scale": {"width": [1], "lr": [2]}}, "scale: give one parameter and its values"),
        ({"scale": {"width": ["a"]}}, "scale.values: 'a' is not a number"),
        ({"success": {"metric": "accuracy"}}, "success: give either at_least or"),
        ({"execution": {"packs": 4}}, r"execution.packs: unknown key \(did you mean 'pack'\?\)"),
    ],
)
def test_what_is_wrong_with_a_sweep_is_one_line(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    name = str(spec_of(tmp_path / "mine", ONE).program.model_dump()["function"])
    asked = {"program": name, "scale": {"width": [16]}, "seeds": "0", "success": SUCCESS, **changes}
    with pytest.raises(InputError, match=message):
        run(ss.sweep(**asked, directory=tmp_path / "mine"), tmp_path / "out", executor="inline")
    assert not (tmp_path / "out").exists()


def test_a_module_that_cannot_be_imported_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be imported: ZeroDivisionError: .* \(mine_\w+\.py line 5\)"):
        run(spec_of(tmp_path / "mine", "1 / 0"), tmp_path / "out", executor="inline")
    with pytest.raises(InputError, match="No module named 'not_there'; install it"):
        run(spec_of(tmp_path / "mine", "import not_there"), tmp_path / "out", executor="inline")
    package = f"mine_{uuid.uuid4().hex[:8]}"
    (tmp_path / package).mkdir()
    (tmp_path / package / "loading.py").write_text("1 / 0")  # a file of ours is called so too
    asked: dict[str, Any] = {"scale": {"width": [16]}, "seeds": "0:1", "success": SUCCESS, "directory": tmp_path}
    with pytest.raises(InputError, match=r"ZeroDivisionError: .* \(loading\.py line 1\)"):
        run(ss.sweep(f"{package}.loading:train", **asked), tmp_path / "out", executor="inline")


@pytest.mark.parametrize("first", ["import seedsweep.sweep.store", "import seedsweep; seedsweep.run"])
def test_the_drivers_room_can_be_called_and_is_a_module_all_the_same(first: str) -> None:
    script = f"""
{first}
import seedsweep as ss
from seedsweep.sweep import plan
from seedsweep.sweep.make import sweep
asked = dict(scale={{"width": [1]}}, seeds="0:1", success={{"metric": "accuracy", "at_least": 0.5}})
assert ss.sweep("mine:train", **asked) == sweep("mine:train", **asked)
assert ss.sweep.plan is plan
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_function_that_a_workers_machine_has_not_is_told_in_one_line(tmp_path: Path) -> None:
    spec = spec_of(tmp_path / "mine", ONE)
    recipe = spec.recipes[16]
    (tmp_path / "mine").rename(tmp_path / "gone")
    with pytest.raises(
        CellError, match=r"program.function: mine_\w+:train: no module mine_\w+ in .*, on \w+"
    ) as told:
        recipe.train(
            Pack("program.width", 16, (Seed(0, 0),), ""), NOWHERE, device="cpu", should_stop=lambda: False
        )
    assert told.value.hopeless


def test_a_command_and_numbers_of_numpys(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        "import sys\nlr, sizes, out = sys.argv[1:]\nassert sizes == '1,2', sizes\n"
        "open(out + '/m.csv', 'w').write('step,accuracy\\n1,' + lr)\n"
    )
    spec = ss.sweep(
        f"{sys.executable} -S train.py {{lr}} {{sizes}} {{dir}}",
        scale={"lr": np.array([0.25, 0.5])},
        seeds=np.arange(2),
        success=ss.Criterion("accuracy", "all rows", 0.5),
        metrics="m.csv",
        directory=tmp_path,
        sizes="1,2",
    )
    assert run(spec, tmp_path / "out", executor="inline").trained == 4
    assert ss.load(tmp_path / "out").final("accuracy").at(0.5).tolist() == [0.5, 0.5]
    many = ss.sweep(
        "f:train", scale={"width": [1]}, seeds=0, success=SUCCESS, sizes=np.arange(3), lr=np.float32(0.5), steps=9
    )
    assert many.program.parameters == {"sizes": (0, 1, 2), "lr": 0.5, "width": 1, "steps": 9}


def test_crossed_seeds_and_lists_arrive(tmp_path: Path) -> None:
    body = """\
    def train(width, sizes, init_seeds, data_seeds, report):
        assert sizes == [2, 3], sizes
        report(1, **{"test/accuracy": 10 * init_seeds + data_seeds})
    """
    seeds = {"init": range(2), "data": [0, 1]}
    spec = spec_of(tmp_path / "mine", body, sizes=[2, 3], seeds=seeds)
    assert run(spec, tmp_path / "out", executor="inline").trained == 8
    for row in rows(tmp_path / "out").to_pylist():
        assert row["value"] == 10 * row["init_seed"] + row["data_seed"]


def test_values_of_torch_and_numpy_and_no_number_at_all(tmp_path: Path) -> None:
    body = """\
    import torch
    def train(width, seeds, report):
        loss = torch.tensor([1.5, float("nan")], requires_grad=True)
        report(np.int64(1), loss=loss, accuracy=np.float32([0, 1]))
    """
    spec = spec_of(tmp_path / "mine", body, success={"metric": "accuracy", "at_least": 1})
    assert run(spec, tmp_path / "out", executor="inline").trained == 4
    assert ss.load(tmp_path / "out").final("loss").at(16).tolist() == pytest.approx([1.5, np.nan], nan_ok=True)


def test_a_seed_that_is_not_used_and_other_code_are_told(tmp_path: Path) -> None:
    def train(width: int, seeds: Any, report: Callable[..., None]) -> None:
        for step in range(9):
            report(step, accuracy=np.full(len(seeds), value(width, 0, step)))

    asked: dict[str, Any] = {"scale": {"width": [16]}, "success": {"metric": "accuracy", "at_least": 0.5}}
    result = run(ss.sweep(train, seeds="0:3", **asked), tmp_path / "out", executor="inline")
    assert result.notes == ("seeds 0, 1, 2 of width 16 have the same numbers: does the program use its seed?",)
    first = ss.sweep(train, seeds="0:4", **asked)

    def train(width: int, seeds: Any, report: Callable[..., None]) -> None:  # type: ignore[no-redef]
        report(8, accuracy=0.5 + seeds)

    again = ss.sweep(train, seeds="0:4", **asked)
    assert again.fingerprint() == first.fingerprint()
    result = run(again, tmp_path / "out", executor="inline")
    assert "the cells were trained by different code: the function train " in result.notes[0]


def test_a_cell_that_two_codes_have_trained_is_told(tmp_path: Path) -> None:
    def train(width: int, seed: int, report: Callable[..., None], resume: bool) -> None:
        report(1, accuracy=0.5)
        os.kill(os.getpid(), signal.SIGINT)
        report(2, accuracy=0.6)

    asked: dict[str, Any] = {
        "scale": {"width": [16]},
        "seeds": 0,
        "success": {"metric": "accuracy", "at_least": 0.5},
    }
    assert run(ss.sweep(train, **asked), tmp_path / "out", executor="inline").interrupted

    def train(width: int, seed: int, report: Callable[..., None], resume: bool) -> None:  # type: ignore[no-redef]
        report(3, accuracy=0.7)

    result = run(ss.sweep(train, **asked), tmp_path / "out", executor="inline")
    assert [row["step"] for row in rows(tmp_path / "out").to_pylist()] == [1, 2, 3]
    assert "the cells were trained by different code: the function train" in result.notes[0]


def test_verify_runs_seeds_again_and_together(tmp_path: Path) -> None:
    same = verify_program(spec_of(tmp_path / "mine", SEVERAL))
    assert same.kept
    assert [(scale.seeds, scale.differing, scale.together, scale.apart) for scale in same.scales] == [
        (2, 0, 2, 0)
    ] * 2
    noisy = verify_program(
        spec_of(tmp_path / "mine", SEVERAL.replace("value(width", "random.random() + value(width"))
    )
    assert noisy.scales[0].differing == 2
    mean = SEVERAL.replace("np.array(", "np.arange(len(seeds)) + np.array(")
    mixed = verify_program(spec_of(tmp_path / "mine", mean))
    assert not mixed.kept
    assert mixed.scales[0].differing == 0
    assert mixed.scales[0].mixed is not None
    assert mixed.scales[0].mixed.startswith("seed 1: accuracy (test) at step 0 is 0.")
    rounded = verify_program(
        spec_of(tmp_path / "mine", SEVERAL.replace("np.array(", "1e-7 * len(seeds) + np.array("))
    )
    assert rounded.kept
    assert rounded.scales[0].together == 0
    assert rounded.scales[0].apart == pytest.approx(1e-7)
    alone = verify_program(spec_of(tmp_path / "mine", ONE))
    assert alone.kept
    assert alone.scales[0].together is None


SCRIPT = """\
import random
import re
import sys
import seedsweep as ss

STEPS = 7

def value(width, seed, step):
    return random.Random(f"{width} {seed} {step}").random()

def train(width, seed, report):
    for step in range(STEPS):
        report(step, accuracy=value(width, seed, step), split="test")

if __name__ == "__main__":
    out, executor, address = sys.argv[1:]
    success = {"metric": "accuracy", "split": "test", "at_least": 0.5}
    spec = ss.sweep(train, scale={"width": [16, 32]}, seeds=range(2), success=success)
    result = ss.run(spec, out, executor=executor, address=address or None)
    assert result.trained == 4, result
    assert ss.load(out).scales == (16, 32)
"""


def run_script(folder: Path, *words: str) -> None:
    (folder / "notebook.py").write_text(SCRIPT)
    subprocess.run([sys.executable, "notebook.py", *words], cwd=folder, check=True)


def test_a_function_of_a_script_runs_in_this_process(tmp_path: Path) -> None:
    run_script(tmp_path, "out", "inline", "")
    assert found(tmp_path / "out") == expected()
    origin = load_store(tmp_path / "out").origin
    assert origin.facts["code"].startswith("the function train ")
    assert {row["task"] for row in rows(tmp_path / "out").to_pylist()} == {"train"}


def test_another_thread_prints_where_it_printed(capsys: pytest.CaptureFixture[str]) -> None:
    go, done = threading.Event(), threading.Event()

    def show() -> None:
        go.wait()
        print("a display")
        done.set()

    threading.Thread(target=show).start()
    output = Output()
    captured = Captured(output)
    with captured:
        print("the function")
        print("its warning", file=sys.stderr)
        go.set()
        done.wait()
        with captured.paused():
            print("ours")
        inner = threading.Thread(target=print, args=("its thread",))
        inner.start()
        inner.join()
        assert sys.stdout.encoding
    print("after")
    assert output.content().decode() == "the function\nits warning\nits thread\n"
    assert capsys.readouterr().out == "a display\nours\nafter\n"
