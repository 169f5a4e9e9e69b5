"""When the rows of an attempt are written into the store, and what is said of where they come from."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

from seedsweep.cell import Code
from seedsweep.workers.programs.process import end_left_behind

FIRST_WRITTEN = 2.0
"""Seconds of an attempt after which its rows are written first."""


def written_next(elapsed: float) -> float:
    """When they are written again, in seconds of the attempt.

    All rows are written anew each time, at growing intervals: so the sum stays a multiple of the last.
    """
    return 1.3 * elapsed + 1.0


def facts_of(code: Code | None, device: str) -> dict[str, Any]:
    """Where the numbers of an attempt on this machine come from."""
    return {
        "code": code.to_dict() if code else None,
        "device": device,
        "python": platform.python_version(),
        "host": platform.node(),
    }


def start_anew(folder: Path) -> None:
    """Move the folder of a cell away, beside itself, since nobody knows any more what came before what is in it.

    A program that went on from its own files would not measure again what was measured before.
    """
    if not folder.exists():
        return
    end_left_behind(folder)
    number = 1
    while (aside := folder.with_name(f"{folder.name}-set-aside-{number}")).exists():
        number += 1
    folder.rename(aside)
