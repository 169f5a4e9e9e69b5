"""Bursty rows: what every split is made of, counted row by row; labels, burstiness and Zipf's law as given."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from seedsweep.workers.tasks.bursty import Bursty, BurstySettings

CPU = torch.device("cpu")


def settings(**given: Any) -> BurstySettings:
    task = {"name": "bursty", "classes": 20, "bursty": 0.5, "heldout_classes": 5, "evaluation_examples": 400}
    return BurstySettings(**{**task, **given})


class Row:
    """A row of tokens, read without the task's own arithmetic."""

    def __init__(self, tokens: np.ndarray, task: BurstySettings) -> None:
        classes = task.classes + task.heldout_classes + task.new_classes
        shown, labels = tokens[0::2].tolist(), tokens[1::2].tolist()
        assert max(shown) < classes * task.exemplars <= min(labels)
        *self.classes, self.query = (one // task.exemplars for one in shown)
        self.exemplars = [one % task.exemplars for one in shown]
        *self.labels, self.answer = (one - classes * task.exemplars for one in labels)
        self.composition = sorted(Counter(self.classes).values(), reverse=True)

    @property
    def own(self) -> list[tuple[int, int]]:
        """Every class with its label."""
        return list(zip([*self.classes, self.query], [*self.labels, self.answer], strict=True))


def training(task: BurstySettings, steps: int = 10) -> list[Row]:
    tokens = Bursty(task, CPU).rows(torch.tensor([3]), torch.arange(steps), 200).tokens_NSBT
    return [Row(row, task) for row in tokens.reshape(-1, task.tokens_per_row()).numpy()]


def split(task: BurstySettings, name: str) -> list[Row]:
    return [Row(row, task) for row in Bursty(task, CPU).split_rows(name).numpy()]


@pytest.mark.parametrize(("pairs", "burst"), [(8, (3, 3, 1, 1)), (8, (4, 4)), (8, (2, 2, 2, 2)), (4, (2, 1, 1))])
def test_bursty_rows_are_composed_as_said(pairs: int, burst: tuple[int, ...]) -> None:
    task = settings(bursty=1, pairs=pairs, burst=burst, exemplars=3)
    rows = training(task)
    for row in rows:
        assert row.composition == sorted(burst, reverse=True)
        assert row.classes.count(row.query) == burst[0]
        assert all(label == one for one, label in row.own)
    # At every place, every class and every exemplar equally often; the query's own places too.
    for place in range(pairs):
        share = np.mean([row.classes[place] == row.query for row in rows])
        assert share == pytest.approx(burst[0] / pairs, abs=0.06)
    assert np.bincount([row.query for row in rows]) / len(rows) == pytest.approx(np.full(20, 0.05), abs=0.03)
    exemplars = np.array([row.exemplars for row in rows])
    for place in range(pairs + 1):
        assert np.bincount(exemplars[:, place]) / len(rows) == pytest.approx(np.full(3, 1 / 3), abs=0.06)
    assert np.abs(np.corrcoef(exemplars.T) - np.eye(pairs + 1)).max() < 0.12  # each of its own


@pytest.mark.parametrize("bursty", [0.0, 0.3, 1.0])
def test_a_share_of_the_rows_is_bursty(bursty: float) -> None:
    rows = training(settings(classes=400, bursty=bursty))
    share = np.mean([row.composition == [3, 3, 1, 1] for row in rows])
    assert share == pytest.approx(bursty, abs=5 * math.sqrt(bursty * (1 - bursty) / len(rows)))


def test_other_rows_are_drawn_one_by_one() -> None:
    rows = training(settings(classes=9, bursty=0))
    present = np.mean([row.query in row.classes for row in rows])
    assert present == pytest.approx(1 - (8 / 9) ** 8, abs=0.06)
    for row in rows:
        assert all(label == one for one, label in row.own)


@pytest.mark.heavy
@pytest.mark.parametrize("bursty", [0.0, 1.0])
@pytest.mark.parametrize("alpha", [0.5, 1.0, 3.0])
def test_classes_come_by_zipfs_law(bursty: float, alpha: float) -> None:
    rows = training(settings(bursty=bursty, zipf=alpha), steps=30)
    weights = np.arange(1, 21) ** -alpha
    found = np.bincount([row.query for row in rows], minlength=20) / len(rows)
    assert found == pytest.approx(weights / weights.sum(), abs=5 * 0.5 / math.sqrt(len(rows)))
    if alpha == 3.0:  # "the top three are 97 % of the data", of 1600 classes
        shares = np.arange(1, 1601) ** -3.0
        assert shares[:3].sum() / shares.sum() == pytest.approx(0.97, abs=0.005)


def test_a_row_keeps_to_one_label_of_a_class() -> None:
    task = settings(labels_per_class=3)
    assert task.predicted == 60
    rows = training(task)
    of_class: dict[int, Counter[int]] = {}
    for row in rows:
        labels = dict(row.own)
        assert all(labels[one] == label for one, label in row.own)
        assert all(label // 3 == one for one, label in row.own)
        for one, label in labels.items():
            of_class.setdefault(one, Counter())[label % 3] += 1
    for counts in of_class.values():
        shares = np.array([counts[label] for label in range(3)]) / sum(counts.values())
        assert shares == pytest.approx(np.full(3, 1 / 3), abs=0.12)
    both = [tuple(label % 3 for _, label in sorted(set(row.own))[:2]) for row in rows]
    assert len(set(both)) == 9  # the labels of two classes are independent


@pytest.mark.parametrize("name", ["icl", "icl-heldout"])
def test_in_context_rows_have_two_classes_and_two_labels(name: str) -> None:
    task = settings()
    rows = split(task, name)
    for row in rows:
        assert row.composition == [4, 4]
        assert row.query in row.classes
        labels = dict(zip(row.classes, row.labels, strict=True))
        assert all(labels[one] == label for one, label in row.own)
        assert sorted(labels.values()) == [0, 1]
        least, most = (2, 19) if name == "icl" else (20, 24)
        assert all(least <= one <= most for one in row.classes)
    assert np.mean([row.answer for row in rows]) == pytest.approx(0.5, abs=0.13)
    # Nothing but the pairs of the query's class tells the answer.
    assert np.mean([row.answer == row.labels[-1] for row in rows]) == pytest.approx(0.5, abs=0.13)


def test_in_weights_rows_do_not_show_the_querys_class() -> None:
    for task, name in [(settings(), "iwl"), (settings(zipf=1), "iwl"), (settings(zipf=1), "iwl-common")]:
        rows = split(task, name)
        for row in rows:
            assert len({*row.classes, row.query}) == 9
            assert all(label == one for one, label in row.own)
            assert max(row.query, *row.classes) < 20
        weights = np.arange(1, 21) ** -task.zipf
        expected = weights / weights.sum() if name == "iwl" else (np.arange(20) < 10) / 10
        found = np.bincount([row.query for row in rows], minlength=20) / len(rows)
        assert found == pytest.approx(expected, abs=0.12)


def test_which_splits_there_are_depends_on_the_labels() -> None:
    assert settings(heldout_classes=0).split_names() == ("test", "icl", "iwl")
    assert settings(zipf=1).split_names() == ("test", "icl", "icl-heldout", "iwl", "iwl-common")
    assert settings(labels=4).split_names() == ("test", "ic", "ic2", "iw")
    assert settings(labels=4, heldout_classes=0).split_names() == ("test", "ic2", "iw")


def test_classes_may_share_labels() -> None:
    task = settings(labels=4, burst=(4, 4), bursty=0.5)
    assert task.predicted == 4
    for row in [*training(task), *split(task, "iw")]:
        assert all(label == one % 4 for one, label in row.own)
        assert max(row.query, *row.classes) < 20
    for row in split(task, "ic2"):
        assert row.composition == [4, 4]
        assert all(label == (one + 1) % 4 for one, label in row.own)
    compositions = Counter(tuple(row.composition) for row in split(task, "iw"))
    assert compositions[4, 4] < 5


@pytest.mark.parametrize("labels", [None, 4])
def test_labels_of_new_classes_are_drawn_anew_for_every_row(labels: int | None) -> None:
    task = settings(labels=labels, burst=(4, 4), bursty=0.5, new_share=0.4, new_classes=6)
    rows = training(task)
    new = [row for row in rows if row.query >= 25]
    assert len(new) / len(rows) == pytest.approx(0.4, abs=0.06)
    for row in new:
        assert min(row.classes) >= 25
        assert row.composition == [4, 4]
    for row in rows:
        if row.query < 25:
            assert max(row.query, *row.classes) < 20
            assert all(label == (one if labels is None else one % 4) for one, label in row.own)
    _assert_labels_tell_nothing(new, task.label_count)
    if labels:
        heldout = split(task, "ic")
        assert {one for row in heldout for one in row.classes} == set(range(20, 25))
        assert {tuple(row.composition) for row in heldout} == {(4, 4)}
        _assert_labels_tell_nothing(heldout, 4)


def _assert_labels_tell_nothing(rows: list[Row], labels: int) -> None:
    for row in rows:
        of_class = dict(row.own)
        assert all(of_class[one] == label for one, label in row.own)
    classes = sorted({row.query for row in rows})
    counts = np.array(
        [[sum(r.query == c and r.answer == ell for r in rows) for ell in range(labels)] for c in classes]
    )
    expected = counts.sum() / counts.size
    chi2 = ((counts - expected) ** 2 / expected).sum()
    assert chi2 == pytest.approx(counts.size - 1, abs=5 * math.sqrt(2 * counts.size))


def test_rows_follow_seed_and_step_alone() -> None:
    made = Bursty(settings(zipf=1), CPU)
    both = made.rows(torch.tensor([3, 9]), torch.tensor([5, 6]), 32).tokens_NSBT
    assert torch.equal(made.rows(torch.tensor([9]), torch.tensor([6]), 16).tokens_NSBT[0, 0], both[1, 1, :16])
    assert len({row.numpy().tobytes() for row in both.reshape(4, -1)}) == 4


def test_the_pattern_that_solves_a_row_is_all_labels_of_the_querys_class() -> None:
    task = settings(exemplars=2)
    made = Bursty(task, CPU)
    rows_BT = made.reading_rows()
    match, other = (find(rows_BT[:, :-1]) for find in made.row_patterns().values())
    assert match.shape == (256, 17, 17)
    for tokens, matches, others in zip(rows_BT.numpy(), match, other, strict=True):
        row = Row(tokens, task)
        places = [2 * place + 1 for place, one in enumerate(row.classes) if one == row.query]
        assert matches.nonzero().tolist() == [[16, place] for place in places]
        assert others.nonzero().tolist() == [[16, place] for place in range(1, 16, 2) if place not in places]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"pairs": 5, "burst": (5,)}, "pairs: 5 are not two classes equally often; give an even number"),
        ({"burst": (3, 3, 1)}, r"burst: \[3, 3, 1\] are not 8 pairs together, at least 1 of each class"),
        ({"burst": (8, 0)}, r"burst: \[8, 0\] are not 8 pairs together"),
        ({"pairs": 4}, r"burst: \[3, 3, 1, 1\] are not 4 pairs"),
        ({"new_share": 0.5}, "new_classes: give them with new_share"),
        ({"new_classes": 5}, "new_classes: give them with new_share"),
        ({"new_share": 0.5, "new_classes": 3}, "new_classes: a bursty row has 4 different ones"),
        ({"classes": 8}, "classes: a row of the split iwl has 9 different ones"),
        ({"labels": 4, "labels_per_class": 2}, "labels_per_class: not with labels"),
        ({"labels": 3}, "labels: 20 classes are not a multiple of 3"),
        ({"labels": 3, "classes": 3}, "classes: a bursty row has 4 different ones"),
        ({"labels": 4, "heldout_classes": 3}, "heldout_classes: a row of the split ic has 4 different ones"),
    ],
)
def test_rows_that_there_cannot_be_are_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        settings(**given)
