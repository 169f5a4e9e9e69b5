"""Somebody's results on the command line: analysed, imported, refused in one line."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from seedsweep.cli import main, progress

RUNS = Path(__file__).parents[1] / "tables" / "data" / "trackers"
ROLES = "--scale model.width --seed seed --metric val_acc --step step --threshold 0.5"
READ = (
    "7 runs read as 2 scales (model.width 8, 16) × 3 to 4 seeds, val_acc at step 10–30; "
    "model.width from hparams.yaml, seed from hparams.yaml\n"
)


class Ended(NamedTuple):
    status: int
    out: str
    err: str


class Commands:
    """Runs command lines in this process, in an empty directory."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, line: str) -> Ended:
        self._monkeypatch.setattr(sys, "argv", ["seedsweep", *shlex.split(line)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = self._capsys.readouterr()
        return Ended(int(ended.value.code or 0), captured.out, captured.err)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    monkeypatch.setattr(progress, "SILENT_SECONDS", 600.0)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").symlink_to(RUNS / "lightning")
    return Commands(monkeypatch, capsys)


def test_a_folder_of_runs(command: Commands, tmp_path: Path) -> None:
    """The report's command makes the same again."""
    pattern = "--from 'lightning_logs/version_{version}/metrics.csv' --format csv"
    ended = command(f"analyze runs {ROLES} {pattern}")
    assert (ended.status, ended.err) == (0, READ)
    assert "P(≥ 0.5)" in ended.out
    told = (tmp_path / "runs-analysis" / "report.html").read_text()
    assert "7 runs read as 2 scales (model.width 8, 16)" in told
    assert "--format csv" in told
    assert "seedsweep report runs --scale model.width --seed seed --metric val_acc --step step" in told


def test_import_and_what_follows(command: Commands, tmp_path: Path) -> None:
    ended = command(f"import runs {ROLES} --out store")
    said = "store     store: 7 runs added; see seedsweep report store\n"
    assert ended == (0, said, READ)
    ended = command(f"import runs {ROLES} --out store --json")
    assert json.loads(ended.out) == {"store": str(tmp_path / "store"), "found": 7, "present": 7, "added": 0}
    assert "\ncomplete: 7 seeds" in command("status store").out
    ended = command("report store")
    assert ended.status == 0
    assert "hparams.yaml" in (tmp_path / "store" / "report.html").read_text()
    assert json.loads(command("report store --json").out)["findings"]["verdict"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "analyze runs --scale width --seed seed --metric val_acc --step step",
            "no column 'width' (did you mean 'model.width'?); it has epoch, step, train_loss, val_acc; its runs",
        ),
        ("analyze runs --step step", "runs: --metric is missing; choose one of train_loss, val_acc"),
        ("import runs --step step --out store", "runs: --metric is missing; choose one of train_loss, val_acc"),
        (f"analyze runs {ROLES} --format mlflow", "runs: holds nothing of the format mlflow"),
        (f"analyze runs {ROLES} --from '{{a}}.txt'", "runs: no file's path ends like --from {a}.txt; there is "),
        (f"import runs {ROLES} --out runs", "runs: not a sweep: it holds lightning_logs/"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_leaves_nothing(
    line: str, message: str, command: Commands, tmp_path: Path
) -> None:
    ended = command(line)
    assert ended.status == 2
    assert ended.err.startswith("seedsweep: ")
    assert ended.err.count("\n") == 1
    assert message in ended.err
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]
