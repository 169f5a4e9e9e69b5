"""Rotary position embedding (Su et al. 2021), in the halves form of GPT-NeoX and Qwen2."""

from __future__ import annotations

import torch
from torch import Tensor


class Rotary:
    """Turns the first `dimensions` of every head by an angle in proportion to the position."""

    def __init__(self, dimensions: int, base: float) -> None:
        self._dimensions, self._base = dimensions, base
        self._tables: dict[int, tuple[Tensor, Tensor]] = {}

    def __call__(self, x_NTAK: Tensor) -> Tensor:
        """Queries, keys or both, turned; A stands for whatever axes lie between position and head size."""
        if self._dimensions == 0:
            return x_NTAK
        shape = (-1, *[1] * (x_NTAK.ndim - 3), self._dimensions)
        cos, sin = (table_TR.view(shape) for table_TR in self._table(x_NTAK.shape[1], x_NTAK.device))
        if self._dimensions == x_NTAK.shape[-1]:
            return _turned(x_NTAK, cos, sin)
        turned, kept = x_NTAK[..., : self._dimensions], x_NTAK[..., self._dimensions :]
        return torch.cat((_turned(turned, cos, sin), kept), dim=-1)

    def _table(self, length: int, device: torch.device) -> tuple[Tensor, Tensor]:
        if length not in self._tables:
            exponent = torch.arange(0, self._dimensions, 2, dtype=torch.float32) / self._dimensions
            frequency = 1.0 / self._base**exponent
            angle_TR = torch.outer(torch.arange(length, dtype=torch.float32), frequency).repeat(1, 2)
            self._tables[length] = (angle_TR.cos().to(device), angle_TR.sin().to(device))
        return self._tables[length]


def _turned(x_NTAR: Tensor, cos_TAR: Tensor, sin_TAR: Tensor) -> Tensor:
    first, second = x_NTAR.chunk(2, dim=-1)
    return x_NTAR * cos_TAR + torch.cat((-second, first), dim=-1) * sin_TAR
