"""Sweeps of a user's program: real scripts, killed, stopped, started again, and wrong in every way."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import seedsweep
from seedsweep import analysis, load
from seedsweep.cli.app import app
from seedsweep.errors import InputError
from seedsweep.sweep.estimate import estimate
from seedsweep.sweep.events import Event
from seedsweep.sweep.programverify import verify_program
from seedsweep.sweep.reader import load as load_store
from seedsweep.sweep.run import run
from seedsweep.sweep.status import status
from seedsweep.sweep.store import Store
from tests.sweep.programs import HEAD, TRAIN, write_program
from tests.sweep.test_run import rows, snapshot


def value(width: int, seed: int, step: int) -> float:
    """What the scripts measure."""
    return random.Random(f"{width} {seed} {step}").random()


def expected(steps: int = 7) -> list[tuple[float, int, int, float]]:
    return [
        (float(width), seed, step, value(width, seed, step))
        for width in (16, 32)
        for seed in (0, 1)
        for step in range(steps)
    ]


def found(out: Path) -> list[tuple[float, int, int, float]]:
    table = rows(out).to_pylist()
    assert {(row["split"], row["metric"], row["task"]) for row in table} == {("test", "accuracy", "train")}
    assert all(row["examples_seen"] == row["step"] for row in table)
    return [(row["scale"], row["seed"], row["step"], row["value"]) for row in table]


def test_every_value_that_the_script_writes_is_a_row(tmp_path: Path) -> None:
    spec, out = write_program(tmp_path / "mine"), tmp_path / "out"
    result = run(spec, out, executor="inline")
    assert (result.asked, result.trained, result.failed, result.notes) == (4, 4, 0, ())
    assert found(out) == expected()
    before = snapshot(out)
    assert run(spec, out, executor="inline").trained == 0
    more = write_program(tmp_path / "mine", seeds="0:3")
    assert run(more, out, executor="inline").trained == 2
    assert before.items() <= snapshot(out).items()
    assert sorted(path.name for path in (out / "cells").iterdir()) == [
        f"width-{width}-seed-{seed}" for width in (16, 32) for seed in range(3)
    ]
    assert (out / "logs/width-16-seed-2.txt").exists()
    assert not list((out / "work").iterdir())
    current = status(out)
    assert current.complete
    assert current.fraction == 1
    population = load(out)
    assert population.final("accuracy").at(16).tolist() == [value(16, seed, 6) for seed in range(3)]
    assert "train.py" in population.origin.facts["code"]


KILLED = """\
path = f"{out}/metrics.jsonl"
def write(step):
    file.write(json.dumps({"step": step, "test/accuracy": value(step)}) + "\\n")
    file.flush()
    if step == 4 and not again:
        file.write('{"step": 5, "te')  # as a kill in the middle of a line leaves it
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
"""
WAYS = {
    "adds to its file": KILLED + 'with open(path, "a") as file:\n    for step in range(7): write(step)\n',
    "writes its file anew": KILLED + 'with open(path, "w") as file:\n    for step in range(7): write(step)\n',
    "goes on from its checkpoint": KILLED
    + 'with open(path, "a") as file:\n    for step in range(3 if again else 0, 7): write(step)\n',
    "goes on in a new file": KILLED
    + 'with open(path, "w") as file:\n    for step in range(3 if again else 0, 7): write(step)\n',
}


@pytest.mark.parametrize("way", WAYS)
def test_a_killed_script_gives_each_step_once(tmp_path: Path, way: str) -> None:
    events: list[Event] = []
    spec = write_program(tmp_path / "mine", WAYS[way])
    result = run(spec, tmp_path / "out", executor="inline", on_progress=events.append)
    assert (result.trained, result.failed) == (4, 0)
    assert found(tmp_path / "out") == expected()
    logs = sorted(path.name for path in (tmp_path / "out/logs").iterdir())
    assert logs[:2] == ["width-16-seed-0-attempt-2.txt", "width-16-seed-0.txt"]
    retries = [event.message for event in events if event.kind == "retry"]
    assert len(retries) == 4
    assert "killed by SIGKILL" in retries[0]


SLOW = """\
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(f"stopped at {step}"))
first = 0
if os.path.exists(f"{out}/at"):
    first = int(open(f"{out}/at").read())
