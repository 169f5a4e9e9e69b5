"""The exceptions that mean "your input", "your installation" and "your disk", as opposed to "our bug"."""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable


class InputError(ValueError):
    """Something the user gave cannot be used: a spec, an option, a directory, a file.

    The message is one line that names the file and the field and says what would be right. The command
    line prints it and exits with status 2; everything else keeps its traceback.
    """


class ArgumentError(InputError):
    """An argument of a function cannot be used.

    The message names the parameter. The command line, whose options are called as the parameters are, names the
    option.
    """

    def __init__(self, parameter: str, value: object, problem: str) -> None:
        super().__init__(f"{parameter}={value}: {problem}")
        self.value, self.problem = value, problem
        self.on_command_line = f"--{parameter} {value}: {problem}"


class MissingPackageError(ModuleNotFoundError):
    """Something needs a package that the light form of seedsweep comes without; the message says how to get it.

    Not an `InputError`: that is a `ValueError`, and a spec that is being validated would take it for a wrong value
    of one of its fields. The command line tells it in the same way, in one line and with exit status 2.
    """


LASTING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ENOENT, errno.ETIMEDOUT})
"""What is wrong with a place that is full, read-only, gone or silent for minutes: trying again does not help."""


class StorageError(OSError):
    """A place that was in use cannot be used any more: its disk is full or read-only, it is gone or silent.

    Neither bad input nor a bug. The message is one line that names the place; the command line prints it and exits
    with status 3.
    """

    def __init__(self, place: str, error: OSError) -> None:
        self.reason = error.strerror or str(error).partition("\n")[0]
        what = "reached" if error.errno == errno.ETIMEDOUT else "written"
        super().__init__(f"{place}: cannot be {what}: {self.reason}; once it can, the same command goes on")
        self.errno = error.errno

    @property
    def lasting(self) -> bool:
        """Whether trying again at once is in vain."""
        # What may not be written need not be a disk's fault, but it could be written before.
        return self.errno in LASTING | {errno.EACCES, errno.EPERM}


class ClusterError(RuntimeError):
    """A Ray cluster that was in use is lost, or can start no worker: it is neither bad input nor a bug.

    The message is one line; the command line prints it and exits with status 4.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(f"the Ray cluster cannot be used any more: {problem}; the same command goes on")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`" (did you mean 'x'?)"` for the nearest known word, or an empty string when none is near."""
    near = nearest(word, known)
    return f" (did you mean {near!r}?)" if near else ""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that a misspelt one may stand for."""
    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)), None)


def listed(names: Iterable[str]) -> str:
    """Names as a message lists them: `a, b`, or `none`."""
    return ", ".join(names) or "none"
