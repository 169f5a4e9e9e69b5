"""The addition task: format, arithmetic, hints, packing, mask, evaluation rows and settings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
import scipy.stats
import torch
from pydantic import ValidationError

from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.dialects.gpt_neox import GPTNeoXSettings
from seedsweep.workers.philox import Role
from seedsweep.workers.tasks.addition import Addition, AdditionSettings, Examples, sum_digits

CPU = torch.device("cpu")
ORDERS = ("least-significant-first", "most-significant-first")


def settings(**changes: object) -> AdditionSettings:
    given = {
        "name": "addition", "train_lengths": (1, 4), "test_lengths": (6,), "context": 90, "hints": 12,
        "evaluation_examples": 50,
    }  # fmt: skip
    return AdditionSettings.model_validate(given | changes)


PAPER = {"train_lengths": (1, 35), "test_lengths": (40,), "context": 512, "hints": 102}


class Parsed(NamedTuple):
    """What a reader finds in one example; digits most significant first."""

    operands: tuple[str, str]
    answer: str
    hints: list[int]


class Cut(Exception):
    """The row ends within an example."""


class Reader:
    """An independent reader of rows: knows the token numbers and the grammar, nothing of the generator."""

    def __init__(self, tokens: list[int], hints: int, order: str, base: int = 10) -> None:
        self.tokens, self.hints, self.order, self.base, self.at = tokens, hints, order, base, 0

    def take(self) -> str | int:
        """The next token: a character, or a hint as the number of its symbol."""
        if self.at == len(self.tokens):
            raise Cut
        token = self.tokens[self.at]
        self.at += 1
        assert 0 <= token < self.base + self.hints + 5
        if token < self.base:
            return str(token)
        hint = token - self.base
        return hint if hint < self.hints else "$+>.*"[hint - self.hints]

    def number(self, closed_by: str) -> tuple[str, list[int]]:
        """Digits and hints as written, up to the delimiter."""
        digits, hints = "", []
        while (token := self.take()) != closed_by:
            assert isinstance(token, int), f"a hint, not {token}"
            digit = self.take()
            assert isinstance(digit, str)
            assert digit.isdigit()
            digits += digit
            hints.append(token)
            assert all(next - hint in (1, -1) for hint, next in pairwise(hints)), "not a slice"
        return digits, hints

    def example(self) -> Parsed:
        assert self.take() == "$"
        (a, hints), (b, hints_b), (c, hints_c) = self.number("+"), self.number(">"), self.number(".")
        assert hints == list(range(hints[0], hints[0] + len(a)))
        assert hints_b == hints
        if self.order == "least-significant-first":
            assert hints_c == hints
            a, b = a[::-1], b[::-1]
        else:
            assert hints_c == hints[::-1]
        c = c[::-1]
        assert a[0] == b[0] == "0", "the place for the carry"
        assert int(a, self.base) + int(b, self.base) == int(c, self.base)
        assert len(a) == len(b) == len(c)
        return Parsed((a[1:], b[1:]), c, hints)


def read_row(
    tokens: list[int], mask: list[bool], hints: int, order: str, lengths: range, base: int = 10
) -> Iterator[Parsed]:
    """The whole examples of one packed row; checks every token and every token's mask."""
    reader = Reader(tokens, hints, order, base)
    while reader.at < len(tokens):
        start = reader.at
        try:
            example = reader.example()
        except Cut:  # it counts nothing
            assert not any(mask[start:])
            return
        n = len(example.operands[0])
        assert n in lengths
        assert reader.at - start == 6 * (n + 1) + 4
        answer = 2 * (n + 1) + 1  # and the end token
        assert mask[start : reader.at] == [False] * (4 * (n + 1) + 3) + [True] * answer
        yield example


def text(tokens: list[int], hints: int) -> str:
    """Tokens as the sources print them."""
    return "".join("0123456789"[t] if t < 10 else ("abcdefghijkl"[:hints] + "$+>.*")[t - 10] for t in tokens)


@pytest.mark.parametrize(
    ("order", "numbers", "printed"),
    [
        ("least-significant-first", ("576", "361", "937"), "$a6b7c5+a1b6c3>a7b3c9."),  # arXiv 2402.09371
        ("most-significant-first", ("054", "037", "091"), "$a0b5c4+a0b3c7>c1b9a0."),  # arXiv 2310.16028
    ],
)
def test_the_formats_of_the_two_sources(order: str, numbers: tuple[str, str, str], printed: str) -> None:
    digits = torch.tensor([[int(d) for d in number[::-1]] for number in numbers])
    assert torch.equal(sum_digits(digits[0], digits[1], 10), digits[2])
    one = Examples(torch.tensor([2]), torch.tensor([0]), digits[None])
    tokens, mask = Addition(settings(operand_order=order), CPU).write(one, len(printed))
    assert text(tokens.tolist(), 12) == printed
    assert mask.tolist() == [False] * 15 + [True] * 7


