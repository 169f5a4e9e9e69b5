"""The wheel, installed without what it does not ask for: the light form analyses and reads, `[train]` trains."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterable
from email import message_from_bytes
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from seedsweep.sweep.presets import list_presets
from tests.sweep.conftest import SPEC

ROOT = Path(__file__).parent.parent
TABLE = "size,run,accuracy\n" + "\n".join(f"{size},{run},{run / size}" for size in (20, 40) for run in range(12))


class Installed(NamedTuple):
    """A virtual environment with seedsweep in it."""

    folder: Path
    packages: set[str]
    """Distributions beside seedsweep, by their normalised names."""

    def python(self, *words: str | Path, here: Path) -> subprocess.CompletedProcess[str]:
        """Run its Python, cut off from this environment."""
        command = [self.folder / "bin" / "python", "-I", *words]
        return subprocess.run(command, cwd=here, capture_output=True, text=True)

    def seedsweep(self, *words: str | Path, here: Path) -> subprocess.CompletedProcess[str]:
        """Run its command `seedsweep`; without what it says while a slow machine lets it wait."""
        ended = self.python(self.folder / "bin" / "seedsweep", *words, here=here)
        ended.stderr = without_waiting(ended.stderr)
        return ended


def without_waiting(said: str) -> str:
    """Without the lines that say what goes on."""
    return re.sub(r"^.* …( \(.+\))?\n", "", said, flags=re.MULTILINE)


def closure(requirements: Iterable[Requirement]) -> dict[str, Distribution]:
    """What pip would install for these requirements, out of what is installed here; by normalised name."""
    found: dict[str, Distribution] = {}
    seen: set[str] = set()
    waiting = list(requirements)
    while waiting:
        requirement = waiting.pop()
        if str(requirement) in seen:
            continue
        seen.add(str(requirement))
        package = found[canonicalize_name(requirement.name)] = distribution(requirement.name)
        waiting += wanted(package.requires or [], requirement.extras)
    return found


def wanted(lines: Iterable[str], extras: Iterable[str] = ()) -> list[Requirement]:
    """The requirements that hold on this machine, without an extra or with one of these."""
    return [
        requirement
        for requirement in map(Requirement, lines)
        if requirement.marker is None
        or any(requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras))
    ]


def install(wheel: Path, requirements: list[Requirement], folder: Path) -> Installed:
    """A fresh environment with the wheel and these requirements; no index is asked."""
    venv.create(folder, with_pip=False)
    (site,) = folder.glob("lib/python*/site-packages")
    packages = closure(requirements)
    for package in packages.values():
        for file in package.files or []:
            here = Path(str(file.locate()))
            if ".." in file.parts or not here.is_file():  # a command in bin; a cache that is gone
                continue
            link = site / file
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.exists():  # two packages may bring the same file of a namespace
                link.symlink_to(here)
    pip: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        folder / "bin" / "python",
        "--disable-pip-version-check",
    ]
    subprocess.run([*pip, "install", "--quiet", "--no-index", "--no-deps", wheel], check=True)
    return Installed(folder, set(packages))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command: list[str | Path] = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def requirements(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return message_from_bytes(archive.read(name)).get_all("Requires-Dist", [])


@pytest.fixture(scope="module")
def light(wheel: Path, requirements: list[str], tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """As `pip install seedsweep` makes it."""
    return install(wheel, wanted(requirements), tmp_path_factory.mktemp("light") / "venv")


def test_the_wheel_holds_types_presets_and_the_page_and_no_tests(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    presets = {f"seedsweep/presets/{preset.name}.yaml" for preset in list_presets()}
    room = ROOT / "seedsweep" / "analysis" / "report"
    parts = [path for path in room.iterdir() if path.suffix in (".html", ".css", ".js", ".bib")]
    page = {path.relative_to(ROOT).as_posix() for path in parts}
    assert presets | page | {"seedsweep/py.typed"} <= names
    sources = {path.relative_to(ROOT).as_posix() for path in (ROOT / "seedsweep").rglob("*.py")}
    assert sources <= names
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"seedsweep"}


def test_extras_ask_for_what_they_say(requirements: list[str]) -> None:
    base, train, llm, probe, dev = (
        {canonicalize_name(requirement.name) for requirement in wanted(requirements, extras)}
        for extras in ((), ("train",), ("llm",), ("probe",), ("dev",))
    )
    assert train - base == {"torch", "ray", "safetensors", "fsspec", "grpcio"}
    assert train < llm < dev
    assert probe - base == {"torch", "safetensors", "tokenizers"}
    assert probe < dev


def test_the_light_form_has_neither_torch_nor_ray(light: Installed, tmp_path: Path) -> None:
    assert light.packages.isdisjoint({"torch", "ray", "safetensors", "fsspec", "pandas"})
    code = """
from importlib.metadata import distributions
from importlib.util import find_spec
import seedsweep

