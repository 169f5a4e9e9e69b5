"""Specs of programs: what identifies them, and the one line for what is wrong in one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seedsweep.errors import InputError
from seedsweep.sweep.programspec import ProgramSpec
from seedsweep.sweep.run import run
from seedsweep.sweep.spec import SweepSpec
from seedsweep.sweep.specfile import read_spec

SPEC = """\
# Mine
program:
  command: sh train.sh {width} {lr} {seed} {dir}
  parameters: {width: 64, lr: 0.001, name: mlp, flags: [a, b], deep: true}
  metrics: metrics.jsonl
scale: {field: program.width, values: [16, 32]}
seeds: 0:4
success: {metric: accuracy, split: test, at_least: 0.5}
execution: {cpus: 1}
""".replace("{lr} ", "{lr} {name} {flags} {deep} ")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.yaml").write_text(SPEC)
    (tmp_path / "train.sh").touch()
    return tmp_path


def program(*overrides: str) -> ProgramSpec:
    spec = read_spec("x.yaml", overrides=overrides).spec
    assert isinstance(spec, ProgramSpec)
    return spec


def test_the_keys_decide_which_kind_of_spec_it_is(here: Path) -> None:
    spec = program()
    assert SweepSpec.model_validate(spec.model_dump(mode="json")) == spec
    assert spec.execution.share("cpu").cpus == 1
    assert [recipe.settings.parameters["width"] for recipe in spec.recipes.values()] == [16, 32]
    assert [recipe.task for recipe in spec.resolve().recipes.values()] == ["train"] * 2


def test_identity_is_all_that_changes_numbers_and_nothing_else(here: Path) -> None:
    base = program()
    assert base.identity()["program.parameters.lr"] == 0.001
    assert "program.parameters.width" not in base.identity()
    for same in (
        "seeds=7:9",
        "scale.values=[5]",
        "success.at_least=0.1",
        "execution={cpus: 4, gpus: 0.5, workers: 3}",
        "program.pinned=true",
        "program.directory=/",
    ):
        assert program(same).fingerprint() == base.fingerprint(), same
    for other in (
        "program.parameters.lr=0.002",
        "program.parameters.name=cnn",
        "program.parameters.flags=[a]",
        "program.parameters.deep=false",
        "program.metrics=other.csv",
        "program.steps=9",
        "program.shell=true",
        "program.command=sh train.sh {width} {lr} {name} {flags} {deep} {seed}",
    ):
        assert program(other).fingerprint() != base.fingerprint(), other


def test_the_swept_parameter_need_not_be_given(here: Path) -> None:
    without = SPEC.replace("width: 64, ", "")
    base = program()
    Path("x.yaml").write_text(without)
    assert program().fingerprint() == base.fingerprint()
    assert program() == base


def test_the_directory_is_counted_from_the_file(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "sub").mkdir()
    (here / "sub/x.yaml").write_text(SPEC.replace("metrics:", "directory: ..\n  metrics:"))
    monkeypatch.chdir("/")
    spec = read_spec(here / "sub/x.yaml").spec.resolve()
    assert isinstance(spec, ProgramSpec)
    assert spec.program.directory == str(here)
    command = "'{python}' train.py {width} {lr} {name} {flags} {deep}"
    elsewhere = read_spec(here / "x.yaml", overrides=[f"program.command={json.dumps(command)}"]).spec
    with pytest.raises(InputError, match=r"program.command: train.py: no such file in /; run seedsweep there"):
        elsewhere.resolve()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seeds:", "model: {depth: 1}\nseeds:", "x.yaml: model: a program takes its place; leave out mo"),
        ("{lr} ", "", "x.yaml: program.parameters.lr: is never used; write {lr} in the command"),
        ("{width} ", "", "x.yaml: program.parameters.width: is never used"),
        ("{lr} ", "{rl} ", "x.yaml: program.command: {rl} is no parameter (did you mean 'lr'?); give"),
        ("lr: 0.001", "lr: null", "x.yaml: program.parameters: lr is None, not a finite number, a text"),
        ("lr: 0.001", "lr: .nan", "x.yaml: program.parameters: lr is nan, not a finite number"),
        ("lr: 0.001", "lr: 0.001, seed: 3", "x.yaml: program.parameters: 'seed' is what every cell has"),
        ("lr: 0.001", "lr: 0.001, 2x: 3", "x.yaml: program.parameters: '2x' cannot be the name"),
        ("  command: ", "  comand: ", "x.yaml: program.comand: unknown key (did you mean 'command'?)"),
        ("  metrics: metrics.jsonl\n", "", "x.yaml: program.metrics: is missing"),
        ("metrics.jsonl", "/tmp/x.csv", "x.yaml: program.metrics.file: '/tmp/x.csv' is not a file below {dir}"),
        ("metrics.jsonl", "{fil: a}", "x.yaml: program.metrics.fil: unknown key (did you mean 'file'?)"),
        ("program.width", "program.widht", "x.yaml: program.parameters.widht: is never used"),
        ("program.width", "model.width", "'model.width' is not a parameter of the program (did you mean 'prog"),
        ("program.width", "program.name", "x.yaml: scale.field: the parameter name is 'mlp', which is"),
        ("program.width", "program.deep", "x.yaml: scale.field: the parameter deep is True, which is"),
        ("cpus: 1", "cpus: 0", "x.yaml: execution.cpus: 0 is out of range; give at least 1"),
        ("cpus: 1", "gpus: 1.5", "x.yaml: execution.gpus: 1.5 is neither a part of one GPU nor a whole"),
        ("cpus: 1", "device: cpu", "x.yaml: execution.device: unknown key"),
        ("seeds: 0:4", "seeds: {init: 0:2, data: 0:2}", "x.yaml: program.command: the seeds are crossed: write"),
        ("sh train.sh", "sh 'train.sh", "x.yaml: program.command: no closing quotation"),
        ("values: [16, 32]", "values: []", "x.yaml: scale.values: give a list of at least one number"),
        (", at_least: 0.5", "", "x.yaml: success: give either at_least or, of a metric of which lower is better"),
        ("at_least: 0.5", "at_least: 0.5, at_most: 1", "x.yaml: success: give either at_least or"),
        ("success:", "succes:", "x.yaml: succes: unknown key (did you mean 'success'?)"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_file_is_named_in_one_line(here: Path, old: str, new: str, message: str) -> None:
    assert old in SPEC
    Path("x.yaml").write_text(SPEC.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        read_spec("x.yaml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("program.parameters.width=3", "has no effect, program.parameters.width is the swept field; set"),
        ("program.parameters.lt=3", "--set program.parameters.lt=3: is never used"),
        ("program=train.py", "--set program=train.py: 'train.py' is not a section with keys of its own"),
        ("task.name=count", "task: a program takes its place"),
    ],
)  # fmt: skip
def test_a_mistake_in_an_option_names_the_option(here: Path, change: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_spec("x.yaml", overrides=[change])
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"program.command": "nope {width} {lr} {name} {flags} {deep}"}, "nope: no such program$"),
        ({"program.command": "./nope {width} {lr} {name} {flags} {deep}"}, "command: ./nope: no such file"),
        (
            {"program.command": "./train.sh {width} {lr} {name} {flags} {deep}"},
            "program.command: ./train.sh: may not be executed; chmod .x it, or name its interpreter",
        ),
        (
            {"program.command": "'{python}' trian.py {width} {lr} {name} {flags} {deep}"},
            "program.command: trian.py: no such file in .*; run seedsweep there, or give program.directory",
        ),
        ({"program.directory": "/nowhere"}, "program.directory: /nowhere: no such directory"),
    ],
)  # fmt: skip
def test_a_program_that_is_not_there_is_refused_before_anything_is_made(
    here: Path, changes: dict[str, Any], message: str
) -> None:
    spec = program(*(f"{key}={json.dumps(value)}" for key, value in changes.items()))
    with pytest.raises(InputError, match=message):
        run(spec, here / "out", executor="inline")
    assert not (here / "out").exists()
