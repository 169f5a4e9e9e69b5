"""Count (arXiv 2502.17356, section 3): write the numbers from a to b.

One token per integer 0 … V−1, then `$` begin, `>` separator, `.` end, `*` pad (never read, kept for the paper's
vocabulary of V + 4). An example of length L is `$ a b > a a+1 … b .`, L + 5 tokens; L is uniform on the training
lengths, a uniform on 0 … V−L. Rows are packed: examples follow each other until the context is full, the one
that does not fit is cut and counts nothing, and attention sees the earlier ones.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor

from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.philox import Role, below, philox
from seedsweep.workers.scoring import answer_metrics, score
from seedsweep.workers.settings import EvaluationPass, TaskSettings
from seedsweep.workers.tasks import Rows, Task
from seedsweep.workers.tasks.concatenation import concatenate_examples, examples_to_fill
from seedsweep.workers.tasks.lengths import LengthSettings

FRAME = 5
"""Tokens of an example besides the answer: begin, a, b, separator, end."""
PROMPT = 4
"""Tokens before the answer; they count nothing in the loss."""


class CountSettings(LengthSettings):
    """`task:` section of a count sweep. Lengths are the numbers of an answer."""

    name: Literal["count"]
    vocabulary: int = Field(ge=2, le=1_000_000)
    """Integers V; the model has four tokens more."""

    @model_validator(mode="after")
    def _check_lengths(self) -> CountSettings:
        longest = self.train_lengths[1]
        if longest > self.vocabulary:
            raise ValueError(f"train_lengths: {longest} is over the vocabulary of {self.vocabulary} integers")
        if self.context < longest + FRAME:
            raise ValueError(
                f"context: {self.context} tokens cannot hold an example of length {longest}; "
                f"it takes {longest + FRAME}"
            )
        for length in self.test_lengths:
            if length > self.vocabulary:
                raise ValueError(f"test_lengths: {length} is over the vocabulary of {self.vocabulary} integers")
        return self

    def examples(self, length: int) -> int:
        """One for every start: V − length + 1 windows."""
        return self.vocabulary - length + 1

    def vocabulary_size(self) -> int:
        """V + 4."""
        return self.vocabulary + 4

    def evaluation_tokens(self) -> int:
        """Tokens of all evaluation windows."""
        return sum(self.examples(n) * (n + FRAME) for n in self.evaluated_lengths().values())

    def longest_row(self) -> int:
        """The context, or the longest window without its last token."""
        return max(self.context, max(self.evaluated_lengths().values()) + FRAME - 1)

    def largest_pass(self) -> EvaluationPass:
        """Of windows, whose answers are scored."""
        return self.largest_scoring(lambda length: length + FRAME, lambda length: PROMPT)


class Count(Task):
    """The count task on one device."""

    Settings = CountSettings

    def __init__(self, settings: TaskSettings, device: torch.device) -> None:
        assert isinstance(settings, CountSettings)
        self.settings = settings
        v = settings.vocabulary
        self.begin, self.separator, self.end = v, v + 1, v + 2
        self._windows = {
            split: self.evaluation_rows(length, device) for split, length in settings.evaluated_lengths().items()
        }

    def example_tokens(self, start: Tensor, length: Tensor, offset: Tensor) -> Tensor:
        """The token at `offset` of the example that counts `length` numbers from `start`."""
        token = start + offset - PROMPT
        token = torch.where(offset == 0, self.begin, token)
        token = torch.where(offset == 1, start, token)
        token = torch.where(offset == 2, start + length - 1, token)
        token = torch.where(offset == 3, self.separator, token)
        return torch.where(offset == PROMPT + length, self.end, token)

    def evaluation_rows(self, length: int, device: torch.device) -> Tensor:
        """Every window of that length, one a row: (V − length + 1, length + 5)."""
        starts_W1 = torch.arange(self.settings.examples(length), device=device)[:, None]
        offsets_T = torch.arange(length + FRAME, device=device)
        return self.example_tokens(starts_W1, torch.tensor(length, device=device), offsets_T)

    def rows(self, data_seeds_S: Tensor, steps_N: Tensor, batch: int) -> Rows:
        """Packed examples. Example e of row b draws the counter (b · E + e, step), E examples at most a row."""
        shortest, longest = self.settings.train_lengths
        context, device = self.settings.context, data_seeds_S.device
        most = examples_to_fill(context, shortest + FRAME)
        position_BE = torch.arange(batch * most, device=device).view(batch, most)
        words = philox((data_seeds_S[None, :, None, None], Role.DATA), (position_BE, steps_N[:, None, None, None]))
        length_NSBE = shortest + below(words[..., 0], longest - shortest + 1)
        start_NSBE = below(words[..., 1], self.settings.vocabulary - length_NSBE + 1)

        example_NSBT, offset_NSBT, fits_NSBT = concatenate_examples(length_NSBE + FRAME, context)
        start_NSBT, length_NSBT = start_NSBE.gather(-1, example_NSBT), length_NSBE.gather(-1, example_NSBT)
        tokens_NSBT = self.example_tokens(start_NSBT, length_NSBT, offset_NSBT)
        return Rows(tokens_NSBT, (offset_NSBT >= PROMPT) & fits_NSBT)

    def evaluate(self, decoder: StackedDecoder) -> dict[tuple[str, str], np.ndarray]:
        """Teacher-forced on every window; the last token of a row is the end token."""
        values = {}
        for split, rows_WT in self._windows.items():
            for metric, value_S in answer_metrics(score(decoder, rows_WT, PROMPT)).items():
                values[split, metric] = value_S
        return values