for step in range(first, 7):
    with open(f"{out}/metrics.jsonl", "a") as file:
        file.write(json.dumps({"step": step, "test/accuracy": value(step)}) + "\\n")
    with open(f"{out}/at.new", "w") as file:
        file.write(str(step + 1))
    os.rename(f"{out}/at.new", f"{out}/at")
    with open(f"{out}/diary", "a") as file:
        file.write(f"{os.getpid()} {step}\\n")
    time.sleep(float(os.environ.get("STEP_SECONDS", "0")))
"""


@contextmanager
def ctrl_c(ready: Callable[[], bool], times: int = 1) -> Iterator[None]:
    """Press it so many times, from when something holds on."""

    def ring(number: int, frame: Any) -> None:
        nonlocal times
        if times and ready():
            times -= 1
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_ctrl_c_lets_the_script_save_and_the_next_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEP_SECONDS", "0.5")
    spec, out = write_program(tmp_path / "mine", SLOW), tmp_path / "out"
    diary = out / "cells/width-16-seed-0/diary"
    with ctrl_c(diary.exists):
        result = run(spec, out, executor="inline")
    assert result.interrupted
    assert (result.trained, result.failed) == (0, 0)
    assert "stopped at" in (out / "logs/width-16-seed-0.txt").read_text()
    first = diary.read_text().splitlines()[0].split()[0]
    assert not Path(f"/proc/{first}").exists()
    monkeypatch.setenv("STEP_SECONDS", "0")
    assert run(spec, out, executor="inline").trained == 4
    assert found(out) == expected()
    steps = [line.split()[1] for line in diary.read_text().splitlines()]
    assert steps == [str(step) for step in range(7)]  # none was trained twice


DEAF = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(f"{out}/diary", "w").close()
time.sleep(600)
"""


@pytest.mark.parametrize("times", [1, 2])
def test_a_script_that_does_not_listen_is_killed_after_a_while_or_by_a_second_ctrl_c(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    monkeypatch.setattr("seedsweep.workers.programs.command.STOP_SECONDS", 1.0 if times == 1 else 600.0)
    spec, out = write_program(tmp_path / "mine", DEAF), tmp_path / "out"
    with ctrl_c((out / "cells/width-16-seed-0/diary").exists, times):
        if times == 1:
            assert run(spec, out, executor="inline").interrupted
        else:
            with pytest.raises(KeyboardInterrupt):
                run(spec, out, executor="inline")
    assert processes_of(out) == []


DRIVER = """
import sys
from seedsweep.sweep.run import run
from seedsweep.sweep.specfile import read_spec
run(read_spec(sys.argv[1]).spec, sys.argv[2], executor="inline")
"""


def test_a_killed_driver_takes_the_script_and_its_children_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = 'import subprocess\nsubprocess.Popen(["sleep", "600"])\n'
    spec, out = write_program(tmp_path / "mine", child + SLOW), tmp_path / "out"
    monkeypatch.setenv("STEP_SECONDS", "0.5")
    command = [sys.executable, "-c", DRIVER, str(tmp_path / "mine/sweep.yaml"), str(out)]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[2])
    diary = out / "cells/width-16-seed-0/diary"
    while not diary.exists():
        assert process.poll() is None
        time.sleep(0.02)
    family = processes_of(out)
    assert len(family) >= 2
    process.kill()
    process.wait()
    deadline = time.monotonic() + 30
    while processes_of(out) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert processes_of(out) == []
    monkeypatch.setenv("STEP_SECONDS", "0")
    assert run(spec, out, executor="inline").trained == 4
    assert found(out) == expected()


def processes_of(out: Path) -> list[int]:
    """Processes that were given a cell of this sweep."""
    mark = f"SEEDSWEEP_DIR={out}".encode()
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            state = (place / "stat").read_text().rpartition(")")[2].split()[0]
            if mark in (place / "environ").read_bytes() and state != "Z":
                found.append(int(place.name))
        except OSError:
            continue
    return found


def test_nothing_of_an_earlier_attempt_writes_beside_a_new_one(tmp_path: Path) -> None:
    flees = """
import subprocess
if not again:
    pid = subprocess.Popen(["sleep", "600"], start_new_session=True).pid
    open(f"{out}/pid", "w").write(str(pid))
    sys.exit(1)
"""
    spec, out = write_program(tmp_path / "mine", flees + TRAIN, seeds="0"), tmp_path / "out"
    assert run(spec, out, executor="inline").trained == 2
    assert processes_of(out) == []


