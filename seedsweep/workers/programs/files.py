"""The files in which a program's metrics are, found by the spec's name or pattern, each with its reader."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from seedsweep.errors import listed
from seedsweep.workers.programs.documents import DocumentReader
from seedsweep.workers.programs.events import EventsReader, is_events
from seedsweep.workers.programs.lines import LinesReader
from seedsweep.workers.programs.reading import MetricsReader, Version
from seedsweep.workers.programs.rows import Columns, MetricsError, Row
from seedsweep.workers.programs.settings import ProgramSettings

_STATE = "trainer_state.json"


class MetricsFiles:
    """All rows that one attempt writes.

    Parameters
    ----------
    folder : Path
        Of the cell.
    settings : ProgramSettings
        Which files they are, and how they are read.
    begun : mapping of str to Version
        The files, by their names in the folder, as they were when the attempt began.
    """

    def __init__(self, folder: Path, settings: ProgramSettings, begun: Mapping[str, Version]) -> None:
        self._folder, self._settings, self._begun = folder, settings, begun
        self._readers: dict[str, MetricsReader] = {}
        self._find()

    def read(self, *, ended: bool = False) -> None:
        """Take in what was written since. Raises MetricsError, naming the file, if it cannot be used."""
        self._find()
        for reader in self._readers.values():
            reader.read(ended=ended)
        last = self._settings.steps
        if last is not None and (beyond := self.last_step) > last:
            raise MetricsError(f"{self._shown}: has a step {beyond}, beyond the last one, program.steps: {last}")

    def end_cut_lines(self) -> None:
        """See `LinesReader.end_cut_line`."""
        for reader in self._readers.values():
            if isinstance(reader, LinesReader):
                reader.end_cut_line()

    @property
    def last_step(self) -> int:
        """The largest step that was read; 0 if there is none."""
        return max((row.step for reader in self._readers.values() for row in reader.rows[-1:]), default=0)

    def rows(self) -> list[Row]:
        """What was read so far. Raises MetricsError if a value is there twice."""
        states = [reader for name, reader in self._readers.items() if Path(name).name == _STATE and reader.rows]
        newest = max(states, key=lambda reader: reader.rows[-1].step, default=None)  # it has what the others have
        rows = [
            row
            for reader in self._readers.values()
            if reader is newest or reader not in states
            for row in reader.rows
        ]
        seen: set[tuple[int, str, str]] = set()
        for row in rows:
            key = (row.step, row.split, row.metric)
            if key in seen:
                raise MetricsError(
                    f"{self._shown}: has {row.metric} at step {row.step} twice; rows of several sets need a "
                    f"column split, or names such as test/{row.metric}"
                )
            seen.add(key)
        return rows

    def why_empty(self) -> str:
        """What there is instead of rows."""
        if self._readers:
            return f"{self._shown}: has no rows"
        there = sorted(path.relative_to(self._folder).as_posix() for path in self._folder.rglob("*"))[:8]
        return f"no {self._settings.metrics.file} in {self._folder}, which holds {listed(there)}"

    @property
    def _shown(self) -> str:
        return listed(reader.shown for reader in self._readers.values())

    def _find(self) -> None:
        for name, path in metrics_files(self._folder, self._settings.metrics.file):
            if name not in self._readers:
                self._readers[name] = self._reader(path, self._begun.get(name, Version(0, 0)))

    def _reader(self, path: Path, begin: Version) -> MetricsReader:
        metrics, steps = self._settings.metrics, self._settings.steps
        shown = str(path)
        if is_events(path):
            return EventsReader(path, shown, Columns("step", steps), begin)
        if path.name == _STATE:
            columns = Columns(metrics.step, steps, prefixes=("eval_", "test_"), split="train")
            return DocumentReader(path, shown, columns, begin)
        columns = Columns(metrics.step, steps)
        return (DocumentReader if _is_document(path) else LinesReader)(path, shown, columns, begin)


def metrics_files(folder: Path, wanted: str) -> list[tuple[str, Path]]:
    """The files that a name or pattern means, with their names in the folder; of a folder its event files."""
    inside = [
        file
        for path in sorted(folder.glob(wanted))
        for file in (sorted(path.rglob("*tfevents*")) if path.is_dir() else [path])
    ]
    return [(file.relative_to(folder).as_posix(), file) for file in inside if file.is_file()]


def _is_document(path: Path) -> bool:
    """Whether a JSON file is one value, not a line per record."""
    if path.suffix != ".json":
        return False
    with path.open("rb") as file:
        first = file.readline().strip()
    if first.startswith(b"["):
        return True
    return not first.endswith(b"}")  # a record on a line of its own may have others below it
