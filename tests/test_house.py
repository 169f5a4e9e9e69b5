"""The house rules that a machine can check: which way imports go, files that others read, links in the docs."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from seedsweep import plotted

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "seedsweep"

FORBIDDEN = {
    "workers/programs": ("torch",),
    "workers": ("ray", "seedsweep.sweep", "seedsweep.analysis", "seedsweep.cli", "typer", "rich"),
    "sweep": ("torch", "seedsweep.analysis", "seedsweep.cli", "typer", "rich"),
    "analysis": (
        *("torch", "ray", "typer", "rich"),
        *("seedsweep.sweep", "seedsweep.workers", "seedsweep.tables", "seedsweep.cli"),
        "matplotlib.pyplot",  # global state
    ),
    "analysis/statistics": (
        *(f"seedsweep.analysis.{room}" for room in ("study", "figures", "report")),
        "matplotlib",
    ),
    "analysis/study": ("seedsweep.analysis.figures", "seedsweep.analysis.report", "matplotlib"),
    "analysis/figures": ("seedsweep.analysis.report",),
    "tables": (
        *("torch", "ray", "scipy", "matplotlib", "typer", "rich"),
        *("seedsweep.sweep", "seedsweep.workers", "seedsweep.analysis", "seedsweep.cli"),
    ),
    "cli": ("torch", "ray", "seedsweep.workers"),
}

KNOW_WORKERS = {"engineexecution", "enginefields", "enginespec", "programspec", "make", "programverify"}
"""The driver's files that know who trains cells; all others know a cell by its recipe."""

GROUND = {
    "errors": set(),
    "jsontext": set(),
    "yamlnodes": set(),
    "version": set(),
    "section": set(),
    "seeds": set(),
    "schema": {"jsontext"},
    "formats": set(),
    "htmltable": set(),
    "criterion": set(),
    "measures": {"section"},
    "memory": set(),
    "cell": {"measures", "seeds"},
    "keptfile": {"jsontext", "seeds"},
    "plotted": set(),
    "population": {"criterion", "errors", "formats", "htmltable", "measures", "plotted", "sequential"},
    "sequential": set(),
    "betting": {"sequential"},
    "probed": set(),
}
"""The files at the root of the package, which several rooms share, and which others of them each may import."""


def imported(source: str) -> Iterator[str]:
    """Every module that is named in an import, wherever in the source."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import of {node.module}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def forbidden(source: str, room: str) -> set[str]:
    """What the source imports that its room must not know."""
    names = list(imported(source))
    return {bad for bad in FORBIDDEN[room] if any(name == bad or name.startswith(f"{bad}.") for name in names)}


@pytest.mark.parametrize("room", FORBIDDEN)
def test_imports_go_one_way(room: str) -> None:
    files = list((PACKAGE / room).rglob("*.py"))
    assert files
    for path in files:
        assert forbidden(path.read_text(), room) == set(), path


def test_every_file_at_the_root_has_a_rule() -> None:
    assert {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"} == set(GROUND)


@pytest.mark.parametrize("file", GROUND)
def test_the_ground_floor_stands_on_itself(file: str) -> None:
    names = [name.split(".") for name in imported((PACKAGE / f"{file}.py").read_text())]
    assert {name[1] for name in names if name[0] == "seedsweep"} <= GROUND[file]
    heavy = {"torch", "ray", "scipy", "matplotlib", "typer", "rich", "diptest", "jinja2"}
    allowed = {"matplotlib"} if file == "plotted" else set()  # what a figure is, for the type checker alone
    assert not {name[0] for name in names} & heavy - allowed


def test_nobody_below_looks_up_who_draws_but_one_file() -> None:
    """Which says so; `test_reading_needs_neither_torch_nor_ray` holds that nothing is loaded before."""
    users = {path.stem for path in PACKAGE.rglob("*.py") if "analysis.figures.plots" in path.read_text()}
    assert users == {"plotted"}
    assert importlib.util.find_spec(plotted.DRAWN_BY) is not None


def test_json_is_read_in_one_place() -> None:
    """Where a nesting that is too deep is an error like others."""
    for path in PACKAGE.rglob("*.py"):
        found = re.findall(r"(?<![\w.])json\.loads?\(", path.read_text())
        assert not found or path.name == "jsontext.py", path


def test_no_imports_run_in_a_circle() -> None:
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in PACKAGE.rglob("*.py")}
    modules = {name.removesuffix(".__init__"): path for name, path in modules.items()}
    graph: dict[str, set[str]] = {}
    for module, path in modules.items():
        # Of `from a.b import c` the module a.b.c is meant, if there is one.
        named = [name if name in modules else name.rpartition(".")[0] for name in imported(path.read_text())]
        graph[module] = {name for name in named if name in modules and name != module}
    assert tuple(TopologicalSorter(graph).static_order())  # raises CycleError


@pytest.mark.parametrize(
    ("source", "room", "found"),
    [
        ("import torch.nn", "analysis", {"torch"}),
        ("def f():\n    from ray.util import metrics", "analysis", {"ray"}),
        ("from seedsweep import sweep", "analysis", {"seedsweep.sweep"}),
        ("import seedsweep.workers.train as t", "analysis", {"seedsweep.workers"}),
        ("from seedsweep.analysis import study", "analysis/statistics", {"seedsweep.analysis.study"}),
        ("import rayleigh, seedsweep.analysis", "analysis", set()),
    ],
)
def test_the_check_finds_forbidden_imports(source: str, room: str, found: set[str]) -> None:
    assert forbidden(source, room) == found


KNOW_RAY = {"executors/ray", "executors/connect", "executors/nodes", "executors/worker", "submit"}
"""The files of `sweep/` that import Ray; whatever else needs them imports them where it is sure to."""


def test_ray_is_imported_in_few_files_only() -> None:
    users = {
        path.relative_to(PACKAGE / "sweep").with_suffix("").as_posix()
        for path in PACKAGE.rglob("*.py")
        if any(n.split(".")[0] in ("ray", "grpc") for n in imported(path.read_text()))
    }
    assert users == KNOW_RAY


def test_the_driver_knows_who_trains_cells_in_few_files_only() -> None:
    users = {path.stem for path in (PACKAGE / "sweep").rglob("*.py") if own_imports(path, "workers")}
    assert users == KNOW_WORKERS


def test_programs_and_the_engine_know_nothing_of_each_other() -> None:
    """Of the reading of tables programs know only what TensorBoard's files are, the engine nothing."""
    for path in (PACKAGE / "workers").rglob("*.py"):
        of_workers, of_tables = own_imports(path, "workers"), own_imports(path, "tables")
        of_programs = {name for name in of_workers if name.startswith("seedsweep.workers.programs.")}
        if path.parent.name == "programs":
            assert of_programs == of_workers, path
            assert all(name.startswith("seedsweep.tables.formats.events.") for name in of_tables), path
        else:
            assert not of_programs | of_tables, path


