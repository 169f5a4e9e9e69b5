"""Keep what a function prints, in this process, where others print too."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from seedsweep.workers.programs.process import Output


class Captured:
    """While entered, what this thread prints, and threads that it starts, goes into `output`.

    Threads that were there before, such as a display that draws on the terminal, print as they did. What is
    printed by other means than `sys.stdout` and `sys.stderr`, by C code for example, is not kept.
    """

    def __init__(self, output: Output) -> None:
        self._output = output
        self._owner = threading.current_thread()
        self._others = set(threading.enumerate()) - {self._owner}
        self._paused = False

    def __enter__(self) -> Self:
        self._streams = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = (_Stream(stream, self) for stream in self._streams)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.stdout, sys.stderr = self._streams

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What this thread prints meanwhile is ours, not the function's."""
        self._paused = True
        try:
            yield
        finally:
            self._paused = False

    def keep(self, text: str) -> bool:
        """Take a text that is being printed, if it is the function's."""
        thread = threading.current_thread()
        if thread in self._others or (self._paused and thread is self._owner):
            return False
        self._output.add(text.encode(errors="replace"))
        return True


class _Stream:
    """Stands for a standard stream; what it does not know itself it leaves to the one it stands for."""

    def __init__(self, stream: Any, captured: Captured) -> None:
        self._stream, self._captured = stream, captured

    def write(self, text: str) -> int:
        return len(text) if self._captured.keep(text) else int(self._stream.write(text) or 0)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
