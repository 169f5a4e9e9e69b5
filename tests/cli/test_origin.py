"""Where pages and pictures of a population go, and the command that extends it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from seedsweep import Population, load, read_table
from seedsweep.cli.origin import directory, extending_command

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
    assert directory(replace(sweep, path="s3://bucket/sweep")) == Path(".")
    assert directory(table) == Path("my-analysis")


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
