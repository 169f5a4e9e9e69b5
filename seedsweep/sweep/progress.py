"""How far a pack is: the small file that its worker keeps up to date, and when it has gone stale."""

from __future__ import annotations

import json
import os
import socket
import time
from dataclasses import asdict, dataclass
from typing import Any, Literal

from seedsweep import jsontext
from seedsweep.cell import Pace

STALE_SECONDS = 60.0
"""A worker on another machine that has not reported for so long counts as gone."""
HUNG_SECONDS = 600.0
"""The same for a process on this machine that is still alive."""

State = Literal["running", "stopped", "failed"]


@dataclass(frozen=True)
class Progress:
    """What `work/<pack>/progress.json` says."""

    pack: str
    scale: float
    seeds: int
    """Seeds in the pack."""
    step: int
    """Optimiser steps taken, of `steps`."""
    steps: int
    """0 while the worker has not begun to train."""
    saved_step: int
    """Step of the last checkpoint: a retry goes on from there."""
    rate: float
    """Seed-steps per second since the worker took the pack."""
    state: State
    updated: float
    """Seconds since 1970."""
    host: str
    pid: int
    pace: Pace | None = None
    """As its worker measured it, if it did."""
    evaluations: int = 0
    """Done, where they are counted."""

    def to_json(self) -> bytes:
        """As the file's content."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, data: bytes | None) -> Progress | None:
        """From the file's content; None if there is no file or another version of seedsweep wrote it."""
        try:
            content: dict[str, Any] = jsontext.loads(data or b"null")
            pace = content.pop("pace", None)
            return cls(**content, pace=None if pace is None else Pace(**pace))
        except (TypeError, ValueError, AttributeError):
            return None

    def is_alive(self, now: float | None = None) -> bool:
        """Whether a worker is at this pack now, as far as the file, the clock and this machine can tell."""
        if self.state != "running":
            return False
        age = abs((time.time() if now is None else now) - self.updated)
        if self.host == socket.gethostname():
            return age < HUNG_SECONDS and process_exists(self.pid)
        return age < STALE_SECONDS


def process_exists(pid: int) -> bool:
    """Whether there is a process of this number on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
