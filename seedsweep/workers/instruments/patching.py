"""Patching: a model that attends as another one does, for example as it will itself some steps later.

Letters: S seeds, N rows of all seeds (seeds first), L layers, H heads, T positions, K head size.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.dialects.attention import Attention, Wrapped, contiguous, read
from seedsweep.workers.layout import WHOLE


def patched(decoder: StackedDecoder, donor: StackedDecoder, heads_LH: Tensor | None = None) -> StackedDecoder:
    """The decoder, whose heads attend to each row as the donor's do; all else is its own.

    Parameters
    ----------
    decoder, donor : StackedDecoder
        Of the same seeds in the same order, or of models of the same shape whatever they are.
    heads_LH : Tensor, optional
        bool: which heads; by default all. A number of a head is the same head only within one initialisation.

    Returns
    -------
    StackedDecoder
        For evaluation. Where the donor attends as the decoder does itself no bit is another.
    """
    if decoder.seeds != donor.seeds or decoder.shapes != donor.shapes:
        raise ValueError("a donor has as many seeds as the decoder, and models of the same shape")
    return decoder.with_attention(_Patched(decoder.attention, donor, heads_LH))


def recovered(before_S: np.ndarray, patched_S: np.ndarray, after_S: np.ndarray, least: float = 0.1) -> np.ndarray:
    """Share (S,) of a gain that a patch alone brings: (patched − before) / (after − before).

    Of a probability that is right, for example. `nan` where the gain is under `least`: nothing is to be recovered.
    """
    gain_S = np.where(after_S - before_S >= least, after_S - before_S, np.nan)
    share_S: np.ndarray = (patched_S - before_S) / gain_S
    return share_S


class _Patched(Wrapped):
    """An attention, with the patterns of a donor in place of its own."""

    def __init__(self, inner: Attention, donor: StackedDecoder, heads_LH: Tensor | None) -> None:
        super().__init__(inner)
        self._heads_LH = heads_LH
        self._noting = _Noting(donor.attention)
        self._donor = donor.with_attention(self._noting)

    @torch.no_grad()
    def begin(self, tokens_SBT: Tensor) -> None:
        self._donor.hidden_of(tokens_SBT, WHOLE, None)
        super().begin(tokens_SBT)

    def __call__(self, layer: int, q_NHTK: Tensor, k_NHTK: Tensor, v_NHTK: Tensor) -> Tensor:
        y_NHTK = super().__call__(layer, q_NHTK, k_NHTK, v_NHTK)
        q_NHTK, k_NHTK, v_NHTK = contiguous(q_NHTK, k_NHTK, v_NHTK)
        own_NHTT = self.inner.shares(layer, q_NHTK, k_NHTK)
        # The difference that it makes: where there is none no bit is another.
        difference_NHTT = self._replaced(layer, own_NHTT) - own_NHTT
        return y_NHTK + read(difference_NHTT.to(v_NHTK.dtype), v_NHTK)

    def shares(self, layer: int, q_NHTK: Tensor, k_NHTK: Tensor) -> Tensor:
        return self._replaced(layer, self.inner.shares(layer, q_NHTK, k_NHTK))

    def shares_of(self, layer: int, q_NHTK: Tensor, k_NHTK: Tensor, queries_Q: Tensor) -> Tensor:
        return self.shares(layer, q_NHTK, k_NHTK)[:, :, queries_Q]

    def _replaced(self, layer: int, own_NHTT: Tensor) -> Tensor:
        donated_NHTT = self._noting.noted[layer]
        if self._heads_LH is None:
            return donated_NHTT
        return torch.where(self._heads_LH[layer, :, None, None], donated_NHTT, own_NHTT)


class _Noting(Wrapped):
    """An attention that notes the whole pattern of every layer."""

    def __init__(self, inner: Attention) -> None:
        super().__init__(inner)
        self.noted: list[Tensor] = []

    def begin(self, tokens_SBT: Tensor) -> None:
        self.noted = []
        super().begin(tokens_SBT)

    def __call__(self, layer: int, q_NHTK: Tensor, k_NHTK: Tensor, v_NHTK: Tensor) -> Tensor:
        self.noted.append(self.inner.shares(layer, *contiguous(q_NHTK, k_NHTK)))
        return super().__call__(layer, q_NHTK, k_NHTK, v_NHTK)
