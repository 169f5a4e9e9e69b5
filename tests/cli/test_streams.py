"""Where the output goes: pipes that are closed, terminals without UTF-8, a full disk, and nobody who listens."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_commands import ANALYZE, SPEC, TABLE

COUNT = Path(__file__).parents[2] / "populations" / "count-depth"
LINES = ["status COUNT", "status COUNT --json", "presets", "plan small.yaml", "--help", "verify --help"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "small.yaml").write_text(SPEC)
    (tmp_path / "study.csv").write_text(TABLE)
    monkeypatch.chdir(tmp_path)


def command(line: str) -> list[str]:
    return [sys.executable, "-m", "seedsweep", *line.replace("COUNT", str(COUNT)).split()]


@pytest.mark.parametrize("line", LINES)
def test_a_reader_that_goes_away_is_no_error(line: str) -> None:
    """As `seedsweep status there | head -1`."""
    process = subprocess.Popen(command(line), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    process.wait(timeout=120)
    assert "Traceback" not in said
    assert "BrokenPipe" not in said
    assert "Exception" not in said


ONE_BY_ONE = """\
import shlex, sys
from seedsweep.cli import main
for line in sys.argv[1:]:
    sys.argv = ["seedsweep", *shlex.split(line)]
    try:
        main()
    except SystemExit as ended:
        print(f"status {ended.code}")
"""
"""Commands as a user types them, one after the other: a process takes far longer to start than most of them."""


def in_one_process(lines: list[str], **ways: str) -> subprocess.CompletedProcess[bytes]:
    words = [sys.executable, "-c", ONE_BY_ONE, *(line.replace("COUNT", str(COUNT)) for line in lines)]
    return subprocess.run(words, capture_output=True, env=os.environ | ways)


@pytest.mark.parametrize(
    "ways", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}]
)
def test_a_terminal_without_utf_8_gets_ascii(ways: dict[str, str]) -> None:
    ended = in_one_process(LINES, **ways)
    shown = ended.stdout.decode("ascii")  # decoding raises on what is no ASCII
    assert re.findall(r"^status (\d)$", shown, re.MULTILINE) == ["0"] * len(LINES), ended.stderr
    assert "?" not in shown
    assert "?" not in ended.stderr.decode("ascii")


def test_ascii_says_the_same() -> None:
    line = f"{ANALYZE} --where split=test --threshold 2.555 --higher-is-worse --out there"
    plain = subprocess.run(command(line), capture_output=True, text=True, check=True).stdout
    ascii_only = os.environ | {"PYTHONIOENCODING": "ascii"}
    spelled = subprocess.run(command(line), capture_output=True, text=True, check=True, env=ascii_only).stdout
    assert "P(≤ 2.555)" in plain
    assert "P(<= 2.555)" in spelled
    last = plain.splitlines()[-1]
    assert spelled.splitlines()[-1] == last.replace("–", "-")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a device that has no room")
@pytest.mark.parametrize("line", ["status COUNT", "status COUNT --json", "presets"])
def test_output_into_a_full_disk_is_one_line(line: str) -> None:
    with open("/dev/full", "w") as full:
        ended = subprocess.run(command(line), stdout=full, stderr=subprocess.PIPE, text=True)
    assert ended.returncode == 3
    assert ended.stderr == "seedsweep: the output cannot be written: No space left on device\n"


SLOW = """\
import sys, time
from seedsweep.cli import main, progress
progress.SILENT_SECONDS = progress.PLAIN_SECONDS = 0.2
import seedsweep.{module} as module
honest = module.{name}
def slow(*given, **named):
    time.sleep(1.0)
    return honest(*given, **named)
module.{name} = slow
main()
"""


@pytest.mark.parametrize(
    ("line", "module", "name", "said"),
    [
        ("plan small.yaml", "sweep.specfile", "read_spec", "reading the spec …"),
        ("report COUNT --out there.html", "cli.source", "of_sweep", "reading …"),
        (f"{ANALYZE} --where split=test", "cli.source", "of_table", "reading the table …"),
        (f"{ANALYZE} --where split=test", "analysis.report.draw", "draw", "counting …"),
        ("verify small.yaml --steps 2", "sweep.verify", "verify", "training seeds again …"),
    ],
)
def test_a_pipe_is_told_what_takes_long(line: str, module: str, name: str, said: str) -> None:
    """And again while it goes on, with the time that it has taken."""
    script = SLOW.format(module=module, name=name)
    words = command(line)[3:]
    ended = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    lines = ended.stderr.splitlines()
    assert any(re.fullmatch(re.escape(said) + r"( \([\d.]+ s\))?", other) for other in lines), lines


HOSTILE = "good\x1b]0;owned\x07\x1b[2J\u202efig"


def test_no_name_commands_the_terminal(tmp_path: Path) -> None:
    """Names of sweeps, metrics, files and keys come from elsewhere."""
    sweep = tmp_path / "sweep"
    shutil.copytree(COUNT, sweep)
    record = json.loads((sweep / "sweep.json").read_text())
    (sweep / "sweep.json").write_text(json.dumps(record | {"name": HOSTILE}))
    (tmp_path / "hostile.csv").write_text(TABLE.replace("loss", HOSTILE), encoding="utf-8")
    (tmp_path / "hostile.yaml").write_text(SPEC.replace("heads", f'"{HOSTILE}"').replace("\x1b", "\\x1b"))
    lines = [
        ["status", str(sweep)],
        ["report", str(sweep), "--out", str(tmp_path / "page.html")],
        ["analyze", "hostile.csv"],
        ["run", "hostile.yaml"],
        ["run", HOSTILE],
        ["status", str(sweep), HOSTILE],
        ["plan", "small.yaml", "--set", f"{HOSTILE}=1"],
    ]
    shown = ""
    for these, ways in ((lines[:1], {"FORCE_COLOR": "1", "TERM": "xterm-256color"}), (lines, {})):
        ended = in_one_process([shlex.join(line) for line in these], **ways)
        said = (ended.stdout + ended.stderr).decode()
        assert said.count("status 2\n") == (len(these) - 2 if len(these) > 1 else 0)
        # Colours, and what a spinner of ours says, which is there after a second.
        plain = re.sub(r"\x1b\[(?:[\d;]*m|\?25[lh]|1A|2K)|\r", "", said)
        found = re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", plain)
        assert found is None, plain[max(0, found.start() - 80) : found.end() + 80]
        shown += plain
    assert r"good\x1b]0;owned\x07\x1b[2J\u202efig" in shown
