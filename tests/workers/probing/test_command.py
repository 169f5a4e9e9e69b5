"""`seedsweep probe` as a user types it, and what `analyze` makes of its table."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

import seedsweep
from seedsweep.analysis import study
from seedsweep.cli import main, progress
from seedsweep.workers.probing.prompts import DEFAULT
from tests.workers.probing.conftest import SEEDS, STEPS, rows_of


class Ended(NamedTuple):
    """A command that has ended."""

    status: int
    out: str
    err: str


Command = Callable[[str], Ended]


@pytest.fixture
def command(
    ladder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Runs a command line in this process, in a folder with the ladder as `checkpoints`."""
    monkeypatch.setattr(progress, "SILENT_SECONDS", 600.0)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ladder, tmp_path / "checkpoints")

    def run(line: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["seedsweep", *shlex.split(line)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return Ended(int(ended.value.code or 0), captured.out, captured.err)

    return run


ANALYZE = (
    "analyze probes.csv --scale parameters --seed seed --step step --metric accuracy --metric p --threshold .75"
)


def test_what_it_says_and_writes(command: Command) -> None:
    ended = command("probe checkpoints --tokens-per-step 816")
    assert ended.status == 0
    plan = "24 checkpoints found, 24 to probe, in 8 packs of up to 3 seeds, with about 44. MB of memory on cpu"
    assert re.fullmatch(f"{plan}; table: probes.csv", ended.err.splitlines()[0])
    assert ended.out == f"table     probes.csv: 96 rows, 96 new; see seedsweep {ANALYZE} --where probe=copy\n"
    assert {row["probe"] for row in rows_of(Path("probes.csv"))} == set(DEFAULT)
    ended = command("probe checkpoints --suite 'copy, list' --json --tokens-per-step 816")
    assert json.loads(ended.out) == {"path": "probes.csv", "rows": 120, "added": 24, "refused": {}}
    ended = command("probe checkpoints --suite copy,list --tokens-per-step 816")
    assert ended.err == "24 checkpoints found, none of which probes.csv lacks\n"
    assert ended.out.startswith("table     probes.csv: 120 rows, 0 new; see ")


def test_analyze_reads_it_as_it_is(command: Command) -> None:
    command("probe checkpoints --suite repeat,ioi")
    ended = command(f"{ANALYZE} --where probe=repeat")
    assert ended.status == 0
    assert "3 runs read as 1 scale (parameters 33664) × 3 seeds, accuracy, p at step 0–240" in ended.err
    assert "Every seed succeeds, from parameters 33664 on." in ended.out
    ended = command(f"{ANALYZE} --where probe=ioi")
    assert ended.status == 0
    assert "No seed succeeds" in ended.out
    ended = command(ANALYZE.replace("analyze", "import") + " --where probe=repeat --out store")
    assert ended.status == 0
    final = seedsweep.load("store").final("accuracy")
    expected = [
        row["accuracy"] for row in rows_of(Path("probes.csv")) if (row["step"], row["probe"]) == (240, "repeat")
    ]
    assert final.values.tolist() == [expected]


def test_a_ladder_that_ends_early_is_censored_there(command: Command) -> None:
    """Checkpoints that are not had say nothing: neither that the seed failed, nor that it diverged."""
    for step in STEPS[3:]:
        shutil.rmtree(f"checkpoints/small/0/step{step}")
    shutil.rmtree(f"checkpoints/small/1/step{STEPS[4]}")  # a gap is none
    command("probe checkpoints --suite repeat")
    assert len(rows_of(Path("probes.csv"))) == len(SEEDS) * len(STEPS) - 6
    population = seedsweep.read_table(
        "probes.csv", scale="parameters", seed="seed", step="step", metric=["accuracy", "p"], threshold=0.75
    )
    examined = study(population)
    assert [(scale.n, scale.n_diverged, scale.success.successes) for scale in examined.summary.scales] == [
        (2, 0, 2)
    ]
    assert examined.survival is not None
    times = examined.survival.scales[0].times
    assert times.diverged.tolist() == [False] * 3
    assert times.reached.tolist() == [True, True, False]
    assert times.steps[-1] == STEPS[2]
    ended = command(f"{ANALYZE} --where probe=repeat")
    assert f"is compared, at parameters 33664 (0 at step {STEPS[2]}): they are left out" in " ".join(
        ended.out.split()
    )


def test_what_is_left_out_is_told_and_is_status_1(command: Command) -> None:
    for seed in SEEDS:
        Path(f"checkpoints/small/{seed}/step{STEPS[2]}/model.safetensors").write_bytes(b"cut")
    ended = command("probe checkpoints --suite copy")
    assert ended.status == 1
    told = ended.err.splitlines()[1:]
    assert len(told) == 3
    assert all(line.startswith("left out: checkpoints/small/") and "damaged" in line for line in told)
    assert "table     probes.csv: 21 rows, 21 new" in ended.out


BAD = [
    ("probe nowhere", "nowhere: no such directory or file"),
    ("probe empty", "empty: no checkpoint there; give directories MODEL/SEED/stepN, or a CSV that lists them"),
    ("probe checkpoints --suite ioy", "--suite ioy: is not one of copy, repeat, pattern, ioi, list (did you mean"),
    ("probe checkpoints --suite ,", "--suite : names no probe; there are copy, "),
    ("probe checkpoints --out probes.txt", "--out probes.txt: the name must end in .csv or .parquet"),
    ("probe checkpoints --out nowhere/probes.csv", "--out nowhere/probes.csv: there is no directory nowhere"),
    ("probe checkpoints --prompt-seed -1", "--prompt-seed -1: give a number from 0 on"),
    ("probe checkpoints --tokens-per-step 0", "--tokens-per-step 0: give a number from 1 on"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "part"), BAD, ids=[line for line, _ in BAD])
def test_bad_input_is_one_line_and_leaves_nothing(line: str, part: str, command: Command, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ended = command(line)
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith("seedsweep: ")
    assert ended.err.count("\n") == 1, ended.err
    assert part in ended.err
    assert {file.name for file in tmp_path.iterdir()} == {"checkpoints", "empty"}
