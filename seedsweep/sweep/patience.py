"""Waits for an object store that fails, is gone or is silent: so long, and no longer."""

from __future__ import annotations

import errno
import random
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from seedsweep.errors import StorageError
from seedsweep.formats import counted, duration

ANSWER_SECONDS = 60.0
"""That a store has to answer a request: the SDKs of object stores wait for ever, on Linux at least."""
BYTES_PER_SECOND = 1 << 20
"""That a slow line brings: a large file has so much more time."""
PATIENCE_SECONDS = 300.0
"""A store that has answered before may be gone for so long."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds between requests; doubled each time."""
THREAD = "asks an object store"
"""Name of a thread that waits for an answer."""
_REFUSALS = ("ACCESS_DENIED", "NO_SUCH_BUCKET", "INVALID_ACCESS_KEY_ID", "SIGNATURE_DOES_NOT_MATCH", "EXPIRED")
"""Words of pyarrow for an answer that will be the same the next time."""
_DAMAGE = ("page integrity", "deserialize thrift", "Corrupt", "decompress", "end of stream", "magic bytes")
"""Words of pyarrow for a file that was read and makes no sense."""

_Result = TypeVar("_Result")


class Patience:
    """With one store. A store that has never answered is given no second chance: its address may be wrong."""

    def __init__(self, location: str) -> None:
        self._location = location
        self.answered = False
        """Whether the store is worth waiting for."""
        self.on_wait: Callable[[str], None] = lambda message: None
        """Called with a line for people when the waiting begins."""

    def ask(self, call: Callable[[], _Result], size: int | None = 0) -> _Result:
        """What `call` returns, once it does; of `size` bytes, None if nobody knows how long it may take.

        Raises StorageError when patience is at its end, else what `call` raises.
        """
        limit = None if size is None else ANSWER_SECONDS + size / BYTES_PER_SECOND
        until = time.monotonic() + PATIENCE_SECONDS
        pause = FIRST_PAUSE
        while True:
            try:
                result = _within(call, limit)
            except FileNotFoundError:  # an answer
                self.answered = True
                raise
            except OSError as error:
                if _is_refusal(error) or isinstance(error, StorageError):
                    raise
                silent = isinstance(error, _SilentError)
                if not self.answered and not silent:
                    raise
                if not self.answered or time.monotonic() + pause > until:
                    self.answered = False  # whoever asks next need not wait as long again
                    why = _in_words(error)
                    raise StorageError(self._location, OSError(errno.ETIMEDOUT, why)) from error
                if pause == FIRST_PAUSE:
                    minutes = counted(round(PATIENCE_SECONDS / 60), "minute")
                    self.on_wait(f"waiting up to {minutes} for {self._location}: {_in_words(error)}")
                time.sleep(pause * random.uniform(0.5, 1.0))
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                self.answered = True
                return result


class _SilentError(OSError):
    """There was no answer."""


def _in_words(error: OSError) -> str:
    return " ".join((error.strerror or str(error)).split())


def _is_refusal(error: OSError) -> bool:
    return isinstance(error, PermissionError) or any(word in str(error) for word in (*_REFUSALS, *_DAMAGE))


def _within(call: Callable[[], _Result], seconds: float | None) -> _Result:
    """What `call` returns or raises. It cannot be ended: after so many seconds it is left to itself."""
    if seconds is None:
        return call()
    result: list[Any] = []
    raised: list[BaseException] = []

    def answer() -> None:
        try:
            result.append(call())
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=answer, daemon=True, name=THREAD)
    thread.start()
    thread.join(seconds)
    if raised:
        raise raised[0]
    if not result:
        raise _SilentError(errno.ETIMEDOUT, f"no answer within {duration(seconds)}")
    returned: _Result = result[0]
    return returned
