"""The count task: format, packing, mask, evaluation windows and metrics."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from seedsweep.workers.philox import Role
from seedsweep.workers.scoring import Scores, answer_metrics
from seedsweep.workers.tasks.count import Count, CountSettings

CPU = torch.device("cpu")
PAPER = CountSettings(name="count", vocabulary=150, train_lengths=(1, 30), test_lengths=(60,), context=256)


def settings(**changes: object) -> CountSettings:
    given = {"name": "count", "vocabulary": 12, "train_lengths": (1, 3), "test_lengths": (5,), "context": 24}
    return CountSettings.model_validate(given | changes)


def parse_row(tokens: list[int], mask: list[bool], v: int, lengths: range) -> list[tuple[int, int]]:
    """An independent reader of one packed row: checks every token and its mask, returns (start, length)s."""
    begin, separator, end = v, v + 1, v + 2
    examples = []
    at = 0
    while at < len(tokens):
        here, cut = tokens[at:], len(tokens) - at
        assert here[0] == begin
        a = here[1] if cut > 1 else None
        b = here[2] if cut > 2 else None
        if a is None or b is None:
            assert not any(mask[at:])
            break
        length = b - a + 1
        assert length in lengths
        assert 0 <= a <= b < v
        whole = [begin, a, b, separator, *range(a, b + 1), end]
        assert here[: len(whole)] == whole[:cut]
        if len(whole) > cut:  # the one that does not fit is cut and counts nothing
            assert not any(mask[at:])
            break
        assert mask[at : at + len(whole)] == [False] * 4 + [True] * (length + 1)
        examples.append((a, length))
        at += len(whole)
    return examples


def test_the_format_by_hand() -> None:
    """V = 12: `$ 3 5 > 3 4 5 .` is 12 3 5 13 3 4 5 14."""
    task = Count(settings(), CPU)
    tokens = task.example_tokens(torch.tensor(3), torch.tensor(3), torch.arange(8))
    assert tokens.tolist() == [12, 3, 5, 13, 3, 4, 5, 14]
    one = task.example_tokens(torch.tensor(11), torch.tensor(1), torch.arange(6))
    assert one.tolist() == [12, 11, 11, 13, 11, 14]


def test_rows_are_packed_examples_with_the_right_mask() -> None:
    rows = Count(settings(), CPU).rows(torch.arange(6), torch.arange(5), 7)
    assert rows.tokens_NSBT.shape == rows.mask_NSBT.shape == (5, 6, 7, 24)
    examples = []
    for tokens, mask in zip(rows.tokens_NSBT.flatten(0, 2), rows.mask_NSBT.flatten(0, 2), strict=True):
        examples += parse_row(tokens.tolist(), mask.tolist(), 12, range(1, 4))
    assert {length for _, length in examples} == {1, 2, 3}
    assert {start for start, _ in examples} == set(range(12))


def test_lengths_and_starts_are_uniform_at_the_papers_sizes() -> None:
    task = Count(PAPER, CPU)
    assert PAPER.vocabulary_size() == 154
    rows = task.rows(torch.arange(4), torch.arange(4), 128)
    starts: list[float] = []
    lengths = np.zeros(31)
    for tokens, mask in zip(rows.tokens_NSBT.flatten(0, 2), rows.mask_NSBT.flatten(0, 2), strict=True):
        # Only the first example of a row: the later ones are those that fit, which favours short ones.
        start, length = parse_row(tokens.tolist(), mask.tolist(), 150, range(1, 31))[0]
        lengths[length] += 1
        starts.append(start / (150 - length))
    expected = lengths.sum() / 30
    assert np.sum((lengths[1:] - expected) ** 2 / expected) < 58.3  # chi-square, 29 degrees, p = .001
    assert np.mean(starts) == pytest.approx(0.5, abs=4 * math.sqrt(1 / 12 / len(starts)))


def test_a_seeds_data_are_the_same_whatever_the_pack_and_the_chunk() -> None:
    task = Count(settings(), CPU)
    alone = task.rows(torch.tensor([7]), torch.arange(20), 4)
    packed = task.rows(torch.tensor([3, 7, 5]), torch.arange(10, 15), 4)
    assert torch.equal(alone.tokens_NSBT[10:15, 0], packed.tokens_NSBT[:, 1])
    assert not torch.equal(packed.tokens_NSBT[:, 0], packed.tokens_NSBT[:, 1])
    assert not torch.equal(packed.tokens_NSBT[0], packed.tokens_NSBT[1])


def test_rows_come_from_numpys_philox() -> None:
    """The first example of row 2 at step 5 of seed 9, recomputed from numpy's generator."""
    config = settings()
    most = config.context // (1 + 5) + 1
    words = np.random.Philox(key=[9, int(Role.DATA)], counter=[2 * most, 5, 0, 0]).random_raw(2)
    length = 1 + (int(words[0]) >> 32) * 3 // 2**32
    start = (int(words[1]) >> 32) * (12 - length + 1) // 2**32
    row = Count(config, CPU).rows(torch.tensor([9]), torch.tensor([5]), 4).tokens_NSBT[0, 0, 2]
    assert row[: length + 5].tolist() == [12, start, start + length - 1, 13, *range(start, start + length), 14]


def test_evaluation_has_every_window_once() -> None:
    rows = Count(PAPER, CPU).evaluation_rows(60, CPU)
    assert rows.shape == (91, 65)
    for start, row in enumerate(rows.tolist()):
        assert row == [150, start, start + 59, 151, *range(start, start + 60), 152]
    assert [split.examples for split in PAPER.splits()] == [121, 91]


def test_metrics_by_hand() -> None:
    """One seed, two rows, answer of two tokens and the end token."""
    p = np.array([[[0.9, 0.5, 0.2], [0.8, 0.4, 0.9]]])
    right = np.array([[[True, True, False], [True, False, True]]])
    values = answer_metrics(Scores(-np.log(p), right))
    assert values["exact_match"] == pytest.approx([0.5])
    assert values["exact_match_end"] == pytest.approx([0.0])
    assert values["token_accuracy"] == pytest.approx([0.75])
    assert values["error_score"] == pytest.approx([(-math.log(0.5) - math.log(0.4)) / 2])
    assert values["min_probability"] == pytest.approx([0.45])
    assert values["error_score"] >= -np.log(values["min_probability"])  # Jensen


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test_lengths": [13]}, "test_lengths: 13 is over the vocabulary of 12"),
        ({"test_lengths": [3]}, "3 is not out of distribution"),
        ({"test_lengths": []}, "give at least one length over 3"),
        ({"test_lengths": [5, 5]}, "given twice"),
        ({"train_lengths": [3, 1]}, r"reversed; write \[1, 3\]"),
        ({"train_lengths": [0, 3]}, "lengths start at 1"),
        ({"train_lengths": 3}, "shortest and the longest"),
        ({"train_lengths": [1, 13], "test_lengths": [14]}, "13 is over the vocabulary"),
        ({"context": 7}, "cannot hold an example of length 3; it takes 8"),
    ],
)
def test_bad_settings_say_what_would_be_right(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        settings(**changes)
