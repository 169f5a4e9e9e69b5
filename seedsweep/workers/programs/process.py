"""A program's process: started by a launcher that ends it with this one, its output kept as far as it is small."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

HEAD_BYTES, TAIL_BYTES = 64 * 1024, 192 * 1024
"""Of a program's output, what is kept of its beginning and of its end."""
KILL_SECONDS = 10.0

_LAUNCHER = Path(__file__).with_name("launcher.py")


class Output:
    """What a program prints, errors included: its beginning and its end."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._left_out = 0
        self._lock = threading.Lock()

    def add(self, data: bytes) -> None:
        """Take in what was printed next."""
        with self._lock:
            room = HEAD_BYTES - len(self._head)
            self._head += data[:room]
            if data := data[room:]:
                self._tail.append(data)
                self._tail_size += len(data)
            while self._tail_size > TAIL_BYTES and len(self._tail) > 1:
                dropped = len(self._tail.popleft())
                self._tail_size -= dropped
                self._left_out += dropped

    def content(self) -> bytes:
        """All that is kept, with a word about what is not."""
        with self._lock:
            gap = f"\n… {self._left_out} bytes left out …\n".encode() if self._left_out else b""
            return bytes(self._head) + gap + b"".join(self._tail)


class Process:
    """A running program. Leaving it as a context manager kills the program with all that it has started."""

    def __init__(
        self, command: Sequence[str], directory: str, environment: Mapping[str, str], output: Output
    ) -> None:
        reading, self._lifeline = os.pipe()
        try:
            self._launcher = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_LAUNCHER), str(reading), *command],
                cwd=directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C in the terminal is the driver's to hear
                pass_fds=(reading,),
            )
        except BaseException:
            os.close(self._lifeline)
            raise
        finally:
            os.close(reading)
        self._listener = threading.Thread(target=self._listen, args=(output,), daemon=True)
        self._listener.start()

    def wait(self, seconds: float) -> int | None:
        """The exit status, or None if the program still runs after so long."""
        try:
            code = self._launcher.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        self._listener.join(1.0)  # longer only if something in a session of its own has kept the pipe
        return code

    def ask_to_end(self) -> None:
        """SIGTERM, to the program and all that it has started."""
        with suppress(ProcessLookupError):
            self._launcher.terminate()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._lifeline)  # which the launcher sees
        try:
            self._launcher.wait(KILL_SECONDS)
        except subprocess.TimeoutExpired:
            self._launcher.kill()
            self._launcher.wait()
        self._listener.join(1.0)

    def _listen(self, output: Output) -> None:
        assert self._launcher.stdout is not None
        with self._launcher.stdout as pipe:
            while data := os.read(pipe.fileno(), 65536):
                output.add(data)


def end_left_behind(folder: Path) -> None:
    """Kill what an earlier attempt at this cell has left running on this machine, so that no two write one folder.

    It ends with its worker by itself, unless its launcher was killed or it has fled into a session of its own. On
    Linux only, where one can see which processes were given this folder.
    """
    mark = b"SEEDSWEEP_DIR=" + os.fsencode(folder)
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or is somebody else's
            if int(place.name) != os.getpid() and mark in (place / "environ").read_bytes().split(b"\0"):
                os.kill(int(place.name), signal.SIGKILL)