@pytest.mark.parametrize("order", ORDERS)
def test_ten_thousand_examples_at_the_papers_sizes_add_up(order: str) -> None:
    rows = Addition(settings(**PAPER, operand_order=order), CPU).rows(torch.arange(5), torch.arange(9), 64)
    assert rows.tokens_NSBT.shape == rows.mask_NSBT.shape == (9, 5, 64, 512)
    examples: list[Parsed] = []
    for tokens, mask in zip(rows.tokens_NSBT.flatten(0, 2), rows.mask_NSBT.flatten(0, 2), strict=True):
        examples += read_row(tokens.tolist(), mask.tolist(), 102, order, range(1, 36))
    assert len(examples) > 10_000
    assert {len(example.operands[0]) for example in examples} == set(range(1, 36))
    # Carries into the place kept for them (probability (1 − 10⁻ⁿ) / 2), also across many nines.
    expected = np.mean([(1 - 10 ** -len(example.operands[0])) / 2 for example in examples])
    found = np.mean([example.answer[0] == "1" for example in examples])
    assert found == pytest.approx(expected, abs=4 * 0.5 / len(examples) ** 0.5)
    assert max(longest_run_of_nines(example) for example in examples) >= 4
    # A slice of 36 out of 102 symbols leaves 67 starts; the symbols at both ends are used.
    assert {hint for example in examples for hint in example.hints} == set(range(102))


def longest_run_of_nines(example: Parsed) -> int:
    """Length of the longest run of places that hand a carry on, with a carry coming in."""
    longest = run = carry = 0
    for a, b in zip(*(operand[::-1] for operand in example.operands), strict=True):
        total = int(a) + int(b)
        run = run + 1 if total == 9 and carry else 0
        carry = int(total + carry >= 10)
        longest = max(longest, run)
    return longest


