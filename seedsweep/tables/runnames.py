"""The names that people give to runs: `width=64/seed=3`, `depth-2_seed-7`, `ppo_width128_seed0`, `width: 32`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from seedsweep.errors import InputError
from seedsweep.tables.spelling import NUMBER

_BETWEEN = r"(?:\s*[=:]\s*|[\-_. ])?"
_FIELD = re.compile(r"\{([^{}]*)\}")


def number_after(word: str, run: str) -> str | None:
    """The number that follows a word in the name of a run; None unless there is one.

    The word stands at the start or after anything but a letter; between word and number there may be one of
    ``= : - _ .`` or a space, and spaces around ``=`` and ``:``. The number may have a suffix such as 70m; no
    letter or digit follows it.

    Examples
    --------
    >>> number_after("depth", "depth=2,seed=7"), number_after("seed", "lr0.1_depth-2"), number_after("w", "w: 32")
    ('2', None, '32')
    >>> number_after("params", "pythia params:1.5B/3"), number_after("depth", "max_depths-2") is None
    ('1.5B', True)
    """
    pattern = rf"(?<![A-Za-z]){re.escape(word)}{_BETWEEN}(-?{NUMBER})(?![A-Za-z0-9])"
    matches = re.findall(pattern, run, re.IGNORECASE)
    return matches[-1] if matches else None  # of folders within folders, the innermost


def number_before(word: str, run: str) -> str | None:
    """The number before a word, as in `64width_seed3` and `2-depth`; None unless there is one."""
    matches = re.findall(
        rf"(?<![A-Za-z0-9.])({NUMBER}){_BETWEEN}{re.escape(word)}(?![A-Za-z])", run, re.IGNORECASE
    )
    return matches[-1] if matches else None


def number_of(word: str, run: str) -> str | None:
    """The number after a word in a run's name, or before it; of `word=text` any text.

    In a name that starts with a number and ends with a word, the numbers stand before their words.

    Examples
    --------
    >>> number_of("depth", "2-depth_7-seed"), number_of("depth", "depth-2_seed-7"), number_of("opt", "opt=adam/w3")
    ('2', '2', 'adam')
    """
    if re.fullmatch(r"\d.*[A-Za-z]", run.rpartition("/")[2]):
        number = number_before(word, run) or number_after(word, run)
    else:
        number = number_after(word, run) or number_before(word, run)
    if number is not None:
        return number
    texts = [value for piece in re.split("[/,]", run) for name, value in _assigned(piece) if name == word]
    return texts[-1] if texts else None


def words_of(run: str) -> Mapping[str, str]:
    """Every word with a number in a run's name.

    Examples
    --------
    >>> words_of("ppo_width128_seed0/log.csv"), words_of("opt=adam/depth-2")
    ({'width': '128', 'seed': '0'}, {'opt': 'adam', 'depth': '2'})
    """
    found: dict[str, str] = {}
    for piece in re.split("[/,]", run):
        assigned = dict(_assigned(piece))
        words = [] if assigned else re.findall(r"[A-Za-z]+", piece)
        numbers = {word: number for word in words if (number := number_of(word, piece)) is not None}
        found |= numbers | assigned
    return found


def _assigned(piece: str) -> list[tuple[str, str]]:
    """`name=value` as a pair, if it is one."""
    name, equals, value = piece.strip().partition("=")
    return [(name.strip(), value.strip())] if equals and re.fullmatch(r"[^=:;]+", value) else []


class RunPattern:
    """A pattern such as `w{width}_s{seed}/log.csv`: which files are read, and what their names say.

    A field stands for text without a slash, `*` for any such text, `**` for any folders.

    Examples
    --------
    >>> RunPattern("w{width}_s{seed}/log.csv").match("runs/w64_s3/log.csv")
    {'width': '64', 'seed': '3'}
    """

    def __init__(self, pattern: str) -> None:
        self._shown = pattern
        self.fields = [name for name in _FIELD.findall(pattern) if name]
        if not self.fields:
            raise InputError(f"--from {pattern}: has no field; write e.g. 'width{{width}}_seed{{seed}}/log.csv'")
        if len(set(self.fields)) < len(self.fields):
            raise InputError(f"--from {pattern}: names a field twice; use * for the second")
        parts = re.split(r"(\{[^{}]*\}|\*\*/|\*\*|\*|\?)", pattern.removeprefix("./"))
        self._groups = {f"field{number}": name for number, name in enumerate(self.fields)}
        names = iter(self._groups)
        wild = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "{}": "[^/]+?", "?": "[^/]"}
        regex = "".join(
            wild[part]
            if part in wild
            else f"(?P<{next(names)}>[^/]+?)"
            if _FIELD.fullmatch(part)
            else re.escape(part)
            for part in parts
        )
        self._regex = re.compile(f"(?:.*/)?{regex}")

    def match(self, path: str) -> dict[str, str] | None:
        """What the fields stand for in a path, of which the pattern is the end; None if it is not."""
        match = self._regex.fullmatch(path)
        return match and {name: match[group] for group, name in self._groups.items()}
