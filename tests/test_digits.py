"""The preset of training code: it runs from anywhere, and learns as torch says it should."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from seedsweep.sweep.programverify import verify_program
from seedsweep.sweep.run import run
from seedsweep.sweep.specfile import read_spec
from tests.sweep.test_run import rows

ROOT = Path(__file__).parent.parent
QUICK = ["program.parameters.steps=20", "program.parameters.batch=16"]


@pytest.fixture(scope="module")
def digits() -> dict[str, Any]:
    """The module's names."""
    return runpy.run_path(str(ROOT / "presets/program/digits.py"))


def test_it_runs_from_any_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    spec = read_spec("program/digits", overrides=[*QUICK, "scale.values=[6,12]"], seeds="0:3").spec
    result = run(spec, "out", executor="inline")
    assert (result.trained, result.failed) == (6, 0)
    table = rows(tmp_path / "out").to_pylist()
    assert {row["metric"] for row in table} == {"accuracy", "loss", "signal"}
    assert {row["examples_seen"] for row in table} == {16 * step for step in range(21)}
    found = verify_program(spec, 2)
    assert [(scale.differing, scale.together) for scale in found.scales] == [(0, 2), (0, 2)]


def test_the_pictures_are_scikit_learns(digits: dict[str, Any]) -> None:
    train_x, train_y, test_x, test_y = digits["digits"]()
    assert (len(train_x), len(test_x)) == (1437, 360)
    pixels, labels = load_digits(return_X_y=True)
    known = sorted((*row, label) for row, label in zip(pixels, labels, strict=True))
    here = np.concatenate([np.c_[16 * train_x, train_y], np.c_[16 * test_x, test_y]])
    assert sorted(map(tuple, here.tolist())) == known


def test_it_trains_as_torch_does(digits: dict[str, Any]) -> None:
    told: list[dict[str, Any]] = []
    report: Callable[..., None] = lambda step, **values: told.append(values)  # noqa: E731
    digits["train"](8, 3, 0.01, 20, 16, np.array([7, 1]), np.array([3, 1]), report)

    train_x, train_y, test_x, test_y = (torch.tensor(array) for array in digits["digits"]())
    sizes = [64, 8, 8, 8, 10]
    layers: list[torch.nn.Module] = []
    for number, (inputs, outputs) in enumerate(pairwise(sizes)):
        weights, _ = digits["layer"]([7], number, inputs, outputs)
        linear = torch.nn.Linear(inputs, outputs)
        linear.weight.data = torch.tensor(weights[0].T)
        torch.nn.init.zeros_(linear.bias)
        layers += [linear, torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    adam = torch.optim.Adam(model.parameters(), lr=0.01)
    order = np.random.default_rng([3, 1])
    for step in range(21):
        with torch.no_grad():
            scores = model(test_x)
        loss = torch.nn.functional.cross_entropy(scores, test_y)
        assert told[step]["loss"][0] == pytest.approx(loss.item(), rel=1e-4)
        assert told[step]["accuracy"][0] == pytest.approx(
            (scores.argmax(1) == test_y).double().mean().item(), abs=0.006
        )
        chosen = order.integers(len(train_x), size=16)
        adam.zero_grad()
        torch.nn.functional.cross_entropy(model(train_x[chosen]), train_y[chosen]).backward()
        adam.step()
    assert told[-1]["loss"][0] < told[0]["loss"][0]
