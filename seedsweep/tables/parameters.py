"""What is known of a run beside its rows: from a pattern, from a config that lies by, from its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from seedsweep.tables.configs import Config
from seedsweep.tables.runnames import number_of, words_of
from seedsweep.tables.spelling import scale_of

RUN = "run"
"""Name by which a run's own name can be asked for, where no column or parameter is called so."""


class Parameters(Protocol):
    """Of one run, by name."""

    contradicted: dict[str, str]
    """Of those that were asked for, what is said differently elsewhere."""

    def get(self, name: str) -> Any | None:
        """A number, a text or a truth value; None if it is not known."""

    def source(self, name: str) -> str | None:
        """Where it is from, in a few words; None if it is not known."""

    def known(self) -> Mapping[str, Any]:
        """All that can be asked for."""


class _Nothing:
    def __init__(self) -> None:
        self.contradicted: dict[str, str] = {}

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
    folder : Path
        In which it lies.
    run : str
        By which the run is called.
    words : str
        The names of its folders and its file, joined by slashes.
    outside : str
        The same of the place in which all runs lie: asked last.
    configs : Callable
        Returns the configs that lie by, the nearest first.
    given : mapping
        What a pattern found in the path. It is what the user says, and nothing else is asked.
    own : Callable
        Returns what the format itself knows of the run.
    """

    def __init__(
        self,
        folder: Path,
        run: str,
        words: str,
        outside: str,
        configs: Callable[[Path], Sequence[Config]],
        given: Mapping[str, str],
        own: Callable[[], Mapping[str, Any]],
    ) -> None:
        self._folder, self._run, self._words, self._outside = folder, run, words, outside
        self._configs: Callable[[], Sequence[Config]] = lambda: configs(folder)
        self._given, self._own = given, own
        self._asked: dict[str, tuple[Any, str] | None] = {}
        self.contradicted: dict[str, str] = {}

    def get(self, name: str) -> Any | None:
        """From the pattern; else from the run's own record, a config beside it, its name, a config above."""
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
        found = [(value, source) for value, source in self._found(name) if value is not None]
        if not found:
            return (self._run, "its name") if name == RUN else None
        value, source = found[0]
        others = [(other, where) for other, where in found[1:] if not _same(other, value)]
        if others:
            other, where = others[0]
            self.contradicted[name] = f"{name} is {value} by {source} and {other} by {where}; the former counts"
        return value, source

    def _found(self, name: str) -> Iterator[tuple[Any, str]]:
        """In the order in which they count."""
        configs = self._configs()
        beside = [config for config in configs if self._folder in (config[1].parent, config[1].parent.parent)]
        yield self._own().get(name), "its record"
        for content, where in beside:
            yield content.get(name), where.name
        yield number_of(name, self._words), "its name"
        for content, where in configs:
            if (content, where) not in beside:
                yield content.get(name), where.name
        yield number_of(name, self._outside), "the place's name"

    def known(self) -> Mapping[str, Any]:
        """All that can be asked for."""
        found = dict(words_of(self._words))
        for content, _ in reversed(self._configs()):
            found |= content
        return {**found, **self._own(), **self._given}


def _same(one: Any, other: Any) -> bool:
    numbers = [scale_of(str(value)) for value in (one, other)]
    return str(one) == str(other) if None in numbers else numbers[0] == numbers[1]
