"""Parts of an induction circuit, clamped while the rest is trained (appendix C.5 of the thesis that
docs/in-context.md names).

Rows are pairs of an exemplar and its label, and a query behind them. In the first layer a label would look at its
exemplar and copy it (A); in the second the query finds the label whose exemplar it matches (B), and the label is
written to the output (C). `EmbeddedLayer` has A done, `CopiedScores` has C done. Together only B is left to learn.

Letters: S seeds, B rows, T positions, D width of the model, N rows of all seeds, H heads, P pairs of a row,
V tokens that are predicted.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from seedsweep.workers.instruments.changes import Change

NEVER = -1e9
"""Logit of what is not in the row."""


class EmbeddedLayer(Change):
    """`circuit: layer1`. Patterns behind the first layer are computed from embeddings, each label having its
    exemplar's, the exemplars behind the first one none; values and sums are of the embeddings as they are. So the
    first layer is as good as learnt, and nothing that it does counts."""

    def __init__(self, query: int) -> None:
        """`query` is the position of the query."""
        self._query = query

    def looks(self, layer: int, looks_SBTD: Tensor, embedded_SBTD: Tensor, active: Tensor) -> Tensor:
        if layer == 0:
            return looks_SBTD
        position_T1 = torch.arange(embedded_SBTD.shape[2], device=embedded_SBTD.device)[:, None]
        label_T1 = (position_T1 % 2 == 1) & (position_T1 < self._query)
        own_T1 = (position_T1 == 0) | (position_T1 >= self._query)
        before_SBTD = F.pad(embedded_SBTD[:, :, :-1], (0, 0, 1, 0))
        shifted_SBTD = torch.where(label_T1, before_SBTD, torch.where(own_T1, embedded_SBTD, 0.0))
        return torch.where(active, shifted_SBTD, looks_SBTD)

    def carries(self, layer: int, x_SBTD: Tensor, embedded_SBTD: Tensor, active: Tensor) -> Tensor:
        return x_SBTD if layer == 0 else torch.where(active, embedded_SBTD, x_SBTD)


class CopiedScores(Change):
    """`circuit: copy`. The logits of the labels in the row are the scores, before the softmax, that a head of the
    last layer gives them; no other token can be the answer."""

    def __init__(self, layer: int, head: int, query: int, first_predicted: int) -> None:
        """`layer` is the last one, `query` the query's position, `first_predicted` the first token that can be
        an answer."""
        self._layer, self._head, self._query, self._first = layer, head, query, first_predicted
        self._columns_SBP: Tensor | None = None
        self._scores_NP: Tensor | None = None

    def begin(self, tokens_SBT: Tensor) -> None:
        self._columns_SBP = tokens_SBT[:, :, 1 : self._query : 2] - self._first

    def touches(self, layer: int) -> bool:
        return layer == self._layer

    def scores(self, layer: int, scores_NHTT: Tensor, active: Tensor) -> Tensor:
        self._scores_NP = scores_NHTT[:, self._head, self._query, 1 : self._query : 2]
        return scores_NHTT

    def predicted(self, logits_SBTV: Tensor, active: Tensor) -> Tensor:
        assert self._columns_SBP is not None
        assert self._scores_NP is not None
        scores_SBP = self._scores_NP.view(self._columns_SBP.shape).to(logits_SBTV.dtype)
        never_SBV = torch.full_like(logits_SBTV[:, :, 0], NEVER)
        copied_SBV = never_SBV.scatter(-1, self._columns_SBP, scores_SBP)
        return torch.where(active, copied_SBV[:, :, None], logits_SBTV)
