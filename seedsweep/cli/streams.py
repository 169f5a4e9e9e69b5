"""Output on terminals that know no UTF-8: what they cannot show is written in ASCII, and nothing fails."""

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
