"""Ctrl-C, SIGTERM and a closed terminal: the first asks to stop at a checkpoint; a second Ctrl-C stops at once."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class StopRequest:
    """While entered, the first SIGINT, SIGTERM or SIGHUP sets `requested`, and another SIGINT or SIGTERM raises
    KeyboardInterrupt.

    SIGTERM is what Slurm and Kubernetes send some seconds before they kill. SIGHUP comes when a terminal is
    closed, at times twice; what was to be shown there is shown nowhere from then on. Under `nohup`, which has
    SIGHUP ignored, it stays so. Outside the main thread, where Python lets nobody handle signals, nothing is
    changed.
    """

    _SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self) -> None:
        self.requested = False
        self._before: dict[int, Any] = {}
        self._terminals: list[int] = []

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            self._terminals = [number for number in (1, 2) if os.isatty(number)]
            for number in self._SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler or signal.SIG_DFL)
        self._before = {}

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._leave_terminal()
        elif self.requested:
            raise KeyboardInterrupt
        self.requested = True

    def _leave_terminal(self) -> None:
        """Writing to a terminal that is gone is an error, which must not end the run."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for number in self._terminals:
            os.dup2(nowhere, number)
        os.close(nowhere)
