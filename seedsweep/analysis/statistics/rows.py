"""Results that have rows: a table in a notebook, a frame for pandas."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.results import Interval, Result
from seedsweep.analysis.statistics.success import SuccessRate
from seedsweep.htmltable import html_table

if TYPE_CHECKING:
    import pandas

Cell: TypeAlias = "float | int | str | bool | Interval | SuccessRate | None"


class Rows(Result, ABC):
    """The base of results that have rows."""

    def to_pandas(self) -> pandas.DataFrame:
        """One row per scale, or of whatever else the result has several; the first column is the index.

        An estimate NAME has its 95 % interval in two more columns, `NAME_low` and `NAME_high`. Needs pandas.
        """
        import pandas

        rows = [
            {column: value for name, cell in row.items() for column, value in _spread(name, cell)}
            for row in self._rows()
        ]
        frame = pandas.DataFrame(rows)
        return frame.set_index(frame.columns[0]) if rows else frame

    def _repr_html_(self) -> str:
        rows = self._rows()
        columns = list(rows[0]) if rows else [""]
        cells = [[_named(row[columns[0]]), *(_written(row[name]) for name in columns[1:])] for row in rows]
        return html_table(self._caption(), columns, cells)

    @abstractmethod
    def _rows(self) -> Sequence[dict[str, Cell]]:
        """All with the same names."""

    def _caption(self) -> str:
        return repr(self).strip("<>")


def _spread(name: str, cell: Cell) -> list[tuple[str, float | int | str | bool | None]]:
    if isinstance(cell, (Interval, SuccessRate)):
        return [(name, float(cell)), (f"{name}_low", cell.low), (f"{name}_high", cell.high)]
    return [(name, cell)]


def _named(cell: Cell) -> str:
    """What a row is of, mostly a scale."""
    return text.scale(float(cell)) if isinstance(cell, (int, float)) else _written(cell)


def _written(cell: Cell) -> str:
    if isinstance(cell, SuccessRate):
        return text.share(cell)
    if cell is None or isinstance(cell, Interval):
        return text.with_interval(cell)
    return str(cell) if isinstance(cell, (str, bool)) else text.number(cell)
