"""What is known of a run beside its rows: from a pattern, from a config that lies by, from its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from seedsweep.errors import InputError
from seedsweep.tables.runnames import number_of, words_of
from seedsweep.tables.spelling import scale_of

RUN = "run"
"""Name by which a run's own name can be asked for, where no column or parameter is called so."""


class Parameters(Protocol):
    """Of one run, by name."""

    def get(self, name: str) -> Any | None:
        """A number, a text or a truth value; None if it is not known."""

    def source(self, name: str) -> str | None:
        """Where it is from, in a few words; None if it is not known."""

    def known(self) -> Mapping[str, Any]:
        """All that can be asked for."""


class _Nothing:
    def get(self, name: str) -> Any | None:
        return None

    def source(self, name: str) -> str | None:
        return None

    def known(self) -> Mapping[str, Any]:
        return {}


NONE: Parameters = _Nothing()


class RunParameters:
    """Of a run that lies in a file or folder.

    Parameters
    ----------
    path : Path
        The file or folder, for messages.
    run : str
        By which the run is called.
    words : str
        The names of its folders and its file, joined by slashes.
    config : Callable
        Returns the config that lies by, and where.
    given : mapping
        What a pattern found in the path. It is what the user says, and nothing else is asked.
    own : Callable
        Returns what the format itself knows of the run.
    """

    def __init__(
        self,
        path: Path,
        run: str,
        words: str,
        config: Callable[[], tuple[Mapping[str, Any], Path | None]],
        given: Mapping[str, str],
        own: Callable[[], Mapping[str, Any]],
    ) -> None:
        self._path, self._run, self._words = path, run, words
        self._config, self._given, self._own = config, given, own
        self._asked: dict[str, tuple[Any, str] | None] = {}

    def get(self, name: str) -> Any | None:
        """From the pattern; else from whichever of the run's own record, its config and its name know it.

        Raises
        ------
        InputError
            If these contradict each other.
        """
        found = self._get(name)
        return found and found[0]

    def source(self, name: str) -> str | None:
        """Where a parameter is from, in a few words."""
        found = self._get(name)
        return found and found[1]

    def _get(self, name: str) -> tuple[Any, str] | None:
        if name not in self._asked:
            self._asked[name] = self._look_up(name)
        return self._asked[name]

    def _look_up(self, name: str) -> tuple[Any, str] | None:
        if name in self._given:
            return self._given[name], "what was given"
        config, where = self._config()
        found = [
            (self._own().get(name), "its record"),
            (config.get(name), where.name if where else ""),
            (number_of(name, self._words), "its name"),
        ]
        found = [(value, source) for value, source in found if value is not None]
        for value, source in found[1:]:
            first, first_source = found[0]
            if not _same(value, first):
                raise InputError(
                    f"{self._path}: {name} is {first} by {first_source} and {value} by {source}; say which with "
                    f"--from, a pattern with {{{name}}}"
                )
        if found:
            return found[0]
        return (self._run, "its name") if name == RUN else None

    def known(self) -> Mapping[str, Any]:
        """All that can be asked for, a pattern's first."""
        return {**words_of(self._words), **self._config()[0], **self._own(), **self._given}


def _same(one: Any, other: Any) -> bool:
    numbers = [scale_of(str(value)) for value in (one, other)]
    return str(one) == str(other) if None in numbers else numbers[0] == numbers[1]
