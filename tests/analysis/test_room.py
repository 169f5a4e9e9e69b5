"""The room as a whole: what it imports, what it exports, and that its examples are true."""

from __future__ import annotations

import ast
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
FORBIDDEN = {"torch", "ray", "seedsweep.workers", "seedsweep.sweep", "seedsweep.cli", "matplotlib.pyplot"}


def imported_names(source: str) -> set[str]:
    """Every dotted name that the source may import: `from a import b` gives `a` and `a.b`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            names |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return names


def forbidden_imports(source: str) -> set[str]:
    names = imported_names(source)
    return {bad for bad in FORBIDDEN if any(name == bad or name.startswith(f"{bad}.") for name in names)}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import torch.nn", {"torch"}),
        ("def f():\n    from ray.util import metrics", {"ray"}),
        ("from seedsweep import sweep", {"seedsweep.sweep"}),
        ("import seedsweep.workers.train as t", {"seedsweep.workers"}),
        ("import rayleigh, seedsweep.analysis", set()),
    ],
)
def test_the_check_finds_forbidden_imports(source: str, found: set[str]) -> None:
    assert forbidden_imports(source) == found


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOM)))
def test_room_knows_nothing_of_the_others(file: Path) -> None:
    source = file.read_text(encoding="utf-8")
    assert forbidden_imports(source) == set()
    assert not any(name.startswith(".") for name in imported_names(source)), "imports are absolute"


def test_statistics_do_not_load_matplotlib() -> None:
    code = "import sys, seedsweep.analysis; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    output = subprocess.run(command, cwd=ROOM.parents[1], capture_output=True, text=True, check=True)
    loaded = output.stdout.split()
    assert "seedsweep.analysis.summary" in loaded
    assert "matplotlib" not in loaded


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(f"seedsweep.analysis.{name}")).failed == 0


def test_everything_exported_is_documented() -> None:
    for name in seedsweep.analysis.__all__:
        exported = getattr(seedsweep.analysis, name)
        assert f"`{name}`" in (seedsweep.analysis.__doc__ or "")
        assert ("\n    Attributes\n" if isinstance(exported, type) else "\n    >>> ") in exported.__doc__
