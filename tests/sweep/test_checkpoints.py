"""A checkpoint or pack.json that cannot be read: it is set aside and told, and the pack is trained anew, right."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seedsweep.sweep.events import Event
from seedsweep.sweep.job import run_job
from seedsweep.sweep.programspec import ProgramSpec
from seedsweep.sweep.reader import load
from seedsweep.sweep.run import run
from seedsweep.sweep.spec import SweepSpec
from seedsweep.sweep.status import status
from seedsweep.sweep.store import Store
from tests.sweep.test_run import rows

MakeSpec = Callable[..., SweepSpec]

UNREADABLE = {"empty": b"", "garbage": b"\0\1\2" * 99, "cut": None, "deep": b"[" * 100_000}

PROGRAM = """\
import json, pathlib, sys, time
folder, width, seed, stop = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "stop"
saved = folder / "own-state.json"
begin = json.loads(saved.read_text()) if saved.exists() else 0
with open(folder / "metrics.jsonl", "a" if begin else "w") as file:
    for step in range(begin, 8):
        file.write(json.dumps({"step": step, "accuracy": (step + width + seed) / 99}) + "\\n")
        file.flush()
        saved.write_text(str(step + 1))
        if step == 3 and begin == 0 and pathlib.Path(sys.argv[4]).exists():
            time.sleep(600)
"""


def unreadable(file: Path, how: str) -> bytes:
    whole = file.read_bytes()
    left = UNREADABLE[how]
    file.write_bytes(whole[: len(whole) // 2] if left is None else left)
    return file.read_bytes()


def stopped_in_the_middle(monkeypatch: pytest.MonkeyPatch, spec: SweepSpec, out: Path) -> Path:
    """A run that is asked to stop while its first pack trains; the folder of that pack in `work/`."""
    asked: list[bool] = []

    def stopping(job: Any, should_stop: Any, on_progress: Any) -> Any:
        def stop() -> bool:
            asked.append(True)
            return len(asked) > 4

        return run_job(job, stop, on_progress)

    with monkeypatch.context() as patch:
        patch.setattr("seedsweep.sweep.executors.inline.run_job", stopping)
        patch.setattr("seedsweep.sweep.driver.ATTEMPTS", 1)
        assert run(spec, out, executor="inline").interrupted
    folders = [folder for folder in sorted((out / "work").iterdir()) if (folder / "checkpoint.pt").exists()]
    return folders[0]


@pytest.mark.parametrize("how", UNREADABLE)
def test_an_unreadable_checkpoint_of_the_engine(
    how: str, spec: MakeSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    small = spec("scale.values=[1]", seeds="0:2")
    folder = stopped_in_the_middle(monkeypatch, small, out)
    left = unreadable(folder / "checkpoint.pt", how)
    events: list[Event] = []
    result = run(small, out, executor="inline", on_progress=events.append)
    assert (result.missing, result.failures) == (0, ())
    aside = f"damaged/{folder.name}-checkpoint.pt"
    (told,) = [event.message for event in events if event.kind == "aside"]
    assert aside in told
    assert "\n" not in told
    assert told in result.notes
    assert (out / aside).read_bytes() == left
    assert load(out).origin.runs[-1]["set aside"].count(aside) == 1
    run(small, tmp_path / "undisturbed", executor="inline")
    assert rows(out).equals(rows(tmp_path / "undisturbed"))
    assert list((out / "work").iterdir()) == []


@pytest.mark.parametrize("how", UNREADABLE)
@pytest.mark.parametrize("with_rows", [False, True])
def test_an_unreadable_pack_json(
    how: str, with_rows: bool, spec: MakeSpec, fake: Callable[..., Any], tmp_path: Path
) -> None:
    fake()
    out = tmp_path / "out"
    run(spec(), out, executor="inline")
    store = Store(out)
    pack = store.packs(store.existing_record())[0].pack
    blocks = sorted(out.glob(f"metrics/**/{pack.name}-*"))
    for block in blocks[1 if with_rows else 0 :]:
        block.unlink()
    store.begin(pack)
    progress = {"pack": pack.name, "scale": 1.0, "seeds": 2, "step": 3, "steps": 6, "saved_step": 3, "rate": 0.0,
                "state": "stopped", "updated": 0.0, "host": "h", "pid": 1}  # fmt: skip
    (out / "work" / pack.name / "progress.json").write_text(json.dumps(progress))
    left = unreadable(out / "work" / pack.name / "pack.json", how)
    assert status(out).done == 6
    result = run(spec(), out, executor="inline")
    assert (result.trained, result.missing) == (2, 0)
    aside = f"damaged/{pack.name}-pack.json"
    assert (out / aside).read_bytes() == left
    assert aside in result.notes[0]
    assert list((out / "work").iterdir()) == []


@pytest.mark.parametrize("how", UNREADABLE)
def test_an_unreadable_checkpoint_of_a_program(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own state would let it go on in the middle: its folder is moved away, so that no row is missing."""
    (tmp_path / "train.py").write_text(PROGRAM)
    pause = tmp_path / "pause"
    given = {
        "program": {
            "command": f"python train.py {{dir}} {{width}} {{seed}} {pause}",
            "metrics": "metrics.jsonl",
            "directory": str(tmp_path),
            "parameters": {},
        },
        "scale": {"field": "program.width", "values": [4]},
        "seeds": "0:1",
        "success": {"metric": "accuracy", "at_least": 0.5},
    }
    spec = ProgramSpec.model_validate(given)
    out = tmp_path / "out"
    pause.touch()
    folder = stopped_in_the_middle(monkeypatch, spec, out)
    pause.unlink()
    left = unreadable(folder / "checkpoint.pt", how)
    result = run(spec, out, executor="inline")
    assert (result.trained, result.missing) == (1, 0)
    assert (out / f"damaged/{folder.name}-checkpoint.pt").read_bytes() == left
    assert "set aside" in result.notes[0]
    assert sorted(rows(out)["step"].to_pylist()) == list(range(8))
    assert len(list((out / "cells").iterdir())) == 2, "what it had made is kept beside"
