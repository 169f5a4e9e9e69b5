"""What the runs of one cell have written, of which any but the last may have been cut off at any moment.

A program that is started again may add to its file, write it anew, or go on from a checkpoint of its own. In all
three cases a step counts once: where a later attempt writes step s, what earlier ones wrote from s on is dropped.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from seedsweep import jsontext
from seedsweep.cell import UnreadableCheckpointError
from seedsweep.workers.programs.files import MetricsFiles, metrics_files
from seedsweep.workers.programs.reading import Version
from seedsweep.workers.programs.rows import MetricsError, Row
from seedsweep.workers.programs.settings import ProgramSettings


@dataclass
class Attempt:
    """One run of a cell's program: what it finds. `begin` makes the next one."""

    number: int = 0
    """From 1; 0 before there is any."""
    seconds: float = 0.0
    """That the attempts have taken, as far as they were noted."""
    earlier: Sequence[Row] = ()
    """Rows of the attempts before this one, as far as they count while it has written nothing."""
    begun: Mapping[str, Version] = field(default_factory=dict)
    """The files of metrics when it began."""
    written: Sequence[Row] = ()
    """Rows of its own, as far as they were noted."""
    codes: Sequence[dict[str, Any] | None] = ()
    """`Code` of every attempt, this one last."""

    def to_bytes(self) -> bytes:
        """As a checkpoint."""
        return zlib.compress(json.dumps(asdict(self)).encode())

    @classmethod
    def from_bytes(cls, saved: bytes | None) -> Attempt:
        """From a checkpoint; None is that of a cell that has never been tried.

        Raises UnreadableCheckpointError if it is damaged.
        """
        if saved is None:
            return cls()
        try:
            content: dict[str, Any] = jsontext.loads(zlib.decompress(saved))
            for name in ("earlier", "written"):
                content[name] = [Row(*row) for row in content[name]]
            content["begun"] = {name: Version(*version) for name, version in content["begun"].items()}
            return cls(**content)
        except (zlib.error, ValueError, TypeError, KeyError, AttributeError) as error:
            raise UnreadableCheckpointError(f"{type(error).__name__}: {error}") from None

    def rows(self, written: Sequence[Row]) -> list[Row]:
        """All rows that count when this attempt has written these."""
        return rewound(self.earlier, written)

    def codes_before(self, counted: Sequence[Row]) -> list[dict[str, Any] | None]:
        """Other code that earlier attempts ran with, if rows of theirs are among those that count."""
        if not self.earlier or counted[0] != self.earlier[0]:
            return []
        return other_codes(self.codes)


def begin(before: Attempt, folder: Path, settings: ProgramSettings, code: dict[str, Any] | None = None) -> Attempt:
    """The attempt that follows another one, which has left its files in the folder, if that is on this machine."""
    left = list(before.written)
    files = MetricsFiles(folder, settings, before.begun)
    if metrics_files(folder, settings.metrics.file):
        try:
            files.read()
            left = files.rows()
        except MetricsError:  # it was given up for what it wrote: that counts no more
            left = []
        files.end_cut_lines()
    begun = {name: Version.of(path) for name, path in metrics_files(folder, settings.metrics.file)}
    earlier = before.rows(left)
    return Attempt(before.number + 1, before.seconds, earlier, begun, codes=(*before.codes, code))


def other_codes(codes: Sequence[dict[str, Any] | None]) -> list[dict[str, Any] | None]:
    """Of the code of every attempt, what is not the last one's, each once."""
    *before, own = codes
    return [code for number, code in enumerate(before) if code != own and code not in before[:number]]


def rewound(earlier: Sequence[Row], later: Sequence[Row]) -> list[Row]:
    """The rows of two attempts that count, by step."""
    first = min((row.step for row in later), default=None)
    kept = [row for row in earlier if first is None or row.step < first]
    return sorted([*kept, *later], key=lambda row: row.step)
