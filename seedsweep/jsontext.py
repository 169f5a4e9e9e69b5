"""JSON that anybody may have written, read with the one error that callers expect."""

from __future__ import annotations

import json
from typing import Any


def loads(text: str | bytes | bytearray) -> Any:
    """As `json.loads`, but nesting that is deeper than Python goes is a ValueError, as all else that is no JSON.

    >>> loads("[" * 100_000)
    Traceback (most recent call last):
    ValueError: nested too deeply
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
