"""A sweep whose seeds start from a base: trained once, kept with the sweep, the same bytes for all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from seedsweep.errors import InputError
from seedsweep.sweep.events import Event
from seedsweep.sweep.run import run
from seedsweep.sweep.spec import SweepSpec
from seedsweep.sweep.specfile import read_spec
from seedsweep.sweep.verify import verify
from seedsweep.workers import base
from seedsweep.workers.engine import EngineRecipe
from seedsweep.workers.tasks import mmlu_world
from tests.sweep.test_run import rows, snapshot

SPEC = """\
# MMLU, very small
task: {name: mmlu-facts, entities: 12, values: 5}
model: {dialect: qwen2, depth: 1, heads: 2, kv_heads: 1, d_model: 16, feed_forward: 20}
base: {seed: 1, task: {mix: 0.5}, train: {steps: 6, batch: 4, learning_rate: 1.0e-2}}
train: {steps: 6, batch: 4, learning_rate: 1.0e-2}
evaluate: {every: 3}
scale: {field: task.mix, values: [0.25, 0.5]}
seeds: 0:3
success: {metric: accuracy, split: test, at_least: 0.1}
execution: {device: cpu, pack: 2}
"""


@pytest.fixture(autouse=True)
def small_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setattr(mmlu_world, "POOL", 50)
    monkeypatch.setattr(mmlu_world, "HELDOUT_ROWS", 5)
    monkeypatch.setenv("SEEDSWEEP_CACHE", str(tmp_path / "cache"))
    mmlu_world._drawn_by_counter.cache_clear()
    yield
    mmlu_world._drawn_by_counter.cache_clear()


def spec(tmp_path: Path, *overrides: str, seeds: str | None = None) -> SweepSpec:
    path = tmp_path / "mmlu.yaml"
    path.write_text(SPEC)
    return read_spec(path, overrides=overrides, seeds=seeds).spec


def test_a_sweep_keeps_its_base_and_goes_on_from_it(tmp_path: Path) -> None:
    events: list[Event] = []
    result = run(spec(tmp_path), tmp_path / "out", executor="inline", on_progress=events.append)
    assert (result.trained, result.failed) == (6, 0)
    told = [event.message for event in events if event.kind == "base"]
    assert told[0] == "training the base model: step 1 of 6"
    base = (tmp_path / "out/base/model.safetensors").read_bytes()
    assert base == next((tmp_path / "cache").glob("bases/*/model.safetensors")).read_bytes()

    # Another machine, where no cache has it: the sweep's own is used, whatever would be trained there.
    shutil.rmtree(tmp_path / "cache")
    before = snapshot(tmp_path / "out")
    again = run(spec(tmp_path, seeds="0:4"), tmp_path / "out", executor="inline", on_progress=events.append)
    assert (again.present, again.trained) == (6, 2)
    assert len([event for event in events if event.kind == "base"]) == len(told)
    assert (tmp_path / "out/base/model.safetensors").read_bytes() == base
    assert before.items() <= snapshot(tmp_path / "out").items()

    run(spec(tmp_path, seeds="0:4"), tmp_path / "other", executor="inline")
    assert rows(tmp_path / "other").equals(rows(tmp_path / "out"))


def test_blocks_say_what_their_seeds_started_from(tmp_path: Path) -> None:
    from seedsweep.sweep.store import Store

    run(spec(tmp_path), tmp_path / "out", executor="inline")
    store = Store(tmp_path / "out")
    record = store.existing_record()
    blocks = [block.info.provenance for pack in store.packs(record) for block in pack.blocks]
    assert len({block["base"] for block in blocks}) == 1
    by_seed: dict[str, set[str]] = {}
    for block in blocks:
        for seed, digest in block["redrawn"].items():
            by_seed.setdefault(seed, set()).add(digest)
    assert sorted(by_seed) == ["0", "1", "2"]
    assert all(len(digests) == 1 for digests in by_seed.values())  # the same at every mix
    assert len(set.union(*by_seed.values())) == 3


def test_another_base_is_another_sweep(tmp_path: Path) -> None:
    run(spec(tmp_path), tmp_path / "out", executor="inline")
    for change in ("base.seed=2", "base.train.steps=7", "base.task={mix: 0.4}"):
        with pytest.raises(InputError, match="other settings: base"):
            run(spec(tmp_path, change), tmp_path / "out", executor="inline")


def test_a_compiled_base_is_kept_under_the_version_of_what_compiles_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = []
    for value in ("false", "true"):
        recipe = next(iter(spec(tmp_path, f"base.train.compile={value}").recipes.values()))
        assert isinstance(recipe, EngineRecipe)
        cells.append(recipe.settings)
    plain, compiled = (base.cached(settings) for settings in cells)
    monkeypatch.setattr("seedsweep.workers.base.COMPILED", 1000)
    assert base.cached(cells[0]) == plain
    assert base.cached(cells[1]) != compiled


def test_an_interrupted_base_leaves_a_sweep_that_goes_on(tmp_path: Path) -> None:
    import os
    import signal

    def interrupt(event: Event) -> None:
        if event.kind == "base":
            os.kill(os.getpid(), signal.SIGINT)

    stopped = run(spec(tmp_path), tmp_path / "out", executor="inline", on_progress=interrupt)
    assert stopped.interrupted
    assert stopped.trained == 0
    assert not (tmp_path / "out/base").exists()
    assert run(spec(tmp_path), tmp_path / "out", executor="inline").trained == 6


def test_seeds_from_a_base_are_the_same_alone_and_packed(tmp_path: Path) -> None:
    assert verify(spec(tmp_path), 2, 4).kept


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("base.task={}", r"base.task={}: give mix, the swept field"),
        ("base.task={mix: 2}", r"base.task.mix: 2 is out of range; give at most 1"),
        ("base.task={mix: 0.5, mxi: 1}", r"base.task.mxi: unknown key \(did you mean 'mix'"),
        ("base.train.steps=0", r"base.train.steps=0: 0 is out of range; give at least 1"),
        ("base.seed=-1", r"base.seed=-1: -1 is out of range; give at least 0"),
        ("scale={field: model.depth, values: [1, 2]}", r"all scales start from one model"),
        ("model={dialect: gpt-neox, depth: 1, heads: 2, head_dim: 8}", r"only a model of the dialect qwen2"),
        ("model.vocabulary=20", r"model.vocabulary: 20 rows cannot embed the task's 30 tokens"),
    ],
)
def test_a_base_that_cannot_be_is_refused(tmp_path: Path, change: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        run(
            spec(tmp_path, change, "task.mix=0.5") if "scale" in change else spec(tmp_path, change),
            tmp_path / "out",
        )
    assert not (tmp_path / "out").exists()
