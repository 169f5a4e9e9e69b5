"""What a function says through `report`: checked, and as rows of every seed."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from seedsweep import jsontext
from seedsweep.cell import UnreadableCheckpointError
from seedsweep.workers.programs.attempts import other_codes, rewound
from seedsweep.workers.programs.rows import EXAMPLES, SPLIT, Columns, MetricsError, Row


@dataclass
class Told:
    """What the attempts at a pack have come to so far, as its checkpoint holds it."""

    rows: Sequence[Sequence[Row]]
    """Those that count, of every seed."""
    attempts: int = 0
    seconds: float = 0.0
    """That the attempts have taken."""
    codes: Sequence[dict[str, Any] | None] = ()
    """`Code` of every attempt, the last one last."""

    def to_bytes(self) -> bytes:
        """As a checkpoint."""
        return zlib.compress(json.dumps([self.attempts, self.seconds, self.codes, self.rows]).encode())

    @classmethod
    def from_bytes(cls, saved: bytes | None, seeds: int) -> Told:
        """From a checkpoint; None is that of a pack that has never been tried.

        Raises UnreadableCheckpointError if it is damaged.
        """
        if saved is None:
            return cls([[] for _ in range(seeds)])
        try:
            attempts, seconds, codes, rows = jsontext.loads(zlib.decompress(saved))
            return cls([[Row(*row) for row in of_seed] for of_seed in rows], attempts, seconds, codes)
        except (zlib.error, ValueError, TypeError) as error:
            raise UnreadableCheckpointError(f"{type(error).__name__}: {error}") from None

    @property
    def other_codes(self) -> list[dict[str, Any] | None]:
        """What attempts before the last one ran with, where that is not the last one's."""
        return other_codes(self.codes)


class Journal:
    """A file in the folder of a pack to which every report is added at once.

    A function that goes on from files of its own may be killed at any moment: what it has reported until then must
    not be lost, and the checkpoint is written now and then only.
    """

    NAME = "seedsweep-reports.jsonl"

    def __init__(self, folder: Path) -> None:
        self._path = folder / self.NAME

    def begin(self, attempt: int) -> None:
        """Forget what earlier attempts have added."""
        self._path.write_text(f"{attempt}\n")

    def add(self, rows: Sequence[Sequence[Row]]) -> None:
        """What one report has said, of every seed."""
        with self._path.open("a") as file:
            file.write(json.dumps(rows) + "\n")

    def rows(self, attempt: int, seeds: int) -> list[list[Row]]:
        """What this attempt has added, if it was the last one on this machine."""
        found: list[list[Row]] = [[] for _ in range(seeds)]
        try:
            first, *lines = self._path.read_text().split("\n")
        except FileNotFoundError:
            return found
        if first != str(attempt):
            return found
        for line in lines[:-1]:  # the last one may be cut, or is empty
            for of_seed, rows in zip(found, jsontext.loads(line), strict=True):
                of_seed += [Row(*row) for row in rows]
        return found


@dataclass
class Reports:
    """Takes in one call of `report` after another.

    Parameters
    ----------
    seeds : int or None
        How many seeds the function trains; None if one, of which values are numbers and not arrays.
    steps : int or None
        The last step that may be reported.
    earlier : sequence
        Rows of earlier attempts, of every seed. Where this attempt reports step s, those from s on do not count.
    """

    seeds: int | None
    steps: int | None
    earlier: Sequence[Sequence[Row]]
    last_step: int = 0
    _columns: Columns = field(init=False)
    _written: list[list[Row]] = field(init=False)
    _seen: set[tuple[int, str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._columns = Columns("step", None)
        self._written = [[] for _ in range(self.seeds or 1)]

    def add(self, step: Any, split: str | None, examples_seen: Any, metrics: Mapping[str, Any]) -> list[list[Row]]:
        """One call; returns its rows, of every seed. Raises MetricsError if it says what cannot be."""
        where = f"report(step={step!r})"
        if not metrics:
            raise MetricsError(f"{where}: has no metric; write for example report(step, accuracy=0.93)")
        if split is not None and not isinstance(split, str):
            raise MetricsError(f"{where}: split is {split!r}, not a text")
        number = self._number("step", step, where)
        values = {name: self._values(name, value, where) for name, value in metrics.items()}
        shared = {"step": number, SPLIT: split}
        if examples_seen is not None:
            shared[EXAMPLES] = self._number(EXAMPLES, examples_seen, where)
        added = [
            self._columns.rows(shared | {name: column[seed] for name, column in values.items()}, where)
            for seed in range(len(self._written))
        ]
        for row in added[0]:
            key = (row.step, row.split, row.metric)
            if key in self._seen:
                raise MetricsError(f"{where}: {row.metric} was reported at this step before")
            self._seen.add(key)
        last = added[0][0].step
        if self.steps is not None and last > self.steps:
            raise MetricsError(f"{where}: is beyond the last step, program.steps: {self.steps}")
        for rows, more in zip(self._written, added, strict=True):
            rows += more
        self.last_step = last
        return added

    def rows(self) -> list[list[Row]]:
        """What counts so far, of every seed by step."""
        return [rewound(before, own) for before, own in zip(self.earlier, self._written, strict=True)]

    @property
    def goes_on(self) -> bool:
        """Whether rows of earlier attempts count."""
        before, own = self.earlier[0], self._written[0]
        return bool(before) and (not own or before[0].step < min(row.step for row in own))

    def _number(self, name: str, value: Any, where: str) -> float:
        array = _as_array(name, value, where)
        if array.ndim:
            raise MetricsError(f"{where}: {name} has the shape {array.shape}; give one number")
        return float(array)

    def _values(self, name: str, value: Any, where: str) -> list[float]:
        """One value per seed."""
        array = _as_array(name, value, where)
        if self.seeds is None:
            if array.ndim:
                raise MetricsError(f"{where}: {name} has the shape {array.shape}; give one number")
            return [float(array)]
        if array.ndim == 0:
            raise MetricsError(
                f"{where}: {name} is one number for all {self.seeds} seeds; give an array of one per seed"
            )
        if array.shape != (self.seeds,):
            raise MetricsError(f"{where}: {name} has the shape {array.shape}; one per seed is ({self.seeds},)")
        values: list[float] = array.tolist()
        return values


def _as_array(name: str, value: Any, where: str) -> np.ndarray:
    """Numbers of whatever library: what numpy takes, and torch's tensors, on whatever device, with gradients."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().double()
    try:
        if isinstance(value, str | bytes):
            raise TypeError
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        shown = repr(value)
        shown = shown if len(shown) <= 40 else type(value).__name__
        raise MetricsError(f"{where}: {name} is {shown}, not a number") from None
