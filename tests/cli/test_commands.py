"""The commands as a user types them: what they print, what they leave behind, how they fail."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import seedsweep
from seedsweep.cli import main, progress
from seedsweep.sweep.paired import fewest_seeds
from tests.sweep.test_check import flip

SPEC = """\
# Count, very small
task: {name: count, vocabulary: 12, train_lengths: [1, 3], test_lengths: [5], context: 24}
model: {heads: 2, head_dim: 8}
train: {steps: 20, batch: 4, learning_rate: 1.0e-2}
scale: {field: model.depth, values: [1, 2]}
seeds: 0:4
success: {metric: exact_match, split: length-5, at_least: 0.5}
"""


class Ended(NamedTuple):
    """A command that has ended."""

    status: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a spec; no command is so slow that it says what it is at."""
    monkeypatch.setattr(progress, "SILENT_SECONDS", 600.0)
    (tmp_path / "small.yaml").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def seedsweep_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], Ended]:
    """Runs a command line in this process."""

    def run(line: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["seedsweep", *shlex.split(line)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return Ended(int(ended.value.code or 0), captured.out, captured.err)

    return run


Command = Callable[[str], Ended]


def train(out: str, *changes: str, seeds: str | None = None) -> None:
    """As `seedsweep run small.yaml` does it, without the figures and the report, which take longer."""
    seedsweep.run(seedsweep.read_spec("small.yaml", overrides=changes, seeds=seeds).spec, out, executor="inline")


def rows(sweep: str) -> Any:
    """All that a sweep has, in one order."""
    keys = ("scale", "seed", "step", "split", "metric")
    return seedsweep.load(sweep).to_arrow().sort_by([(key, "ascending") for key in keys])


def files_below(path: Path) -> set[str]:
    return {file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()}


def test_run_trains_shows_and_says_where_things_are(seedsweep_command: Command, here: Path) -> None:
    ended = seedsweep_command("run small.yaml --executor inline")
    assert ended.status == 0
    assert "8 seeds to train" in ended.err
    assert "trained 8 seeds" in ended.err
    for column in ("depth", "seeds", "mean", "mode", "P(≥ 0.5)", "groups", "W2 to"):
        assert column in ended.out
    assert "runs/small/metrics" in ended.out
    figures = re.findall(r"figure\s+(\S+)", ended.out)
    assert figures
    assert all(Path(figure).stat().st_size > 5000 for figure in figures)
    lines = ended.out.splitlines()
    assert lines[-4:-2] == ["report    runs/small/report.html", ""] or lines[-4].endswith(
        "/runs/small/report.html"
    )
    assert lines[-2].startswith(("No seed succeeds", "Undecided"))
    assert re.match(r"(P\(success\)|Mean exact_match) at depth \d: \S+", lines[-1])
    page = (here / "runs/small/report.html").read_text()
    assert lines[-2] in page
    assert "<pre>seedsweep report runs/small</pre>" in page

    again = seedsweep_command("run small.yaml --executor inline")
    assert again.status == 0
    assert "nothing is missing: all 8 seeds are there" in again.err
    assert "P(≥ 0.5)" in again.out


def test_json_is_one_object_that_says_the_same(seedsweep_command: Command) -> None:
    ended = seedsweep_command("run small.yaml --executor inline --seeds 0:2 --out there --json")
    told = json.loads(ended.out)
    assert (told["run"]["asked"], told["run"]["trained"]) == (4, 4)
    assert [scale["n"] for scale in told["summary"]["scales"]] == [2, 2]
    final = seedsweep.load("there").final("exact_match", split="ood")
    for scale in told["summary"]["scales"]:
        assert scale["mean"]["estimate"] == pytest.approx(final.at(scale["scale"]).mean())

    assert told["headline"].endswith(".")
    assert told["evidence"].endswith(".")
    assert Path(told["report"]).exists()

    status = json.loads(seedsweep_command("status there --json").out)
    assert (status["done"], status["complete"]) == (4, True)
    plan = json.loads(seedsweep_command("plan small.yaml --out there --json").out)
    assert (plan["missing"], plan["exists"]) == (4, True)
    assert [scale["present"] for scale in plan["scales"]] == [2, 2]


def test_plan_changes_nothing(seedsweep_command: Command, here: Path) -> None:
    before = files_below(here)
    ended = seedsweep_command("plan small.yaml --set execution.pack=3")
    assert ended.status == 0
    assert "8 seeds to train: about" in ended.out
    assert "(new)" in ended.out
    assert "2 × 3" in ended.out
    assert files_below(here) == before


def test_presets_are_listed_and_printed(seedsweep_command: Command, here: Path) -> None:
    assert "pocket/count-depth" in seedsweep_command("presets").out
    printed = seedsweep_command("presets pocket/count-depth").out
    (here / "mine.yaml").write_text(printed)
    assert json.loads(seedsweep_command("plan mine.yaml --seeds 0:1 --json").out)["missing"] > 0
    names = [preset["name"] for preset in json.loads(seedsweep_command("presets --json").out)]
    assert "pocket/count-depth" in names


def test_verify_finds_packing_bitwise_harmless(seedsweep_command: Command, here: Path) -> None:
    before = files_below(here)
    ended = seedsweep_command("verify small.yaml --seeds 0:3 --json")
    told = json.loads(ended.out)
    assert ended.status == 0
    assert told["kept"] is True
    assert [scale["steps"] for scale in told["scales"]] == [20, 20]
    assert all(scale["bitwise"] and scale["largest_difference"] == 0 for scale in told["scales"])
    assert files_below(here) == before
    assert "bitwise the same" in seedsweep_command("verify small.yaml --seeds 0:2 --steps 2").out


def test_verify_notices_a_difference(seedsweep_command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trainer whose seeds see each other, as a shared gradient norm would make them."""
    from seedsweep.workers.step import Step

    honest = Step.token_nll

    def coupled(self: Step, decoder: Any, batch: Any, *layout: Any) -> Any:
        return honest(self, decoder, batch, *layout) / len(batch.keys_S)

    monkeypatch.setattr(Step, "token_nll", coupled)
    ended = seedsweep_command("verify small.yaml --seeds 0:2")
    assert ended.status == 1
    assert "NOT verified" in ended.out


def test_verify_on_cuda_wants_seeds_enough_to_find_something(
    seedsweep_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seedsweep.sweep.engineexecution.choose_device", lambda wanted: "cuda")
    for line, part in (
        ("verify small.yaml", "seeds: the spec has 4, but verify needs 50 of them on cuda"),
        ("verify small.yaml --seeds 0:3", "seeds: the spec has 3, but verify needs 50 of them on cuda"),
    ):
        ended = seedsweep_command(line)
        assert (ended.status, ended.out, ended.err.count("\n")) == (2, "", 1)
        assert f"seedsweep: {part}, to find a shift of one standard deviation" in ended.err
    told = " ".join(seedsweep_command("verify --help").out.replace("│", " ").split())
    assert f"{fewest_seeds(2 * 1)} for one scale, {fewest_seeds(2 * 4)} for four" in told


def test_version_and_help(seedsweep_command: Command) -> None:
    assert seedsweep_command("--version").out.strip() == f"seedsweep {seedsweep.__version__}"
    assert "Commands" in seedsweep_command("").out
    for command in ("run", "analyze", "report", "plan", "status", "compact", "presets", "verify", "probe"):
        assert "Example: seedsweep" in seedsweep_command(f"{command} --help").out


TABLE = "params,run,split,loss\n" + "\n".join(
    f"{scale},{run},{split},{loss + run / 100 + shift}"
    for scale, loss in (("70m", 3.0), ("1.5B", 2.0))
    for run in range(12)
    for split, shift in (("train", 0.0), ("test", 0.5))
)
COUNT = Path(__file__).parents[2] / "populations" / "count-depth"
REPORT = "report study.csv --scale params --seed run --metric loss"
FEW = (
    "Undecided: at params 1.5B some seeds succeed and some fail; no groups are seen, but 12 seeds per scale would "
    "miss one of 20 % too often."
)
ANALYZE = "analyze study.csv --scale params --seed run --metric loss"


def test_analyze_shows_a_table_as_run_shows_a_sweep(seedsweep_command: Command, here: Path) -> None:
    (here / "study.csv").write_text(TABLE)
    command = f"{ANALYZE} --where split=test --threshold 2.555 --higher-is-worse"
    ended = seedsweep_command(command)
    read = "24 runs read as 2 scales (params 70M, 1.5B) × 12 seeds, loss\n"
    assert (ended.status, ended.err) == (0, read)
    assert "study: loss on split=test" in ended.out
    assert "P(≤ 2.555)" in ended.out
    assert "in-dist." not in ended.out
    assert "1.5B" in ended.out
    made = files_below(here) - {"study.csv", "small.yaml"}
    drawn = {"study-analysis/figures/ladder.svg", "study-analysis/figures/ladder.png"}
    assert made == drawn | {"study-analysis/report.html"}
    assert "table     study.csv" in ended.out
    options = "--scale params --seed run --metric loss --threshold 2.555 --higher-is-worse --where split=test"
    assert ended.out.endswith(
        "report    study-analysis/report.html\n"
        "\n"
        f"{FEW}\n"
        "P(success) at params 1.5B: 50 % (25–75 %, 6 of 12); Seeds that would show a group of 20 % at "
        "params 1.5B: about 37 (12 there are).\n"
    )
    assert f"seedsweep report study.csv {options}" in (here / "study-analysis/report.html").read_text()

    told = json.loads(seedsweep_command(f"{command} --out there --json").out)
    small, large = told["summary"]["scales"]
    assert (small["scale"], small["success"]["successes"]) == (7e7, 0)
    assert (large["scale"], large["success"]["successes"]) == (1.5e9, 6)
    assert large["mean"]["estimate"] == pytest.approx(2.555)
    assert told["summary"]["higher_is_better"] is False
    assert told["summary"]["notes"] == []
    assert (here / "there/figures/ladder.png").exists()


def test_analyze_flags_what_a_reader_must_know(seedsweep_command: Command, here: Path) -> None:
    (here / "study.csv").write_text("params,run,loss\n1,a,2.5\n1,b,nan\n2,a,1\n2,b,1.5\n2,c,\n2,d,1.25\n")
    notes = json.loads(seedsweep_command(f"{ANALYZE} --json").out)["summary"]["notes"]
    assert notes == [
        "nobody said what success is: 1.75 is the middle of the observed values; give a threshold of your own",
        "one value only at params 1: nothing can be said about its spread or modes",
        "2 seeds have no final value, at params 1 and 2: they count as failures in P(success) and are left out "
        "elsewhere",
    ]
    shown = " ".join(seedsweep_command(ANALYZE).out.split())
    assert all(note in shown for note in notes)


def test_report_of_a_table(seedsweep_command: Command, here: Path) -> None:
    (here / "study.csv").write_text(TABLE)
    options = "--scale params --seed run --metric loss --threshold 2.555 --higher-is-worse --where split=test"
    ended = seedsweep_command(f"report study.csv {options}")
    assert (ended.status, ended.err) == (0, "")
    assert " ".join(ended.out.split()).startswith(FEW)
    assert ended.out.endswith("report    study-analysis/report.html\n")
    page = (here / "study-analysis/report.html").read_text()
    assert f"seedsweep report study.csv {options}" in page

    told = json.loads(seedsweep_command(f"report study.csv {options} --out there/page.html --json").out)
    assert told["report"] == "there/page.html"
    assert told["findings"]["headline"] == FEW
    assert told["study"]["summary"]["higher_is_better"] is False
    assert (here / "there/page.html").exists()


def test_report_of_a_sweep(seedsweep_command: Command, here: Path) -> None:
    shutil.copytree(COUNT, here / "sweep")
    assert seedsweep_command("report sweep").out.endswith(f"report    {here}/sweep/report.html\n")
    extend = f"seedsweep run pocket/count-depth --executor inline --out {here}/sweep --seeds 0:128"
    assert f"<pre>{extend}</pre>" in (here / "sweep/report.html").read_text()
    assert seedsweep_command("status sweep").status == 0, "the report is no stranger in the sweep's directory"
    record = json.loads((here / "sweep/sweep.json").read_text())
    shutil.rmtree(here / "sweep/metrics")
    assert record["runs"]
    refused = seedsweep_command("report sweep")
    assert (refused.status, refused.err) == (
        2,
        "seedsweep: sweep: no seed has finished training yet; see seedsweep status sweep\n",
    )


def test_compact(seedsweep_command: Command, here: Path) -> None:
    shutil.copytree(COUNT, here / "sweep")
    before = rows("sweep")
    assert seedsweep_command("compact sweep").out == "store     sweep: 4 files, 64 files before\n"
    assert len(list(here.glob("sweep/metrics/**/*.parquet"))) == 4
    assert rows("sweep").equals(before)
    told = json.loads(seedsweep_command("compact sweep --json").out)
    assert told == {"store": f"{here}/sweep", "files_before": 4, "files": 4}
    nothing = seedsweep_command("compact nothing")
    assert (nothing.status, nothing.err) == (
        2,
        f"seedsweep: {here}/nothing: no sweep there: it has no sweep.json\n",
    )


def test_report_of_a_sweep_under_another_criterion(seedsweep_command: Command, here: Path) -> None:
    shutil.copytree(COUNT, here / "sweep")
    told = json.loads(seedsweep_command("report sweep --threshold 0.25 --json").out)
    page = here / "sweep/report-exact_match-length-16-0.25.html"
    assert told["report"] == str(page)
    final = seedsweep.load("sweep").final("exact_match")
    successes = [scale["success"]["successes"] for scale in told["study"]["summary"]["scales"]]
    assert successes == [(final.at(scale) >= 0.25).sum() for scale in final.scales] != [0, 27, 45, 56]
    again = "seedsweep report sweep --metric exact_match --split length-16 --threshold 0.25"
    assert f"<pre>{again}</pre>" in page.read_text()
    assert "exact_match on length-16 is at least 0.25" in page.read_text()

    short = seedsweep_command("report sweep --split length-12 --categories")
    assert short.out.endswith(f"report    {here}/sweep/report-exact_match-length-12-0.5.html\n")
    page = here / "sweep/report-exact_match-length-12-0.5.html"
    assert "depth, at equal distances" in page.read_text()
    assert "--split length-12 --threshold 0.5 --categories</pre>" in page.read_text()

    # Another metric has another threshold, and may point the other way.
    told = json.loads(seedsweep_command("report sweep --metric error_score --out there.html --json").out)
    summary = told["study"]["summary"]
    assert (summary["metric"], summary["higher_is_better"], summary["threshold_chosen"]) == (
        "error_score",
        False,
        True,
    )
    assert "--metric error_score --split length-16 --higher-is-worse</pre>" in (here / "there.html").read_text()
    assert not (here / "sweep/report.html").exists()


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (
            "--metric exact_mach",
            "metric 'exact_mach': unknown for the split length-16 (did you mean 'exact_match'?)",
        ),
        ("--split length-61", "split 'length-61': unknown (did you mean 'length-16'?)"),
        ("--split ood --threshold 1.5", "--threshold 1.5: out of reach for exact_match, which is from 0 to 1"),
        ("--threshold nan", "--threshold nan: out of reach"),
        ("--metric error_score --threshold inf", "--threshold inf: a finite number is needed"),
        ("--metric error_score --threshold=-1", "out of reach for error_score, which is 0 or more"),
        ("--threshold many", "'--threshold': Input should be a valid number"),
        ("--metric exact_match --metric error_score", "one metric decides about success"),
        ("--metric exact_match --step step", "for a table, name its columns"),
    ],
)
def test_bad_criteria_are_one_line_and_leave_nothing(
    options: str, part: str, seedsweep_command: Command, here: Path
) -> None:
    shutil.copytree(COUNT, here / "sweep")
    before = files_below(here)
    ended = seedsweep_command(f"report sweep {options}")
    assert (ended.status, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert part in ended.err
    assert files_below(here) == before


def test_help_needs_no_statistics(here: Path) -> None:
    code = (
        "import sys; from seedsweep.cli import main; sys.argv = ['seedsweep', '--help']\n"
        "try: main()\n"
        "finally: print(sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = ended.stdout.splitlines()[-1]
    heavy = ("numpy", "scipy", "torch", "ray", "matplotlib", "pyarrow", "pydantic")
    assert [name for name in heavy if f"'{name}'" in loaded] == []
    assert "'typer'" in loaded


BAD = [
    ("analyze study.csv --scale params --seed run --metric los", "did you mean 'loss'?"),
    ("analyze studies.csv --scale params --seed run --metric loss", "studies.csv: no such file"),
    (
        "analyze study.csv --seed run --metric loss",
        "they differ in 'split' ('train' and 'test'): add --where split=train",
    ),
    (ANALYZE, "they differ in 'split' ('train' and 'test'): add --where split=train"),
    (f"{ANALYZE} --where test", "--where test: give COL=VALUE"),
    (f"{ANALYZE} --where split=test --where split=train", "split is given twice"),
    (f"{ANALYZE} --where split=test --out small.yaml", "cannot be written: Not a directory; use another --out"),
    ("report study.csv", "for a table, name its columns: --scale COL --seed COL --metric COL"),
    ("report full --scale params", "for a table, name its columns"),
    ("report nowhere", "nowhere: no sweep there: it has no sweep.json"),
    ("report full", "full: not a sweep"),
    (
        f"{REPORT} --where split=test --out small.yaml/page.html",
        "cannot be written: File exists; use another --out",
    ),
    (f"{REPORT} --split test", "--split test: is for a sweep; choose a table's rows with --where COL=VALUE"),
    (f"{REPORT} --where split=tets", "no row has split=tets (did you mean 'test'?); there are train, test"),
    ("run smal.yaml", "no such file or preset (did you mean 'small.yaml'?)"),
    ("run pocket/count-dept", "did you mean 'pocket/count-depth'"),
    ("presets pocket/cuont-depth", "did you mean 'pocket/count-depth'"),
    ("run small.yaml --seeds 4:4", "is empty: the end is not included; write 4:5"),
    ("run small.yaml --seeds 4:0", "is reversed; write 0:4"),
    ("run small.yaml --seeds 0:4,2", "given twice"),
    ("run small.yaml --set train.stepz=5", "did you mean 'steps'"),
    ("run small.yaml --set train.steps=many", "'many' is not a whole number"),
    ("run small.yaml --set task.test_lengths=[13]", "13 is over the vocabulary of 12"),
    ("run small.yaml --set model={heads: 3, d_model: 16}", "not divisible by heads"),
    ("run small.yaml --set nonsense", "write key=value, for example --set train.steps=100"),
    ("run small.yaml --out small.yaml", "is a file, not the directory of a sweep"),
    (
        "run small.yaml --out full",
        "not a sweep: it holds notes.txt but no sweep.json; use a new or empty directory",
    ),
    ("run small.yaml --executor inline --address here:1", "--address here:1: only the ray executor takes one"),
    ("run small.yaml --executor dask", "'dask' is not one of 'ray', 'inline'"),
    ("run", "Missing argument 'SPEC'"),
    ("run small.yaml --sedes 0:4", "No such option: --sedes (Possible options: --address, --seeds, --set)"),
    ("rnu small.yaml", "No such command 'rnu'"),
    ("verify small.yaml --seeds 0:1", "seeds: the spec has 1, but verify needs 2 of them on cpu"),
    ("verify small.yaml --seeds 3", "--seeds 3: give a range: 0:3 for the first 3 seeds, or 3:4 for the one"),
    ("run small.yaml --seeds 8", "--seeds 8: give a range: 0:8 for the first 8 seeds, or 8:9 for the one"),
    (
        "run small.yaml --until p_success=9",
        "--until p_success=9: seeds.goal.p_success: 9 is no half-width",
    ),
    ("run small.yaml --until p_succes=0.1", "is no goal (did you mean 'p_success'?)"),
    ("run small.yaml --until mean=0.1 --seeds 0:4", "--until mean=0.1: --seeds says how many there are"),
    ("run small.yaml mine.yaml", "mine.yaml: a run has one spec; a goal is given with --until"),
    ("plan small.yaml --until mean=0.1 bounds=[0,1]", "what bounds exact_match has is known by the task"),
    ("plan small.yaml --seeds many", "'many' is not a seed or a range; write for example 7 or 0:64"),
    ("run count-depth", "no such file or preset (did you mean 'pocket/count-depth'?)"),
    ("plan cuont-depth", "did you mean 'pocket/count-depth'"),
    ("status nowhere", "no sweep there: it has no sweep.json"),
    ("status full", "not a sweep: it holds notes.txt but no sweep.json"),
    ("verify small.yaml --steps 21", "--steps 21: the shortest training has 20 steps"),
]


@pytest.mark.parametrize(("line", "part"), BAD, ids=[line for line, _ in BAD])
def test_bad_input_is_one_line_and_leaves_nothing(
    line: str, part: str, seedsweep_command: Command, here: Path
) -> None:
    (here / "full").mkdir()
    (here / "full/notes.txt").write_text("mine")
    (here / "study.csv").write_text(TABLE)
    before = files_below(here)
    ended = seedsweep_command(line.replace("{heads: 3, d_model: 16}", "'{heads: 3, d_model: 16}'"))
    assert ended.status == 2
    assert ended.err.startswith("seedsweep: ")
    assert ended.err.count("\n") == 1, ended.err
    assert part in ended.err
    assert ended.out == ""
    assert files_below(here) == before
    assert not (here / "runs").exists()


def test_ctrl_c_leaves_a_sweep_that_the_next_run_completes(seedsweep_command: Command, here: Path) -> None:
    """A real interrupt of a real process; the values are those of an undisturbed run."""
    line = "run small.yaml --executor inline --set train.steps=120 --set execution.pack=2 --seeds 0:6"
    command = [sys.executable, "-m", "seedsweep", *line.split(), "--out", "disturbed"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    progress = here / "disturbed/work"
    deadline = time.monotonic() + 120
    while not list(progress.glob("*/progress.json")) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "run the same command to go on" in err
    assert "Traceback" not in err

    done = seedsweep_command(f"{line} --out disturbed")
    assert done.status == 0
    assert "trained" in done.err
    train("undisturbed", "train.steps=120", "execution.pack=2", seeds="0:6")
    assert rows("disturbed").num_rows > 0
    assert rows("disturbed").equals(rows("undisturbed"))


def test_output_for_a_pipe_is_plain(here: Path) -> None:
    environment = os.environ | {"COLUMNS": "80"}
    command = [sys.executable, "-m", "seedsweep", "run", "small.yaml", "--executor", "inline", "--seeds", "0:2"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert "\x1b" not in ended.stdout + ended.stderr
    assert "…" not in ended.stdout  # nothing is cut at 80 columns
    assert max(map(len, ended.stdout.split("store")[0].splitlines())) <= 80


def test_check_says_what_is_wrong_and_mends_it(seedsweep_command: Command, here: Path) -> None:
    train("out")
    assert seedsweep_command("check out").out.startswith("store     out: all is well")
    block = min(here.glob("out/metrics/scale-1/*.parquet"))
    block.write_bytes(block.read_bytes()[:-3])
    found = seedsweep_command("check out --json")
    assert found.status == 1
    (told,) = [piece for piece in json.loads(found.out)["findings"] if piece["kind"] == "truncated"]
    assert told["file"] == str(block.relative_to(here / "out"))
    assert "set aside as damaged/" in seedsweep_command("check out --fix").out
    assert seedsweep_command("run small.yaml --executor inline --out out").status == 0
    assert seedsweep_command("check out").status == 0


def test_a_flipped_byte_costs_its_cells_and_no_report(seedsweep_command: Command, here: Path) -> None:
    train("out")
    block = min(here.glob("out/metrics/scale-1/*.parquet"))
    flip(block)
    assert seedsweep_command("report out").status == 0
    assert block.name in (here / "out/report.html").read_text()
    again = seedsweep_command("run small.yaml --executor inline --out out")
    assert again.status == 1
    assert f"{block.name}: damaged; set aside as damaged/" in again.err
    assert seedsweep_command("run small.yaml --executor inline --out out").status == 0
    assert seedsweep_command("check out").status == 0
