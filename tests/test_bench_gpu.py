"""The command for a machine with a GPU goes through its stages, skips what has ended, and stops in time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import seedsweep as ss
from benchmarks import gpu
from benchmarks.gpu import LATER, Stage, run

ROOT = Path(__file__).parent.parent
ORIGIN = {"gpu": "one", "code": "this"}
SLEEP = ("timeit", "-n", "1", "-r", "1", "-s", "import time", "time.sleep(300)")


def bench(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.gpu", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ | environment)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "torch sees no CUDA device; on a CPU --rehearse goes through all stages"),
        (("--minutes", "0"), "--minutes: 0 is no time; give at least 1"),
        (("--rehearse",), "--out: a rehearsal measures nothing that is to be kept here; name another directory"),
    ],
)
def test_what_it_cannot_do_is_said_in_a_line(words: tuple[str, ...], told: str) -> None:
    before = gpu.RESULTS.exists()
    ended = bench(*words)
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", f"bench-gpu: {told}\n")
    assert gpu.RESULTS.exists() == before


def test_what_is_not_installed_is_named() -> None:
    command = [sys.executable, "-S", "-m", "benchmarks.gpu"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    told = "bench-gpu: torch is not installed; docs/how-to/gpu.md says what is needed\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", told)


def test_a_stage_that_has_ended_is_not_run_again(tmp_path: Path) -> None:
    stage, ends = Stage("help", ("json.tool", "--help")), time.monotonic() + 60
    assert run(stage, tmp_path, ORIGIN, ends).startswith("done in ")
    assert "usage" in (tmp_path / "help.out").read_text()
    done = json.loads((tmp_path / "help.done.json").read_text())
    assert done["command"] == "python -m json.tool --help"
    assert done["origin"] == ORIGIN
    assert "host" not in done
    assert run(stage, tmp_path, ORIGIN, ends).startswith("done before, ")
    assert run(stage, tmp_path, ORIGIN | {"code": "other"}, ends).startswith("done in ")
    assert run(stage, tmp_path, ORIGIN | {"gpu": "other"}, ends).startswith("done in ")


def test_a_stage_that_fails_is_tried_again(tmp_path: Path) -> None:
    stage = Stage("read", ("json.tool", str(tmp_path / "given.json")))
    for _ in range(2):
        told = run(stage, tmp_path, ORIGIN, time.monotonic() + 60)
        assert told.startswith("failed with exit status ")
    (tmp_path / "given.json").write_text("{}")
    assert run(stage, tmp_path, ORIGIN, time.monotonic() + 60).startswith("done in ")


def test_a_stage_is_interrupted_when_the_time_is_over_and_goes_on_the_next_time(tmp_path: Path) -> None:
    stage, began = Stage("sleep", SLEEP), time.monotonic()
    assert run(stage, tmp_path, ORIGIN, began + 1.0) == LATER
    assert "KeyboardInterrupt" in (tmp_path / "sleep.log").read_text() + (tmp_path / "sleep.out").read_text()
    assert not list(tmp_path.glob("*.done.json"))
    assert run(stage, tmp_path, ORIGIN, began) == LATER  # it is not even begun


def test_what_does_not_end_is_killed_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu, "GRACE", 0.5)
    stubborn = (
        "import pathlib, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'])\n"
        f"pathlib.Path({str(tmp_path / 'child')!r}).write_text(str(child.pid))\n"
        "time.sleep(300)\n"
    )
    stage = Stage("stubborn", ("timeit", "-n", "1", "-r", "1", stubborn))
    assert run(stage, tmp_path, ORIGIN, time.monotonic() + 5.0) == LATER
    child = int((tmp_path / "child").read_text())
    status, ends = Path(f"/proc/{child}/status"), time.monotonic() + 10
    while status.exists() and "Z (zombie)" not in status.read_text():
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_ctrl_c_ends_in_a_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.gpu", "--rehearse", "--out", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as ours:
        while not list(tmp_path.glob("*.log")):
            time.sleep(0.1)
        ours.send_signal(signal.SIGINT)
        _, told = ours.communicate()
    assert told.splitlines()[-1] == "interrupted; the same command goes on where it was"
    assert ours.returncode == 130


def test_every_stage_names_commands_and_presets_that_there_are(tmp_path: Path) -> None:
    stages = gpu.stages(tmp_path)
    assert len({stage.name for stage in stages}) == len(stages)
    assert [stage.name.partition("-")[0] for stage in stages] == sorted(
        (stage.name.partition("-")[0] for stage in stages),
        key=["tests", "verify", "speed", "profile", "population"].index,
    )
    assert next(s.command for s in stages if s.name.startswith("population"))[-1] == "scale.values=[1]"
    for stage in stages:
        preset = next((word for word in stage.command if word.startswith(("paper/", "pocket/"))), None)
        scales = [word for word in stage.command if word.startswith("scale.values=")]
        if preset is not None:
            assert ss.read_spec(preset, overrides=scales).spec.recipes


@pytest.mark.heavy
def test_a_rehearsal_goes_through_all_stages_once_and_without_ray(tmp_path: Path) -> None:
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "ray.py").write_text("raise ImportError('there is no Ray here')\n")
    ended = bench("--rehearse", "--out", tmp_path, PYTHONPATH=str(tmp_path / "without"))
    assert ended.returncode == 0, ended.stdout + "".join(log.read_text() for log in tmp_path.glob("*.log"))
    stages = gpu.rehearsal(tmp_path)
    assert ended.stdout.count("done in ") == len(stages)
    population = ss.load(tmp_path / "count-depth")
    assert population.curves("exact_match", split="length-16")[1].values.shape[0] == 2
    assert json.loads((tmp_path / "verify.out").read_text())
    assert "ms a step" in (tmp_path / "profile.out").read_text()
    assert (tmp_path / "profile.trace.json.gz").stat().st_size > 1000
    assert json.loads((tmp_path / "speed.json").read_text())
    again = bench("--rehearse", "--out", tmp_path)
    assert again.stdout.count("done before, ") == len(stages)
