"""Which column is what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Roles:
    """Columns, or parameters of runs, by what they are to the population."""

    scale: str
    seed: str
    metrics: tuple[str, ...]
    """The first decides about success."""
    step: str | None
    where: Mapping[str, str]
    """Columns and the value that the rows of interest have there, as text."""

    @property
    def beside_metrics(self) -> list[str]:
        """All that a row needs beside its metrics."""
        return list(dict.fromkeys([self.scale, self.seed, *([self.step] if self.step else []), *self.where]))
