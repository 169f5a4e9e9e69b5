"""What a format is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from seedsweep.tables.tablefile import TableFile


class Format(ABC):
    """A way in which results are written."""

    title: ClassVar[str]
    """Its name in a sentence."""

    @abstractmethod
    def find(self, files: Sequence[Path]) -> Sequence[TableFile]:
        """The tables among some files.

        Parameters
        ----------
        files : sequence of Path
            All files below a folder, sorted, or the one file that is to be read; without those that another format
            has taken.

        Returns
        -------
        sequence of TableFile
            Those that by their names, and where these leave a doubt by their content, are of this format. Their
            columns are not read yet. The files that they `claim` are offered to no other format.
        """
