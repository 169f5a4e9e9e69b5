"""The induction task: every row is of its split, draws are uniform, and what is measured is counted by hand."""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from seedsweep.workers.tasks.induction import Induction, InductionSettings, label_pairs

CPU = torch.device("cpu")


def settings(**given: Any) -> InductionSettings:
    task = {"name": "induction", "classes": 6, "labels": 5, "heldout_classes": 4, "evaluation_examples": 400}
    return InductionSettings(**{**task, **given})


def rows_of(task: InductionSettings, seeds: list[int], steps: list[int], batch: int) -> np.ndarray:
    return Induction(task, CPU).rows(torch.tensor(seeds), torch.tensor(steps), batch).tokens_NSBT.numpy()


def read(task: InductionSettings, row: np.ndarray) -> tuple[list[int], list[int], list[int]]:
    """Classes, exemplars and labels of a row, read without the task's own arithmetic."""
    stored = task.exemplars + task.heldout_exemplars
    exemplars, labels = row[0::2].tolist(), row[1::2].tolist()
    first_label = (task.classes + task.heldout_classes) * stored
    assert max(exemplars) < first_label <= min(labels)
    return [e // stored for e in exemplars], [e % stored for e in exemplars], [ell - first_label for ell in labels]


def test_every_row_is_of_its_split() -> None:
    task = settings(exemplars=3, heldout_exemplars=2, pair_seed=1)
    trained, heldout = (set(map(tuple, pairs.tolist())) for pairs in label_pairs(5, 0.2, 1))
    assert (len(trained), len(heldout)) == (8, 2)
    assert trained | heldout == set(combinations(range(5), 2))
    made = Induction(task, CPU)
    names = ("test", "exemplars", "relabel", "unseen")
    assert task.split_names() == names
    assert [split.role for split in task.splits()] == ["in-distribution"] + ["out-of-distribution"] * 3
    splits = {name: made.split_rows(name).numpy() for name in names}
    splits["training"] = rows_of(task, [3], [0, 1, 2], 100).reshape(-1, 6)
    for name, rows in splits.items():
        for row in rows:
            classes, exemplars, labels = read(task, row)
            assert classes[0] != classes[1]
            assert labels[0] != labels[1]
            asked = classes[:2].index(classes[2])
            assert labels[2] == labels[asked]
            assert all((c >= 6) == (name == "exemplars") for c in classes)
            assert all((e >= 3) == (name == "unseen") for e in exemplars)
            assert tuple(sorted(labels[:2])) in (heldout if name == "relabel" else trained)
        assert len({row.tobytes() for row in rows}) > len(rows) / 3


def test_only_the_answer_counts() -> None:
    task = settings()
    rows = Induction(task, CPU).rows(torch.tensor([1, 2]), torch.tensor([4]), 3)
    assert rows.mask_NSBT.shape == rows.tokens_NSBT.shape == (1, 2, 3, 6)
    assert rows.mask_NSBT.flatten(0, 2).tolist() == [[False] * 5 + [True]] * 6
    assert (task.scored_tokens, task.predicted, task.vocabulary_size()) == ((5, 6), 5, 15)


def test_rows_follow_seed_and_step_alone() -> None:
    task = settings(exemplars=4)
    both = rows_of(task, [3, 9], [5, 6], 32)
    assert (rows_of(task, [9], [6], 32)[0, 0] == both[1, 1]).all()
    assert (rows_of(task, [9], [6], 16)[0, 0] == both[1, 1, :16]).all()
    assert len({row.tobytes() for row in both.reshape(4, -1)}) == 4
    # The vectors are none of the rows'.
    assert (rows_of(settings(exemplars=4, feature_seed=1), [3, 9], [5, 6], 32) == both).all()
    assert (rows_of(settings(exemplars=4, pair_seed=1), [3, 9], [5, 6], 32)[..., 0::2] == both[..., 0::2]).all()


def test_all_possible_rows_are_drawn_equally_often() -> None:
    """C (C − 1) L (L − 1) · 2 · E³ of them, less what is held out; of 50 classes and 5 labels 78,400."""
    task = settings(classes=3, labels=3, heldout_classes=0, heldout_pairs=0.34, exemplars=2)
    possible = 3 * 2 * (2 * 2) * 2 * 2**3
    counts = Counter(row.tobytes() for row in rows_of(task, [1], list(range(60)), 256).reshape(-1, 6))
    assert len(counts) == possible
    expected = 60 * 256 / possible
    chi2 = sum((count - expected) ** 2 / expected for count in counts.values())
    assert chi2 == pytest.approx(possible - 1, abs=5 * math.sqrt(2 * possible))
    assert 50 * 49 * 2 * len(label_pairs(5, 0.2, 0)[0]) * 2 == 78_400


@pytest.mark.parametrize(("labels", "trained", "heldout"), [(5, 8, 2), (10, 36, 9), (15, 84, 21), (2, 1, 0)])
def test_as_many_pairs_are_held_out_as_in_the_paper(labels: int, trained: int, heldout: int) -> None:
    for seed in range(20):
        kept, others = label_pairs(labels, 0.2, seed)
        assert (len(kept), len(others)) == (trained, heldout)
        assert set(kept.ravel()) == set(range(labels))
    assert len({label_pairs(10, 0.2, seed)[1].tobytes() for seed in range(20)}) == 20


def test_pairs_are_drawn_until_every_label_is_in_one() -> None:
    """Of four labels with two pairs left, only one draw in five has them all."""
    found = {tuple(map(tuple, label_pairs(4, 0.67, seed)[0].tolist())) for seed in range(60)}
    assert found == {((0, 1), (2, 3)), ((0, 2), (1, 3)), ((0, 3), (1, 2))}
    with pytest.raises(
        ValidationError, match="heldout_pairs: with 5 of 6 pairs held out no way was found that all 4"
    ):
        settings(labels=4, heldout_pairs=0.8)


def test_what_is_not_held_out_is_no_split() -> None:
    assert settings(heldout_classes=0, heldout_pairs=0).split_names() == ("test",)
    assert settings(labels=2).split_names() == ("test", "exemplars")


def test_random_targets_are_either_label() -> None:
    task = settings(targets="random", classes=20)
    rows = rows_of(task, [1], list(range(20)), 200).reshape(-1, 6)
    assert (rows[:, :5] == rows_of(settings(classes=20), [1], list(range(20)), 200).reshape(-1, 6)[:, :5]).all()
    first = rows[:, 1] == rows[:, 5]
    assert (first | (rows[:, 3] == rows[:, 5])).all()
    asks_first = rows[:, 0] == rows[:, 4]
    for is_asked in (asks_first, ~asks_first):
        assert first[is_asked].mean() == pytest.approx(0.5, abs=5 / math.sqrt(4 * is_asked.sum()))
    assert (
        Induction(task, CPU).split_rows("relabel")[:, 5]
        != Induction(settings(classes=20), CPU).split_rows("relabel")[:, 5]
    ).any()


def test_patterns_are_the_labels_behind_the_two_exemplars() -> None:
    task = settings(exemplars=3, heldout_exemplars=1)
    made = Induction(task, CPU)
    rows_BT = made.reading_rows()
    patterns = made.row_patterns()
    assert tuple(patterns) == task.row_pattern_names() == ("match", "other")
    for length in (5, 6):
        match, other = (find(rows_BT[:, :length]) for find in patterns.values())
        assert match.shape == (256, length, length)
        for row, matches, others in zip(rows_BT.numpy(), match, other, strict=True):
            classes, _, labels = read(task, row)
            asked = classes[:2].index(classes[2])
            assert matches.nonzero().tolist() == [[4, 2 * asked + 1]]
            assert others.nonzero().tolist() == [[4, 3 - 2 * asked]]
            assert labels[asked] == labels[2]
