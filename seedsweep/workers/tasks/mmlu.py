"""MMLU after re-initialisation (arXiv 2502.17356, section 6 of the facts): text and multiple-choice questions.

A share `mix` of the training rows are questions with their answer, the others are text; the loss is on all their
tokens. The number of question rows is the same for every seed at every step; which ones they are is the seed's.
Where the sentences come from is a `Corpus`: files (`mmlu_files`) or a synthetic world (`mmlu_world`).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from seedsweep.measures import Metric, Split
from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.philox import Role
from seedsweep.workers.settings import TOKENS_AT_ONCE, TaskSettings
from seedsweep.workers.shuffle import shuffled
from seedsweep.workers.tasks import Rows, Task

METRICS = (
    Metric(name="accuracy", bounds=(0, 1), counts_examples=True),
    Metric(name="format_rate", bounds=(0, 1), counts_examples=True),
    Metric(name="accuracy_of_four", bounds=(0, 1), counts_examples=True),
    Metric(name="gold_nll", bounds=(0, None)),
)


@dataclass(frozen=True)
class Examples:
    """Token rows of different lengths."""

    tokens_ET: np.ndarray
    """int32, filled up on the right with any token."""
    lengths_E: np.ndarray

    @staticmethod
    def of(rows: Sequence[Sequence[int]]) -> Examples:
        """From token lists, of which at least one must not be empty."""
        lengths_E = np.array([len(row) for row in rows], dtype=np.int64)
        tokens_ET = np.zeros((len(rows), lengths_E.max()), dtype=np.int32)
        for target_T, row in zip(tokens_ET, rows, strict=True):
            target_T[: len(row)] = row
        return Examples(tokens_ET, lengths_E)

    def __len__(self) -> int:
        return len(self.lengths_E)


@dataclass(frozen=True)
class Questions:
    """Multiple-choice questions: prompts that end where the letter is to come."""

    prompts: Examples
    gold_E: np.ndarray
    """Which of the four letters is right, 0 to 3."""

    def with_answers(self, letters: Sequence[int]) -> Examples:
        """The prompts, each followed by the token of its letter."""
        tokens_ET = np.pad(self.prompts.tokens_ET, ((0, 0), (0, 1)))
        tokens_ET[np.arange(len(tokens_ET)), self.prompts.lengths_E] = np.asarray(letters)[self.gold_E]
        return Examples(tokens_ET, self.prompts.lengths_E + 1)

    def first(self, count: int) -> Questions:
        """The first so many."""
        prompts = Examples(self.prompts.tokens_ET[:count], self.prompts.lengths_E[:count])
        return Questions(prompts, self.gold_E[:count])


@dataclass(frozen=True)
class Corpus:
    """All there is to read and to answer, as tokens; the same for every seed."""

    text: Examples
    heldout_text: Examples
    questions: Questions
    """Of which the training rows are made."""
    trained: Questions
    """Like those in training: what the in-distribution split asks."""
    test: Questions
    """Facts that no training question asks for."""
    letters: tuple[int, int, int, int]
    """The tokens of the answers A, B, C and D."""
    tokens: int
    """Size of the vocabulary."""


class MixSettings(TaskSettings):
    """What the settings of all tasks of text and questions have in common."""

    mix: float = Field(ge=0, le=1)
    """Share of questions among the training rows."""

    @abstractmethod
    def corpus(self) -> Corpus:
        """Read or generate what there is. Cached: it is asked for often."""

    @abstractmethod
    def split_sizes(self) -> tuple[int, int]:
        """Questions of the splits `trained` and `test` that are evaluated."""

    def splits(self) -> tuple[Split, ...]:
        """Questions like those in training, and those of the test set."""
        trained, test = self.split_sizes()
        return (
            Split(name="trained", role="in-distribution", examples=trained),
            Split(name="test", role="out-of-distribution", examples=test),
        )

    def metrics(self) -> tuple[Metric, ...]:
        """See `Mmlu.evaluate`."""
        return METRICS

    def vocabulary_size(self) -> int:
        """Tokens of the corpus."""
        return self.corpus().tokens


class Mmlu(Task):
    """The task on one device, whatever its corpus."""

    def __init__(self, settings: TaskSettings, device: torch.device) -> None:
        assert isinstance(settings, MixSettings)
        corpus = settings.corpus()
        self._mix, self._width = settings.mix, settings.tokens_per_row()
        self._letters = torch.tensor(corpus.letters, device=device)
        self._questions = _Pool(corpus.questions.with_answers(corpus.letters), self._width, device)
        self._text = _Pool(corpus.text, self._width, device)
        self._heldout_text = _Pool(corpus.heldout_text, self._width, device)
        self._splits = {
            split.name: [_Chunk(chunk, device) for chunk in _by_length(questions.first(split.examples))]
            for split, questions in zip(settings.splits(), (corpus.trained, corpus.test), strict=True)
        }

    def rows(self, data_seeds_S: Tensor, steps_N: Tensor, batch: int) -> Rows:
        """In front the questions, then the text: each seed reads either in its own order, anew in every epoch."""
        asked_N = self._questions_before(steps_N, batch)
        count_N = self._questions_before(steps_N + 1, batch) - asked_N
        place_B = torch.arange(batch, device=steps_N.device)
        is_question_NB = place_B < count_N[:, None]
        question_NB = asked_N[:, None] + place_B
        text_NB = ((steps_N * batch - asked_N - count_N)[:, None] + place_B).clamp(min=0)
        tokens, mask = (
            torch.where(is_question_NB[:, None, :, None], asked, stated)
            for asked, stated in zip(
                self._questions.read(data_seeds_S, _Stream.QUESTIONS, question_NB),
                self._text.read(data_seeds_S, _Stream.TEXT, text_NB),
                strict=True,
            )
        )
        return Rows(tokens, mask)

    def _questions_before(self, steps_N: Tensor, batch: int) -> Tensor:
        """Question rows of all steps before these, for every seed alike."""
        return (steps_N.double() * (batch * self._mix) + 1e-6).floor().long()  # 0.29 × 100 is 28.999…

    def evaluate(self, decoder: StackedDecoder) -> dict[tuple[str, str], np.ndarray]:
        """Zero-shot, on the questions of both splits.

        accuracy
            Share of questions whose likeliest next token, of the whole vocabulary, is the right letter: about 0
            for a model that does not speak the format, about 0.25 for one that does and guesses.
        format_rate
            Share of questions whose likeliest next token is one of the four letters.
        accuracy_of_four
            Share of questions with the right letter likeliest among the four.
        gold_nll
            Mean −log p of the right letter, over the whole vocabulary.

        And `loss` of the split `text`: mean −log p of the tokens of held-out text.
        """
        values = {}
        for split, chunks in self._splits.items():
            scores = [self._score(decoder, chunk) for chunk in chunks]
            for metric, columns in zip(METRICS, zip(*scores, strict=True), strict=True):
                values[split, metric.name] = _mean_per_seed(torch.cat(columns, dim=1))
        values["text", "loss"] = self._text_loss(decoder)
        return values

    def _score(self, decoder: StackedDecoder, chunk: _Chunk) -> tuple[Tensor, ...]:
        """Per seed and question (S, W), in the order of METRICS."""
        seeds = decoder.flat_SP.shape[0]
        hidden_SWTD = decoder.hidden(chunk.tokens_WT.expand(seeds, -1, -1))
        row_W = torch.arange(len(chunk.last_W), device=chunk.last_W.device)
        logits_SWV = decoder.logits(hidden_SWTD[:, row_W, chunk.last_W][:, :, None])[:, :, 0].float()
        likeliest_SW = logits_SWV.argmax(-1)
        gold_W = self._letters[chunk.gold_W]
        nll_SW = -logits_SWV.log_softmax(-1)[:, row_W, gold_W]
        of_four_SW = logits_SWV[..., self._letters].argmax(-1) == chunk.gold_W
        return likeliest_SW == gold_W, torch.isin(likeliest_SW, self._letters), of_four_SW, nll_SW

    def _text_loss(self, decoder: StackedDecoder) -> np.ndarray:
        seeds = decoder.flat_SP.shape[0]
        pool = self._heldout_text
        sums = []
        rows_at_once = max(1, TOKENS_AT_ONCE // self._width)
        for tokens_WT in pool.tokens_ET.split(rows_at_once):
            tokens_SWT = tokens_WT.long().expand(seeds, -1, -1)
            logits_SWTV = decoder.logits(decoder.hidden(tokens_SWT)[:, :, :-1]).float()
            sums.append(F.cross_entropy(logits_SWTV.movedim(-1, 1), tokens_SWT[:, :, 1:], reduction="none"))
        counts_WT = pool.mask_ET[:, 1:]
        return _mean_per_seed(torch.cat(sums, dim=1)[:, counts_WT])


class _Stream(IntEnum):
    """What a seed reads in an order of its own: epochs of the two are shuffled independently."""

    QUESTIONS = 0
    TEXT = 1


class _Pool:
    """Rows on the device, of which seeds read one after the other in their own order."""

    def __init__(self, examples: Examples, width: int, device: torch.device) -> None:
        tokens_ET = examples.tokens_ET[:, :width]
        tokens_ET = np.pad(tokens_ET, ((0, 0), (0, width - tokens_ET.shape[1])))
        self.tokens_ET = torch.from_numpy(tokens_ET).to(device)
        self.mask_ET = torch.from_numpy(np.arange(width) < examples.lengths_E[:, None]).to(device)

    def read(self, data_seeds_S: Tensor, stream: _Stream, numbers_NB: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens and mask (N, S, B, T) of the rows with these numbers in each seed's endless order.

        The rows of a step lie in one epoch or in two, since there are at least as many as a batch has.
        """
        size = len(self.tokens_ET)
        epochs_NB, places_NB = numbers_NB // size, numbers_NB % size
        first_N = epochs_NB[:, 0]
        chosen_NSB, next_NSB = (
            shuffled(data_seeds_S, Role.DATA, len(_Stream) * (first_N + later) + stream, places_NB, size)
            for later in (0, 1)
        )
        chosen_NSB = torch.where((epochs_NB == first_N[:, None])[:, None], chosen_NSB, next_NSB)
        return self.tokens_ET[chosen_NSB].long(), self.mask_ET[chosen_NSB]


