"""The site: it builds without a warning, asks for nothing from elsewhere, and has every public name."""

from __future__ import annotations

import ast
import html
import inspect
import re
import subprocess
import sys
from operator import attrgetter
from pathlib import Path
from types import ModuleType

import pytest
from sphinx.util.inventory import InventoryFile

import seedsweep
from seedsweep import analysis
from seedsweep.sweep.make import sweep

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-E", "docs", str(built)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return built


def test_every_public_name_is_described(site: Path) -> None:
    with (site / "objects.inv").open("rb") as file:
        known = InventoryFile.load(file, "", lambda base, path: path)
    names = {name for kind, entries in known.items() if kind.startswith("py:") for name in entries}
    public = {f"{room.__name__}.{name}" for room in (seedsweep, analysis) for name in listed(room)}
    assert public - names == {"seedsweep.__version__"}


def listed(module: ModuleType) -> list[str]:
    """What the facade offers."""
    return list(vars(module)["__all__"])


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        loaded = re.findall(r'<(?:script|img|iframe)[^>]+src="([^"]+)"|<link[^>]+href="([^"]+)"', page.read_text())
        assert not [url for pair in loaded for url in pair if url.startswith(("http:", "https:", "//"))], page


def test_every_command_is_described(site: Path) -> None:
    page = (site / "reference" / "commands.html").read_text()
    for command in (
        "run",
        "analyze",
        "report",
        "compare",
        "forecast",
        "plan",
        "status",
        "presets",
        "verify",
        "import",
        "probe",
        "submit",
    ):
        assert f"seedsweep {command}" in page


PAGES = [
    path.relative_to(ROOT).as_posix()
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if "_build" not in path.parts and re.search(r"^```python\n(?s:.*?)\bss\.\w+\(", path.read_text(), re.MULTILINE)
]


@pytest.mark.parametrize("page", PAGES)
def test_python_in_the_pages_can_be_called(page: str) -> None:
    """Every `ss.name(…)` is there and takes what it is given; nothing is run."""
    for block in re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL):
        for call in ast.walk(ast.parse(block)):
            if not isinstance(call, ast.Call) or not ast.unparse(call.func).startswith("ss."):
                continue
            name = ast.unparse(call.func)
            if "(" in name:  # a method of what another call returns
                continue
            function = attrgetter(name.removeprefix("ss."))(seedsweep)
            named = {keyword.arg: None for keyword in call.keywords if keyword.arg}
            inspect.signature(sweep if name == "ss.sweep" else function).bind(*call.args, **named)


def test_the_sample_report_is_of_the_population_as_it_is_told_now() -> None:
    page = (ROOT / "docs" / "report.html").read_text()
    found = analysis.findings(analysis.study(seedsweep.load(ROOT / "populations" / "count-depth")))
    assert found.headline in html.unescape(page)
    assert str(ROOT) not in page
