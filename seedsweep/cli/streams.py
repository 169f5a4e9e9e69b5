"""What goes to the terminal: on one that knows no UTF-8 in ASCII, and nothing that Ray's core says of itself."""

from __future__ import annotations

import codecs
import io
import os
import sys
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Final

ASCII: Final = {
    "–": "-", "—": "-", "−": "-", "×": "x", "±": "+-", "≥": ">=", "≤": "<=", "∞": "inf", "…": "...", "→": "->",
    "“": '"', "”": '"', "‘": "'", "’": "'", "━": "-", "╸": "-", "╺": "-",
}  # fmt: skip


def fit_encoding() -> None:
    """Let standard output and error write what their encoding lacks in ASCII."""
    codecs.register_error("seedsweep-ascii", _spelled)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="seedsweep-ascii")


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


def _spelled(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)  # the streams only write
    lacking = error.object[error.start : error.end]
    return "".join(map(_in_ascii, lacking)), error.end


def _in_ascii(character: str) -> str:
    """
    >>> "".join(map(_in_ascii, "P ≥ 0.5 é"))
    'P >= 0.5 e'
    """
    known = ASCII.get(character)
    if known is not None:
        return known
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return plain or "?"
