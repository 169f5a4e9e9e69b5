"""What is measured of rows of pairs: recomputed row by row, in plain torch and by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from seedsweep.cell import Metrics
from seedsweep.seeds import Seed
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.device import reproducible
from seedsweep.workers.dialects.attention_only import AttentionOnlySettings
from seedsweep.workers.settings import EvaluateSettings, TrainSettings
from seedsweep.workers.tasks import find_task, pairs
from seedsweep.workers.tasks.bursty import BurstySettings
from seedsweep.workers.tasks.coopetition import CoopetitionSettings
from seedsweep.workers.tasks.induction import InductionSettings
from seedsweep.workers.tasks.pairs import PairSettings, PairTask
from seedsweep.workers.trainer import PackTrainer

CPU = torch.device("cpu")
TASKS = [
    InductionSettings(name="induction", classes=9, labels=5, heldout_classes=4, evaluation_examples=31),
    InductionSettings(name="induction", classes=9, labels=5, vectors="one-hot", evaluation_examples=31),
    CoopetitionSettings(name="coopetition", classes=12, exemplars=3, noise=1, evaluation_examples=31),
    BurstySettings(name="bursty", classes=12, bursty=0.5, zipf=1, heldout_classes=4, evaluation_examples=31),
    BurstySettings(name="bursty", classes=12, bursty=0.5, labels=4, heldout_classes=4, evaluation_examples=31),
]
each_task = pytest.mark.parametrize("task", TASKS, ids=lambda task: f"{task.name}-{task.vectors}-{task.predicted}")


def made(task: PairSettings) -> PairTask:
    found = find_task(task.name)(task, CPU)
    assert isinstance(found, PairTask)
    return found


def decoder(task: PairSettings, seeds: int) -> StackedDecoder:
    model = AttentionOnlySettings(dialect="attention-only", depth=2, heads=2, d_model=16, positions="learned")
    stacked = StackedDecoder(
        model.for_rows(task.longest_row()),
        task.vocabulary_size(),
        seeds,
        CPU,
        features=made(task).feature_table() if task.features is not None else None,
        predicted=task.predicted,
    )
    with torch.no_grad():
        stacked.initialise(range(seeds))
        stacked.parameters["unembed_DV"].mul_(3)  # so that labels differ
    return stacked


@each_task
def test_metrics_are_those_of_every_row_by_itself(task: PairSettings) -> None:
    task = task.model_copy(update={"evaluation_examples": 11})
    of_task, stacked = made(task), decoder(task, 2)
    with torch.no_grad():
        found = of_task.evaluate(stacked)
    assert {split for split, _ in found} == set(task.split_names())
    assert {metric for _, metric in found} == {metric.name for metric in task.metrics()}
    for split in task.split_names():
        of_rows = [_measured(stacked, row_T, task) for row_T in of_task.split_rows(split)]
        for seed in range(2):
            means = {name: float(np.mean([one[seed][name] for one in of_rows])) for name in of_rows[0][0]}
            if task.name == "coopetition":
                in_context = means.pop("context_accuracy")
                means["accuracy"] = means["accuracy"] if split == "iwl" else in_context
            assert {name: found[split, name][seed] for name in means} == pytest.approx(means, abs=1e-6)


@torch.no_grad()
def _measured(stacked: StackedDecoder, row_T: Tensor, task: PairSettings) -> list[dict[str, float]]:
    """Of every seed."""
    tokens_SBT = row_T[None, None, :-1].expand(2, 1, -1)
    logits_SL = stacked.logits(stacked.hidden(tokens_SBT)[:, :, -1:])[:, 0, 0].double()
    labels = (row_T[1::2] - (task.vocabulary_size() - task.label_count)).tolist()
    return [_measures(logits_L, labels[:-1], labels[-1]) for logits_L in logits_SL]


def _measures(logits_L: Tensor, context: list[int], answer: int) -> dict[str, float]:
    nll = F.cross_entropy(logits_L[None], torch.tensor([answer])).item()
    p = logits_L.softmax(0)
    return {
        "loss": nll,
        "probability": math.exp(-nll),
        "accuracy": float(logits_L.argmax() == answer),
        "context_accuracy": float(max(context, key=lambda label: logits_L[label].item()) == answer),
        "context_mass": sum(p[label].item() for label in set(context)),
    }


@each_task
def test_seeds_are_measured_alike_alone_and_packed(task: PairSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "TOKENS_AT_ONCE", 100)  # several passes, and one that is smaller
    assert task.evaluation_examples % task.rows_at_once
    of_task, packed = made(task), decoder(task, 3)
    alone = decoder(task, 1)
    with torch.no_grad():
        values = of_task.evaluate(packed)
        for seed in range(3):
            alone.flat_SP.copy_(packed.flat_SP[seed : seed + 1])
            for key, value_S in of_task.evaluate(alone).items():
                assert value_S[0] == values[key][seed], key


@each_task
def test_the_answer_changes_no_logit(task: PairSettings) -> None:
    """Nor does any answer change what the next row is asked."""
    of_task, stacked = made(task), decoder(task, 1)
    rows_WT = of_task.split_rows("test").clone()
    with torch.no_grad():
        before = stacked.logits(stacked.hidden(rows_WT[None])[:, :, -2:-1])
        rows_WT[:, -1] = task.exemplar_tokens + (rows_WT[:, -1] - task.exemplar_tokens + 1) % task.label_count
        after = stacked.logits(stacked.hidden(rows_WT[None])[:, :, -2:-1])
    assert torch.equal(before, after)


def test_thousands_of_labels_bound_the_rows_that_are_scored_at_once() -> None:
    def rows(classes: int) -> int:
        given: dict[str, Any] = {"name": "coopetition", "classes": classes, "exemplars": 20, "noise": 1}
        return CoopetitionSettings(**given, evaluation_examples=5000).rows_at_once

    assert rows(12) == 8192 // 6
    assert rows(12_800) == 2**20 // 12_800


def cell(task: PairSettings, steps: int, **model: Any) -> CellSettings:
    shape = {"dialect": "attention-only", "depth": 2, "heads": 4, "d_model": 32, "positions": "rotary"}
    return CellSettings(
        task=task,
        model=AttentionOnlySettings.model_validate(shape | model),
        train=TrainSettings(
            steps=steps, batch=32, learning_rate=2e-3, schedule="constant", weight_decay=0, clip=None
        ),
        evaluate=EvaluateSettings(every=steps),
    )


def trained(settings: CellSettings, seeds: int) -> Metrics:
    with reproducible("cpu", "float32"):
        trainer = PackTrainer(settings, [Seed(seed, seed) for seed in range(seeds)], "cpu")
        trainer.train_to(settings.train.steps)
        return trainer.evaluate()


@pytest.mark.parametrize("task", [TASKS[0], TASKS[2], TASKS[3]], ids=lambda task: task.name)
def test_models_begin_at_chance(task: PairSettings) -> None:
    """Logits of unit variance: a loss of ln L + ½, a little less for few labels; and either label of the context
    is as likely the larger."""
    task = task.model_copy(update={"evaluation_examples": 100})
    with reproducible("cpu", "float32"):
        trainer = PackTrainer(cell(task, 1, d_model=64), [Seed(seed, seed) for seed in range(20)], "cpu")
        values = trainer.evaluate()
    assert 0.15 < values["test", "loss"].mean() - math.log(task.label_count) < 0.65
    in_context = "accuracy" if task.name == "coopetition" else "context_accuracy"
    bursty = {"test", "iwl-common"} if task.name == "bursty" else set()  # there the context has more labels
    for split in set(task.split_names()) - {"iwl"} - bursty:
        assert values[split, in_context].mean() == pytest.approx(0.5, abs=0.08)


def test_a_small_induction_task_is_learned() -> None:
    task = InductionSettings(
        name="induction", classes=30, labels=4, heldout_classes=20, heldout_pairs=0, evaluation_examples=200
    )
    values = trained(cell(task, 400), 2)
    assert (values["test", "accuracy"] > 0.95).all()
    assert (values["exemplars", "context_accuracy"] > 0.8).all()  # classes that training does not show
    assert (values["test", "context_mass"] > 0.97).all()


def test_random_targets_stay_at_the_entropy_of_a_coin() -> None:
    """Whatever a model could read of the answer would show as a loss under ln 2."""
    task = InductionSettings(
        name="induction", classes=30, labels=4, targets="random", heldout_pairs=0, evaluation_examples=1000
    )
    values = trained(cell(task, 400), 2)
    assert (values["test", "context_mass"] > 0.9).all()  # as much as there is to know
    assert (values["test", "loss"] > math.log(2) - 0.01).all()
    assert values["test", "context_accuracy"] == pytest.approx(0.5, abs=0.06)


def test_random_targets_of_all_labels_tell_nothing_of_the_context() -> None:
    task = CoopetitionSettings(
        name="coopetition", classes=8, exemplars=4, noise=1, targets="random", evaluation_examples=1000
    )
    values = trained(cell(task, 300), 2)
    assert (values["test", "loss"] > math.log(8) - 0.01).all()
    assert (values["test", "loss"] < math.log(8) + 0.15).all()


def test_data_with_labels_of_the_row_alone_teach_none_by_heart() -> None:
    """The one strategy is learned, and the evaluations of the others stay at chance."""
    given: dict[str, Any] = {"name": "coopetition", "classes": 30, "exemplars": 4, "noise": 0.3}
    of_row = CoopetitionSettings(**given, data="icl-only", matched=1, evaluation_examples=500)
    values = trained(cell(of_row, 700), 2)
    assert (values["icl", "accuracy"] > 0.8).all()
    assert (values["flip", "accuracy"] > 0.8).all()
    assert values["ciwl", "accuracy"] == pytest.approx(0.5, abs=0.1)
    assert (values["iwl", "accuracy"] < 0.15).all()
    by_heart = CoopetitionSettings(**given, data="ciwl-only", evaluation_examples=500)
    values = trained(cell(by_heart, 700), 2)
    assert (values["ciwl", "accuracy"] > 0.8).all()
    assert (values["flip", "accuracy"] < 0.2).all()
    assert values["icl", "accuracy"] == pytest.approx(0.5, abs=0.1)
