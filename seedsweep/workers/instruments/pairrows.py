"""Rows of pairs of an exemplar and its label, with a query behind them, in which streams read a circuit.

Letters: S seeds, B rows, T tokens of a row without its answer, Q its query's place, N pairs, M variants of a
model, V tokens that are predicted.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from seedsweep.errors import did_you_mean
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.device import to_host
from seedsweep.workers.instrumentsettings import StreamSettings
from seedsweep.workers.settings import TOKENS_AT_ONCE, ModelSettings, TaskSettings
from seedsweep.workers.tasks import Task

PATTERNS = ("match", "other")
"""Those of a row that such tasks know: the labels behind the query's class, and all others."""
LOGITS_AT_ONCE = 2**20
"""Per seed. It bounds memory; it must not depend on the pack."""


class PairStreamSettings(StreamSettings):
    """What the streams of these rows have in common."""

    of_attention = True
    split: str | None = None
    """The split whose rows are read; by default the task's first, whose rows are as in training."""
    rows: int = Field(default=256, ge=1)
    """How many, the first ones."""

    def check(self, task: TaskSettings, model: ModelSettings) -> None:
        if not set(PATTERNS) <= set(task.row_pattern_names()):
            raise ValueError(f"the task {task.name} has no rows of exemplars, their labels and a query")
        splits = task.split_names()
        if self.split is not None and self.split not in splits:
            hint = did_you_mean(self.split, splits)
            raise ValueError(f"split: {self.split!r} is not one of {task.name}'s: {', '.join(splits)}{hint}")


class PairRows:
    """The rows of a split, without their answers, and what is right in them."""

    def __init__(self, settings: PairStreamSettings, cell: CellSettings, task: Task) -> None:
        rows_BX = task.split_rows(settings.split or cell.task.split_names()[0])[: settings.rows].long()
        self.tokens_BT = rows_BX[:, :-1]
        self.query = self.tokens_BT.shape[1] - 1
        first = cell.vocabulary_size - cell.predicted
        self._answer_B = rows_BX[:, -1] - first
        self._labels_BN = rows_BX[:, 1:-1:2] - first
        self._predicted = cell.predicted

    def parts(self) -> Iterator[slice]:
        """Which rows are read in one forward pass."""
        at_once = max(1, min(TOKENS_AT_ONCE // (self.query + 1), LOGITS_AT_ONCE // self._predicted))
        for first in range(0, len(self.tokens_BT), at_once):
            yield slice(first, first + at_once)

    def variants_at_once(self, rows: int) -> int:
        """How many variants of the query's last state are predicted from in one product."""
        return max(1, LOGITS_AT_ONCE // (rows * self._predicted))

    def scores(self, rows: slice, logits_SBMV: Tensor) -> dict[str, Tensor]:
        """Of the answers of these rows, (S, B, M), by metric.

        loss
            −log p of the right label.
        accuracy
            Whether it is the likeliest of all.
        context_accuracy
            Whether it is the likeliest of the row's labels.
        """
        logits_SBMV = logits_SBMV.float()
        answer_SBM = self._answer_B[rows, None].expand(logits_SBMV.shape[:3])
        labels_SBMN = self._labels_BN[rows, None].expand(*logits_SBMV.shape[:3], -1)
        among_SBM = logits_SBMV.gather(-1, labels_SBMN).argmax(-1, keepdim=True)
        return {
            "loss": F.cross_entropy(logits_SBMV.movedim(-1, 1), answer_SBM, reduction="none"),
            "accuracy": logits_SBMV.argmax(-1) == answer_SBM,
            "context_accuracy": labels_SBMN.gather(-1, among_SBM)[..., 0] == answer_SBM,
        }

    def means(self, parts: list[dict[str, Tensor]]) -> dict[str, np.ndarray]:
        """Over the rows of all parts, float64 (S, M). Seed by seed, so that no vectorised kernel can treat those
        of a pack differently."""
        whole = {metric: torch.cat([part[metric] for part in parts], dim=1) for metric in parts[0]}
        on_host = dict(zip(whole, to_host(*whole.values()), strict=True))
        return {
            metric: np.stack([one_BM.astype(np.float64).mean(0) for one_BM in values_SBM])
            for metric, values_SBM in on_host.items()
        }
