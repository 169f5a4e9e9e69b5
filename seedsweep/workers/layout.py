"""How the tokens of a batch lie in memory while a model computes: as rows, or side by side without padding.

Products, norms and dropout treat every token alike, wherever it lies; only attention and positions need rows. So a
layout gathers the tokens that are to be computed, and spreads them to rows where rows are needed.

Shape letters: S seeds, B rows of a batch, T tokens of a row, N tokens that are computed, P positions of a
table, X any further axes.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from seedsweep.workers.alignment import padding

SIZE_STEP = 32
"""N is a multiple of it. Finer would leave out more, coarser have more seeds of a pack be computed together."""


class Layout:
    """Tokens as they are, in rows."""

    def length(self, x_SBTX: Tensor) -> int:
        """T, the tokens of a row; `x_SBTX` lies as tokens are computed."""
        return x_SBTX.shape[2]

    def gather(self, x_SBTX: Tensor) -> Tensor:
        """From rows to how tokens are computed: here (S, B, T, X) as well."""
        return x_SBTX

    def spread(self, x_SBTX: Tensor) -> Tensor:
        """From how tokens are computed to rows (S, B, T, X); padding is anything finite."""
        return x_SBTX

    def of_positions(self, table_TX: Tensor) -> Tensor:
        """A row of the table for every token, by its position."""
        return table_TX

    def of_learned_positions(self, table_SPD: Tensor, x_SBTD: Tensor) -> Tensor:
        """The same of tables of the seeds' own, whose first T rows are read, for tokens that lie as `x_SBTD`."""
        return table_SPD[:, None, : self.length(x_SBTD)]


WHOLE = Layout()


class Unpadded(Layout):
    """Tokens up to the last of their row that counts, side by side: (S, 1, N, X).

    Nothing that counts depends on those behind it, so that they all have gradients of zero. Where a seed has fewer
    than N tokens some of the padding is computed with the others.
    """

    def __init__(self, mask_SBT: Tensor, size: int) -> None:
        """`mask_SBT` is True where a token counts; `size` is N, at least as `sizes` says."""
        self._shape = mask_SBT.shape
        seeds, _, length = self._shape
        kept_SM = _kept(mask_SBT).flatten(1)
        offsets_S1 = torch.arange(seeds, device=mask_SBT.device)[:, None]
        places_SN = torch.argsort(~kept_SM, dim=1, stable=True)[:, :size]
        # A place of padding reads the token before it, and sends nothing back.
        tokens_SM = (kept_SM.cumsum(1) - 1).clamp(min=0)
        self._position_SN = places_SN % length
        self._gathered = (places_SN + offsets_S1 * kept_SM.shape[1]).flatten()
        self._spread = (tokens_SM + offsets_S1 * size).flatten()
        self._size = size

    def length(self, x_SBTX: Tensor) -> int:
        return self._shape[2]

    def gather(self, x_SBTX: Tensor) -> Tensor:
        found = x_SBTX.flatten(0, 2).index_select(0, self._gathered)
        return found.view(self._shape[0], 1, self._size, *x_SBTX.shape[3:])

    def spread(self, x_SBTX: Tensor) -> Tensor:
        found = x_SBTX.flatten(0, 2).index_select(0, self._spread)
        return found.view(*self._shape, *x_SBTX.shape[3:])

    def of_positions(self, table_TX: Tensor) -> Tensor:
        return table_TX[self._position_SN][:, None]

    def of_learned_positions(self, table_SPD: Tensor, x_SBTD: Tensor) -> Tensor:
        seeds, positions, _ = table_SPD.shape
        offsets_S1 = torch.arange(seeds, device=table_SPD.device)[:, None] * positions
        return F.embedding(self._position_SN + offsets_S1, table_SPD.flatten(0, 1))[:, None]


def sizes(mask_SBT: Tensor) -> list[int]:
    """N that each seed needs. Waits for the device."""
    most = mask_SBT[0].numel()
    counts_S = _kept(mask_SBT).flatten(1).sum(1)
    return [min(most, count + padding(count, SIZE_STEP)) for count in counts_S.tolist()]


def _kept(mask_SBT: Tensor) -> Tensor:
    """Up to the last that counts."""
    return mask_SBT.flip(-1).cumsum(-1).flip(-1) > 0
