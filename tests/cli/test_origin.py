"""Where pages and pictures of a population go, and the command that extends it."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from seedsweep import Population, load, read_table
from seedsweep.cli import main
from seedsweep.cli.origin import directory, extending_command
from tests.sweep.conftest import SPEC
from tests.sweep.s3 import serving

COUNT = Path(__file__).parents[2] / "populations" / "count-depth"


@pytest.fixture(scope="module")
def sweep() -> Population:
    return load(COUNT)


@pytest.fixture
def table(tmp_path: Path) -> Population:
    path = tmp_path / "my.study.csv"
    path.write_text("depth,run,acc\n1,a,0.5\n")
    return read_table(path, scale="depth", seed="run", metric="acc")


def test_where_pages_and_pictures_go(sweep: Population, table: Population) -> None:
    assert directory(sweep) == COUNT
    one, other = (directory(replace(sweep, path=f"s3://{bucket}/count-depth")) for bucket in ("mine", "yours"))
    assert one != other
    assert one.parent == Path(".")
    assert one.name.startswith("count-depth-analysis-")
    assert directory(replace(sweep, path="s3://mine/count-depth/?region=eu-north-1")) == one
    assert directory(table) == Path("my-analysis")


def test_two_sweeps_of_an_object_store_keep_each_its_figures_and_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "small.yaml").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    with serving(monkeypatch) as s3:
        for place, seeds in (("mine/small", "0:2"), ("yours/small", "2:4")):
            line = f"seedsweep run small.yaml --executor inline --seeds {seeds} --out '{s3.url(place)}'"
            monkeypatch.setattr(sys, "argv", shlex.split(line))
            with pytest.raises(SystemExit) as ended:
                main()
            assert not ended.value.code
            told = capsys.readouterr().out
            assert f"s3://{s3.bucket}/{place}/metrics (Parquet)" in told
            page = Path(told.partition("report    ")[2].partition("\n")[0])
            assert s3.url(place).partition("?")[0] in page.read_text()
            assert (page.parent / "figures" / "ladder.png").is_file()
    assert len(list(tmp_path.glob("small-analysis-*/report.html"))) == 2
    assert {path.name for path in tmp_path.iterdir() if "analysis" not in path.name} == {"small.yaml"}


@pytest.mark.parametrize(
    ("recorded", "extending"),
    [
        ("seedsweep run small.yaml", "seedsweep run small.yaml --out /there"),
        (
            ".venv/bin/seedsweep run small.yaml --seeds 0:4 --out=x --set train.steps=20 --set 'model={heads: 2}'",
            "seedsweep run small.yaml --set train.steps=20 --set 'model={heads: 2}' --out /there",
        ),
        ("python sweep_all.py run small.yaml", None),
        ("seedsweep", None),
    ],
)
def test_the_command_that_extends_a_sweep(recorded: str, extending: str | None, sweep: Population) -> None:
    origin = replace(sweep.origin, runs=({"command": "seedsweep run first.yaml"}, {"command": recorded}))
    assert extending_command(replace(sweep, path="/there", origin=origin)) == extending


def test_what_no_command_extends(sweep: Population, table: Population) -> None:
    crossed = replace(sweep.origin, spec={"seeds": {"init": "0:4", "data": "0:4"}})
    assert extending_command(replace(sweep, origin=crossed)) is None
    assert extending_command(replace(sweep, origin=replace(sweep.origin, runs=()))) is None
    assert extending_command(table) is None
