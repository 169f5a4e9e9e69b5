"""Live progress of a run: a table that redraws itself on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live

from seedsweep.cli import tables
from seedsweep.sweep.events import Event

PLAIN_SECONDS = 30.0
"""Without a terminal a line about the whole sweep is printed this often."""


class RunDisplay:
    """Shows the events of a run."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._told_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, event: Event) -> None:
        """Take in one event."""
        if event.kind in ("plan", "base", "ready", "retry", "fail", "stop"):
            self._console.print(event.message, markup=False, highlight=False)
        if event.dashboard is not None:
            self._console.print(f"Ray dashboard: {event.dashboard}", markup=False, highlight=False)
        if event.kind == "plan":
            self._console.print(f"results: {event.status.path}", markup=False, highlight=False)
        if self._console.is_terminal:
            if self._live is None:
                self._live = Live(console=self._console, auto_refresh=False, transient=True)
                self._live.start()
            self._live.update(tables.status(event.status), refresh=True)
        elif event.kind == "tick" and time.monotonic() - self._told_at > PLAIN_SECONDS:
            self._told_at = time.monotonic()
            current = event.status
            left = tables.duration(current.seconds_left)
            self._console.print(
                f"{current.done} of {current.asked} seeds, {current.fraction:.0%} of the work, {left} left",
                markup=False,
                highlight=False,
            )
