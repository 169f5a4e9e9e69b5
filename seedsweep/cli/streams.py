"""Output on terminals, whatever is in it: what they cannot show is written in ASCII, and nothing commands them."""

from __future__ import annotations

import codecs
import io
import sys
import unicodedata
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


def shown(text: str) -> str:
    """Text from elsewhere as it may be shown: what a terminal would obey, or not show, is spelled out.

    >>> shown("a\\x1b[2Jb\\u202ec")
    'a\\\\x1b[2Jb\\\\u202ec'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)
