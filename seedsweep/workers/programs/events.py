"""Metrics as TensorBoard event files, to which a program adds while it runs."""

from __future__ import annotations

from pathlib import Path

from seedsweep.tables.formats.events import events_in, scalars_of
from seedsweep.workers.programs.reading import MetricsReader, Version
from seedsweep.workers.programs.rows import Columns, MetricsError


class EventsReader(MetricsReader):
    """Reads only the events that were added."""

    def __init__(self, path: Path, shown: str, columns: Columns, begin: Version) -> None:
        super().__init__(path, shown, columns, begin)
        self._place = begin.size

    def read(self, *, ended: bool) -> None:
        with self.path.open("rb") as file:
            file.seek(self._place)
            data = file.read()
        first = self._place
        try:
            for event, place in events_in(data):
                if scalars := dict(scalars_of(event)):
                    self.rows += self.columns.rows({"step": event.step, **scalars}, self.shown)
                self._place = first + place
        except MetricsError:
            raise
        except ValueError as error:
            raise MetricsError(f"{self.shown}: {error}, counted from byte {first}") from None


def is_events(path: Path) -> bool:
    """Whether TensorBoard would take the file for events."""
    return "tfevents" in path.name
