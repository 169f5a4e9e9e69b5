"""Causal attention, the one place through which the dialects let positions see each other.

Letters: N batch rows of all seeds, H heads, T positions, K head size.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def attend(q_NHTK: Tensor, k_NHTK: Tensor, v_NHTK: Tensor) -> Tensor:
    """Scaled dot-product attention (N, H, T, K) of every position to itself and those before it.

    Seeds are folded into the batch: attention does not know them apart.
    """
    return F.scaled_dot_product_attention(q_NHTK, k_NHTK, v_NHTK, is_causal=True)
