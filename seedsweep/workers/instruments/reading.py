"""Reading what heads attend to, without changing a bit of what they do.

Letters: S seeds, B rows read, N rows of all seeds (seeds first), L layers, H heads, Q positions that look, T of a
row, K head size.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.device import to_host
from seedsweep.workers.dialects.attention import Attention, Wrapped
from seedsweep.workers.settings import TOKENS_AT_ONCE

FLOATS_AT_ONCE = 2**20
"""Of a pattern of one seed and layer. It bounds memory; it must not depend on the pack."""


class ReadAttention(Wrapped):
    """Another attention, whose pattern is noted for some of the positions that look."""

    def __init__(self, inner: Attention, queries_Q: Tensor) -> None:
        super().__init__(inner)
        self._queries_Q = queries_Q
        self.noted: list[Tensor] = []
        """(N, H, Q, T) of every layer of the forward pass that began last."""

    def begin(self, tokens_SBT: Tensor) -> None:
        self.noted = []
        super().begin(tokens_SBT)

    def __call__(self, layer: int, q_NHTK: Tensor, k_NHTK: Tensor, v_NHTK: Tensor) -> Tensor:
        self.noted.append(self.shares_of(layer, q_NHTK, k_NHTK, self._queries_Q))
        return super().__call__(layer, q_NHTK, k_NHTK, v_NHTK)


@torch.no_grad()
def mean_attention(decoder: StackedDecoder, rows_BT: Tensor, queries_Q: Tensor) -> np.ndarray:
    """Mean pattern over rows of tokens, float64 (S, L, H, Q, T): what each head reads at these positions.

    Seeds are averaged one by one, so that no kernel can treat those of a pack differently.
    """
    length = rows_BT.shape[1]
    pattern = decoder.model.heads * len(queries_Q) * length
    at_once = max(1, min(TOKENS_AT_ONCE // length, FLOATS_AT_ONCE // pattern))
    reading = ReadAttention(decoder.attention, queries_Q)
    reader = decoder.with_attention(reading)
    sums: list[list[Tensor]] = []
    for rows in rows_BT.split(at_once):
        reader.hidden(rows.long().expand(decoder.seeds, -1, -1))
        sums.append(
            [
                torch.stack(
                    [one_BHQT.double().sum(0) for one_BHQT in noted_NHQT.unflatten(0, (decoder.seeds, -1))]
                )
                for noted_NHQT in reading.noted
            ]
        )
    totals = [torch.stack(parts).sum(0) for parts in zip(*sums, strict=True)]
    (mean_SLHQT,) = to_host(torch.stack(totals, dim=1) / len(rows_BT))
    return mean_SLHQT[..., :length]
