"""What cannot be learned in context is not: without two layers that read, without bursts.

Short trainings, in which the same model learns it where it can (`test_pairs.py`).
"""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from seedsweep.cell import Metrics
from seedsweep.seeds import Seed
from seedsweep.workers.device import reproducible
from seedsweep.workers.trainer import PackTrainer
from tests.workers.instruments.conftest import induction_cell

STEPS = 400
INDUCTION = {"classes": 30, "labels": 4, "heldout_classes": 0, "heldout_pairs": 0, "evaluation_examples": 500}


def trained(**given: Any) -> Metrics:
    settings = induction_cell(steps=STEPS, train={"learning_rate": 2e-3}, **given)
    with reproducible("cpu", "float32"):
        trainer = PackTrainer(settings, [Seed(0, 0), Seed(1, 1)], "cpu")
        trainer.train_to(STEPS)
        return trainer.evaluate()


@pytest.mark.parametrize(
    "given",
    [
        {"model": {"depth": 1}},
        {"interventions": [{"do": "clamp", "pattern": "self", "layers": [0]}]},
    ],
    ids=["one layer", "a first layer that reads nothing"],
)
def test_induction_stays_at_the_entropy_of_a_coin(given: dict[str, Any]) -> None:
    """It knows the labels of the context, and not which of them is right."""
    values = trained(task=INDUCTION, **given)
    assert (values["test", "context_mass"] > 0.9).all()
    assert (values["test", "loss"] > math.log(2) - 0.03).all()
    assert values["test", "context_accuracy"] == pytest.approx(0.5, abs=0.1)


def test_one_layer_answers_by_heart_and_never_by_the_context() -> None:
    task = {"name": "coopetition", "classes": 30, "exemplars": 4, "noise": 0.3, "evaluation_examples": 500}
    values = trained(task=task, model={"depth": 1, "positions": "learned"})
    assert (values["ciwl", "accuracy"] > 0.8).all()
    assert (values["flip", "accuracy"] < 0.2).all()
    assert values["icl", "accuracy"] == pytest.approx(0.5, abs=0.1)


@pytest.mark.heavy
def test_without_bursts_nothing_is_learned_of_the_context() -> None:
    task = {
        "name": "bursty",
        "bursty": 0.0,
        "classes": 30,
        "pairs": 4,
        "burst": (2, 2),
        "evaluation_examples": 500,
    }
    values = trained(task=task, model={"positions": "learned"})
    assert values["icl", "context_accuracy"] == pytest.approx(0.5, abs=0.1)


@torch.no_grad()
def test_a_rows_answer_ignores_other_rows_and_seeds() -> None:
    """A row by itself is what it is among others, and a seed's rows what they are beside any other seed."""
    with reproducible("cpu", "float32"):
        trainer = PackTrainer(induction_cell(task=INDUCTION), [Seed(0, 0), Seed(1, 1)], "cpu")
        rows_BT = trainer.task.split_rows("test")[:16, :-1].long()
        decoder = trainer.decoder

        def logits(tokens_BT: torch.Tensor) -> torch.Tensor:
            return decoder.logits(decoder.hidden(tokens_BT.expand(2, -1, -1))[:, :, -1:])[:, :, 0]

        together_SBV = logits(rows_BT)
        other_BT = rows_BT.clone()
        other_BT[1:] = other_BT[1:].flip(0)
        assert torch.equal(logits(other_BT)[:, 0], together_SBV[:, 0])
        torch.testing.assert_close(logits(rows_BT[:1])[:, 0], together_SBV[:, 0])
        decoder.flat_SP[1].mul_(2)
        assert torch.equal(logits(rows_BT)[0], together_SBV[0])
        assert not torch.equal(logits(rows_BT)[1], together_SBV[1])
