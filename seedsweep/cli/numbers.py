"""A table of numbers for terminals of any width."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console, ConsoleOptions, JustifyMethod, RenderableType, RenderResult
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text


class Numbers:
    """A table of numbers that loses none: what does not fit beside the first column goes below, with it once more.

    Numbers stand to the right, the first column to the left. On a terminal of 80 columns all of them fit.
    """

    def __init__(self, title: str, columns: Iterable[str], caption: str | None = None) -> None:
        self._title = escape(title)
        self._columns = list(columns)
        self._caption = caption
        self._rows: list[tuple[RenderableType, ...]] = []

    def add_row(self, *cells: RenderableType) -> None:
        self._rows.append(cells)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        parts: list[list[int]] = [[0]]
        for number in range(1, len(self._columns)):
            wider = self._part([*parts[-1], number])
            # The first column and another one make a table however narrow the terminal is.
            if len(parts[-1]) > 1 and Measurement.get(console, options.update(width=10_000), wider).maximum > (
                options.max_width
            ):
                parts.append([0])
            parts[-1].append(number)
        for part in parts:
            table = self._part(part)
            table.title = self._title if part is parts[0] else None
            table.caption = self._caption if len(parts) == 1 else None
            yield table
        if self._caption and len(parts) > 1:  # the last part is narrow
            yield Text.from_markup(self._caption, style="table.caption")

    def _part(self, columns: Sequence[int]) -> Table:
        table = Table(
            title_justify="left",
            caption_justify="left",
            title_style="bold",
            box=box.HORIZONTALS,
            collapse_padding=True,
            pad_edge=False,
        )
        for number in columns:
            side: JustifyMethod = "left" if number == 0 else "right"
            table.add_column(self._columns[number], justify=side, no_wrap=True, vertical="top")
        for row in self._rows:
            table.add_row(*(row[number] for number in columns))
        return table
