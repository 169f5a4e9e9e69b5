"""What is measured of rows of pairs: recomputed row by row, in plain torch and by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.dialects.attention_only import AttentionOnlySettings
from seedsweep.workers.tasks import find_task, pairs
from seedsweep.workers.tasks.bursty import BurstySettings
from seedsweep.workers.tasks.coopetition import CoopetitionSettings
from seedsweep.workers.tasks.induction import InductionSettings
from seedsweep.workers.tasks.pairs import PairSettings, PairTask

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
    of_task, stacked = made(task), decoder(task, 2)
    with torch.no_grad():
        found = of_task.evaluate(stacked)
    assert {split for split, _ in found} == set(task.split_names())
    assert {metric for _, metric in found} == {metric.name for metric in task.metrics()}
    for split in task.split_names():
        rows_WT = of_task.split_rows(split)
        for seed in range(2):
            expected = [_measured(stacked, seed, row_T, task) for row_T in rows_WT]
            means = {name: float(np.mean([one[name] for one in expected])) for name in expected[0]}
            if task.name == "coopetition":
                in_context = means.pop("context_accuracy")
                means["accuracy"] = means["accuracy"] if split == "iwl" else in_context
            assert {name: found[split, name][seed] for name in means} == pytest.approx(means, abs=1e-6)


@torch.no_grad()
def _measured(stacked: StackedDecoder, seed: int, row_T: Tensor, task: PairSettings) -> dict[str, float]:
    tokens_SBT = row_T[None, None, :-1].expand(2, 1, -1)
    logits_L = stacked.logits(stacked.hidden(tokens_SBT)[:, :, -1:])[seed, 0, 0].double()
    assert len(logits_L) == task.label_count
    labels = (row_T[1::2] - (task.vocabulary_size() - task.label_count)).tolist()
    context, answer = labels[:-1], labels[-1]
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
