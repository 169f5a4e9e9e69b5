"""Ctrl-C before there is anything to save: one line, status 130, nothing left behind, whatever was going on."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seedsweep.sweep.interrupt import StopRequest
from tests.cli.test_commands import ANALYZE, SPEC, TABLE, files_below

COUNT = Path(__file__).parents[2] / "populations" / "count-depth"

PRESS = """\
import importlib.abc, os, signal, sys

class CtrlC(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "MODULE":
            exec("os.kill(os.getpid(), signal.SIGINT)")  # as where a dataclass is made

from seedsweep.cli import main
sys.meta_path.insert(0, CtrlC())
main()
"""
"""Runs a command, and presses Ctrl-C when it first imports a module."""

EVERYWHERE = ("typer", "typer.core", "seedsweep.cli.app", "rich.live")
COMMANDS = {
    "run small.yaml": ("seedsweep.sweep.run", "torch"),
    "plan small.yaml": ("seedsweep.sweep.estimate",),
    "verify small.yaml": ("seedsweep.sweep.verify",),
    "report COUNT": ("seedsweep.sweep.reader", "matplotlib.figure", "jinja2"),
    f"{ANALYZE} --where split=test": ("seedsweep.tables", "numpy", "diptest"),
    "status COUNT": ("seedsweep.sweep.status", "pyarrow"),
    "presets": ("seedsweep.sweep.presets",),
    "probe checkpoints": ("seedsweep.workers.probing.probe", "torch", "tokenizers"),
}


@pytest.mark.parametrize(
    ("line", "module"),
    [(line, module) for line, modules in COMMANDS.items() for module in modules]
    + [("run small.yaml", module) for module in EVERYWHERE],
)
def test_ctrl_c_during_set_up(line: str, module: str, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SPEC)
    (tmp_path / "study.csv").write_text(TABLE)
    before = files_below(tmp_path)
    words = line.replace("COUNT", str(COUNT)).split()
    command = [sys.executable, "-c", PRESS.replace("MODULE", module), *words]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    said = ended.stderr.splitlines()
    assert (ended.returncode, ended.stdout, said[-1]) == (130, "", "seedsweep: stopped")
    assert all(words.endswith(" …") for words in said[:-1])  # on a slow machine
    assert files_below(tmp_path) == before
    assert not (tmp_path / "runs").exists()


def on_a_terminal(command: list[str], place: Path) -> tuple[int, int]:
    """Start a command in a session of its own on a new terminal: process, and the terminal's other end."""
    pid, terminal = pty.fork()
    if pid == 0:  # pragma: no cover
        os.chdir(place)
        os.execv(sys.executable, command)
    return pid, terminal


def test_a_closed_terminal_leaves_a_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SPEC)
    command = [sys.executable, "-m", "seedsweep", "run", "small.yaml", "--executor", "inline"]
    pid, terminal = on_a_terminal([*command, "--set", "train.steps=20000"], tmp_path)
    work = tmp_path / "runs/small/work"
    deadline = time.monotonic() + 120
    while not list(work.glob("*/progress.json")) and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if select.select([terminal], [], [], 0.1)[0]:
                os.read(terminal, 1000)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
    assert list(work.glob("*/checkpoint.pt"))


def test_under_nohup_a_hangup_is_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopRequest() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop.requested
    finally:
        signal.signal(signal.SIGHUP, before)


def test_two_hangups_ask_once() -> None:
    with StopRequest() as stop:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGHUP)
        assert stop.requested
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
