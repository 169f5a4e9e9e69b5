"""One run at a time: a lock that dies with the process that holds it, on an object store soon after it."""

from __future__ import annotations

import fcntl
import json
import os
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from seedsweep import jsontext
from seedsweep.errors import LASTING, InputError, StorageError
from seedsweep.sweep import claim
from seedsweep.sweep.files import Files
from seedsweep.sweep.runnote import RunNote, own_note, read_note

FILE = "run.lock"
BEAT_SECONDS = 5.0
"""Time between two writes of the file, by which other machines see that the run goes on."""


class Held(Protocol):
    """A lock that is held."""

    @property
    def run(self) -> str:
        """Name of the run that holds it."""

    def check(self) -> None:
        """Raise TakenOverError, a StorageError, if it is another run's by now."""


class _Flock:
    """Is held until its process ends."""

    def __init__(self, handle: int, location: str) -> None:
        self.run = uuid.uuid4().hex
        self._handle, self._location = handle, location
        self._ended = threading.Event()

    @contextmanager
    def told(self) -> Iterator[_Flock]:
        """While entered, the file says who holds it, and that it still does."""
        try:
            os.ftruncate(self._handle, 0)
            self._write(0)
        except OSError as error:
            raise StorageError(self._location, error) from error
        beats = threading.Thread(target=self._go_on_beating, daemon=True, name="tells that a run goes on")
        beats.start()
        try:
            yield self
        finally:
            self._ended.set()
            beats.join()
            with suppress(OSError):
                os.ftruncate(self._handle, 0)

    def check(self) -> None:
        pass

    def _go_on_beating(self) -> None:
        number = 0
        while not self._ended.wait(BEAT_SECONDS):
            number += 1
            with suppress(OSError):  # who writes what matters will tell
                self._write(number)
                os.fsync(self._handle)  # else a network disk keeps it to itself

    def _write(self, beat: int) -> None:
        # Of one length: whoever reads meanwhile finds one or the other.
        os.pwrite(self._handle, json.dumps({**own_note(self.run), "beat": f"{beat:012d}"}).encode(), 0)


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
        with claim.Claim(files).held() as held:
            yield held
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
        with _Flock(handle, files.location).told() as flock:
            yield flock
    finally:
        os.close(handle)


def notes(files: Files) -> Sequence[RunNote]:
    """What runs have left that go on, or were killed; takes no lock, to disturb nobody.

    Empty if the store cannot be read.
    """
    try:
        if not files.local:
            return [other.note for other in claim.claims(files) if other.content.get("state") != "claiming"]
        content = read_note(files.read(FILE))
    except (OSError, InputError):
        return []
    return [RunNote(str(content.get("run", "")), content, content.get("beat"))] if content else []


def beat_seconds(files: Files) -> float:
    """Time between two writes of a note."""
    return BEAT_SECONDS if files.local else claim.BEAT_SECONDS


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