print(sorted({one.name.lower().replace("_", "-").replace(".", "-") for one in distributions()}))
print([name for name in ("torch", "ray", "safetensors", "fsspec", "pandas", "tests") if find_spec(name)])
print(seedsweep.__file__)
"""
    ended = light.python("-c", code, here=tmp_path)
    assert ended.returncode == 0, ended.stderr
    packages, unwanted, place = ended.stdout.splitlines()
    assert packages == str(sorted({*light.packages, "seedsweep"}))
    assert unwanted == "[]"
    assert place.startswith(str(light.folder))


def test_the_light_form_analyses_a_table(light: Installed, tmp_path: Path) -> None:
    (tmp_path / "study.csv").write_text(TABLE)
    columns = ["--scale", "size", "--seed", "run", "--metric", "accuracy"]
    ended = light.seedsweep("analyze", "study.csv", *columns, here=tmp_path)
    assert ended.returncode == 0
    assert ended.stderr.endswith("24 runs read as 2 scales (size 20, 40) × 12 seeds, accuracy\n")
    assert "study: accuracy" in ended.stdout
    assert "report    study-analysis/report.html" in ended.stdout
    assert (tmp_path / "study-analysis" / "figures" / "ladder.png").stat().st_size > 5000
    assert "</html>" in (tmp_path / "study-analysis" / "report.html").read_text()


def test_the_light_form_reads_a_sweep(light: Installed, tmp_path: Path) -> None:
    sweep = ROOT / "populations" / "count-depth"
    ended = light.seedsweep("report", sweep, "--out", "report.html", here=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("Seeds part, but not into successes and failures: ")
    assert "</html>" in (tmp_path / "report.html").read_text()
    code = f"import seedsweep as ss; print(ss.load({str(sweep)!r}).final('exact_match').values.shape)"
    assert light.python("-c", code, here=tmp_path).stdout == "(4, 64)\n"
    lines = [f"status {sweep}", "presets", "presets pocket/count-depth", "run --help", "--version"]
    assert in_one_process(light, lines, tmp_path) == [0] * len(lines)


def test_the_light_form_says_in_one_line_what_training_needs(light: Installed, tmp_path: Path) -> None:
    needs = "seedsweep: training needs torch: pip install 'seedsweep[train]'\n"
    ended = light.seedsweep("run", "pocket/count-depth", here=tmp_path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", needs)
    lines = [f"{command} pocket/count-depth" for command in ("plan", "verify", "run --executor inline")]
    assert in_one_process(light, lines, tmp_path, needs) == [2, 2, 2]
    needs = "seedsweep: probing needs torch: pip install 'seedsweep[probe]'\n"
    assert in_one_process(light, ["probe checkpoints"], tmp_path, needs) == [2]
    assert list(tmp_path.iterdir()) == []


def test_the_light_form_trains_code_that_needs_no_more(light: Installed, tmp_path: Path) -> None:
    changes = ["--set", "program.parameters.steps=20", "--seeds", "0:2", "--executor", "inline", "--out", "digits"]
    ended = light.seedsweep("run", "program/digits", *changes, here=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "trained 10 seeds" in ended.stderr
    assert "</html>" in (tmp_path / "digits" / "report.html").read_text()


def in_one_process(light: Installed, lines: list[str], here: Path, error: str = "") -> list[int]:
    """The exit status of each command, of which every one must print just this to standard error."""
    code = """
import sys
from seedsweep.cli import main

statuses = []
for line in sys.argv[1:]:
    sys.argv = ["seedsweep", *line.split()]
    try:
        main()
    except SystemExit as ended:
        statuses.append(ended.code)
print()
print(*statuses)
"""
    ended = light.python("-c", code, *lines, here=here)
    assert without_waiting(ended.stderr) == error * len(lines)
    return [int(status) for status in ended.stdout.splitlines()[-1].split()]


def test_without_ray_the_inline_executor_trains(
    wheel: Path, requirements: list[str], tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    """As on machines for which there is no Ray: all that `[train]` asks for but that."""
    needed = [requirement for requirement in wanted(requirements, ["train"]) if requirement.name != "ray"]
    installed = install(wheel, needed, tmp_path_factory.mktemp("train") / "venv")
    assert "ray" not in installed.packages
    (tmp_path / "small.yaml").write_text(SPEC)
    refused = installed.seedsweep("run", "small.yaml", here=tmp_path)
    message = "--executor ray: Ray is not installed; pip install 'seedsweep[train]', or use inline"
    assert (refused.returncode, refused.stdout, refused.stderr) == (2, "", f"seedsweep: {message}\n")
    assert not (tmp_path / "runs").exists()
    trained = installed.seedsweep("run", "small.yaml", "--executor", "inline", here=tmp_path)
    assert trained.returncode == 0, trained.stderr
    assert "trained 8 seeds" in trained.stderr
    assert list((tmp_path / "runs" / "small" / "metrics").rglob("*.parquet"))

    # Without safetensors, which holds the weights that seeds may start from, that is said before all else.
    (site,) = installed.folder.glob("lib/python*/site-packages")
    shutil.rmtree(site / "safetensors")
    refused = installed.seedsweep("run", "small.yaml", "--executor", "inline", "--out", "more", here=tmp_path)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "seedsweep: training needs safetensors: pip install 'seedsweep[train]'\n"
    assert not (tmp_path / "more").exists()