@pytest.mark.parametrize(("base", "places"), [(10, 3), (3, 6), (2, 9)])
def test_carries_of_every_pair_of_short_numbers(base: int, places: int) -> None:
    """Also those where a carry passes several nines and where nines have none to pass on."""
    a, b = torch.meshgrid(torch.arange(base**places), torch.arange(base**places), indexing="ij")
    powers = base ** torch.arange(places + 1)
    digits = [number[..., None] // powers % base for number in (a, b, a + b)]
    assert torch.equal(sum_digits(digits[0], digits[1], base), digits[2])


@pytest.mark.parametrize("base", [2, 3, 10])
@pytest.mark.parametrize("order", ORDERS)
def test_small_rows_are_read_back(order: str, base: int) -> None:
    rows = Addition(settings(operand_order=order, base=base), CPU).rows(torch.arange(6), torch.arange(5), 7)
    examples: list[Parsed] = []
    for tokens, mask in zip(rows.tokens_NSBT.flatten(0, 2), rows.mask_NSBT.flatten(0, 2), strict=True):
        found = list(read_row(tokens.tolist(), mask.tolist(), 12, order, range(1, 5), base))
        assert found  # the context holds any first example
        examples += found
    assert {len(example.operands[0]) for example in examples} == {1, 2, 3, 4}
    assert set("".join(example.operands[0] for example in examples)) == set("0123456789"[:base])
    assert {example.answer[0] for example in examples} == {"0", "1"}  # the carry


def test_to_another_base_the_vocabulary_and_the_evaluation_are_its_own() -> None:
    config = settings(base=2, evaluation_examples=200)
    assert config.vocabulary_size() == 2 + 12 + 5
    rows = Addition(config, CPU).evaluation_rows(6, CPU)
    assert rows.shape == (200, 6 * 7 + 4)
    read = [Reader(tokens, 12, ORDERS[0], base=2).example() for tokens in rows.tolist()]
    bits = np.array([[int(bit) for bit in "".join(example.operands)] for example in read])
    assert np.bincount(bits.ravel()) == pytest.approx([1200, 1200], abs=4 * 2400**0.5 / 2)


def test_as_many_digits_as_hints_allow() -> None:
    rows = Addition(settings(hints=7), CPU).evaluation_rows(6, CPU)
    for tokens in rows.tolist():
        assert Reader(tokens, 7, ORDERS[0]).example().hints == list(range(7))


def test_lengths_and_hint_starts_are_uniform() -> None:
    rows = Addition(settings(), CPU).rows(torch.arange(4), torch.arange(10), 100)
    lengths: Counter[int] = Counter()
    starts: Counter[tuple[int, int]] = Counter()
    for tokens, mask in zip(rows.tokens_NSBT.flatten(0, 2), rows.mask_NSBT.flatten(0, 2), strict=True):
        # Only the first example of a row: the later ones are those that fit, which favours short ones.
        example = next(read_row(tokens.tolist(), mask.tolist(), 12, ORDERS[0], range(1, 5)))
        n = len(example.operands[0])
        lengths[n] += 1
        starts[n, example.hints[0]] += 1
    assert scipy.stats.chisquare([lengths[n] for n in range(1, 5)]).pvalue > 1e-3
    for n in range(1, 5):
        found = [starts[n, start] for start in range(12 - n)]  # n + 1 symbols of 12
        assert sum(found) == lengths[n]
        assert scipy.stats.chisquare(found).pvalue > 1e-3


def test_operand_digits_are_uniform_and_independent() -> None:
    """Every place of both operands, the most significant included, and neighbouring digits as pairs."""
    task = Addition(settings(**PAPER, evaluation_examples=4000), CPU)
    read = [Reader(tokens, 102, ORDERS[0]).example() for tokens in task.evaluation_rows(40, CPU).tolist()]
    digits = np.array([[int(d) for d in example.operands[0] + example.operands[1]] for example in read])
    counts = [np.bincount(column, minlength=10) for column in digits.T]
    assert min(scipy.stats.chisquare(count).pvalue for count in counts) > 1e-3 / 80
    assert scipy.stats.kstest([scipy.stats.chisquare(count).pvalue for count in counts], "uniform").pvalue > 1e-3
    pairs = np.bincount((10 * digits[:, :-1] + digits[:, 1:]).ravel(), minlength=100)
    assert scipy.stats.chisquare(pairs).pvalue > 1e-3
    places = np.bincount((10 * digits[:, :40] + digits[:, 40:]).ravel(), minlength=100)
    assert scipy.stats.chisquare(places).pvalue > 1e-3
    starts = np.bincount([example.hints[0] for example in read], minlength=62)  # 102 − 41 + 1
    assert len(starts) == 62
    assert scipy.stats.chisquare(starts).pvalue > 1e-3


def test_rows_come_from_numpys_philox() -> None:
    """The first example of row 2 at step 5 of seed 9, recomputed from numpy's generator: one block holds it."""
    most = 90 // (6 * 2 + 4) + 1
    words = np.random.Philox(key=[9, int(Role.DATA)], counter=[2 * most, 5, 0, 0]).random_raw(4)
    n = 1 + (int(words[0]) >> 32) * 4 // 2**32
    start = (int(words[1]) >> 32) * (12 - n) // 2**32
    digits = [int(words[2].astype(np.int64)) // 10**j % 10 for j in range(8)]
    a, b = (sum(d * 10**j for j, d in enumerate(part[:n])) for part in (digits[:4], digits[4:]))
    row = Addition(settings(), CPU).rows(torch.tensor([9]), torch.tensor([5]), 4).tokens_NSBT[0, 0, 2]
    example = Reader(row.tolist(), 12, ORDERS[0]).example()
    assert example == ((f"{a:0{n}d}", f"{b:0{n}d}"), f"{a + b:0{n + 1}d}", list(range(start, start + n + 1)))


def test_a_seeds_data_are_the_same_whatever_the_pack_and_the_chunk() -> None:
    task = Addition(settings(), CPU)
    alone = task.rows(torch.tensor([7]), torch.arange(20), 4)
    packed = task.rows(torch.tensor([3, 7, 5]), torch.arange(10, 15), 4)
    larger = task.rows(torch.tensor([7]), torch.arange(20), 9)
    assert torch.equal(alone.tokens_NSBT[10:15, 0], packed.tokens_NSBT[:, 1])
    assert torch.equal(alone.mask_NSBT[10:15, 0], packed.mask_NSBT[:, 1])
    assert torch.equal(alone.tokens_NSBT, larger.tokens_NSBT[:, :, :4])
    assert not torch.equal(packed.tokens_NSBT[:, 0], packed.tokens_NSBT[:, 1])
    assert not torch.equal(packed.tokens_NSBT[0], packed.tokens_NSBT[1])


@pytest.mark.parametrize("order", ORDERS)
def test_evaluation_rows_are_whole_examples_and_fixed(order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    task = Addition(settings(operand_order=order), CPU)
    rows = task.evaluation_rows(6, CPU)
    assert rows.shape == (50, 6 * 7 + 4)
    read = [Reader(tokens, 12, order).example() for tokens in rows.tolist()]
    assert len({example.operands for example in read}) == 50
    assert len({example.hints[0] for example in read}) > 1  # drawn anew for every example
    monkeypatch.setattr("seedsweep.workers.tasks.addition.EVALUATION_ROWS_AT_ONCE", 7)
    more = Addition(settings(operand_order=order, test_lengths=(5, 6), evaluation_examples=80), CPU)
    assert torch.equal(more.evaluation_rows(6, CPU)[:50], rows)
    task.rows(torch.tensor([3]), torch.tensor([1]), 2)
    assert torch.equal(task.evaluation_rows(6, CPU), rows)


def test_both_orders_evaluate_the_same_sums() -> None:
    rows = [Addition(settings(operand_order=order), CPU).evaluation_rows(6, CPU).tolist() for order in ORDERS]
    for least, most in zip(*rows, strict=True):
        assert Reader(least, 12, ORDERS[0]).example() == Reader(most, 12, ORDERS[1]).example()


def test_every_split_reports_every_metric() -> None:
    config = settings(test_lengths=[7, 5], evaluation_examples=9)
    assert [(split.name, split.role) for split in config.splits()] == [
        ("digits-4", "in-distribution"), ("digits-5", "out-of-distribution"), ("digits-7", "out-of-distribution")
    ]  # fmt: skip
    assert {split.examples for split in config.splits()} == {9}
    assert config.evaluation_tokens() == 9 * (34 + 40 + 52)
    model = GPTNeoXSettings(depth=1, heads=1, head_dim=8)
    decoder = StackedDecoder(model, config.vocabulary_size(), 2, CPU)
    decoder.initialise([0, 1])
    with torch.no_grad():
        values = Addition(config, CPU).evaluate(decoder)
    assert set(values) == {(s.name, m.name) for s in config.splits() for m in config.metrics()}
    # Small random weights are nearly indifferent among the 12 + 15 tokens; this is the least of 16.
    assert values["digits-7", "min_probability"] == pytest.approx([1 / 27] * 2, rel=0.2)
    assert all(value.shape == (2,) for value in values.values())


def test_the_answer_and_the_end_token_are_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    scored: list[list[str]] = []

    def score(decoder: StackedDecoder, rows_WT: torch.Tensor, first: int) -> None:
        scored.append([text(row[first - 1 :], 12) for row in rows_WT.tolist()])

    monkeypatch.setattr("seedsweep.workers.tasks.addition.score", score)
    monkeypatch.setattr("seedsweep.workers.tasks.addition.answer_metrics", lambda scores: {})
    Addition(settings(), CPU).evaluate(None)  # type: ignore[arg-type]
    for digits, rows in zip((4, 6), scored, strict=True):
        assert len(rows) == 50
        assert all(re.fullmatch(rf">([a-l][0-9]){{{digits + 1}}}\.", row) for row in rows)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hints": 4}, "train_lengths: 4 digits and the carry take 5 hint symbols, there are 4; give at most 3"),
        ({"hints": 6}, "test_lengths: 6 digits and the carry take 7 hint symbols, there are 6; give at most 5"),
        ({"test_lengths": [4]}, "test_lengths: 4 is not out of distribution, .* give lengths over 4"),
        ({"test_lengths": []}, "give at least one length over 4"),
        ({"test_lengths": [5, 5]}, "given twice"),
        ({"train_lengths": [3, 1]}, r"reversed; write \[1, 3\]"),
        ({"train_lengths": [0, 3]}, "lengths start at 1"),
        ({"train_lengths": 3}, "shortest and the longest"),
        ({"context": 33}, "context: 33 tokens cannot hold an example of 4 digits; it takes 34"),
        ({"base": 1}, "base\n.*greater than or equal to 2"),
        ({"base": 16}, "base\n.*less than or equal to 10"),
        ({"base": "2"}, "write it without quotes"),
        ({"operand_order": "reversed"}, "'least-significant-first' or 'most-significant-first'"),
        ({"evaluation_examples": 0}, "greater than or equal to 1"),
        ({"evaluation_examples": "64000"}, "write it without quotes"),
    ],
)
def test_bad_settings_say_what_would_be_right(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        settings(**changes)