def test_the_command_gets_every_value_as_it_is(tmp_path: Path) -> None:
    odd = ["two words", "it's", '"', "; rm -rf /", "-x", "größer", "$HOME", "", "{a}", "back\\slash", "*"]
    parameters: dict[str, Any] = {f"p{number}": text for number, text in enumerate(odd)}
    parameters |= {"rate": 1e-5, "flag": True, "sizes": [64, 32]}
    words = " ".join(f"{{{name}}}" for name in parameters)
    body = TRAIN + 'json.dump(sys.argv[4:], open(f"{out}/words.json", "w"))\n'
    command = f"{sys.executable} -S train.py {{width}} {{seed}} {{dir}} {words} s={{sizes}} '{{{{}}}}'"
    for shell in (False, True):
        out = tmp_path / f"out-{shell}"
        changes = {
            "program.command": command,
            "program.parameters": parameters,
            "program.shell": shell,
            "seeds": "0",
        }
        run(write_program(tmp_path / "mine", body, **changes), out, executor="inline")
        got = json.loads((out / "cells/width-16-seed-0/words.json").read_text())
        sizes = ["s=64,32"] if not shell else ["s=64", "32"]
        assert got == [*odd, "1e-05", "true", "64", "32", *sizes, "{}"]


def test_a_script_is_told_seed_folder_and_threads(tmp_path: Path) -> None:
    body = TRAIN + 'json.dump(dict(os.environ), open(f"{out}/environment.json", "w"))\n'
    changes = {"execution": {"cpus": 2}, "seeds": {"init": "3", "data": "5"}}
    command = f"{sys.executable} -S train.py {{width}} {{init_seed}} {{dir}}"
    spec, out = write_program(tmp_path / "mine", body, **changes, **{"program.command": command}), tmp_path / "out"
    run(spec, out, executor="inline")
    folder = out / "cells/width-16-init-3-data-5"
    told = json.loads((folder / "environment.json").read_text())
    assert told["SEEDSWEEP_DIR"] == str(folder)
    assert (told["SEEDSWEEP_INIT_SEED"], told["SEEDSWEEP_DATA_SEED"]) == ("3", "5")
    assert told["OMP_NUM_THREADS"] == told["MKL_NUM_THREADS"] == "2"
    assert told["PYTHONUNBUFFERED"] == "1"
    assert "SEEDSWEEP_RESUME" not in told


LINES = 'open(f"{{out}}/metrics.jsonl", "w").write({!r})\n'


@pytest.mark.parametrize(
    ("body", "changes", "message"),
    [
        ("sys.exit('no GPU')", {}, "the program ended with status 1 after "),
        ("print('hello')", {}, "the program has ended, but no metrics.jsonl in "),
        (LINES.format(""), {}, "metrics.jsonl: has no rows"),
        (LINES.format('{"step": 1, "a": 2}\n{"step": 1, "a": 3}\n'), {}, "has a at step 1 twice"),
        (LINES.format('{"step": 1, "a": "high"}\n'), {}, "metrics.jsonl line 1: a is 'high', not a number"),
        (LINES.format('{"step": 1, "a": 1}\n{"step": 2, "a": "?"}\n'), {}, "line 2: a is '?', not a number"),
        (LINES.format('{"step": 1.5, "a": 2}\n'), {}, "line 1: step is 1.5, not a whole number of 0 or more"),
        (LINES.format('{"a": 2}\n'), {}, "line 1: no column counts the steps; it has a; name the one that does"),
        (LINES.format("[1]\n"), {}, "line 1: is no JSON object"),
        (LINES.format("{oops}\n"), {}, "line 1: is not JSON: {oops}"),
        (LINES.format("step,a\n1,2,3\n"), {"program.metrics": "*.jsonl"}, "line 1: is not JSON"),
        (TRAIN, {"program.steps": 5}, "has a step 6, beyond the last one, program.steps: 5"),
    ],
)
def test_what_a_program_does_wrong_is_told_in_one_line(
    tmp_path: Path, body: str, changes: dict[str, Any], message: str
) -> None:
    spec = write_program(tmp_path / "mine", "print('on the way')\n" + body, **changes, seeds="0:8")
    result = run(spec, tmp_path / "out", executor="inline")
    assert (result.trained, result.failed, result.interrupted) == (0, 3, True)  # and not all sixteen
    first = result.failures[0]
    assert message in first.error
    assert "\n" not in first.error
    assert f"; its output: {tmp_path}/out/logs/width-16-seed-0" in first.error
    assert Path(first.error.rpartition(" ")[2]).read_text().rstrip().endswith(("on the way", "hello", "no GPU"))
    text = Path(first.path).read_text()
    assert "Traceback" not in text
    assert text.rstrip().endswith(("on the way", "hello", "no GPU"))


