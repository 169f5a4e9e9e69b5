"""Which runs are at a sweep: on this machine by their processes, elsewhere by whether they go on.

A run on another machine writes its note anew every few seconds. That it has done so is seen by looking twice, and
needs no clock that agrees with this one. Of a run that was killed the note stays as it was.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from seedsweep.sweep import lock
from seedsweep.sweep.files import Files

LOOK_SECONDS = 0.5
"""Between two looks at a note of which nothing is known yet."""
MISSED_BEATS = 4
"""A note that was not written anew for so many beats is that of a run that has ended."""


@dataclass
class _Seen:
    """What has become of a note since it was first seen."""

    beat: object
    since: float
    """When it was found as it is now, by this process's own clock."""
    lives: bool = False


class Pulse:
    """Of one sweep. Who asks again is answered at once: what was seen is remembered."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._seen: dict[str, _Seen] = {}

    def runs(self) -> frozenset[str]:
        """The names of the runs that go on. May wait for two beats of a run that is seen for the first time."""
        beat = lock.beat_seconds(self._files)
        deadline = time.monotonic() + 2 * beat
        while True:
            notes = lock.notes(self._files)
            for note in notes:
                self._look(note.run, note.beat)
            new = [note for note in notes if not note.here and self._is_open(note.run, beat)]
            if not new or time.monotonic() >= deadline:
                break
            time.sleep(min(LOOK_SECONDS, beat / 4))
        self._seen = {note.run: self._seen[note.run] for note in notes}
        return frozenset(
            note.run for note in notes if (note.process_lives if note.here else self._lives(note.run, beat))
        )

    def _look(self, run: str, beat: object) -> None:
        now = time.monotonic()
        seen = self._seen.setdefault(run, _Seen(beat, now))
        if seen.beat != beat:
            self._seen[run] = _Seen(beat, now, lives=True)

    def _is_open(self, run: str, beat: float) -> bool:
        """Whether it was not seen long enough to tell."""
        seen = self._seen[run]
        return not seen.lives and time.monotonic() - seen.since < 2 * beat

    def _lives(self, run: str, beat: float) -> bool:
        seen = self._seen[run]
        return seen.lives and time.monotonic() - seen.since < MISSED_BEATS * beat
