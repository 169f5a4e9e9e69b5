"""The tokens that a pattern speaks of, in rows of any length: the same in all rows, or each row's own.

Letters: N rows of all seeds, S seeds, B rows of each, H heads, T positions, Q queries of a pattern.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from seedsweep.workers.tasks import Pattern


class Parents:
    """What each position would have to look at."""

    def __init__(self, pattern: Pattern | Callable[[Tensor], Tensor], device: torch.device, row: int) -> None:
        """A pattern, or what finds each row's own in its first `row` tokens."""
        self._pattern = pattern
        self._device = device
        self._row = row
        self._tokens_NT: Tensor | None = None
        self._same: dict[int, Tensor] = {}

    def begin(self, tokens_SBT: Tensor) -> None:
        """A forward pass of these tokens begins."""
        self._tokens_NT = tokens_SBT.flatten(0, 1)

    def of(self, length: int) -> Tensor:
        """bool (T, T) of rows of that length, or (N, 1, T, T) where it differs from row to row."""
        if isinstance(self._pattern, Pattern):
            if length not in self._same:
                self._same[length] = self._of_all(self._pattern, length)
            return self._same[length]
        assert self._tokens_NT is not None
        parents_NTT: Tensor = self._pattern(self._tokens_NT[:, : self._row])
        behind = length - parents_NTT.shape[-1]
        return F.pad(parents_NTT, (0, behind, 0, behind))[:, None]

    def _of_all(self, pattern: Pattern, length: int) -> Tensor:
        """Cut, or filled, on the right."""
        queries_Q, parents_QT, _ = pattern
        most = max(length, parents_QT.shape[1], int(queries_Q.max()) + 1)
        parents_TT = torch.zeros(most, most, dtype=torch.bool)
        parents_TT[queries_Q.cpu(), : parents_QT.shape[1]] = parents_QT.cpu()
        return parents_TT[:length, :length].contiguous().to(self._device)
