"""A step is a function of tensors: it traces as one graph, which replayed gives its bits, and compiles to one."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from seedsweep.errors import InputError
from seedsweep.seeds import Seed
from seedsweep.sweep.enginespec import EngineSpec
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.device import reproducible
from seedsweep.workers.engine import EngineRecipe
from seedsweep.workers.step import Batch, Gradient
from seedsweep.workers.trainer import PackTrainer
from tests.golden.make import GOLDEN, HERE

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")  # torch's, of its compiler


def drops(path: Path) -> bool:
    return bool(json.loads(path.read_text())["spec"]["model"].get("dropout", 0))


SEEDS = [Seed(3, 3), Seed(1, 1), Seed(5, 5)]
COMPILED = [path for path in GOLDEN if '"bfloat16"' not in path.read_text() and not drops(path)]


def settings_of(path: Path, **train: Any) -> CellSettings:
    """Of a golden run that starts from drawn weights."""
    sections = json.loads(path.read_text())["spec"]
    sections["train"] |= train
    with contextlib.chdir(HERE):
        spec = EngineSpec.model_validate(sections).resolve()
    return next(iter(spec.recipes.values())).settings.from_scratch()


def batch_of(trainer: PackTrainer) -> Batch:
    """What the trainer's next step reads."""
    return trainer.inputs(trainer.step).batch


def same(one: Gradient, other: tuple[torch.Tensor, torch.Tensor]) -> bool:
    return all(torch.equal(a.view(torch.int32), b.view(torch.int32)) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_the_graph_of_one_step_gives_the_bits_of_every_other(path: Path) -> None:
    settings = settings_of(path)
    with reproducible("cpu", "float32"):
        trainer = PackTrainer(settings, SEEDS, "cpu")
        graph = trainer.gradient.graph(batch_of(trainer))
        for step in (1, 3):
            trainer.train_to(step)
            batch = batch_of(trainer)
            weights = [weight.detach() for weight in trainer.decoder.parameters.values()]
            assert same(trainer.gradient(batch), graph(*batch, *weights))


def test_a_compiled_step_is_compiled_once() -> None:
    settings = settings_of(HERE / "count.json", steps=20, compile=True)
    with reproducible("cpu", "float32"), torch._dynamo.config.patch(error_on_recompile=True):
        trainer = PackTrainer(settings, SEEDS, "cpu")
        for step in (1, 7, 19):
            trainer.train_to(step)
            trainer.evaluate()
        assert len(trainer.gradient._compiled) == 1
        batch, weights = batch_of(trainer), tuple(trainer.decoder.parameters.values())
        compiled, plain = trainer.gradient(batch), trainer.gradient.compute(batch, weights)
    torch.testing.assert_close(compiled, plain, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "path", [path if path.stem == "count" else pytest.param(path, marks=pytest.mark.heavy) for path in COMPILED]
)
def test_compiled_seeds_are_bitwise_the_same_alone_and_packed(path: Path) -> None:
    settings = settings_of(path, compile=True)

    def trained(seeds: list[Seed]) -> dict[Seed, torch.Tensor]:
        trainer = PackTrainer(settings, seeds, "cpu")
        trainer.train_to(settings.train.steps)
        return dict(zip(seeds, trainer.decoder.flat_SP.detach().view(torch.int32), strict=True))

    with reproducible("cpu", "float32"):
        packed = trained(SEEDS)
        for seeds in ([SEEDS[1]], [SEEDS[2], SEEDS[0]]):
            for seed, weights in trained(seeds).items():
                assert torch.equal(weights, packed[seed])


def test_bfloat16_is_compiled_too() -> None:
    settings = settings_of(HERE / "count.json", compile=True, precision="bfloat16")
    with reproducible("cpu", "bfloat16"):
        trainer = PackTrainer(settings, SEEDS, "cpu")
        trainer.train_to(2)
    assert trainer.alive_S.all()


def test_with_dropout_nothing_is_compiled() -> None:
    with pytest.raises(
        ValidationError,
        match=r"train\.compile: not with model\.dropout \(unless train\.unpadded\): .*give one of them up",
    ):
        settings_of(next(filter(drops, GOLDEN)), compile=True)


def test_a_step_that_is_compiled_wrongly_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def miscompiled(graph: Any, **options: Any) -> Any:
        return lambda *inputs: [part * 1.01 for part in graph(*inputs)]

    monkeypatch.setattr(torch, "compile", miscompiled)
    with reproducible("cpu", "float32"):
        trainer = PackTrainer(settings_of(HERE / "count.json", compile=True), SEEDS, "cpu")
        with pytest.raises(RuntimeError, match=r"set train\.compile to false"):
            trainer.train_to(1)


def test_without_a_compiler_the_field_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    recipe = EngineRecipe(settings_of(HERE / "count.json", compile=True))
    with pytest.raises(InputError, match=r"train\.compile: .* install g\+\+, or give false"):
        recipe.check_device("cpu")
