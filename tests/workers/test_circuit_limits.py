"""What cannot be learned in context is not: without two layers that read, without bursts.

Short trainings, in which the same model learns it where it can (here and in `test_pairs.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch

from seedsweep.cell import Metrics
from seedsweep.seeds import Seed
from seedsweep.workers.device import reproducible
from seedsweep.workers.trainer import PackTrainer
from tests.workers.instruments.conftest import induction_cell

STEPS = 400
NO_PREVIOUS: dict[str, Any] = {"do": "block", "pattern": "previous", "layers": [0]}
LABEL_BLIND: dict[str, Any] = {"do": "block", "pattern": {3: (0,)}, "layers": [0]}
QUERY_BLIND: dict[str, Any] = {"do": "block", "pattern": {4: (0, 1, 2)}, "layers": [0]}
INDUCTION = {"classes": 30, "labels": 4, "heldout_classes": 0, "heldout_pairs": 0, "evaluation_examples": 500}


def trained(steps: int = STEPS, **given: Any) -> Metrics:
    return evaluated_while_trained([steps], **given)[0]


def evaluated_while_trained(steps: Sequence[int], **given: Any) -> list[Metrics]:
    settings = induction_cell(steps=steps[-1], train={"learning_rate": 2e-3}, **given)
    found = []
    with reproducible("cpu", "float32"):
        trainer = PackTrainer(settings, [Seed(0, 0), Seed(1, 1)], "cpu")
        for step in steps:
            trainer.train_to(step)
            found.append(trainer.evaluate())
    return found


@pytest.mark.parametrize(
    "given",
    [
        {"model": {"depth": 1}},
        {"interventions": [{"do": "clamp", "pattern": "self", "layers": [0]}]},
        {"model": {"active_heads": 1}, "interventions": [NO_PREVIOUS, LABEL_BLIND, QUERY_BLIND]},
    ],
    ids=["one layer", "a first layer that reads nothing", "no way to compare exemplars"],
)
def test_induction_stays_at_the_entropy_of_a_coin(given: dict[str, Any]) -> None:
    """It knows the labels of the context, and not which of them is right."""
    values = trained(task=INDUCTION, **given)
    assert (values["test", "context_mass"] > 0.9).all()
    assert (values["test", "loss"] > math.log(2) - 0.03).all()
    assert values["test", "context_accuracy"] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    "closed",
    [
        [],
        pytest.param([LABEL_BLIND], marks=pytest.mark.heavy),
        pytest.param([QUERY_BLIND], marks=pytest.mark.heavy),
    ],
    ids=["open ways", "none by the second label", "none by the query"],
)
def test_there_are_ways_around_the_previous_token(closed: list[Any]) -> None:
    """Each of the two is enough; with both closed nothing is learned (above)."""
    values = trained(task=INDUCTION, model={"active_heads": 1}, interventions=[NO_PREVIOUS, *closed])
    assert (values["test", "loss"] < 0.55).all()


@pytest.mark.parametrize("matched", [0, 1])
def test_one_layer_answers_by_heart_and_never_by_the_context(matched: float) -> None:
    task = {"name": "coopetition", "classes": 30, "exemplars": 4, "noise": 0.3, "matched": matched}
    curve = evaluated_while_trained(
        range(50, STEPS + 1, 50),
        task=task | {"evaluation_examples": 500},
        model={"depth": 1, "positions": "learned"},
    )
    for values in curve:
        assert (values["flip", "accuracy"] < 0.58).all()
        assert values["icl", "accuracy"] == pytest.approx(0.5, abs=0.1)
    assert (curve[-1]["ciwl", "accuracy"] > 0.8).all()
    assert (curve[-1]["flip", "accuracy"] < 0.2).all()


@pytest.mark.parametrize("bursty", [0.0, 1.0])
def test_only_bursts_teach_to_read_the_context(bursty: float) -> None:
    """Of classes that training never shows; with 16 labels, one in 16 rows has both labels the same."""
    task = {"name": "bursty", "bursty": bursty, "classes": 1600, "labels": 16, "heldout_classes": 50}
    rows = {"pairs": 2, "burst": (1, 1), "evaluation_examples": 500}
    curve = evaluated_while_trained(range(100, 501, 100), task=task | rows)
    if bursty:
        assert (curve[-1]["ic", "context_accuracy"] > 0.7).all()
    else:
        for values in curve:
            assert values["ic", "context_accuracy"] == pytest.approx(0.5 + 0.5 / 16, abs=0.1)


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
