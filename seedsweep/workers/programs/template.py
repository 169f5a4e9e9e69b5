"""The command of a program: words with placeholders, `python train.py --lr {lr} --seed {seed} --out {dir}`.

The text is split into words first, as a shell would, and values are put in afterwards: whatever a value holds, it
stays where its placeholder stood and no shell sees it. With `shell: true` the whole text is a shell's, and every
value is quoted for it.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from string import Formatter
from typing import TypeAlias

Scalar: TypeAlias = bool | int | float | str
Value: TypeAlias = Scalar | Sequence[Scalar]

BUILT_IN = ("seed", "init_seed", "data_seed", "dir", "python")
"""What every cell knows besides the program's parameters."""


@dataclass(frozen=True)
class Template:
    """A command with placeholders. `parse` makes and checks it."""

    words: tuple[tuple[tuple[str, str | None], ...], ...]
    """Of each word its pieces: a literal text, and the name that follows it."""
    shell: bool

    @cached_property
    def names(self) -> frozenset[str]:
        """What stands in braces."""
        return frozenset(name for word in self.words for _, name in word if name is not None)

    def fill(self, values: Mapping[str, Value]) -> list[str]:
        """The words of the command. A list that is a whole word becomes a word per item; inside one, `1,2,3`."""
        if self.shell:
            pieces = [text + (_quoted(values[name]) if name else "") for text, name in self.words[0]]
            return ["/bin/sh", "-c", "".join(pieces)]
        filled: list[str] = []
        for word in self.words:
            (text, name), *more = word
            value = values[name] if name is not None else ""
            if not text and not more and not isinstance(value, Scalar):
                filled += map(as_text, value)
            else:
                filled.append("".join(text + (_joined(values[name]) if name else "") for text, name in word))
        return filled


def parse(command: str, shell: bool) -> Template:
    """Read a command. Raises ValueError, saying what would be right, if quotes or braces are wrong in it."""
    try:
        words = [command] if shell else shlex.split(command.replace("\\\n", " "))
    except ValueError as error:
        raise ValueError(f"{str(error)[:1].lower()}{str(error)[1:]}; close every quote in it") from None
    if not words or not command.strip():
        raise ValueError("is empty; write for example: python train.py --seed {seed} --out {dir}")
    return Template(tuple(tuple(_pieces(word)) or (("", None),) for word in words), shell)


def as_text(value: Scalar) -> str:
    """A value as a program is given it: `true`, `64`, `0.001`, or the text itself."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _pieces(word: str) -> list[tuple[str, str | None]]:
    try:
        parsed = list(Formatter().parse(word))
    except ValueError:
        raise ValueError(f"a brace is left open in {word!r}; write {{{{ and }}}} for braces of its own") from None
    pieces: list[tuple[str, str | None]] = []
    for text, name, style, conversion in parsed:
        if name is not None and (not name or style or conversion):
            raise ValueError(
                f"only the name of a parameter may stand in braces, in {word!r}; write {{{{ and }}}} for braces "
                "of its own"
            )
        pieces.append((text, name))
    return pieces


def _joined(value: Value) -> str:
    return as_text(value) if isinstance(value, Scalar) else ",".join(map(as_text, value))


def _quoted(value: Value) -> str:
    return shlex.quote(as_text(value)) if isinstance(value, Scalar) else shlex.join(map(as_text, value))
