"""Rows of in-context learning: N pairs of an exemplar and its label, an exemplar that is asked for, its label.

`x₁ ℓ₁ x₂ ℓ₂ … x ℓ`, 2 N + 2 tokens, of which the last alone is predicted and counts. Exemplars are the tokens of
`exemplars`, labels those behind them; only labels can be predicted. Whether the answer is copied from the context
or known by heart depends on which rows are drawn: the tasks that build on this say so.

Letters: S seeds, W rows of a split, N pairs, P = N + 1 exemplars of a row, T = 2 N + 2 tokens, L labels, X any.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from typing import ClassVar, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from seedsweep.measures import Metric
from seedsweep.workers.alignment import SHORT_ROW
from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.device import to_host
from seedsweep.workers.philox import Role
from seedsweep.workers.settings import TOKENS_AT_ONCE, EvaluationPass, TaskSettings
from seedsweep.workers.tasks import Rows, Task
from seedsweep.workers.tasks.exemplars import ExemplarSettings

EVALUATION_SEED = 0
"""The key of the evaluation rows of all cells, under a role of its own."""
READING_ROWS = 256
"""Rows of a split over which streams read a model."""
LOGITS_AT_ONCE = 2**20
"""Per seed, in one forward pass of the evaluation. It bounds memory; it must not depend on the pack."""

METRICS = (
    Metric(name="loss", bounds=(0, None)),
    Metric(name="accuracy", bounds=(0, 1), counts_examples=True),
    Metric(name="context_accuracy", bounds=(0, 1), counts_examples=True),
    Metric(name="context_mass", bounds=(0, 1)),
    Metric(name="probability", bounds=(0, 1)),
)


class PairSettings(ExemplarSettings):
    """What the settings of all tasks have in common whose rows are pairs of exemplars and labels."""

    evaluation_examples: int = Field(default=1000, ge=1, le=1_000_000)
    """Rows of every split that are evaluated, the same for all cells."""

    @property
    @abstractmethod
    def row_pairs(self) -> int:
        """N."""

    @property
    @abstractmethod
    def label_count(self) -> int:
        """L."""

    @property
    def predicted(self) -> int:
        """L: labels alone."""
        return self.label_count

    @property
    def scored_tokens(self) -> tuple[int, int]:
        """The answer's place."""
        return self.tokens_per_row() - 1, self.tokens_per_row()

    @property
    def row_alignment(self) -> int:
        """8 where rows have no more tokens."""
        return SHORT_ROW if self.tokens_per_row() <= SHORT_ROW else super().row_alignment

    def metrics(self) -> tuple[Metric, ...]:
        """See `PairTask.evaluate`."""
        return METRICS

    def vocabulary_size(self) -> int:
        """Exemplars and labels."""
        return self.exemplar_tokens + self.label_count

    def tokens_per_row(self) -> int:
        """2 N + 2."""
        return 2 * self.row_pairs + 2

    def evaluation_tokens(self) -> int:
        """Of the rows of all splits."""
        return sum(split.examples for split in self.splits()) * self.tokens_per_row()

    @property
    def rows_at_once(self) -> int:
        """Rows of one forward pass of the evaluation."""
        most = min(TOKENS_AT_ONCE // self.tokens_per_row(), LOGITS_AT_ONCE // self.label_count)
        return min(max(1, most), self.evaluation_examples)

    def largest_pass(self) -> EvaluationPass:
        """Of rows without their answer, which is scored."""
        return EvaluationPass(self.rows_at_once, self.tokens_per_row() - 1, 1, 2 * self.evaluation_examples)

    def row_pattern_names(self) -> tuple[str, ...]:
        """See `PairTask.row_patterns`."""
        return "match", "other"


class Scores(NamedTuple):
    """What is seen of the answers of a split, of every seed and row."""

    nll_SW: np.ndarray
    """−log p of the right label among all."""
    right_SW: np.ndarray
    """Whether it is the likeliest of all labels."""
    right_in_context_SW: np.ndarray
    """Whether it is the likeliest of the labels that are in the row's context."""
    context_mass_SW: np.ndarray
    """p of the context's labels together, each counted once."""


class PairTask(Task):
    """A task whose rows are pairs, on one device."""

    SPLITS: ClassVar[tuple[str, ...]]
    """All splits that there may be: the number of one is the step at which its rows are drawn. `test` has rows as
    training has them."""

    def __init__(self, settings: TaskSettings, device: torch.device) -> None:
        assert isinstance(settings, PairSettings)
        self._pairs = settings
        self._device = device
        rows_W = torch.arange(settings.evaluation_examples, device=device)
        self._splits_WT = {
            name: self.drawn(
                name, (EVALUATION_SEED, Role.EVALUATION), rows_W, torch.full_like(rows_W, self.SPLITS.index(name))
            )
            for name in settings.split_names()
        }

    @abstractmethod
    def drawn(self, split: str, key: tuple[Tensor | int, int], row: Tensor, step: Tensor) -> Tensor:
        """Tokens (X, T) of rows as the split has them, whose seed and role, number and step broadcast to X."""

    def split_rows(self, split: str) -> Tensor:
        """The rows (W, T) of tokens on which a split is evaluated, the answers last."""
        return self._splits_WT[split]

    def tokens(self, class_XP: Tensor, exemplar_XP: Tensor, label_XP: Tensor) -> Tensor:
        """Rows (X, T) that show exemplars of these classes, the one that is asked for last, with these labels."""
        exemplar_XP = class_XP * self._pairs.stored_exemplars + exemplar_XP
        return torch.stack((exemplar_XP, label_XP + self._pairs.exemplar_tokens), dim=-1).flatten(-2)

    def rows(self, data_seeds_S: Tensor, steps_N: Tensor, batch: int) -> Rows:
        """Fresh rows at every step, as those of `test`; see `draws.row_words`."""
        row_B = torch.arange(batch, device=data_seeds_S.device)
        tokens_NSBT = self.drawn("test", (data_seeds_S[:, None], Role.DATA), row_B, steps_N[:, None, None])
        last_T = torch.arange(tokens_NSBT.shape[-1], device=tokens_NSBT.device) == tokens_NSBT.shape[-1] - 1
        return Rows(tokens_NSBT, last_T.expand_as(tokens_NSBT))

    def feature_table(self) -> Tensor:
        """What the exemplars' tokens stand for (C · X, F)."""
        return self._pairs.vectors_of_all().to(self._device)

    def evaluate(self, decoder: StackedDecoder) -> dict[tuple[str, str], np.ndarray]:
        """Means over the rows of every split.

        loss, probability
            −log p of the right label, and its p.
        accuracy
            Whether it is the likeliest of all labels.
        context_accuracy
            Whether it is the likeliest of those in the context.
        context_mass
            p of the context's labels together.
        """
        values = {}
        for split, rows_WT in self._splits_WT.items():
            for metric, value_SW in self.measures(split, self._scores(decoder, rows_WT)).items():
                # Seed by seed, so that no vectorised kernel can treat the seeds of a pack differently.
                values[split, metric] = np.array([value_W.astype(np.float64).mean() for value_W in value_SW])
        return values

    def measures(self, split: str, scores: Scores) -> dict[str, np.ndarray]:
        """Every metric of every seed and row (S, W) of a split."""
        return {
            "loss": scores.nll_SW,
            "accuracy": scores.right_SW,
            "context_accuracy": scores.right_in_context_SW,
            "context_mass": scores.context_mass_SW,
            "probability": np.exp(-scores.nll_SW.astype(np.float64)),
        }

    def _scores(self, decoder: StackedDecoder, rows_WT: Tensor) -> Scores:
        parts = [
            self._scores_at_once(decoder, part_WT.expand(decoder.seeds, -1, -1))
            for part_WT in rows_WT.split(self._pairs.rows_at_once)
        ]
        return Scores(*to_host(*(torch.cat(columns, dim=1) for columns in zip(*parts, strict=True))))

    def _scores_at_once(self, decoder: StackedDecoder, tokens_SWT: Tensor) -> tuple[Tensor, ...]:
        hidden_SWTD = decoder.hidden(tokens_SWT[..., :-1])
        log_p_SWL = decoder.logits(hidden_SWTD[:, :, -1:])[:, :, 0].float().log_softmax(-1)
        label_SWP = tokens_SWT[..., 1::2] - self._pairs.exemplar_tokens
        context_SWN, answer_SW = label_SWP[..., :-1], label_SWP[..., -1]
        of_context_SWN = log_p_SWL.gather(-1, context_SWN)
        likeliest_SW = context_SWN.gather(-1, of_context_SWN.argmax(-1, keepdim=True))[..., 0]
        same_SWNN = context_SWN[..., :, None] == context_SWN[..., None, :]
        earlier_NN = torch.ones_like(same_SWNN[0, 0]).tril(-1)
        mass_SWN = of_context_SWN.exp().masked_fill((same_SWNN & earlier_NN).any(-1), 0.0)
        return (
            -log_p_SWL.gather(-1, answer_SW[..., None])[..., 0],
            log_p_SWL.argmax(-1) == answer_SW,
            likeliest_SW == answer_SW,
            mass_SWN.sum(-1),
        )

    def reading_rows(self) -> Tensor:
        """The first rows of `test`."""
        return self._splits_WT["test"][:READING_ROWS]

    def row_patterns(self) -> dict[str, Callable[[Tensor], Tensor]]:
        """What the exemplar that is asked for looks at, of rows (X, T) of tokens with or without what follows it.

        match
            The labels behind exemplars of its own class.
        other
            The labels behind those of other classes.
        """
        return {
            "match": partial(self._labels_behind, same=True),
            "other": partial(self._labels_behind, same=False),
        }

    def _labels_behind(self, tokens_XT: Tensor, *, same: bool) -> Tensor:
        """bool (X, T, T)."""
        query, length = 2 * self._pairs.row_pairs, tokens_XT.shape[-1]
        class_XP = tokens_XT[..., : query + 1 : 2] // self._pairs.stored_exemplars
        meant_XN = (class_XP[..., :-1] == class_XP[..., -1:]) == same
        labels_XT = torch.stack((torch.zeros_like(meant_XN), meant_XN), dim=-1).flatten(-2)
        labels_XT = F.pad(labels_XT, (0, length - query))
        is_query_T = torch.arange(length, device=tokens_XT.device) == query
        return labels_XT[..., None, :] & is_query_T[:, None]
