"""Sinusoidal positions (Vaswani et al. 2017, section 3.5), which nothing trains."""

from __future__ import annotations

import torch
from torch import Tensor


class Sinusoidal:
    """The table of positions that is added to embedded tokens of width D."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._tables: dict[int, Tensor] = {}

    def __call__(self, length: int, device: torch.device) -> Tensor:
        """(T, D): sine in the even, cosine in the odd dimensions."""
        if length not in self._tables:
            exponent = torch.arange(0, self._width, 2, dtype=torch.float64) / self._width
            angle_TX = torch.outer(torch.arange(length, dtype=torch.float64), 10000.0**-exponent)
            table_TD = torch.stack((angle_TX.sin(), angle_TX.cos()), dim=-1).flatten(1)
            self._tables[length] = table_TD.float().to(device)
        return self._tables[length]
