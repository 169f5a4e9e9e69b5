"""Parts of one step in a model of another: with itself a model is what it was, else what its tensors say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import torch

import seedsweep as ss
from seedsweep.errors import InputError
from seedsweep.seeds import Seed
from seedsweep.sweep.run import run
from seedsweep.sweep.spec import SweepSpec
from seedsweep.workers.device import reproducible
from seedsweep.workers.engine import EngineRecipe
from seedsweep.workers.trainer import PackTrainer
from tests.sweep.test_run import rows

MakeSpec = Callable[..., SweepSpec]
KEEP = ("keep_checkpoints=[0, 3, 6]", "train.steps=6")


@pytest.fixture
def parent(spec: MakeSpec, tmp_path: Path) -> Path:
    run(spec(*KEEP), tmp_path / "parent", executor="inline")
    return tmp_path / "parent"


def measured(table: pa.Table) -> dict[tuple[int, str, str], float]:
    return {
        (row["seed"], row["split"], row["metric"]): row["value"]
        for row in table.to_pylist()
        if row["metric"] != "loss"
    }


@pytest.mark.parametrize("parts", [{}, {"layer1": 3}, {"layer2": 3, "output": 3, "embedding": 3}, {"mlp": 3}])
def test_a_model_spliced_with_itself_is_what_it_was(parts: dict[str, int], parent: Path) -> None:
    found = ss.splice(parent, step=3, parts=parts, scale=2)
    table = rows(parent)
    then = table.filter(pc.and_(pc.equal(table["scale"], 2), pc.equal(table["step"], 3)))
    assert measured(found) == measured(then)
    assert set(found["parts"].to_pylist()) == {", ".join(f"{part}@3" for part in parts)}
    assert sorted(set(found["seed"].to_pylist())) == [0, 1, 2, 3]


def test_parts_are_those_of_their_steps(parent: Path, spec: MakeSpec) -> None:
    found = measured(ss.splice(parent, step=6, parts={"layer1": 0, "output": 3}, scale=2, seeds=[2]))
    recipe = spec().recipes[2]
    assert isinstance(recipe, EngineRecipe)
    with reproducible("cpu", "float32"):
        trainer = PackTrainer(recipe.settings, [Seed(2, 2)], "cpu")
        at = {step: ss.load_checkpoint(parent, scale=2, seed=2, step=step) for step in (0, 3, 6)}
        with torch.no_grad():
            for name, tensor in trainer.decoder.parameters.items():
                step = 0 if name.startswith("layer0.") else 3 if name.startswith(("unembed", "final_norm")) else 6
                tensor[0].copy_(at[step][name])
        values = trainer.evaluate()
    assert found == {(2, split, metric): value_S[0] for (split, metric), value_S in values.items()}
    assert found != measured(ss.splice(parent, step=6, parts={}, scale=2, seeds=[2]))


def test_nothing_is_written_and_streams_are_read(spec: MakeSpec, tmp_path: Path) -> None:
    from seedsweep.sweep.store import Store

    out = tmp_path / "out"
    run(spec(*KEEP, "streams=[]", "scale.values=[1]", seeds="{init: 0:2, data: 1:3}"), out, executor="inline")
    before = [(entry.name, entry.modified_ns) for entry in Store(out).files.listing()]
    found = ss.splice(out, step=6, parts={"layer1": 0}, seeds=[(0, 1), Seed(1, 2).id])
    assert sorted(set(zip(found["init_seed"].to_pylist(), found["data_seed"].to_pylist(), strict=True))) == [
        (0, 1), (1, 2),
    ]  # fmt: skip
    assert [(entry.name, entry.modified_ns) for entry in Store(out).files.listing()] == before


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"step": 3, "parts": {"layer1": 4}, "scale": 2}, r"step=4: is not kept in .*; kept are 0, 3, 6"),
        (
            {"step": 3, "parts": {"layer2": 0}, "scale": 1},
            r"parts: 'layer2' is no part .*'layer1'.* it has embedding",
        ),
        (
            {"step": 3, "parts": {"layer1": 0, "mlp": 6}, "scale": 1},
            r"parts: layer0\.mlp_in.* is of layer1 and of mlp",
        ),
        ({"step": 3, "parts": {}, "scale": 2, "seeds": [9]}, r"seeds=9: not all of 3 are kept of it"),
        ({"step": 3, "parts": {}}, r"scale: is missing: .* has model\.depth = 1, 2"),
    ],
)
def test_what_cannot_be_spliced(asked: dict[str, Any], message: str, parent: Path) -> None:
    with pytest.raises(InputError, match=message) as told:
        ss.splice(parent, **asked)
    assert "\n" not in str(told.value)
