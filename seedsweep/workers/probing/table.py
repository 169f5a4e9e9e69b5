"""The table that probing fills: a row per model, seed, step and probe, in CSV or Parquet by the name of the file.

The file is replaced as a whole after every pack: there is a whole table at every moment, however a run ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from seedsweep.errors import LASTING, InputError, StorageError, listed

SCHEMA: Final = pa.schema(
    [
        ("model", pa.string()),
        ("parameters", pa.int64()),
        ("seed", pa.int64()),
        ("init_seed", pa.int64()),
        ("data_seed", pa.int64()),
        ("step", pa.int64()),
        ("tokens_seen", pa.int64()),  # empty where nobody said how many a step sees
        ("probe", pa.string()),
        ("n", pa.int64()),
        ("accuracy", pa.float64()),
        ("p", pa.float64()),
        ("nll", pa.float64()),
        ("rank", pa.float64()),
        ("logit_difference", pa.float64()),  # ioi
        ("gain", pa.float64()),  # repeat
        ("attention", pa.float64()),  # not list
        ("prefix_matching", pa.float64()),  # repeat
        ("prompt_seed", pa.int64()),
        ("bos", pa.bool_()),
    ]
)
ENDINGS = (".csv", ".parquet")
KEY = ("model", "seed", "step", "probe")
Row = Mapping[str, Any]


class ProbeTable:
    """The rows so far, and the file that has them."""

    def __init__(self, path: Path, rows: pa.Table) -> None:
        self.path = path
        self.rows = rows
        self._keys = set(zip(*(rows[name].to_pylist() for name in KEY), strict=True))

    def has(self, model: str, seed: int, step: int, probe: str) -> bool:
        """Whether there is a row of it."""
        return (model, seed, step, probe) in self._keys

    def add(self, rows: Sequence[Row]) -> None:
        """Put rows behind the others, in memory and in the file. Raises StorageError if the disk refuses."""
        self.rows = pa.concat_tables([self.rows, pa.Table.from_pylist(list(rows), schema=SCHEMA)]).combine_chunks()
        self._keys |= {tuple(row[name] for name in KEY) for row in rows}
        temporary = self.path.with_name(f".{self.path.name}.new")
        try:
            if self.path.suffix == ".csv":
                pyarrow.csv.write_csv(self.rows, temporary, pyarrow.csv.WriteOptions(quoting_style="needed"))
            else:
                pq.write_table(self.rows, temporary)
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
            temporary.replace(self.path)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise StorageError(str(self.path), error) from error


@contextlib.contextmanager
def hold_table(path: Path, settings: Mapping[str, Any]) -> Iterator[ProbeTable]:
    """The table of that name, new or as it is, while no other process can add to it.

    `settings` are columns that all its rows have in common. The lock ends with the process; a network disk that
    knows no flock has none.

    Raises InputError if the file is no such table, was made with other settings, or is another process's just now.
    """
    if path.suffix not in ENDINGS:
        raise InputError(f"--out {path}: the name must end in {' or '.join(ENDINGS)}")
    if not path.parent.is_dir():
        raise InputError(f"--out {path}: there is no directory {path.parent}")
    with _locked(path):
        table = ProbeTable(path, _read(path) if path.exists() else SCHEMA.empty_table())
        for name, wanted in settings.items():
            if other := {value for value in table.rows[name].unique().to_pylist() if value != wanted}:
                raise InputError(
                    f"{path}: was made with {name} {listed(map(str, other))}, not {wanted}; give another --out"
                )
        yield table


def _read(path: Path) -> pa.Table:
    try:
        if path.suffix == ".csv":
            types = pyarrow.csv.ConvertOptions(
                column_types=SCHEMA, null_values=[""], strings_can_be_null=False, include_columns=SCHEMA.names
            )
            return pyarrow.csv.read_csv(path, convert_options=types).cast(SCHEMA)
        return pq.read_table(path, columns=SCHEMA.names, partitioning=None).select(SCHEMA.names).cast(SCHEMA)
    except (pa.ArrowException, KeyError, OSError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"{path}: not a table of probes: {reason}; give another --out") from None


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """By `flock` on a hidden file beside the table, which is removed in the end."""
    lock = path.with_name(f".{path.name}.lock")
    while True:
        try:
            handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        except OSError as error:
            if error.errno in LASTING:
                raise StorageError(str(path), error) from error
            raise InputError(f"--out {path}: cannot be written: {error.strerror}; use another --out") from error
        try:
            _flock(handle, path)
            if not _is_at(handle, lock):
                continue  # who held it has just removed it
            try:
                yield
            finally:
                lock.unlink(missing_ok=True)
            return
        finally:
            os.close(handle)


def _flock(handle: int, path: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InputError(f"{path}: another process is adding to it; wait for it, or give another --out") from None
    except OSError:
        return  # a network disk that knows no flock


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
