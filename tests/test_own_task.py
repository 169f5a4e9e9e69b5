"""The example of an own task, installed as a plugin and run from the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from seedsweep.cli import main

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "copy"
QUICK = ["--seeds", "0:2", "--set", "train.steps=3", "--set", "train.warmup=0", "--executor", "inline", "--json"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the example; no index is asked."""
    folder = tmp_path_factory.mktemp("site")
    options = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, "--target", folder, EXAMPLE], check=True)
    return folder


def test_an_installed_task_runs_like_a_built_in_one(installed: Path, tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([os.environ["PYTHONPATH"], str(installed)])}
    command: list[str | Path] = [sys.executable, "-m", "seedsweep", "run", EXAMPLE / "copy.yaml", *QUICK]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert told["run"]["trained"] == 4
    assert told["summary"]["split"] == "length-12"


def status_of(words: list[str], monkeypatch: pytest.MonkeyPatch) -> object:
    """Of a command that is run in this process."""
    monkeypatch.setattr(sys, "argv", ["seedsweep", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_its_seeds_are_verified_like_those_of_a_built_in_one(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(installed))
    assert status_of(["verify", str(EXAMPLE / "copy.yaml"), "--seeds", "0:2", "--steps", "20"], monkeypatch) == 0


def test_without_the_plugin_the_task_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert status_of(["run", str(EXAMPLE / "copy.yaml"), *QUICK], monkeypatch) == 2
    assert "unknown task 'copy'" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_its_rows_are_copies(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(installed))
    from seedsweep_copy import Copy, CopySettings

    settings = CopySettings(name="copy", symbols=5, train_lengths=(1, 4), test_lengths=(6,), context=32)
    rows = Copy(settings, torch.device("cpu")).rows(torch.arange(3), torch.arange(4), 2)
    seen = 0
    for tokens, mask in zip(rows.tokens_NSBT.flatten(0, 2), rows.mask_NSBT.flatten(0, 2), strict=True):
        text = "".join("01234$>."[token] for token in tokens.tolist())
        for example in text.split("$")[1:-1]:  # the last one may be cut
            given, _, answer = example.removesuffix(".").partition(">")
            assert example.endswith(".")
            assert given == answer
            seen += 1
        whole = text.rindex("$") if not text.endswith(".") else len(text)
        assert int(mask.sum()) == sum(len(e) - e.index(">") - 1 for e in text[:whole].split("$")[1:])
    assert seen > 20
