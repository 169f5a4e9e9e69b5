"""Scores of teacher-forced answers, for every task whose rows end in `answer, end token`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from seedsweep.measures import Metric
from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.device import to_host
from seedsweep.workers.settings import TOKENS_AT_ONCE

ANSWER_METRICS = (
    Metric(name="exact_match", bounds=(0, 1), counts_examples=True),
    Metric(name="exact_match_end", bounds=(0, 1), counts_examples=True),
    Metric(name="token_accuracy", bounds=(0, 1)),
    Metric(name="error_score", bounds=(0, None)),
    Metric(name="min_probability", bounds=(0, 1)),
)


class Scores(NamedTuple):
    """Per seed, row and scored position: negative log likelihood, and whether the argmax is right."""

    nll_SWA: np.ndarray
    right_SWA: np.ndarray


def score(decoder: StackedDecoder, rows_WT: Tensor, first: int) -> Scores:
    """Score tokens `first` to the last of every row (any integer type), each predicted from those before it.

    All answer tokens right under teacher forcing is the same event as greedy generation being all right.
    """
    seeds = decoder.flat_SP.shape[0]
    width = rows_WT.shape[1]
    nll, right = [], []
    for chunk_WT in rows_WT.split(max(1, TOKENS_AT_ONCE // width)):
        tokens_SWT = chunk_WT.long().expand(seeds, -1, -1)
        hidden_SWTD = decoder.hidden(tokens_SWT[..., :-1])
        logits_SWAV = decoder.logits(hidden_SWTD[:, :, first - 1 :]).float()
        target_SWA = decoder.columns(tokens_SWT[..., first:])
        nll.append(F.cross_entropy(logits_SWAV.movedim(-1, 1), target_SWA, reduction="none"))
        right.append(logits_SWAV.argmax(-1) == target_SWA)
    return Scores(*to_host(torch.cat(nll, 1), torch.cat(right, 1)))


class ScoredRows:
    """Fixed rows whose answers are scored once in an evaluation, however many measures are made of the scores."""

    def __init__(self, rows_WT: Tensor, first: int) -> None:
        """Of every row the tokens from `first` on are scored."""
        self._rows_WT, self._first = rows_WT, first
        self._last: tuple[StackedDecoder, int, Scores] | None = None

    def of(self, decoder: StackedDecoder) -> Scores:
        """By that decoder, whose weights have not been changed in between if it is the very same object."""
        version = decoder.flat_SP._version
        if self._last is None or self._last[0] is not decoder or self._last[1] != version:
            self._last = decoder, version, score(decoder, self._rows_WT, self._first)
        return self._last[2]


def answer_metrics(scores: Scores) -> dict[str, np.ndarray]:
    """Metrics (S,) of answers whose last scored token is the end token.

    exact_match
        Share of rows with every answer token right; the end token is not asked for (the authors' code).
    exact_match_end
        The same with the end token in its place.
    token_accuracy
        Share of answer tokens that are right.
    error_score
        Mean over rows of the largest −log p of an answer token (Eq. 1).
    min_probability
        Mean over rows of the smallest p of an answer token (Eq. 4).

    Computed seed by seed, so that no vectorised kernel can treat the seeds of a pack differently.
    """
    values: dict[str, list[float]] = {metric.name: [] for metric in ANSWER_METRICS}
    for nll_WA, right_WA in zip(scores.nll_SWA, scores.right_SWA, strict=True):
        answer_right_WA, worst_W = right_WA[:, :-1], nll_WA[:, :-1].max(axis=1).astype(np.float64)
        values["exact_match"].append(answer_right_WA.all(axis=1).mean())
        values["exact_match_end"].append(right_WA.all(axis=1).mean())
        values["token_accuracy"].append(answer_right_WA.mean())
        values["error_score"].append(worst_W.mean())
        values["min_probability"].append(np.exp(-worst_W).mean())
    return {name: np.array(column) for name, column in values.items()}
