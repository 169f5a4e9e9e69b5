"""Reverse addition with index hints (arXiv 2502.17356): add two numbers of the same length.

Tokens: the digits 0 … 9 (to another base: those below it), then H hint symbols (written a, b, c, … here), then `$`
begin, `+`, `>` separator, `.` end and `*` pad (never read, kept for the authors' vocabulary of H + 15). An example
is `$ A + B > C .`. All three numbers have the operands' n digits and one more place for the carry, which is 0 in
the operands, and each digit stands behind the hint of its place: 6 (n + 1) + 4 tokens. The hints are a contiguous
slice of the ordered symbols that starts anywhere; it is drawn anew for every example, also in the evaluation. C is
always written from its least significant digit. The sources differ in the operands, and which way the seed paper
took is not known to us; hints ascend in the order in which the operands are written:

    least-significant-first   `a6b7c5+a1b6c3>a7b3c9`    576 + 361 = 937     Zhou et al. 2024, arXiv 2402.09371
    most-significant-first    `a0b5c4+a0b3c7>c1b9a0`     54 +  37 =  91     Zhou et al. 2023, arXiv 2310.16028

(The first as printed there, without the place for the carry.) Operands have n uniform digits, and the most
significant may be 0: our choice, the sources say no more than "of length n". n is uniform on the training lengths.
Rows are packed as in the count task.

Shape letters: X any leading shape (training: N steps, S seeds, B rows; evaluation: W rows), E examples of a row,
P places of a number, least significant first, T tokens of a row.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal, NamedTuple, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor

from seedsweep.section import AddedLater
from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.philox import DIGITS_PER_WORD, Role, below, low_digits, philox
from seedsweep.workers.scoring import answer_metrics, score
from seedsweep.workers.settings import EvaluationPass, TaskSettings
from seedsweep.workers.tasks import Rows, Task
from seedsweep.workers.tasks.concatenation import concatenate_examples, examples_to_fill
from seedsweep.workers.tasks.lengths import LengthSettings

EVALUATION_SEED = 0
"""The key of the evaluation examples of all cells, under a role of its own."""
EVALUATION_ROWS_AT_ONCE = 4096
"""Evaluation rows made at once: it bounds memory and changes no value."""


Whole = TypeVar("Whole", int, Tensor)


def example_size(digits: Whole) -> Whole:
    """Tokens of an example whose operands have that many digits."""
    return 6 * (digits + 1) + 4


def prompt_size(digits: Whole) -> Whole:
    """Tokens before the answer; they count nothing in the loss."""
    return 4 * (digits + 1) + 3


class AdditionSettings(LengthSettings):
    """`task:` section of an addition sweep. Lengths are the digits of an operand."""

    unit = "digits"
    name: Literal["addition"]
    hints: int = Field(default=102, ge=2, le=30_000)
    """Hint symbols H (at most what int16 holds); the model has five tokens and the digits more."""
    operand_order: Literal["least-significant-first", "most-significant-first"] = "least-significant-first"
    """Which digit of the operands is written first, and gets the first of the hints."""
    base: Annotated[int, AddedLater()] = Field(default=10, ge=2, le=10)
    """Of the number system; a digit is its own token, so the first hint symbol has the base as its token."""
    evaluation_examples: int = Field(ge=1, le=10_000_000)
    """Examples of each split, the same for all cells."""

    @model_validator(mode="after")
    def _check_digits(self) -> AdditionSettings:
        longest = self.train_lengths[1]
        for field, digits in (("train_lengths", longest), *(("test_lengths", n) for n in self.test_lengths)):
            if digits + 1 > self.hints:
                raise ValueError(
                    f"{field}: {digits} digits and the carry take {digits + 1} hint symbols, there are "
                    f"{self.hints}; give at most {self.hints - 1} digits or raise hints"
                )
        if self.context < example_size(longest):
            raise ValueError(
                f"context: {self.context} tokens cannot hold an example of {longest} digits; "
                f"it takes {example_size(longest)}"
            )
        return self

    def examples(self, length: int) -> int:
        """As many of every length."""
        return self.evaluation_examples

    def vocabulary_size(self) -> int:
        """Digits, H hint symbols and five delimiters: H + 15 for decimal numbers."""
        return self.base + self.hints + 5

    def evaluation_tokens(self) -> int:
        """Tokens of all evaluation examples."""
        return self.evaluation_examples * sum(map(example_size, self.evaluated_lengths().values()))

    def longest_row(self) -> int:
        """The context, or the longest example without its last token."""
        return max(self.context, example_size(max(self.evaluated_lengths().values())) - 1)

    def largest_pass(self) -> EvaluationPass:
        """Of examples, whose sums are scored."""
        return self.largest_scoring(example_size, prompt_size)

    def data_bytes(self) -> int:
        """Two for every token."""
        return 2 * self.evaluation_tokens()


class Examples(NamedTuple):
    """Examples before they are written as tokens."""

    length_XE: Tensor
    """Digits n of each operand; the numbers have n + 1 places."""
    hint_XE: Tensor
    """First hint of the slice, from 0."""
    numbers_XE3P: Tensor
    """Digits of both operands and of their sum; 0 beyond an example's own."""


