"""What a run leaves in the store while it goes on: who it is, written anew again and again."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from seedsweep import jsontext
from seedsweep.sweep.progress import process_began, process_exists


@dataclass(frozen=True)
class RunNote:
    """One that was found."""

    run: str
    """Name of the run, which no other has."""
    content: dict[str, Any]
    """Empty if it cannot be read."""
    beat: object
    """Another one whenever the run has written its note anew."""

    @property
    def here(self) -> bool:
        """Whether the run is, or was, on this machine."""
        if "machine" in self.content:
            return bool(self.content["machine"] == machine())
        return self.content.get("host") == socket.gethostname()  # of an earlier version

    @property
    def process_lives(self) -> bool:
        """Of a run on this machine, whether its process does: not another one that has got its number since."""
        pid = self.content.get("pid")
        if not isinstance(pid, int) or not process_exists(pid):
            return False
        return "started" not in self.content or str(self.content["started"] or 0) == str(process_began(pid))


def own_note(run: str) -> dict[str, Any]:
    """What this process writes of a run of its own."""
    return {
        "run": run,
        "pid": os.getpid(),
        "started": process_began(os.getpid()),
        "host": socket.gethostname(),
        "machine": machine(),
    }


def read_note(data: bytes | None) -> dict[str, Any]:
    """The content of a note; empty if it cannot be read."""
    try:
        content = jsontext.loads(data or b"null")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


@cache
def machine() -> str:
    """What tells this machine, since it was started, from others and from containers on it."""
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)