def test_probing_knows_the_decoder_and_nothing_of_training() -> None:
    """Nor does training know of it."""
    base = {"alignment", "cost", "decoder", "device", "dialects", "philox", "pretrained", "probing"}
    for path in (PACKAGE / "workers").rglob("*.py"):
        of_workers = {name.split(".")[2] for name in own_imports(path, "workers")}
        if path.parent.name == "probing":
            assert of_workers <= base, path
        else:
            assert "probing" not in of_workers, path


def own_imports(path: Path, room: str) -> set[str]:
    """What a file imports from a room of the package."""
    return {name for name in imported(path.read_text()) if name.startswith(f"seedsweep.{room}.")}


@pytest.mark.parametrize(
    "statement",
    [
        "import seedsweep",
        "import seedsweep.analysis",
        "from seedsweep import load",
        "import seedsweep.cli.app",
        "import seedsweep.sweep.programspec",
        "import seedsweep.sweep.programverify",
        "import seedsweep.sweep.importing",
        "import seedsweep.tables.finding",
        "import seedsweep.workers.probing.probe",
    ],
)
def test_reading_needs_neither_torch_nor_ray(statement: str) -> None:
    unwanted = {"torch", "ray", "safetensors", "fsspec", "matplotlib", "tensorboard", "yaml"}
    check = f"import sys; {statement}; sys.exit(bool({unwanted} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", check], cwd=ROOT).returncode == 0


def test_what_is_imported_is_declared() -> None:
    """The package by what it asks for or an extra; all else by an extra, of which `dev` is one."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    of_package = [extra for extra in extras if extra not in ("dev", "docs")]
    lines = [*project["dependencies"], *(line for extra in of_package for line in extras[extra])]
    declared = {canonicalize_name(Requirement(line).name) for line in lines}
    for_all = declared | {canonicalize_name(Requirement(line).name) for line in [*extras["dev"], *extras["docs"]]}
    known = packages_distributions()
    own = {"seedsweep", "tests", "notebooks", "benchmarks", "seedsweep_copy"}
    for folder in ("seedsweep", "tests", "notebooks", "benchmarks", "examples"):
        for path in (ROOT / folder).rglob("*.py"):
            if "data" in path.parts:  # made inputs of tests, in an environment of its own
                continue
            for name in imported(path.read_text()):
                top = name.split(".")[0]
                if top in own or top in sys.stdlib_module_names:
                    continue
                packages = {canonicalize_name(package) for package in known[top]}
                may = declared | {"pandas"} if folder == "seedsweep" else for_all  # `to_pandas`, for who has it
                assert packages & may, f"{path} imports {top}, which pyproject.toml does not ask for"


@pytest.mark.parametrize(
    "page",
    [
        p.relative_to(ROOT).as_posix()
        for p in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
        if "_build" not in p.parts
    ],
)
def test_links_and_named_files_exist(page: str) -> None:
    text = (ROOT / page).read_text()
    links = [link for link in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in link]
    for link in links:
        assert ((ROOT / page).parent / link).exists(), f"{page}: {link}"
    named = re.findall(r"`((?:seedsweep|tests|benchmarks|docs|presets|populations)/[\w./-]+)`", text)
    for name in named:
        assert (ROOT / name).exists(), f"{page}: {name}"
