"""Ctrl-C before there is anything to save: one line, status 130, nothing left behind, whatever was going on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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
    assert said[:-1] in ([], ["reading the spec …"])  # on a slow machine
    assert files_below(tmp_path) == before
    assert not (tmp_path / "runs").exists()
