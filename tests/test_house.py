"""The house rules that a machine can check: which way imports go, files that others read, links in the docs."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "seedsweep"

FORBIDDEN = {
    "workers": ("ray", "seedsweep.sweep", "seedsweep.analysis", "seedsweep.cli", "typer", "rich"),
    "sweep": ("torch", "seedsweep.analysis", "seedsweep.cli", "typer", "rich"),
    "analysis": ("torch", "ray", "seedsweep.sweep", "seedsweep.workers", "seedsweep.cli", "typer", "rich"),
    "tables": ("torch", "ray", "seedsweep.sweep", "seedsweep.workers", "seedsweep.analysis", "seedsweep.cli"),
    "cli": ("torch", "ray", "seedsweep.workers"),
}


def imported(path: Path) -> Iterator[str]:
    """Every module a file names in an import, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("room", FORBIDDEN)
def test_imports_go_one_way(room: str) -> None:
    files = list((PACKAGE / room).rglob("*.py"))
    assert files
    for path in files:
        for name in imported(path):
            for forbidden in FORBIDDEN[room]:
                assert name != forbidden, f"{path} imports {name}"
                assert not name.startswith(forbidden + "."), f"{path} imports {name}"


def test_ray_is_imported_in_one_file_only() -> None:
    users = [path for path in PACKAGE.rglob("*.py") if any(n.split(".")[0] == "ray" for n in imported(path))]
    assert users == [PACKAGE / "sweep" / "executors" / "ray.py"]


@pytest.mark.parametrize(
    "statement",
    ["import seedsweep", "import seedsweep.analysis", "from seedsweep import load", "import seedsweep.cli.app"],
)
def test_reading_needs_neither_torch_nor_ray(statement: str) -> None:
    check = f"import sys; {statement}; sys.exit(bool({{'torch', 'ray', 'matplotlib'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", check], cwd=ROOT).returncode == 0


def test_cluster_yaml_is_valid_by_rays_own_schema() -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = YAML(typ="safe", pure=True).load(ROOT / "cluster.yaml")
    validate_config(prepare_config(config))


@pytest.mark.parametrize(
    "page", [p.relative_to(ROOT).as_posix() for p in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]]
)
def test_links_and_named_files_exist(page: str) -> None:
    text = (ROOT / page).read_text()
    links = [link for link in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in link]
    for link in links:
        assert ((ROOT / page).parent / link).exists(), f"{page}: {link}"
    named = re.findall(r"`((?:seedsweep|tests|benchmarks|docs|presets|populations)/[\w./-]+)`", text)
    for name in named:
        assert (ROOT / name).exists(), f"{page}: {name}"
