"""An own task, complete: copy a string of random symbols, also one longer than any in training.

An example of length L is `$ x1 … xL > x1 … xL .`: 2L + 3 tokens, of which the last L + 1 are to be predicted.

    pip install ./examples/copy
    seedsweep run examples/copy/copy.yaml
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.philox import Role, below, philox
from seedsweep.workers.scoring import answer_metrics, score
from seedsweep.workers.settings import TaskSettings
from seedsweep.workers.tasks import Rows, Task
from seedsweep.workers.tasks.concatenation import concatenate_examples, examples_to_fill
from seedsweep.workers.tasks.lengths import LengthSettings

FRAME = 3
"""Tokens of an example besides the string and its copy: begin, separator, end."""


class CopySettings(LengthSettings):
    """The `task:` section of a spec. `train_lengths`, `test_lengths` and `context` are inherited."""

    name: Literal["copy"]
    symbols: int = Field(ge=2, le=10_000)
    """Different symbols; the model has three tokens more."""
    evaluation_examples: int = Field(default=256, ge=1)
    """Strings in each split, the same for all cells."""

    def examples(self, length: int) -> int:
        """As many of every length."""
        return self.evaluation_examples

    def vocabulary_size(self) -> int:
        """The symbols, begin, separator and end."""
        return self.symbols + 3

    def evaluation_tokens(self) -> int:
        """Tokens of all evaluation strings."""
        return self.evaluation_examples * sum(2 * length + FRAME for length in self.evaluated_lengths().values())


class Copy(Task):
    """The task on one device."""

    Settings = CopySettings

    def __init__(self, settings: TaskSettings, device: torch.device) -> None:
        assert isinstance(settings, CopySettings)
        self.settings = settings
        self._evaluation: dict[str, Tensor] = {}
        for split, length in settings.evaluated_lengths().items():
            examples_W1 = torch.arange(settings.evaluation_examples, device=device)[:, None]
            strings_W1L = self.strings(
                (0, Role.EVALUATION), examples_W1, torch.tensor(length, device=device), length
            )
            lengths_W1 = torch.full_like(examples_W1, length)
            self._evaluation[split], _ = self.write(strings_W1L, lengths_W1, 2 * length + FRAME)

    def strings(self, key: tuple[Tensor | int, int], position: Tensor, step: Tensor, longest: int) -> Tensor:
        """Random symbols (X, longest) for every position and step: nothing but the counter decides them."""
        place_L = torch.arange(longest, device=position.device)
        counter = (position[..., None] * (longest + 1) + 1 + place_L, step[..., None])
        seeds = torch.as_tensor(key[0])[..., None]
        return below(philox((seeds, key[1]), counter)[..., 0], self.settings.symbols)

    def write(self, strings_XEL: Tensor, length_XE: Tensor, context: int) -> tuple[Tensor, Tensor]:
        """Examples as packed rows: tokens and loss mask, both (X, T)."""
        example_XT, offset_XT, fits_XT = concatenate_examples(2 * length_XE + FRAME, context)
        length_XT = length_XE.gather(-1, example_XT)
        in_answer_XT = offset_XT > length_XT + 1
        place_XT = torch.where(in_answer_XT, offset_XT - length_XT - 2, offset_XT - 1)
        longest = strings_XEL.shape[-1]
        index_XT = example_XT * longest + place_XT.clamp(0, longest - 1)
        tokens_XT = strings_XEL.flatten(-2).gather(-1, index_XT)
        begin = self.settings.symbols
        for at_XT, token in ((0, begin), (length_XT + 1, begin + 1), (2 * length_XT + 2, begin + 2)):
            tokens_XT = torch.where(offset_XT == at_XT, token, tokens_XT)
        return tokens_XT, in_answer_XT & fits_XT

    def rows(self, data_seeds_S: Tensor, steps_N: Tensor, batch: int) -> Rows:
        """Packed examples, a pure function of seed and step."""
        shortest, longest = self.settings.train_lengths
        device = data_seeds_S.device
        most = examples_to_fill(self.settings.context, 2 * shortest + FRAME)
        position_BE = torch.arange(batch * most, device=device).view(batch, most)
        key, step = (data_seeds_S[:, None, None], Role.DATA), steps_N[:, None, None, None]
        length_words = philox(key, (position_BE * (longest + 1), step))[..., 0]
        length_NSBE = shortest + below(length_words, longest - shortest + 1)
        strings_NSBEL = self.strings(key, position_BE, step, longest)
        return Rows(*self.write(strings_NSBEL, length_NSBE, self.settings.context))

    def evaluate(self, decoder: StackedDecoder) -> dict[tuple[str, str], np.ndarray]:
        """Teacher-forced; the same metrics as count."""
        return {
            (split, metric): value_S
            for split, length in self.settings.evaluated_lengths().items()
            for metric, value_S in answer_metrics(score(decoder, self._evaluation[split], length + 2)).items()
        }
