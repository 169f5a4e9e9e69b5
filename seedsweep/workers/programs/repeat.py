"""Run a cell's program where nothing is kept, to see whether the same seed gives the same numbers again."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from seedsweep.cell import CellError, Pack, Recipe, Sink
from seedsweep.workers.programs.rows import is_clock

Place = tuple[int, str, str]
"""Step, split and metric."""


Values = dict[Place, float]


def run_aside(recipe: Recipe, pack: Pack, device: str, should_stop: Callable[[], bool]) -> dict[int, Values]:
    """Every value that the cells of a pack write, by seed, apart from clocks; what else they make is removed.

    Raises CellError as `Recipe.train` does, with the end of the program's output in its message.
    """
    with tempfile.TemporaryDirectory(prefix="seedsweep-verify-", ignore_cleanup_errors=True) as folder:
        sink = _Aside(Path(folder))
        try:
            recipe.train(pack, sink, device=device, should_stop=should_stop)
        except CellError as error:
            raise CellError(str(error).partition("; its output: ")[0], error.output) from None
        values: dict[int, Values] = {seed.id: {} for seed in pack.seeds}
        for row in sink.rows:
            if not is_clock(row["metric"]):
                values[row["seed"]][row["step"], row["split"], row["metric"]] = row["value"]
        return values


class _Aside(Sink):
    """Keeps the rows in memory and all else in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.rows: list[dict[str, Any]] = []

    def cell_folder(self, cell: str) -> Path:
        return self._folder / cell

    def keep_log(self, cell: str, text: bytes) -> str:
        return ""

    def load_base(self) -> bytes | None:
        return None

    def load_checkpoint(self) -> bytes | None:
        return None

    def refuse_checkpoint(self, problem: str) -> None:
        pass

    def save_checkpoint(self, state: bytes) -> None:
        pass

    def keep_checkpoint(self, step: int, content: bytes) -> None:
        pass

    def write_block(
        self, number: int, table: pa.Table, *, last: bool, steps: tuple[int, int], provenance: dict[str, Any]
    ) -> None:
        self.rows = table.to_pylist()

    def report(self, step: int, steps: int, **measured: Any) -> None:
        pass
