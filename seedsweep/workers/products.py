"""How the stacked matrices of a pack are multiplied: by torch's operations, or by kernels that stand for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


class Products(NamedTuple):
    """Letters: S seeds, M rows, K terms, N columns."""

    product: Callable[[Tensor, Tensor], Tensor]
    """(S, M, K) times (S, K, N)."""
    product_and_sum: Callable[[Tensor, Tensor, Tensor], Tensor]
    """What is added, (S, 1, N), and then as `product`."""


TORCHS = Products(torch.bmm, torch.baddbmm)