def sum_digits(a_XP: Tensor, b_XP: Tensor, base: int) -> Tensor:
    """Digits (X, P) of a + b modulo base^P.

    The carry out of a place is decided by the last place up to it whose digits do not add up to base − 1 (a nine),
    because a nine hands on what it gets: there is one if that place has the base or more.
    """
    total_XP = a_XP + b_XP
    place_P = torch.arange(total_XP.shape[-1], device=total_XP.device)
    # Nines from place 0 on: no carry.
    deciding_XP = torch.where(total_XP == base - 1, 0, place_P).cummax(dim=-1).values
    carries_XP = total_XP.gather(-1, deciding_XP) >= base
    return (total_XP + F.pad(carries_XP[..., :-1], (1, 0))) % base


def draw_examples(
    settings: AdditionSettings,
    lengths: tuple[int, int],
    key: tuple[Tensor | int, int],
    counter: tuple[Tensor, Tensor],
) -> Examples:
    """One example for every seed of the key, position and step, which broadcast to the shape (X, E).

    The example at position p draws the C blocks from p · C of its step: a word for the length, a word for the
    first hint, then twelve digits a word, the first operand's and the second's.
    """
    (shortest, longest), (seeds, role), (position_XE, step) = lengths, key, counter
    device = position_XE.device
    blocks = math.ceil((2 + math.ceil(2 * longest / DIGITS_PER_WORD)) / 4)  # philox gives four words at a time
    block_XEC = position_XE[..., None] * blocks + torch.arange(blocks, device=device)
    words = philox((torch.as_tensor(seeds)[..., None], role), (block_XEC, step[..., None])).flatten(-2)

    length_XE = shortest + below(words[..., 0], longest - shortest + 1)
    hint_XE = below(words[..., 1], settings.hints - length_XE)  # a slice of length + 1
    drawn = low_digits(words[..., 2:], settings.base).flatten(-2)[..., : 2 * longest].unflatten(-1, (2, longest))
    within = torch.arange(longest, device=device) < length_XE[..., None, None]
    operands_XE2P = F.pad(torch.where(within, drawn, 0), (0, 1))
    sum_XEP = sum_digits(operands_XE2P[..., 0, :], operands_XE2P[..., 1, :], settings.base)
    return Examples(length_XE, hint_XE, torch.cat((operands_XE2P, sum_XEP[..., None, :]), dim=-2))


