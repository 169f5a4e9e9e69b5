"""A file for what Ray says of itself, which is not for the terminal."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path


class RayLog:
    """A file for what Ray says of itself."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._named = False

    def news(self) -> str | None:
        """One line that names the file, when there is something in it; once."""
        if self._named or self.path.stat().st_size == 0:
            return None
        self._named = True
        return f"what Ray says of itself: {self.path}"


@contextmanager
def ray_aside() -> Iterator[RayLog]:
    """While entered, what Ray writes goes to a file: to standard output, and from C++ to file descriptor 2.

    Its core writes warnings, dumps of its state and each of its retries there, for its developers. Python's stderr
    stays what it is. A file with nothing in it is removed in the end.
    """
    sys.stderr.flush()
    number, name = tempfile.mkstemp(prefix="seedsweep-ray-", suffix=".log")
    python, terminal = sys.stderr, os.dup(2)
    os.dup2(number, 2)
    with (
        open(terminal, "w", encoding=python.encoding, errors=python.errors, buffering=1) as kept,
        open(number, "w", encoding="utf-8", errors="replace", buffering=1) as log,
        redirect_stdout(log),
    ):
        sys.stderr = kept
        try:
            yield RayLog(Path(name))
        finally:
            sys.stderr = python
            os.dup2(terminal, 2)
            if os.path.getsize(name) == 0:
                os.unlink(name)
