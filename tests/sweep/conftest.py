"""A small sweep, a training that costs nothing, and one local Ray for the whole session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seedsweep.sweep.run import run
from seedsweep.sweep.spec import SweepSpec
from seedsweep.sweep.specfile import read_spec
from tests.sweep.fake import FakeTraining

SPEC = """\
# Count, very small
task: {name: count, vocabulary: 12, train_lengths: [1, 3], test_lengths: [5], context: 24}
model: {dialect: gpt-neox, depth: 1, heads: 2, head_dim: 8}
train: {steps: 6, batch: 4, learning_rate: 1.0e-2}
scale: {field: model.depth, values: [1, 2]}
seeds: 0:4
success: {metric: exact_match, split: length-5, at_least: 0.5}
execution: {device: cpu, pack: 2}
"""


@pytest.fixture
def spec_file(tmp_path: Path) -> Path:
    """The small sweep as a YAML file."""
    path = tmp_path / "small.yaml"
    path.write_text(SPEC)
    return path


@pytest.fixture
def spec(spec_file: Path) -> Callable[..., SweepSpec]:
    """The small sweep with changes: `spec("train.steps=10", seeds="0:8")`."""

    def make(*overrides: str, seeds: str | None = None) -> SweepSpec:
        return read_spec(spec_file, overrides=overrides, seeds=seeds).spec

    return make


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., FakeTraining]:
    """Puts a training in place of the real one: `fake(raise_at_scale=1.0)`; again to change its ways."""
    diary = tmp_path / "diary.txt"

    def use(**ways: Any) -> FakeTraining:
        training = FakeTraining(str(diary), **ways)
        monkeypatch.setattr("seedsweep.sweep.driver.Job", training.job)
        return training

    return use


@pytest.fixture
def out(spec: Callable[..., SweepSpec], fake: Callable[..., FakeTraining], tmp_path: Path) -> Path:
    """A finished small sweep: 4 packs of 4 blocks."""
    fake()
    run(spec(), tmp_path / "out", executor="inline")
    return tmp_path / "out"


@pytest.fixture(scope="session")
def ray_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A local Ray of two CPUs that touches no home folder; its address."""
    import ray  # only for who asks for it: it takes a while

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("RAY_AUTH_MODE", "disabled")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(
            address="local",
            num_cpus=2,
            include_dashboard=False,
            object_store_memory=80_000_000,
            log_to_driver=False,
        )
        yield ray.get_runtime_context().gcs_address
        ray.shutdown()