class _Chunk:
    """Questions of similar length, evaluated at once."""

    def __init__(self, questions: Questions, device: torch.device) -> None:
        prompts = questions.prompts
        width = int(prompts.lengths_E.max())
        self.tokens_WT = torch.from_numpy(prompts.tokens_ET[:, :width]).long().to(device)
        self.last_W = torch.from_numpy(prompts.lengths_E - 1).to(device)
        self.gold_W = torch.from_numpy(questions.gold_E).to(device)


def _by_length(questions: Questions) -> list[Questions]:
    """The questions, short ones first, in chunks whose size depends on their lengths alone."""
    order = np.argsort(questions.prompts.lengths_E, kind="stable")
    chunks, start = [], 0
    while start < len(order):
        # As many as fit at the length of the longest of them.
        end = start + 1
        while end < len(order) and (end + 1 - start) * questions.prompts.lengths_E[order[end]] <= TOKENS_AT_ONCE:
            end += 1
        part = order[start:end]
        prompts = Examples(questions.prompts.tokens_ET[part], questions.prompts.lengths_E[part])
        chunks.append(Questions(prompts, questions.gold_E[part]))
        start = end
    return chunks


def _mean_per_seed(value_SN: Tensor) -> np.ndarray:
    """Seed by seed, so that no vectorised kernel can treat the seeds of a pack differently."""
    return np.array([value_N.mean() for value_N in value_SN.double().cpu().numpy()])


def evaluation_tokens(settings: MixSettings, context: int, text_rows: int) -> int:
    """Tokens read by one evaluation, an upper estimate: every prompt as long as a row."""
    return (sum(split.examples for split in settings.splits()) + text_rows) * context
