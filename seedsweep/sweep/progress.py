"""How far a pack is: the small file that its worker keeps up to date, and when it has gone stale."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Set
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from seedsweep import jsontext
from seedsweep.cell import Pace

STALE_SECONDS = 60.0
"""A worker on another machine that does not say whose run it is of, and has not reported for so long, counts as
gone."""
HUNG_SECONDS = 600.0
"""The same for a process on this machine, where the system does not tell when a process has begun."""

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
    process_began: int = 0
    """When the process of this `pid` began, as the kernel counts; 0 where it does not tell."""
    run: str = ""
    """Name of the run that has handed out the pack."""

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

    def is_alive(self, now: float | None = None, runs: Set[str] = frozenset()) -> bool:
        """Whether a worker is at this pack now; `runs` are those that go on (`sweep.pulse`).

        On the worker's own machine its process is believed, elsewhere its run: no clock. Only where a worker of an
        earlier version says of no run that it is of it, clocks must agree that it has written in the last minute.
        """
        if self.state != "running":
            return False
        here = self.host == socket.gethostname()
        if here and self.process_began:
            return process_began(self.pid) == self.process_began
        if self.run and not here:
            return self.run in runs
        age = abs((time.time() if now is None else now) - self.updated)
        return age < HUNG_SECONDS and process_exists(self.pid) if here else age < STALE_SECONDS


def process_exists(pid: int) -> bool:
    """Whether there is a process of this number on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def process_began(pid: int) -> int:
    """When a process of this machine began, in ticks since the machine's start: another that is given its number
    later has another. 0 if it has ended, or the system has no /proc.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    state, began = fields[0], int(fields[19])
    return 0 if state in "ZX" else began
