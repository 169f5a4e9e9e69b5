"""What all readers of metrics have in common: rows of one file, read again and again while a program writes it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import NamedTuple, Self

from seedsweep.workers.programs.rows import Columns, Row


class Version(NamedTuple):
    """A file at some moment."""

    size: int
    """Bytes."""
    modified: int
    """Nanoseconds since 1970; 0 of a file that was not there."""

    @classmethod
    def of(cls, path: Path) -> Self:
        """As it is now."""
        try:
            found = path.stat()
        except FileNotFoundError:
            return cls(0, 0)
        return cls(found.st_size, found.st_mtime_ns)


class MetricsReader(ABC):
    """Reads the rows that were written into one file from a place on.

    Parameters
    ----------
    path : Path
        The file; it need not be there yet.
    shown : str
        How messages name it.
    columns : Columns
        What its columns mean.
    begin : Version
        The file as earlier attempts have left it. If its bytes change, or it gets shorter, it was begun anew: then
        all of it counts.
    """

    def __init__(self, path: Path, shown: str, columns: Columns, begin: Version) -> None:
        self.path, self.shown, self.columns, self.begin = path, shown, columns, begin
        self.rows: list[Row] = []

    @abstractmethod
    def read(self, *, ended: bool) -> None:
        """Take in what was written since. Raises MetricsError if it cannot be used.

        While the writer has not `ended`, what looks half written is left for the next call.
        """
