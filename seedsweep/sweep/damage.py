"""What is wrong with a piece of a store: which file, what it is, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from seedsweep.errors import InputError
from seedsweep.formats import counted

FOLDER = "damaged"
"""Where `run` and `check --fix` put what cannot be used, so that nothing is lost."""
AWAY = "move it out of the sweep's directory"
"""What to do about a file that is not ours."""
SET_ASIDE = "seedsweep check --fix sets it aside, and the next run trains its cells anew"
"""The same of a file that shows to be damaged when its rows are read."""
_NAMED = 3
"""Files that a note names."""
_OURS = re.compile(r"metrics/scale-[^/]+/(.+-block-\d{4,}|merged-seeds-\d+-\d+-[0-9a-f]{12})\.parquet")
_KEPT = re.compile(r"checkpoints/scale-[^/]+/.+-step-\d{6,}\.safetensors")

DamageKind = Literal[
    "truncated",
    "flipped",
    "foreign",
    "renamed",
    "mismatching",
    "too large",
    "doubled",
    "missing",
    "link",
    "debris",
]
"""truncated: it ends early, or is not what its name says. flipped: its bytes are not those that were written.
foreign: not of this sweep. renamed: ours, under another name. mismatching: what it says is not what it holds.
too large: it would not fit into memory. doubled: a cell is there twice. missing: a part of what is there is not.
link: a symbolic link. debris: left behind, and needed by nobody."""


class DamagedFilesError(InputError):
    """Rows cannot be read: `files`, named below the store's root, are damaged."""

    def __init__(self, place: str, pieces: Sequence[Damage]) -> None:
        self.files = tuple(piece.file for piece in pieces)
        more = f" (and {len(pieces) - 1} more)" if len(pieces) > 1 else ""
        super().__init__(f"{place.rstrip('/')}/{pieces[0]}{more}")


@dataclass(frozen=True)
class Damage:
    """One piece."""

    file: str
    """Name below the store's root."""
    kind: DamageKind
    problem: str
    todo: str
    """What a person does about it."""
    ours: bool
    """Whether a run may set it aside: it has a name that only we give, and what it held is trained anew."""

    def __str__(self) -> str:
        return f"{self.file}: {self.problem}; {self.todo}"

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def is_named_as_ours(file: str) -> bool:
    """Whether a file of rows, or a kept checkpoint, has a name that only seedsweep gives."""
    return _OURS.fullmatch(file) is not None or _KEPT.fullmatch(file) is not None


def damage_notes(damage: Sequence[Damage], place: str) -> tuple[str, ...]:
    """That files cannot be used, if some cannot: what they hold is not in the numbers."""
    if not damage:
        return ()
    named = "; ".join(f"{piece.file}: {piece.problem}" for piece in damage[:_NAMED])
    more = f"; and {len(damage) - _NAMED} more" if len(damage) > _NAMED else ""
    are = "1 file of the store is" if len(damage) == 1 else f"{len(damage)} files of the store are"
    return (f"{are} left out, with the cells in it: {named}{more}; see seedsweep check {place}",)


def aside_notes(files: Iterable[str]) -> tuple[str, ...]:
    """That a run has set files aside, if it has."""
    names = list(files)
    if not names:
        return ()
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    could = counted(len(names), "file")
    return (f"{could} could not be used and {'was' if len(names) == 1 else 'were'} set aside: "
            f"{', '.join(names[:_NAMED])}{more}",)  # fmt: skip
