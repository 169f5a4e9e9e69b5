"""Causal attention, the one place through which the dialects that attend let positions see each other.

It is also the place where a model is read and changed from outside: a forward pass is given an `Attention`, and
`workers.instruments` has those that change what the heads attend to, or tell it.

Letters: S seeds, B batch rows, N rows of all seeds (S·B), H heads, T positions, K head size, Q some
of the positions.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


class Attention:
    """Scaled dot-product attention of every position to itself and those before it.

    Seeds are folded into the batch: attention does not know them apart.
    """

    def begin(self, tokens_SBT: Tensor) -> None:
        """A forward pass of these tokens begins; they are padded to whole registers on the right."""

    def read_from(self, layer: int, embedded_SBTD: Tensor, x_SBTD: Tensor) -> tuple[Tensor, Tensor]:
        """What a layer computes its pattern from, and what its values and the sum behind it: of the model itself
        both times what the layer before has left. The dialect `attention-only` asks."""
        return x_SBTD, x_SBTD

    def predicted(self, logits_SBTV: Tensor) -> Tensor:
        """The logits of the tokens that `begin` was told, at the positions that are scored."""
        return logits_SBTV

    def __call__(self, layer: int, q_NHTK: Tensor, k_NHTK: Tensor, v_NHTK: Tensor) -> Tensor:
        """What the heads of a layer, counted from 0, have read: (N, H, T, K)."""
        return F.scaled_dot_product_attention(q_NHTK, k_NHTK, v_NHTK, is_causal=True)

    def shares(self, layer: int, q_NHTK: Tensor, k_NHTK: Tensor) -> Tensor:
        """The pattern (N, H, T, T), written out: how much of each position every other one reads."""
        return masked_scores(q_NHTK, k_NHTK).softmax(dim=-1)

    def shares_of(self, layer: int, q_NHTK: Tensor, k_NHTK: Tensor, queries_Q: Tensor) -> Tensor:
        """The pattern (N, H, Q, T) of some of the positions that look."""
        return masked_scores(q_NHTK[:, :, queries_Q], k_NHTK, queries_Q).softmax(dim=-1)


class Wrapped(Attention):
    """Another attention, `inner`, of which a subclass does something more."""

    def __init__(self, inner: Attention) -> None:
        self.inner = inner

    def begin(self, tokens_SBT: Tensor) -> None:
        self.inner.begin(tokens_SBT)

    def read_from(self, layer: int, embedded_SBTD: Tensor, x_SBTD: Tensor) -> tuple[Tensor, Tensor]:
        return self.inner.read_from(layer, embedded_SBTD, x_SBTD)

    def predicted(self, logits_SBTV: Tensor) -> Tensor:
        return self.inner.predicted(logits_SBTV)

    def __call__(self, layer: int, q_NHTK: Tensor, k_NHTK: Tensor, v_NHTK: Tensor) -> Tensor:
        return self.inner(layer, q_NHTK, k_NHTK, v_NHTK)

    def shares(self, layer: int, q_NHTK: Tensor, k_NHTK: Tensor) -> Tensor:
        return self.inner.shares(layer, q_NHTK, k_NHTK)

    def shares_of(self, layer: int, q_NHTK: Tensor, k_NHTK: Tensor, queries_Q: Tensor) -> Tensor:
        return self.inner.shares_of(layer, q_NHTK, k_NHTK, queries_Q)


PLAIN = Attention()
"""As it is."""


def masked_scores(q_NHQK: Tensor, k_NHTK: Tensor, queries_Q: Tensor | None = None) -> Tensor:
    """Scores (N, H, Q, T) before the softmax; −∞ for what lies behind the position that looks.

    Without `queries_Q` all positions look, one after the other.
    """
    length, size = k_NHTK.shape[2:]
    future_QT = torch.ones(length, length, dtype=torch.bool, device=k_NHTK.device).triu(1)
    if queries_Q is not None:
        future_QT = future_QT[queries_Q]
    scores_NHQT = (q_NHQK @ k_NHTK.transpose(2, 3)) / math.sqrt(size)
    return scores_NHQT.masked_fill(future_QT, -math.inf)


def read(shares_NHTT: Tensor, v_NHTK: Tensor) -> Tensor:
    """What heads with that pattern have read: (N, H, T, K)."""
    y_NHTK = shares_NHTT @ v_NHTK
    if y_NHTK.requires_grad:
        y_NHTK.register_hook(Tensor.contiguous)
    return y_NHTK


def contiguous(*parts_NHTK: Tensor) -> list[Tensor]:
    """For a pattern that is written out. `read` sees to the same of its gradient: a single row of one seed would
    else be multiplied in place, while several are copied first, and the two round differently."""
    return [part_NHTK.contiguous() for part_NHTK in parts_NHTK]
