"""What is seen while a command works: a line while it starts, a table of a run that redraws itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.live import Live
from rich.status import Status

from seedsweep import formats
from seedsweep.cli.timeleft import TimeLeft

if TYPE_CHECKING:  # imports torch
    from seedsweep.sweep.events import Event

PLAIN_SECONDS = 30.0
"""Without a terminal a line about the whole sweep is printed this often."""

REDRAW_SECONDS = 0.1
"""Packs may end many times a second; the table is drawn anew no more often for that."""

SILENT_SECONDS = 2.0
"""Without a terminal it is said what a run is at after this much silence."""


class Waiting:
    """Says what goes on while nothing else is to be seen: at once on a terminal, elsewhere if it takes long."""

    def __init__(self, console: Console, message: str) -> None:
        self._console = console
        self._message = message
        self._began = time.monotonic()
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
        self._began = time.monotonic()
        self.update(message)
        if not self._console.is_terminal:
            self.stop()
            self._wait(SILENT_SECONDS)

    def update(self, message: str) -> None:
        """The same goes on, and is further."""
        self._message = message
        if self._console.is_terminal:
            if self._status is None:
                self._status = self._console.status(message)
                self._status.start()
            self._status.update(message)

    def stop(self) -> None:
        """There is something to show."""
        if self._status is not None:
            self._status.stop()
            self._status = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._tell)
        self._timer.daemon = True
        self._timer.start()

    def _tell(self) -> None:
        """A line for who sees no terminal, and another one after a while."""
        told, since = self._message, time.monotonic() - self._began
        after = f" ({formats.duration(since)})" if since > PLAIN_SECONDS else ""
        self._console.print(f"{told}{after}", markup=False, highlight=False, soft_wrap=True)
        if self._timer is not None:
            self._wait(PLAIN_SECONDS)


class RunDisplay:
    """Shows the events of a run, and what `news` has to say beside them."""

    def __init__(self, console: Console, news: Callable[[], str | None] | None = None) -> None:
        self._console = console
        self._news = news
        self._live: Live | None = None
        self._told_at = time.monotonic()
        self._waiting = Waiting(console, "looking for what is there, starting the executor …")
        self._ready = False
        self._drawn_at = 0.0
        self._left = TimeLeft()

    def __enter__(self) -> Self:
        self._waiting.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._waiting.stop()
        if self._live is not None:
            self._live.stop()
        self._tell_news()

    def show(self, event: Event) -> None:
        """Take in one event."""
        from seedsweep.cli import tables

        self._waiting.stop()
        self._tell_news()
        told = ("plan", "base", "ready", "retry", "fail", "stop", "workers", "merge", "aside", "wait")
        if event.kind in told:
            self._console.print(event.message, markup=False, highlight=False)
        if not event.status.scales:
            return
        if event.dashboard is not None:
            self._console.print(f"Ray dashboard: {event.dashboard}", markup=False, highlight=False)
        if event.kind == "plan":
            self._console.print(f"results: {event.status.path}", markup=False, highlight=False)
        self._ready = self._ready or event.kind in ("ready", "start", "finish")
        unknown = "estimating …" if self._ready else "starting workers …"
        left = self._left.after(event.status.seconds_left)
        if self._console.is_terminal:
            now = time.monotonic()
            if event.kind in ("start", "finish") and now - self._drawn_at < REDRAW_SECONDS:
                return
            self._drawn_at = now
            if self._live is None:
                self._live = Live(console=self._console, auto_refresh=False, transient=True)
                self._live.start()
            self._live.update(tables.status(event.status, left or unknown), refresh=True)
        elif event.kind == "plan":
            self._waiting.say(unknown)
        elif event.kind == "tick" and time.monotonic() - self._told_at > PLAIN_SECONDS:
            self._told_at = time.monotonic()
            self._console.print(tables.progress(event.status, left or unknown), soft_wrap=True)

    def _tell_news(self) -> None:
        if self._news is not None and (line := self._news()):
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)
