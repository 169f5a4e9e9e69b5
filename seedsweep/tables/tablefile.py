"""A table as it lies on the disk: what columns it has, and the columns that are asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from seedsweep.errors import InputError
from seedsweep.tables.parameters import NONE, Parameters


class NoRowsError(InputError):
    """A file holds nothing."""


class TableFile(ABC):
    """One file, or all that one run wrote. Making the object reads nothing; what is damaged is an InputError."""

    first_row = 1
    """Number of the first row of data, as a reader of the file counts."""
    kind = ""
    """What it is to be read as, in a message."""
    decimal = "."
    """What stands before the decimals of its numbers: a point or a comma."""
    cut = False
    """Whether its last row was left out because it was cut off in writing; known once it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.parameters: Parameters = NONE
        """What is known of its run from elsewhere."""

    @property
    def claims(self) -> Sequence[Path]:
        """The files that it stands for: those that it is read from, and those that say the same again."""
        return [self.path]

    @property
    def run(self) -> str | None:
        """How the run is called, where that is not the name of the file or folder."""
        return None

    def own_parameters(self) -> Mapping[str, Any]:
        """What the format itself knows of the run, such as its hyperparameters."""
        return {}

    @cached_property
    def names(self) -> list[str]:
        """Of its columns."""
        try:
            return self._read_names()
        except InputError:
            raise
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self.unreadable(error) from None

    def has(self, name: str) -> bool:
        """Whether there is such a column, or such a parameter of the run."""
        return name in self.names or self.parameters.get(name) is not None

    def read(self, columns: Sequence[str], labels: Sequence[str] = ()) -> pa.Table:
        """These columns, all rows; a parameter of the run is a column in which every row has the same.

        Parameters
        ----------
        columns : sequence of str
            Names that `has` knows.
        labels : sequence of str, optional
            In a file that does not know types these are left as text: 007 and 1e5 may be names of runs.

        Raises
        ------
        InputError
            If the file is damaged, or has several columns of one of the names.
        """
        own = [column for column in columns if column in self.names]
        for column in own:
            if self.names.count(column) > 1:
                raise InputError(f"{self.path}: has {self.names.count(column)} columns {column!r}; rename one")
        try:
            table = self._read(own or self.names[:1], labels)
        except InputError:
            raise
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self.unreadable(error) from None
        for column in columns:
            if column not in own:
                value = self.parameters.get(column)
                if isinstance(value, int) and abs(value) >= 1 << 63:
                    value = str(value)  # too long for an integer column; as a seed it may still be
                table = table.append_column(column, pa.repeat(value, table.num_rows))
        return table.select(columns)

    def row(self, index: int) -> str:
        """How a message names a row."""
        return f"{self.path}: row {index + self.first_row}"

    def unreadable(self, error: Exception) -> InputError:
        """The error that a message is made of."""
        if isinstance(error, OSError) and error.strerror:
            return InputError(f"{self.path}: cannot be read: {error.strerror}")
        reason = str(error).partition("\n")[0]
        return InputError(f"{self.path}: cannot be read as {self.kind}: {reason}")

    @abstractmethod
    def _read_names(self) -> list[str]: ...

    @abstractmethod
    def _read(self, columns: list[str], labels: Sequence[str]) -> pa.Table: ...
