"""One run at a time: a lock that dies with the process that holds it, on an object store soon after it."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from seedsweep import jsontext
from seedsweep.errors import LASTING, InputError, StorageError
from seedsweep.sweep.claim import Claim, claims, held_by_us, machine
from seedsweep.sweep.files import Files
from seedsweep.sweep.progress import process_exists

FILE = "run.lock"


class Held(Protocol):
    """A lock that is held."""

    def check(self) -> None:
        """Raise TakenOverError, a StorageError, if it is another run's by now."""


class _Flock:
    """Is held until its process ends."""

    def check(self) -> None:
        pass


@contextmanager
def hold(files: Files) -> Iterator[Held]:
    """Hold the sweep's lock; makes the directory if need be.

    On a local disk the lock is `flock` on `run.lock`: the system releases it when the process ends, however it
    ends, so there is no stale lock. The file stays, empty. A network disk that refuses flock has no lock: not
    starting two runs there at once is the user's care. On an object store it is a `Claim`.

    Raises InputError, naming process and host, if another run holds it, or if the directory may not be made, and
    StorageError if its disk is full.
    """
    if not files.local:
        with Claim(files).held() as claim:
            yield claim
        return
    try:
        Path(files.root).mkdir(parents=True, exist_ok=True)
        files.refuse_links(FILE)
        handle = os.open(files.path(FILE), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        if error.errno in LASTING:
            raise StorageError(files.location, error) from error
        raise InputError(f"{files.location}: not writable: {error}; use another directory") from error
    try:
        _lock(handle, files.location)
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode(), 0)
        yield _Flock()
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def held_here(files: Files) -> bool:
    """Whether a run on this machine holds the lock, by what it wrote there; takes no lock, to disturb nobody."""
    try:
        if not files.local:
            return held_by_us(files) or any(
                claim.content.get("machine") == machine() and not claim.dead for claim in claims(files)
            )
        holder = jsontext.loads(files.read(FILE) or b"null")
        return holder is not None and holder["host"] == socket.gethostname() and process_exists(holder["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _lock(handle: int, shown: str) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InputError(f"{shown}: {_holder(handle)} is at this sweep; wait for it or stop it") from None
    except OSError:
        return  # a network disk that knows no flock


def _holder(handle: int) -> str:
    try:
        holder = jsontext.loads(os.pread(handle, 1000, 0))
        return f"another run (process {holder['pid']} on {holder['host']})"
    except (ValueError, KeyError):  # it has just begun and not yet written who it is
        return "another run"
