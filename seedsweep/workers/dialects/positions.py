"""Absolute positions, learned or sinusoidal: a row of a table is added to every embedded token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import PrivateAttr
from torch import Tensor

from seedsweep.workers.alignment import ROW_ALIGNMENT, padding
from seedsweep.workers.dialects import Weights
from seedsweep.workers.dialects.sinusoidal import Sinusoidal
from seedsweep.workers.layout import Layout
from seedsweep.workers.settings import ModelSettings


class PositionedSettings(ModelSettings):
    """Settings of dialects that say which `positions` they have. A table of learned ones is as long as the task's
    longest row, in whole multiples of 16."""

    if TYPE_CHECKING:  # a field of each dialect, which says what it may be
        positions: str
    _positions: int | None = PrivateAttr(default=None)

    def for_rows(self, length: int) -> Self:
        """The settings with a table of positions for rows of that length."""
        sized = self.model_copy()
        sized._positions = length + padding(length, ROW_ALIGNMENT)
        return sized

    @property
    def row_length(self) -> int:
        """Tokens of the longest row, padded; known once `for_rows` was told the length of the task's rows."""
        assert self._positions is not None, "ask for_rows first"
        return self._positions

    @property
    def position_rows(self) -> int:
        """P, rows of the table of learned positions, 0 if they are not; known as `row_length` is."""
        return self.row_length if self.positions == "learned" else 0


def with_learned(weights: Weights, embedded_SBTD: Tensor, layout: Layout) -> Tensor:
    """Embedded tokens and the positions that are learned, `positions_PD`."""
    return embedded_SBTD + layout.of_learned_positions(weights.tensor("positions_PD"), embedded_SBTD)


def with_sinusoidal(table: Sinusoidal, embedded_SBTD: Tensor, layout: Layout) -> Tensor:
    """Embedded tokens and sinusoidal positions."""
    return embedded_SBTD + layout.of_positions(table(layout.length(embedded_SBTD), embedded_SBTD.device))
