"""MLflow's store in SQLite, `mlflow.db`: every run of every experiment in one file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pyarrow as pa

from seedsweep.tables.formats.format import Format
from seedsweep.tables.formats.series import STEP
from seedsweep.tables.tablefile import TableFile

_OF_RUNS = {
    "run": "runs.name",
    "run_id": "runs.run_uuid",
    "experiment": "experiments.name",
    "status": "runs.status",
}
_LARGEST = 1.797e308
"""From here on MLflow means an infinite value, which the database cannot hold."""


class MlflowSqlite(Format):
    """By the tables that a database has. Runs that were deleted in MLflow are none."""

    title = "MLflow's database"

    def find(self, files: Sequence[Path]) -> Sequence[TableFile]:
        """A table per database."""
        return [
            _Database(path)
            for path in files
            if path.suffix in (".db", ".sqlite", ".sqlite3") and _is_mlflows(path)
        ]


class _Database(TableFile):
    kind = "MLflow's database"

    def _read_names(self) -> list[str]:
        with _opened(self.path) as database:
            metrics = [name for (name,) in database.execute("SELECT DISTINCT key FROM metrics ORDER BY key")]
            self._params = [name for (name,) in database.execute("SELECT DISTINCT key FROM params ORDER BY key")]
        return list(dict.fromkeys([*_OF_RUNS, STEP, *metrics, *self._params]))

    def _read(self, columns: list[str], labels: Sequence[str]) -> pa.Table:
        params = [name for name in columns if name in self._params]
        of_runs = [name for name in columns if name in _OF_RUNS]
        metrics = [name for name in columns if name not in {*params, *of_runs, STEP}]
        with _opened(self.path) as database:
            runs = {
                row[0]: dict(zip(of_runs, row[1:], strict=True))
                for row in database.execute(
                    f"SELECT runs.run_uuid{''.join(', ' + _OF_RUNS[name] for name in of_runs)} FROM runs "
                    "LEFT JOIN experiments USING (experiment_id) "
                    "WHERE runs.lifecycle_stage = 'active' ORDER BY runs.start_time, runs.run_uuid"
                )
            }
            for run, name, value in database.execute(
                _chosen("SELECT run_uuid, key, value FROM params", params), params
            ):
                if run in runs:
                    runs[run][name] = value
            values: dict[tuple[str, int], dict[str, float]] = {}
            query = (
                _chosen("SELECT run_uuid, step, key, value, is_nan FROM metrics", metrics) + " ORDER BY timestamp"
            )
            for run, step, name, value, is_nan in database.execute(query, metrics):
                values.setdefault((run, step), {})[name] = _number(value, is_nan)
        number = {run: place for place, run in enumerate(runs)}
        measured = {run for run, _ in values}
        rows = [key for key in values if key[0] in runs] + [(run, 0) for run in runs if run not in measured]
        rows.sort(key=lambda key: (number[key[0]], key[1]))
        arrays = {
            name: pa.array([runs[run].get(name) for run, _ in rows], pa.string()) for name in [*of_runs, *params]
        }
        arrays |= {
            name: pa.array([values.get(key, {}).get(name) for key in rows], pa.float64()) for name in metrics
        }
        arrays[STEP] = pa.array([step for _, step in rows], pa.int64())
        return pa.table(arrays).select(columns)


def _chosen(query: str, keys: Sequence[str]) -> str:
    return f"{query} WHERE key IN ({', '.join('?' * len(keys))})"


def _number(value: float, is_nan: int) -> float:
    if is_nan:
        return float("nan")
    return value if abs(value) < _LARGEST else float("inf") if value > 0 else float("-inf")


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """For reading only; what goes wrong is told as of a file."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            yield database
    except sqlite3.Error as error:
        raise ValueError(str(error)) from None


def _is_mlflows(path: Path) -> bool:
    with path.open("rb") as file:
        if file.read(16) != b"SQLite format 3\0":
            return False
    try:
        with _opened(path) as database:
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except ValueError:
        return False
    return {"runs", "metrics", "params", "experiments"} <= tables