@pytest.mark.parametrize(
    ("success", "message"),
    [
        ({"metric": "acuracy"}, "success.metric: 'acuracy' is not a metric that the program writes .did you mean"),
        ({"split": "tset"}, r"success.split: 'tset' is not a split that the program writes .*; it writes test"),
        ({"split": "all rows"}, r"success.split: is missing; accuracy is measured on test"),
        ({"split": "all rows", "metric": "test/accuracy"}, "has two parts; write metric: accuracy, split: test"),
        ({"split": "all rows", "metric": "lr"}, "success.split: is missing; the program measures on test"),
    ],
)
def test_success_that_the_program_does_not_write_is_told_after_its_first_cell(
    tmp_path: Path, success: dict[str, Any], message: str
) -> None:
    criterion = {"metric": "accuracy", "split": "test", "at_least": 0.5}
    out = tmp_path / "out"
    with pytest.raises(InputError, match=message):
        run(write_program(tmp_path / "mine", success=criterion | success), out, executor="inline")
    assert status(out).done == 1
    with pytest.raises(InputError, match=message):
        run(write_program(tmp_path / "mine", success=criterion | success), out, executor="inline")
    assert run(write_program(tmp_path / "mine"), out, executor="inline").trained == 3


def test_of_a_loss_success_is_at_most_so_much(tmp_path: Path) -> None:
    spec = write_program(tmp_path / "mine", success={"metric": "accuracy", "split": "test", "at_most": 0.5})
    run(spec, tmp_path / "out", executor="inline")
    population = load(tmp_path / "out")
    assert not population.criterion.higher_is_better
    rates = [scale.success.rate for scale in analysis.study(population).summary.scales]
    low = [[value(width, seed, 6) <= 0.5 for seed in (0, 1)] for width in (16, 32)]
    assert rates == [sum(seeds) / 2 for seeds in low]


def test_a_value_that_is_not_finite_is_a_diverged_seed(tmp_path: Path) -> None:
    body = TRAIN.replace("value(step)}", 'float("inf" if seed else "nan") if step == 6 else value(step)}')
    run(write_program(tmp_path / "mine", body), tmp_path / "out", executor="inline")
    final = load(tmp_path / "out").final("accuracy")
    assert final.present.all()
    assert [str(value) for value in final.at(16)] == ["nan", "nan"]


def test_a_seed_that_is_not_used_is_told(tmp_path: Path) -> None:
    body = "seed = 7\n" + TRAIN
    result = run(write_program(tmp_path / "mine", body), tmp_path / "out", executor="inline")
    (note,) = result.notes
    assert note.startswith("seeds 0, 1 of width 16 have the same numbers; so have seeds of 1 more group: ")
    assert note.endswith("does the program use its seed?")
    warnings = analysis.findings(analysis.study(load(tmp_path / "out"))).warnings
    assert any("most likely one run under several names" in warning for warning in warnings)
    assert status(tmp_path / "out").notes == result.notes


def test_seeds_that_were_given_up_are_told_of_the_numbers(tmp_path: Path) -> None:
    """Scripts that stop at a loss that is not finite leave the good seeds."""
    spec = write_program(tmp_path / "mine", TRAIN + "sys.exit(seed == 1 and width == 32)\n")
    assert run(spec, tmp_path / "out", executor="inline").failed == 1
    population = load(tmp_path / "out")
    told = "1 seed was given up after failures and is not in these numbers (1 at 32)"
    assert any(told in warning for warning in analysis.findings(analysis.study(population)).warnings)
    run(write_program(tmp_path / "mine"), tmp_path / "out", executor="inline")
    assert not any("given up" in note for note in load(tmp_path / "out").origin.notes)


