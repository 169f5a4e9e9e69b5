"""What a plan tries: the scales that nothing is known of, and compiled steps where a run is long."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seedsweep.cell import Pace
from seedsweep.sweep.estimate import estimate
from seedsweep.sweep.spec import SweepSpec
from seedsweep.workers.engine import EngineRecipe

MakeSpec = Callable[..., SweepSpec]


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, bool]]:
    """Depth and whether compiled, of every trial: a step takes 100 s for every layer, compiled half of that."""
    trials: list[tuple[int, bool]] = []

    def pace(self: EngineRecipe, device: str, pack: int) -> Pace:
        depth, compiled = self.settings.model.depth, self.settings.train.compile
        trials.append((depth, compiled))
        return Pace(setup=8.0 if compiled else 0.0, step=100.0 * depth * (0.5 if compiled else 1), evaluation=0.0)

    monkeypatch.setattr(EngineRecipe, "pace", pace)
    monkeypatch.setattr("seedsweep.workers.engine.check_compiler", lambda: None)
    return trials


def test_compiled_steps_are_tried_at_the_slowest_scale(
    spec: MakeSpec, tried: list[tuple[int, bool]], tmp_path: Path
) -> None:
    told: list[float] = []
    found = estimate(spec(), tmp_path / "out", on_compiling=told.append)
    assert tried == [(1, False), (2, False), (2, True)]
    assert told == [2.0]
    assert found.compiled is not None
    assert found.compiled.seconds_per_seed == 8 / 2 + 6 * 100
    assert found.compiled.share == found.compiled.seconds_per_seed / (6 * 200)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("train.compile=true", "they are compiled"),
        ("model={dialect: post-ln, depth: 1, heads: 2, head_dim: 8, dropout: 0.1}", "not with dropout"),
    ],
)
def test_they_are_not_tried_where_they_cannot_be(
    change: str, why: str, spec: MakeSpec, tried: list[tuple[int, bool]], tmp_path: Path
) -> None:
    assert estimate(spec(change), tmp_path / "out").compiled is None, why


def test_nor_for_a_short_run(
    spec: MakeSpec, tried: list[tuple[int, bool]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EngineRecipe, "pace", lambda self, device, pack: Pace(0.0, 0.1, 0.0))
    assert estimate(spec(), tmp_path / "out").compiled is None


def test_nor_without_a_compiler(
    spec: MakeSpec, tried: list[tuple[int, bool]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: Any) -> None:
        from seedsweep.errors import InputError

        raise InputError("train.compile: no C++ compiler is found")

    monkeypatch.setattr("seedsweep.workers.engine.check_compiler", none)
    assert estimate(spec(), tmp_path / "out").compiled is None
