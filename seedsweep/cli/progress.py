"""What is seen while a command works: a line while it starts, a table of a run that redraws itself."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.live import Live
from rich.status import Status

if TYPE_CHECKING:  # imports torch
    from seedsweep.sweep.events import Event

PLAIN_SECONDS = 30.0
"""Without a terminal a line about the whole sweep is printed this often."""

SILENT_SECONDS = 2.0
"""Without a terminal it is said what a run is at after this much silence."""


class Waiting:
    """Says on a terminal what goes on while nothing else is to be seen; `logged` elsewhere too, if it takes long.

    What may still be refused is not logged: to a pipe, a refusal is one line.
    """

    def __init__(self, console: Console, message: str, *, logged: bool = False) -> None:
        self._console = console
        self._logged = logged
        self._message = message
        self._status: Status | None = None
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Self:
        self.say(self._message)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def say(self, message: str) -> None:
        """Something else goes on now."""
        if self._console.is_terminal:
            if self._status is None:
                self._status = self._console.status(message)
                self._status.start()
            self._status.update(message)
            return
        self.stop()
        if not self._logged:
            return
        self._timer = threading.Timer(SILENT_SECONDS, self._tell, [message])
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> None:
        """There is something to show."""
        if self._status is not None:
            self._status.stop()
            self._status = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tell(self, message: str) -> None:
        self._console.print(message, markup=False, highlight=False)


class RunDisplay:
    """Shows the events of a run."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._told_at = time.monotonic()
        self._waiting = Waiting(console, "looking for what is there, starting the executor …", logged=True)
        self._ready = False

    def __enter__(self) -> Self:
        self._waiting.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._waiting.stop()
        if self._live is not None:
            self._live.stop()

    def show(self, event: Event) -> None:
        """Take in one event."""
        from seedsweep.cli import tables

        self._waiting.stop()
        if event.kind in ("plan", "base", "ready", "retry", "fail", "stop"):
            self._console.print(event.message, markup=False, highlight=False)
        if event.dashboard is not None:
            self._console.print(f"Ray dashboard: {event.dashboard}", markup=False, highlight=False)
        if event.kind == "plan":
            self._console.print(f"results: {event.status.path}", markup=False, highlight=False)
        self._ready = self._ready or event.kind in ("ready", "start", "finish")
        unknown = "estimating …" if self._ready else "starting workers …"
        if self._console.is_terminal:
            if self._live is None:
                self._live = Live(console=self._console, auto_refresh=False, transient=True)
                self._live.start()
            self._live.update(tables.status(event.status, unknown), refresh=True)
        elif event.kind == "plan":
            self._waiting.say(unknown)
        elif event.kind == "tick" and time.monotonic() - self._told_at > PLAIN_SECONDS:
            self._told_at = time.monotonic()
            self._console.print(tables.progress(event.status, unknown), soft_wrap=True)
