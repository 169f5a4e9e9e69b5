"""How much the heads of a model look at where the answer stood before.

Shape letters: S seeds, B prompts, N rows of all seeds (seeds first), L layers, H heads, Q scored answers of a
prompt, U positions from which any prompt is asked, T tokens of a row, K head size.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from seedsweep.workers.device import to_host
from seedsweep.workers.dialects.attention import Attention
from seedsweep.workers.probing.prompts import Prompts


class LookBack(Attention):
    """Another attention, of whose pattern it is noted how much falls on the earlier places of the answers."""

    def __init__(self, inner: Attention, prompts: Prompts, device: torch.device) -> None:
        self._inner = inner
        earlier_BQT = torch.from_numpy(prompts.earlier_BQT).to(device)
        self._queries_U, place_BQ = torch.from_numpy(prompts.query_BQ).to(device).unique(return_inverse=True)
        b, q, t = earlier_BQT.shape
        self._all_BUT = torch.zeros(b, len(self._queries_U), t, dtype=torch.float64, device=device)
        self._all_BUT.scatter_(1, place_BQ[..., None].expand(-1, -1, t), earlier_BQT.double() / q)
        last_BUT = torch.zeros_like(self._all_BUT)
        last_BUT.scatter_(1, place_BQ[:, -1:, None].expand(-1, -1, t), earlier_BQT[:, -1:].double())
        self._last_BUT = last_BUT
        self._of_all: list[Tensor] = []
        self._of_last: list[Tensor] = []

    def begin(self, tokens_SBT: Tensor) -> None:
        self._of_all, self._of_last = [], []
        self._inner.begin(tokens_SBT)

    def __call__(self, layer: int, q_NHTK: Tensor, k_NHTK: Tensor, v_NHTK: Tensor) -> Tensor:
        shares_NHUT = self._inner.shares_of(layer, q_NHTK, k_NHTK, self._queries_U)
        shares_SBHUT = shares_NHUT.unflatten(0, (-1, len(self._all_BUT)))
        self._of_all.append(_mass(shares_SBHUT, self._all_BUT))
        self._of_last.append(_mass(shares_SBHUT, self._last_BUT))
        return self._inner(layer, q_NHTK, k_NHTK, v_NHTK)

    def shares(self, layer: int, q_NHTK: Tensor, k_NHTK: Tensor) -> Tensor:
        return self._inner.shares(layer, q_NHTK, k_NHTK)

    def from_last(self) -> np.ndarray:
        """(S,) of the head that looks there most, mean over prompts, from the last scored answer of each."""
        return _most(self._of_last)

    def from_all(self) -> np.ndarray:
        """The same from all scored answers, with their mean."""
        return _most(self._of_all)


def _mass(shares_SBHUT: Tensor, weight_BUT: Tensor) -> Tensor:
    """(S, B, H)"""
    weight_BUT = F.pad(weight_BUT, (0, shares_SBHUT.shape[-1] - weight_BUT.shape[-1]))
    return (shares_SBHUT.double() * weight_BUT[:, None]).sum((-1, -2))


def _most(mass_LSBH: list[Tensor]) -> np.ndarray:
    (mass_SBLH,) = to_host(torch.stack(mass_LSBH, dim=2))
    most_S: np.ndarray = mass_SBLH.mean(axis=1).max(axis=(1, 2))
    return most_S
