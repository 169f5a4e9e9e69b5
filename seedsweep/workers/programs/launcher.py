"""Starts a program and sees to it that nothing of it outlives the worker. Run as a file, by `process`.

    python launcher.py LIFELINE COMMAND …

LIFELINE is the reading end of a pipe whose other end the worker holds: when the worker closes it or dies, however
it dies, the program and all that it has started is killed. SIGTERM is handed on: the program may save its state.
Ends as the program ended; with 128 + n if signal n ended it, with 127 if it could not be started.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys

_HANDED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main() -> int:
    lifeline, command = int(sys.argv[1]), sys.argv[2:]
    owner = os.getpid()
    program = os.fork()
    if program == 0:
        _become(command, lifeline, owner)
    _lead(program)

    def kill() -> None:
        try:
            os.killpg(program, signal.SIGKILL)
        except ProcessLookupError:
            return

    def hand_on(number: int, frame: object) -> None:
        try:
            os.killpg(program, number)
        except ProcessLookupError:
            return

    def watch() -> None:
        os.read(lifeline, 1)  # returns at the end of the pipe: nothing is ever written to it
        kill()

    for number in _HANDED_ON:
        signal.signal(number, hand_on)
    _thread.start_new_thread(watch, ())
    _, status = os.waitpid(program, 0)
    kill()  # what it has left behind
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _become(command: list[str], lifeline: int, owner: int) -> None:
    """Turn into the program, as the leader of a group of its own."""
    os.close(lifeline)
    _lead(0)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # as every program finds it, but Python's
    _die_with(owner)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"{command[0]}: cannot be started: {error.strerror}\n".encode())
        os._exit(127)


def _lead(process: int) -> None:
    """Called by both sides, since either may come first."""
    try:
        os.setpgid(process, process)
    except OSError:  # it has become the program already
        return


def _die_with(owner: int) -> None:
    """On Linux, be killed too if the launcher itself is killed; elsewhere only the next attempt would notice."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    set_death_signal = 1  # PR_SET_PDEATHSIG
    ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)
    if os.getppid() != owner:
        os._exit(127)


if __name__ == "__main__":
    sys.exit(main())
