"""The room as a whole: what it exports, that its examples are true, and that statistics load no matplotlib."""

from __future__ import annotations

import doctest
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import seedsweep.analysis

ROOM = Path(seedsweep.analysis.__file__).parent
FILES = sorted(ROOM.rglob("*.py"))
MODULES = [".".join(file.relative_to(ROOM).with_suffix("").parts) for file in FILES if file.stem != "__init__"]


def test_no_public_name_loads_matplotlib() -> None:
    code = "import sys; from seedsweep.analysis import *; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    output = subprocess.run(command, cwd=ROOM.parents[1], capture_output=True, text=True, check=True)
    loaded = output.stdout.split()
    assert "seedsweep.analysis.study.summary" in loaded
    assert "matplotlib" not in loaded


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(f"seedsweep.analysis.{name}")).failed == 0


def test_a_name_is_a_function_or_class_also_where_a_folder_has_it() -> None:
    importlib.import_module("seedsweep.analysis.study.study")
    assert len(dir(seedsweep.analysis)) > 60
    for name in dir(seedsweep.analysis):
        exported = getattr(seedsweep.analysis, name)
        assert exported.__name__ == name
        assert ("\n    Attributes\n" if isinstance(exported, type) else "\n    >>> ") in exported.__doc__