def test_rows_of_no_split_are_called_by_their_metric_alone(tmp_path: Path) -> None:
    success = {"metric": "accuracy", "at_least": 0.5}
    spec = write_program(tmp_path / "mine", TRAIN.replace("test/", ""), success=success)
    run(spec, tmp_path / "out", executor="inline")
    population = load(tmp_path / "out")
    study = analysis.study(population)
    pages = [population._repr_html_(), population.final("accuracy")._repr_html_(), study._repr_html_()]
    assert not any("on all rows" in page for page in pages)
    html = seedsweep.report(population).html
    assert "A seed succeeds if accuracy is at least" in html
    assert "train.py" in html.partition("Trained:")[2].partition("</p>")[0]
    assert "4 runs, width swept" in html
    app(["report", str(tmp_path / "out"), "--threshold", "0.25"], standalone_mode=False)
    again = (tmp_path / "out/report-accuracy-0.25.html").read_text()
    assert f"seedsweep report {tmp_path}/out --metric accuracy --threshold 0.25" in again


def test_a_sweep_is_judged_by_what_is_measured_on_another_split_alone(tmp_path: Path) -> None:
    body = TRAIN.replace("test/accuracy", "train/loss") + TRAIN.replace('"w"', '"a"')
    run(write_program(tmp_path / "mine", body), tmp_path / "out", executor="inline")
    assert list(load(tmp_path / "out").metrics) == ["accuracy", "loss"]
    asked = ["report", str(tmp_path / "out"), "--metric", "loss"]
    with pytest.raises(InputError, match="metric 'loss': not measured on test, but on train: name the split"):
        app(asked, standalone_mode=False)
    with pytest.raises(InputError, match=r"split 'tarin': unknown .did you mean 'train'"):
        app([*asked, "--split", "tarin"], standalone_mode=False)
    app([*asked, "--split", "train", "--threshold", "0.5", "--higher-is-worse"], standalone_mode=False)
    page = (tmp_path / "out/report-loss-train-0.5.html").read_text()
    assert "loss on train is at most 0.5" in page


@pytest.mark.parametrize(
    ("accuracy", "told"),
    [("0.9375", True), ("width / 3 % 1", True), ("0.5 + seed % 2 / 8", False), ("1", False), ("'nan'", False)],
)
def test_a_seed_that_is_not_used_is_told_of_final_numbers_too(tmp_path: Path, accuracy: str, told: bool) -> None:
    line = "{'step': 6, 'test/accuracy': float(" + accuracy + ")}"
    body = f'open(f"{{out}}/metrics.jsonl", "w").write(json.dumps({line}))'
    result = run(write_program(tmp_path / "mine", body), tmp_path / "out", executor="inline")
    assert bool(result.notes) == told, result.notes
    assert status(tmp_path / "out").notes == result.notes


