"""Coopetition: every row of every evaluation is what its table says, and draws are uniform."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.dialects.attention_only import AttentionOnlySettings
from seedsweep.workers.tasks.coopetition import Coopetition, CoopetitionSettings

CPU = torch.device("cpu")
CLASSES, EXEMPLARS = 7, 3


def settings(**given: Any) -> CoopetitionSettings:
    task = {
        "name": "coopetition",
        "classes": CLASSES,
        "exemplars": EXEMPLARS,
        "noise": 1,
        "evaluation_examples": 500,
    }
    return CoopetitionSettings(**{**task, **given})


def training_rows(task: CoopetitionSettings, steps: int = 10) -> np.ndarray:
    drawn = Coopetition(task, CPU).rows(torch.tensor([3]), torch.arange(steps), 300).tokens_NSBT
    return drawn.reshape(-1, 6).numpy()


class Row:
    """A row of tokens, read without the task's own arithmetic."""

    def __init__(self, tokens: np.ndarray, exemplars: int = EXEMPLARS, classes: int = CLASSES) -> None:
        shown, labels = tokens[0::2].tolist(), tokens[1::2].tolist()
        assert max(shown) < classes * exemplars <= min(labels)
        self.classes, self.query = [one // exemplars for one in shown[:2]], shown[2] // exemplars
        self.exemplars, self.of_query = [one % exemplars for one in shown[:2]], shown[2] % exemplars
        self.labels, self.answer = (
            [one - classes * exemplars for one in labels[:2]],
            labels[2] - classes * exemplars,
        )
        self.is_of_query = [one == self.query for one in self.classes]
        self.is_bursty = sum(self.is_of_query) == 1
        """Whether the context has the query's class once."""

    @property
    def beside(self) -> int:
        label: int = self.labels[self.is_of_query.index(True)]
        return label

    @property
    def matched(self) -> bool:
        shown: int = self.exemplars[self.is_of_query.index(True)]
        return shown == int(self.of_query)


def check(split: str, row: Row) -> None:
    """The table of evaluations of chapter 5."""
    assert row.classes[0] != row.classes[1]
    if split in ("test", "icl", "flip"):
        assert row.is_bursty
        assert row.answer == row.beside
    else:
        assert not any(row.is_of_query)
        assert row.answer == row.query
    if split in ("test", "iwl"):
        assert row.labels == row.classes
    if split == "icl":
        assert sorted(row.labels) == [0, 1]
        assert min(row.classes) >= 2
    if split == "flip":
        assert row.labels == row.classes[::-1]
    if split == "ciwl":
        right = [label == one for label, one in zip(row.labels, row.classes, strict=True)]
        assert sorted(right) == [False, True]
        assert row.labels[right.index(False)] == row.query
    if split == "iwl":
        assert row.query not in row.labels


SPLITS = ("test", "icl", "ciwl", "flip", "iwl")


@pytest.mark.parametrize("split", SPLITS)
def test_every_row_is_what_the_table_says(split: str) -> None:
    task = settings()
    assert task.split_names() == SPLITS
    rows = [Row(tokens) for tokens in Coopetition(task, CPU).split_rows(split).numpy()]
    for row in rows:
        check(split, row)
        assert not (row.is_bursty and row.matched)
    # Either place, every class and every exemplar, as often as the others.
    asked = [row.labels.index(row.answer) for row in rows if row.answer in row.labels]
    if asked:
        assert np.mean(asked) == pytest.approx(0.5, abs=5 * 0.5 / math.sqrt(len(rows)))
    lowest = 2 if split == "icl" else 0
    for of_rows in (
        [row.query for row in rows],
        [row.classes[0] for row in rows],
        [row.classes[1] for row in rows],
    ):
        shares = np.bincount(of_rows, minlength=CLASSES)[lowest:] / len(rows)
        assert shares == pytest.approx(np.full(CLASSES - lowest, 1 / (CLASSES - lowest)), abs=0.08)
    for exemplars in ([row.of_query for row in rows], [row.exemplars[0] for row in rows]):
        assert np.bincount(exemplars) / len(rows) == pytest.approx(np.full(3, 1 / 3), abs=0.11)


def test_the_labels_of_icl_are_in_either_order() -> None:
    rows = [Row(tokens) for tokens in Coopetition(settings(), CPU).split_rows("icl").numpy()]
    counts = Counter((row.labels[0], row.is_of_query[0]) for row in rows)
    assert len(counts) == 4
    assert max(counts.values()) < 0.25 * len(rows) + 5 * math.sqrt(len(rows) * 3 / 16)


@pytest.mark.heavy
@pytest.mark.parametrize(("data", "split"), [("bursty", "test"), ("ciwl-only", "ciwl")])
def test_training_rows_are_those_of_their_data(data: str, split: str) -> None:
    task = settings(data=data)
    for tokens in training_rows(task, 2):
        check(split, Row(tokens))
    for tokens in Coopetition(task, CPU).split_rows("test").numpy():
        check(split, Row(tokens))
    for other in SPLITS[1:]:  # the data change no evaluation
        assert torch.equal(
            Coopetition(task, CPU).split_rows(other), Coopetition(settings(), CPU).split_rows(other)
        )


def test_labels_of_icl_only_data_tell_nothing_of_the_classes() -> None:
    rows = [Row(tokens) for tokens in training_rows(settings(data="icl-only"))]
    for row in rows:
        assert row.is_bursty
        assert row.labels[0] != row.labels[1]
        assert row.answer == row.beside
    counts = np.zeros((CLASSES, CLASSES))
    for row in rows:
        counts[row.query, row.answer] += 1
    expected = len(rows) / CLASSES**2
    chi2 = ((counts - expected) ** 2 / expected).sum()
    assert chi2 == pytest.approx(CLASSES**2 - 1, abs=5 * math.sqrt(2 * CLASSES**2))


@pytest.mark.parametrize("matched", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("data", ["bursty", "icl-only"])
def test_a_share_of_the_rows_shows_the_query_itself(matched: float, data: str) -> None:
    task = settings(matched=matched, data=data)
    rows = [Row(tokens) for tokens in training_rows(task)]
    share = np.mean([row.matched for row in rows])
    assert share == pytest.approx(matched, abs=5 * math.sqrt(matched * (1 - matched) / len(rows)))
    other = [row.exemplars[row.is_of_query.index(True)] - row.of_query for row in rows if not row.matched]
    if other:  # of the others each as often
        assert np.mean([difference % 3 == 1 for difference in other]) == pytest.approx(0.5, abs=0.06)
    distractor = [row.exemplars[row.is_of_query.index(False)] == row.of_query for row in rows]
    assert np.mean(distractor) == pytest.approx(1 / 3, abs=0.05)
    made = Coopetition(task, CPU)
    for split in ("icl", "flip"):
        assert not any(Row(tokens).matched for tokens in made.split_rows(split).numpy())


def test_the_only_exemplar_of_a_class_is_the_query_itself() -> None:
    task = settings(exemplars=1, matched=1, noise=0)
    for split in SPLITS:
        for tokens in Coopetition(task, CPU).split_rows(split).numpy():
            check(split, Row(tokens, exemplars=1))
    with pytest.raises(ValidationError, match="matched: the only exemplar of a class is always the query itself"):
        settings(exemplars=1)


def test_random_targets_are_any_label() -> None:
    answers = [Row(tokens).answer for tokens in training_rows(settings(targets="random"))]
    assert np.bincount(answers) / len(answers) == pytest.approx(np.full(CLASSES, 1 / CLASSES), abs=0.04)
    contexts = training_rows(settings())[:, :5]
    assert (training_rows(settings(targets="random"))[:, :5] == contexts).all()


def test_rows_follow_seed_and_step_alone() -> None:
    made = Coopetition(settings(matched=0.5), CPU)
    both = made.rows(torch.tensor([3, 9]), torch.tensor([5, 6]), 32).tokens_NSBT
    assert torch.equal(made.rows(torch.tensor([9]), torch.tensor([6]), 16).tokens_NSBT[0, 0], both[1, 1, :16])
    assert len({row.numpy().tobytes() for row in both.reshape(4, -1)}) == 4


def test_too_few_classes_and_classes_that_nothing_shows_are_refused() -> None:
    with pytest.raises(ValidationError, match="classes: the evaluations need at least 4"):
        settings(classes=3)
    with pytest.raises(ValidationError, match="heldout_classes: no evaluation has any; leave it out"):
        settings(heldout_classes=2)


class ByHeart(StackedDecoder):
    """Knows every class's label, or copies the label beside the query's class, or likes some labels more."""

    def __init__(self, *strategies: str) -> None:
        model = AttentionOnlySettings(dialect="attention-only", depth=1, heads=1, d_model=16, positions="learned")
        super().__init__(model.for_rows(6), CLASSES * (EXEMPLARS + 1), len(strategies), CPU, predicted=CLASSES)
        self._strategies = strategies

    def hidden(self, tokens_SBT: torch.Tensor, *args: Any, **options: Any) -> torch.Tensor:
        return tokens_SBT[:, :, None].expand(-1, -1, 5, -1)

    def logits(self, hidden_SBTD: torch.Tensor) -> torch.Tensor:
        logits_SBTV = torch.zeros(*hidden_SBTD.shape[:3], CLASSES)
        for seed, strategy in enumerate(self._strategies):
            for number, tokens in enumerate(hidden_SBTD[seed, :, 0]):
                row = Row(np.array([*tokens.tolist(), CLASSES * EXEMPLARS]))
                if strategy == "by heart":
                    logits_SBTV[seed, number, 0, row.query] = 20.0
                elif strategy == "copies" and row.is_bursty:
                    logits_SBTV[seed, number, 0, row.beside] = 20.0
                elif strategy == "guesses":
                    logits_SBTV[seed, number, 0] = torch.arange(CLASSES)
        return logits_SBTV


def test_evaluations_tell_the_strategies_apart() -> None:
    found = Coopetition(settings(), CPU).evaluate(ByHeart("by heart", "copies"))
    accuracy = {split: found[split, "accuracy"].tolist() for split in SPLITS}
    assert accuracy["test"] == [1, 1]
    assert accuracy["flip"] == [0, 1]
    assert accuracy["icl"][1] == 1
    assert accuracy["icl"][0] == pytest.approx(0.5, abs=0.12)
    assert accuracy["ciwl"][0] == accuracy["iwl"][0] == 1
    assert accuracy["ciwl"][1] == pytest.approx(0.5, abs=0.12)
    assert accuracy["iwl"][1] == pytest.approx(1 / CLASSES, abs=0.08)
    assert found["iwl", "context_mass"][1] == pytest.approx(2 / CLASSES)
    assert found["test", "loss"] == pytest.approx([0, 0], abs=1e-6)


def test_flip_is_one_less_the_accuracy_for_the_trained_label() -> None:
    made = Coopetition(settings(), CPU)
    oracle = ByHeart("guesses")
    flip = made.evaluate(oracle)["flip", "accuracy"][0]
    rows_WT = made.split_rows("flip")
    logits_WL = oracle.logits(oracle.hidden(rows_WT[None, :, :-1])[:, :, -1:])[0, :, 0]
    of_context_W2 = logits_WL.gather(1, rows_WT[:, 1:5:2] - CLASSES * EXEMPLARS)
    prefers = rows_WT[:, 1:5:2].gather(1, of_context_W2.argmax(1, keepdim=True))[:, 0] - CLASSES * EXEMPLARS
    trained = float((prefers == rows_WT[:, 4] // EXEMPLARS).float().mean())
    assert flip == pytest.approx(1 - trained, abs=1e-6)
    assert 0.2 < flip < 0.8
