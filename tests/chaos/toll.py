"""What the kills have cost: rows that are not those of an undisturbed run, files and processes left behind."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from tests.chaos.hook import IN_A_WRITE, VARIABLE, Kill

NEEDED_FOLDERS = ("metrics/", "checkpoints/", "cells/", "logs/", "figures/")
NEEDED_FILES = ("sweep.json", "run.lock", "report.html")
"""What is there when a sweep is complete."""
WORKERS = ("inline", "worker")
"""Roles of processes that train: inline the driver does."""
KEY = ("scale", "seed", "init_seed", "data_seed", "step", "split", "metric")


@dataclass
class Toll:
    """Of many sweeps."""

    sweeps: Counter[str] = field(default_factory=Counter)
    """By kind, those that became complete."""
    kills: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """By kind of cell, role and moment."""
    rows: int = 0
    """That were held against the undisturbed ones in the end."""
    lost: int = 0
    doubled: int = 0
    different: int = 0
    left_over: list[str] = field(default_factory=list)
    survivors: list[str] = field(default_factory=list)
    longest: float = 0.0
    """Seconds that processes lived on after their driver had ended."""
    stuck: list[str] = field(default_factory=list)
    """Sweeps that did not become complete."""

    @property
    def total(self) -> int:
        """Kills of all kinds."""
        return self.kills.total()

    @property
    def in_a_write(self) -> int:
        """Kills that left a temporary file, half or whole."""
        return _in_a_write(self.kills)

    @property
    def harm(self) -> list[str]:
        """What must not be, in words; empty if all is well."""
        counts = {"lost": self.lost, "doubled": self.doubled, "different": self.different}
        rows = [f"{count} rows {what}" for what, count in counts.items() if count]
        return [*rows, *self.left_over, *self.survivors, *self.stuck]

    def count(self, kind: str, kills: Iterable[Kill]) -> None:
        """Take in kills in a sweep of a kind of cell."""
        self.kills.update((kind, kill.role, kill.moment) for kill in kills)

    def compare(self, out: Path, right: pa.Table, *, complete: bool) -> None:
        """Hold the rows of a sweep against the right ones, of which some may be missing until it is complete."""
        found = rows(out)
        keys, right_keys = _keys(found), _keys(right)
        values = dict(zip(right_keys, _bits(right), strict=True))
        self.doubled += len(keys) - len(set(keys))
        self.different += sum(values.get(key) != bits for key, bits in zip(keys, _bits(found), strict=True))
        if complete:
            self.lost += len(set(right_keys) - set(keys))
            self.rows += len(keys)

    def look_for_files(self, out: Path) -> None:
        """Of a complete sweep: what only its training has needed."""
        for path in sorted(out.rglob("*")):
            name = path.relative_to(out).as_posix()
            needed = name.startswith(NEEDED_FOLDERS) or name in NEEDED_FILES
            if path.is_file() and (path.name.endswith(".tmp") or not needed):
                self.left_over.append(name)

    def look_for_processes(self, folder: Path) -> None:
        """Those that a sweep with this folder of chaos has started."""
        for process in started_by(folder):
            self.survivors.append(" ".join(process.command)[:80])

    def __str__(self) -> str:
        """As a table, for people."""
        lines = [f"{sum(self.sweeps.values())} sweeps complete: {dict(self.sweeps)}"]
        for role, of_role in self._by("role").items():
            lines.append(f"{of_role.total()} kills of {role}")
            moments = Counter({moment: 0 for _, _, moment in of_role})
            for (_, _, moment), count in of_role.items():
                moments[moment] += count
            lines += [f"    {count:4}  {moment}" for moment, count in sorted(moments.items())]
        lines.append(f"{self.total} kills, {self.in_a_write} inside a write")
        lines.append(f"{self.rows} rows; {self.lost} lost, {self.doubled} doubled, {self.different} different")
        for what, names in (
            ("files left over", self.left_over), ("processes left", self.survivors), ("sweeps stuck", self.stuck)
        ):  # fmt: skip
            lines.append(f"{len(names)} {what} {' '.join(names[:5])}".rstrip())
        if self.longest:
            lines.append(f"what a driver had started had ended {self.longest:.1f} s after it at the latest")
        return "\n".join(lines)

    def to_json(self) -> str:
        """As one line, for docs/reliability.md to quote: the kills by whom and by what was trained."""
        return json.dumps(
            {
                "kills": self.total,
                "of workers": sum(count for (_, role, _), count in self.kills.items() if role in WORKERS),
                "in a write": self.in_a_write,
                **{f"by {key}": _totals(self._by(key)) for key in ("role", "kind")},
                "sweeps": dict(self.sweeps),
                "rows": self.rows,
                "lost": self.lost,
                "doubled": self.doubled,
                "different": self.different,
                "files left over": len(self.left_over),
                "processes left": len(self.survivors),
                "sweeps stuck": len(self.stuck),
            }
        )

    def _by(self, key: Literal["kind", "role"]) -> dict[str, Counter[tuple[str, str, str]]]:
        place = ("kind", "role").index(key)
        parts: dict[str, Counter[tuple[str, str, str]]] = {}
        for kill, count in sorted(self.kills.items()):
            parts.setdefault(kill[place], Counter())[kill] += count
        return parts


def _in_a_write(kills: Mapping[tuple[str, str, str], int]) -> int:
    return sum(count for (_, _, moment), count in kills.items() if moment.endswith(IN_A_WRITE))


def _totals(parts: Mapping[str, Counter[tuple[str, str, str]]]) -> dict[str, dict[str, int]]:
    return {name: {"kills": part.total(), "in a write": _in_a_write(part)} for name, part in parts.items()}


def rows(out: Path) -> pa.Table:
    """All that is in a sweep's store, as any tool finds it."""
    return ds.dataset(out / "metrics", format="parquet").to_table() if (out / "metrics").exists() else pa.table({})


@dataclass(frozen=True)
class Process:
    """A living one."""

    pid: int
    command: tuple[str, ...]


def started_by(folder: Path) -> list[Process]:
    """Processes that have the folder in their environment. Where there is no /proc, none."""
    mark = f"{VARIABLE}={folder}".encode()
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or is somebody else's
            if mark in (place / "environ").read_bytes().split(b"\0"):  # that of a zombie is empty
                command = (place / "cmdline").read_bytes().decode(errors="replace").split("\0")
                found.append(Process(int(place.name), tuple(command)))
    return found


def _keys(table: pa.Table) -> list[tuple[object, ...]]:
    if not table.num_rows:
        return []
    return list(zip(*(table.column(name).to_pylist() for name in KEY), strict=True))


def _bits(table: pa.Table) -> list[int]:
    """The values' bits: of two NaN, and of 0 and -0, one must not stand for the other."""
    if not table.num_rows:
        return []
    found: list[int] = table.column("value").to_numpy().astype(np.float64).view(np.int64).tolist()
    return found