class Addition(Task):
    """Reverse addition on one device."""

    Settings = AdditionSettings

    def __init__(self, settings: TaskSettings, device: torch.device) -> None:
        assert isinstance(settings, AdditionSettings)
        self.settings = settings
        self.begin = settings.base + settings.hints
        self._evaluation = {
            split: self.evaluation_rows(digits, device) for split, digits in settings.evaluated_lengths().items()
        }

    def write(self, examples: Examples, context: int) -> tuple[Tensor, Tensor]:
        """The examples as packed rows: tokens and loss mask, both (X, T)."""
        example_XT, offset_XT, fits_XT = concatenate_examples(example_size(examples.length_XE), context)
        length_XT = examples.length_XE.gather(-1, example_XT)
        places_XT = length_XT + 1

        # Behind the begin token stand three numbers of 2 · places tokens, each with a delimiter behind it.
        # The begin token itself comes out as the delimiter of "number −1".
        number_XT = (offset_XT - 1) // (2 * places_XT + 1)
        within_XT = (offset_XT - 1) - number_XT * (2 * places_XT + 1)
        delimits_XT = within_XT == 2 * places_XT
        delimiter_XT = self.begin + 1 + number_XT  # `$ + > .` are neighbours

        place_XT = within_XT // 2
        rank_XT = place_XT  # of the hint in its slice
        if self.settings.operand_order == "most-significant-first":
            place_XT = torch.where(number_XT == 2, place_XT, places_XT - 1 - place_XT)
            rank_XT = places_XT - 1 - place_XT
        hint_XT = self.settings.base + examples.hint_XE.gather(-1, example_XT) + rank_XT

        digits_XD = examples.numbers_XE3P.flatten(-3)
        index_XT = (3 * example_XT + number_XT) * examples.numbers_XE3P.shape[-1] + place_XT
        index_XT = index_XT.clamp(0, digits_XD.shape[-1] - 1)  # a delimiter has no digit: any will do
        digit_XT = digits_XD.gather(-1, index_XT)

        tokens_XT = torch.where(within_XT % 2 == 0, hint_XT, digit_XT)
        tokens_XT = torch.where(delimits_XT, delimiter_XT, tokens_XT)
        return tokens_XT, (offset_XT >= prompt_size(length_XT)) & fits_XT

    def rows(self, data_seeds_S: Tensor, steps_N: Tensor, batch: int) -> Rows:
        """Packed examples. Example e of row b has the position b · E + e, E examples at most a row."""
        settings, device = self.settings, data_seeds_S.device
        most = examples_to_fill(settings.context, example_size(settings.train_lengths[0]))
        position_BE = torch.arange(batch * most, device=device).view(batch, most)
        key, counter = (data_seeds_S[:, None, None], Role.DATA), (position_BE, steps_N[:, None, None, None])
        examples_NSBE = draw_examples(settings, settings.train_lengths, key, counter)
        return Rows(*self.write(examples_NSBE, settings.context))

    def evaluation_rows(self, digits: int, device: torch.device) -> Tensor:
        """The evaluation examples of that length, one a row: int16 (W, 6 (digits + 1) + 4).

        Example w has the position w and the length as its step, so a larger evaluation begins with the examples
        of a smaller one. Narrow integers, because the paper's 64 000 examples of 40 digits are 16 million tokens.
        """
        key, step = (EVALUATION_SEED, Role.EVALUATION), torch.tensor(digits, device=device)
        positions_W = torch.arange(self.settings.evaluation_examples, device=device)
        chunks = []
        for position_W in positions_W.split(EVALUATION_ROWS_AT_ONCE):
            examples_WE = draw_examples(self.settings, (digits, digits), key, (position_W[:, None], step))
            chunks.append(self.write(examples_WE, example_size(digits))[0].to(torch.int16))
        return torch.cat(chunks)

    def evaluate(self, decoder: StackedDecoder) -> dict[tuple[str, str], np.ndarray]:
        """Teacher-forced; answer tokens are the sum's hints and digits, the last of a row is the end token."""
        values = {}
        for split, digits in self.settings.evaluated_lengths().items():
            scores = score(decoder, self._evaluation[split], prompt_size(digits))
            for metric, value_S in answer_metrics(scores).items():
                values[split, metric] = value_S
        return values
