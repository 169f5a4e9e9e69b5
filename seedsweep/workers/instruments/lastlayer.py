"""What the last layer of a decoder without feed-forward layers reads and adds, noted while it is computed.

Letters: S seeds, B rows, N rows of all seeds (seeds first), H heads, T positions, K head size, D width of the
model.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seedsweep.workers.dialects.attention import Wrapped
from seedsweep.workers.settings import ModelSettings

DIALECT = "attention-only"
"""The one of which it is known."""


class NotedLayer(Wrapped):
    """Another attention, of whose last call is noted what it was given and has read."""

    x_SBTD: Tensor
    """What comes into the layer, and is added to what its heads write."""
    q_NHTK: Tensor
    k_NHTK: Tensor
    v_NHTK: Tensor
    y_NHTK: Tensor

    def read_from(self, layer: int, embedded_SBTD: Tensor, x_SBTD: Tensor) -> tuple[Tensor, Tensor]:
        looks_SBTD, self.x_SBTD = super().read_from(layer, embedded_SBTD, x_SBTD)
        return looks_SBTD, self.x_SBTD

    def __call__(self, layer: int, q_NHTK: Tensor, k_NHTK: Tensor, v_NHTK: Tensor) -> Tensor:
        self.q_NHTK, self.k_NHTK, self.v_NHTK = q_NHTK, k_NHTK, v_NHTK
        self.y_NHTK = super().__call__(layer, q_NHTK, k_NHTK, v_NHTK)
        return self.y_NHTK


class WithoutFirstLayer(Wrapped):
    """Another attention, the heads of whose first layer write nothing."""

    def __call__(self, layer: int, q_NHTK: Tensor, k_NHTK: Tensor, v_NHTK: Tensor) -> Tensor:
        return torch.zeros_like(v_NHTK) if layer == 0 else super().__call__(layer, q_NHTK, k_NHTK, v_NHTK)


def check_dialect(model: ModelSettings) -> None:
    """Raise ValueError if it is not known of that model."""
    if model.dialect != DIALECT:
        raise ValueError(f"model.dialect: is read of {DIALECT} alone, not of {model.dialect}")
