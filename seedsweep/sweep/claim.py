"""One run at a time on an object store, which has no locks: each run claims the sweep by a file of its own.

Whoever wants the sweep writes its claim, then lists all claims, and keeps the sweep only if it sees no other that
is alive; else it takes its claim back. Object stores (S3, GCS, Azure) list what was written before, so of two runs
that come at once at least one sees the other. A claim is written anew every few seconds; one that was not for much
longer is dead and is removed by who comes next. Times are those of the store alone: those of two claims are
compared. Of runs on this machine the process is believed, and no clock.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from seedsweep.errors import InputError, StorageError
from seedsweep.formats import counted, duration
from seedsweep.sweep.files import Files
from seedsweep.sweep.runnote import RunNote, own_note, read_note

FOLDER = "locks"
BEAT_SECONDS = 30.0
"""Time between two writes of a claim."""
DEAD_SECONDS = 120.0
"""A claim of another machine that was not written for so long is nobody's any more."""
TRIES = 6
"""When several runs begin in the same moment each steps back and tries again."""
_STEP_BACK_SECONDS = 2.0
_OURS: dict[str, str] = {}
"""Claims that runs in this process hold, and on what."""


class TakenOverError(StorageError):
    """This run was not heard of for so long that another one has taken its sweep."""

    def __init__(self, place: str) -> None:
        OSError.__init__(
            self,
            f"{place}: another run has taken over this sweep, since this one was not heard of for "
            f"{counted(round(DEAD_SECONDS / 60), 'minute')}; nothing is lost, the other goes on",
        )
        self.reason = "taken over"


@dataclass(frozen=True)
class _Other:
    """Somebody else's claim."""

    name: str
    note: RunNote
    silent_seconds: float | None
    """By the store's clock; None if it has none."""

    @property
    def content(self) -> dict[str, Any]:
        return self.note.content

    @property
    def dead(self) -> bool:
        if self.note.here:
            if self.content.get("pid") == os.getpid():
                return self.name not in _OURS
            return not self.note.process_lives
        return self.silent_seconds is not None and self.silent_seconds > DEAD_SECONDS

    def __str__(self) -> str:
        if "pid" not in self.content:
            return "another run"
        heard = "" if self.silent_seconds is None else f", last heard of {duration(self.silent_seconds)} ago"
        return f"another run (process {self.content['pid']} on {self.content['host']}{heard})"


class Claim:
    """Of this run on the sweep in an object store."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self.run = uuid.uuid4().hex
        self._name = f"{FOLDER}/{self.run}.json"
        self._taken_over: list[str] = []
        self._lost = False
        self._heard = 0.0
        self._beat = threading.Lock()
        self._ended = threading.Event()

    @contextmanager
    def held(self) -> Iterator[Claim]:
        """While entered the sweep is this run's. Raises InputError, naming the other run, if it is another's."""
        try:
            self._take()
        except BaseException:
            self._withdraw()
            raise
        beats = threading.Thread(target=self._go_on_beating, daemon=True, name="keeps a sweep claimed")
        beats.start()
        try:
            yield self
        finally:
            self._ended.set()
            self._withdraw()

    def check(self) -> None:
        """Raise TakenOverError if the sweep is another run's by now; asks the store only after a long silence."""
        if not self._lost and _now() - self._heard > DEAD_SECONDS / 2:
            self._renew()
        if self._lost:
            raise TakenOverError(self._files.location)

    def _take(self) -> None:
        for _ in range(TRIES):
            self._write("claiming")
            _OURS[self._name] = self._files.location
            others = claims(self._files, self._name)
            alive = [other for other in others if not other.dead]
            if not alive:
                self._taken_over = [other.name for other in others]
                self._write("held")
                for name in self._taken_over:
                    self._files.delete(name)
                return
            self._withdraw()
            holder = next((other for other in alive if other.content.get("state") != "claiming"), None)
            if holder is not None:
                break
            time.sleep(random.uniform(0.1, _STEP_BACK_SECONDS))
        holder = holder or alive[0]
        until = ""
        if holder.silent_seconds is not None and not holder.note.here:
            left = max(1.0, DEAD_SECONDS - holder.silent_seconds)
            until = f"; if it is dead, this command takes over in {duration(left)}"
        raise InputError(f"{self._files.location}: {holder} is at this sweep; wait for it or stop it{until}")

    def _write(self, state: str) -> None:
        content = {"state": state, **own_note(self.run), "taken_over": self._taken_over}
        try:
            self._files.write(self._name, json.dumps(content).encode())
        except StorageError as error:
            if error.lasting or self._heard:
                raise
            message = f"{self._files.location}: cannot be written: {error.reason}; use another directory"
            raise InputError(message) from error
        self._heard = _now()

    def _go_on_beating(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            with suppress(OSError, InputError):  # the next beat, or who asks the store next, will tell
                self._renew()

    def _renew(self) -> None:
        with self._beat:
            if self._ended.is_set():
                return
            there = claims(self._files)
            if all(claim.name != self._name for claim in there) or any(
                self._name in claim.content.get("taken_over", ()) for claim in there
            ):
                self._lost = True
                return
            self._write("held")

    def _withdraw(self) -> None:
        with self._beat, suppress(OSError):  # dead before long, if the store is gone
            self._files.delete(self._name)
        _OURS.pop(self._name, None)


def claims(files: Files, own: str | None = None) -> Sequence[_Other]:
    """All claims but one's own, by whose time they are judged; without one, by this machine's clock."""
    entries = {entry.name: entry for entry in files.listing(FOLDER)}
    times = {name: files.modified(entry) for name, entry in entries.items()}
    now = times.get(own) if own in entries else time.time()
    found = []
    for name, then in times.items():
        if name != own and name.endswith(".json"):
            silent = max(0.0, now - then) if now is not None and then is not None else None
            run = name.removeprefix(f"{FOLDER}/").removesuffix(".json")
            found.append(_Other(name, RunNote(run, read_note(files.read(name)), then), silent))
    return found


def _now() -> float:
    """A clock that goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.time()