def test_other_code_is_told_and_refused_if_it_is_pinned(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(write_program(tmp_path / "mine", seeds="0"), out, executor="inline")
    changed = TRAIN + "# better\n"
    pinned = write_program(tmp_path / "mine", changed, **{"program.pinned": True})
    before = snapshot(out)
    with pytest.raises(InputError, match=r"program.pinned: .* trained by train.py \w{8}, here is train.py \w{8};"):
        run(pinned, out, executor="inline")
    assert snapshot(out) == before
    result = run(write_program(tmp_path / "mine", changed), out, executor="inline")
    assert result.notes[0].startswith("the cells were trained by different code: train.py ")
    assert "(2 cells)" in result.notes[0]
    assert status(out).notes == result.notes
    warnings = analysis.findings(analysis.study(load(out))).warnings
    assert any(warning.startswith("The cells were trained by different code") for warning in warnings)
    pinned = write_program(tmp_path / "mine", TRAIN, **{"program.pinned": True})
    assert run(pinned, tmp_path / "other", executor="inline").trained == 4


def test_a_cell_that_other_code_has_gone_on_with_is_told(tmp_path: Path) -> None:
    body, out = WAYS["goes on from its checkpoint"], tmp_path / "out"
    fails = body.replace("os.kill(os.getpid(), signal.SIGKILL)", "sys.exit(1)").replace("not again", "True")
    assert run(write_program(tmp_path / "mine", fails, seeds="0"), out, executor="inline").trained == 0
    result = run(write_program(tmp_path / "mine", body, seeds="0"), out, executor="inline")
    assert result.trained == 2
    assert result.notes[0].startswith("the cells were trained by different code: ")


def test_what_a_script_prints_is_kept_from_both_ends(tmp_path: Path) -> None:
    body = TRAIN + "for line in range(200_000): print('line', line)\nprint('last', file=sys.stderr)\n"
    run(write_program(tmp_path / "mine", body, seeds="0"), tmp_path / "out", executor="inline")
    log = (tmp_path / "out/logs/width-16-seed-0.txt").read_text()
    assert 100_000 < len(log) < 400_000
    assert "\nline 0\nline 1\n" in log
    assert " bytes left out …\n" in log
    assert log.endswith("line 199999\nlast\n")


def test_commit_and_changes_are_recorded(tmp_path: Path) -> None:
    spec, mine = write_program(tmp_path / "mine", seeds="0"), tmp_path / "mine"
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "first"]):
        subprocess.run(["git", *words], cwd=mine, check=True)
    run(spec, tmp_path / "out", executor="inline")
    code = next(iter(spec.resolve().recipes.values())).code()
    assert code is not None
    assert code.commit is not None
    assert code.changes is None
    (mine / "train.py").write_text(HEAD + TRAIN + "# better\n")
    other = next(iter(spec.resolve().recipes.values())).code()
    assert other is not None
    assert other.commit == code.commit
    assert other.changes is not None
    assert f"at commit {code.commit[:8]}" in load_store(tmp_path / "out").origin.facts["code"]


def test_a_plan_says_what_it_cannot_know(tmp_path: Path) -> None:
    spec, out = write_program(tmp_path / "mine"), tmp_path / "out"
    unknown = estimate(spec, out)
    assert (unknown.missing, unknown.seconds, unknown.scales[0].basis) == (4, None, None)
    assert not out.exists()
    run(write_program(tmp_path / "mine", seeds="0"), out, executor="inline")
    known = estimate(spec, out)
    assert {scale.basis for scale in known.scales if scale.missing} <= {"finished", "proportion"}
    took = [pack.blocks[-1].info.provenance["seconds"] for pack in Store(out).packs(Store(out).existing_record())]
    assert known.seconds == pytest.approx(max(took) if known.workers > 1 else sum(took))


def test_verify_runs_each_seed_twice_and_keeps_nothing(tmp_path: Path) -> None:
    same = verify_program(write_program(tmp_path / "mine"))
    assert same.kept
    assert [(scale.seeds, scale.values, scale.differing) for scale in same.scales] == [(2, 7, 0)] * 2
    clock = TRAIN.replace('"test/accuracy"', '"time": time.time(), "test/accuracy"')
    assert verify_program(write_program(tmp_path / "mine", clock)).kept
    noisy = TRAIN.replace("value(step)}", "value(step) + (step > 3 and time.time())}")
    other = verify_program(write_program(tmp_path / "mine", noisy))
    assert not other.kept
    text = other.scales[0].first_difference
    assert text is not None
    assert text.startswith("seed 0: accuracy (test) at step 4 is ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine"]
    with pytest.raises(InputError, match="program: seed 0 at 16: the program ended with status 1"):
        verify_program(write_program(tmp_path / "mine", "sys.exit(1)"))


def test_an_object_store_is_as_good_as_a_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    place = f"memory://bucket/{tmp_path.name}"
    assert run(
        write_program(tmp_path / "mine", KILLED + WAYS["adds to its file"]), place, executor="inline"
    ).trained
    assert load(place).final("accuracy").at(32).tolist() == [value(32, seed, 6) for seed in (0, 1)]


def test_a_program_needs_no_torch(tmp_path: Path) -> None:
    write_program(tmp_path / "mine")
    check = f"{DRIVER}\nassert not {{'torch', 'ray'}} & set(sys.modules), sorted(sys.modules)"
    command = [sys.executable, "-c", check, str(tmp_path / "mine/sweep.yaml"), str(tmp_path / "out")]
    subprocess.run(command, cwd=Path(__file__).parents[2], check=True)
