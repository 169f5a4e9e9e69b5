"""Reads all of a store, names every piece that is wrong, and mends what can be mended without losing anything."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from seedsweep import schema
from seedsweep.errors import InputError
from seedsweep.sweep import inspection, lock, record
from seedsweep.sweep.blocks import files_of
from seedsweep.sweep.damage import Damage
from seedsweep.sweep.record import LostRecordError
from seedsweep.sweep.store import Store
from seedsweep.sweep.upkeep import tidy


@dataclass(frozen=True)
class Finding:
    """Something that is wrong, and what was done about it."""

    damage: Damage
    done: str | None = None
    """None if nothing was."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**self.damage.to_dict(), "done": self.done}


@dataclass(frozen=True)
class Check:
    """What has come of checking a store."""

    store: str
    files: int
    """Files of rows that were read."""
    rows: int
    findings: tuple[Finding, ...]

    @property
    def well(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        found = [finding.to_dict() for finding in self.findings]
        return {"store": self.store, "files": self.files, "rows": self.rows, "well": self.well, "findings": found}


def check(
    place: str | os.PathLike[str], *, fix: bool = False, on_progress: Callable[[int, int], None] | None = None
) -> Check:
    """Read every page of the sweep at a path or URL, and name what is missing, doubled, damaged or not its own.

    Parameters
    ----------
    place : path or str
        The sweep's directory or URL.
    fix : bool
        Mend what can be: what cannot be used is moved into `damaged/`, of a cell that is there twice one pack is
        kept, a renamed file gets its name back, what killed processes left is removed. What is not ours stays.
    on_progress : callable, optional
        Called with how many files of rows were read, and how many there are.

    Returns
    -------
    Check

    Raises
    ------
    InputError
        If there is no sweep; with `fix` also if a run is at it.
    StorageError
        If the store cannot be read or written.
    """
    store = Store(place)
    with ExitStack() as locked:
        if fix:
            store.refuse_if_unwritable()
            if store.files.local and not os.path.isdir(store.files.root):
                store.existing_record()
            locked.enter_context(lock.hold(store.files))
        lost, fingerprint, field = _identity(store)
        blocks, superseded = store.blocks.look(fingerprint)
        files = files_of(blocks)
        read = 0

        def on_file() -> None:
            nonlocal read
            read += 1
            if on_progress is not None:
                on_progress(read, len(files))

        unusable = list(store.blocks.damage)
        unusable += inspection.damaged_rows(store, blocks, field, on_file)
        bad = {piece.file for piece in unusable}
        known = store.known(field, [block for block in blocks if block.file not in bad])
        doubled = inspection.doubled(known)
        left = inspection.left_over(store, superseded)
        work = inspection.damaged_work(store, known, field)
        if not fix and store.pulse.runs():  # a run is at it, and cleans up when it is done
            left, work = ([piece for piece in pieces if piece.kind != "debris"] for pieces in (left, work))
        told = [
            *unusable,
            *doubled,
            *inspection.missing_blocks(known),
            *work,
            *inspection.damaged_base(store, known),
            *store.kept.damaged(fingerprint),
        ]
        findings = [Finding(piece) for piece in [*lost, *told, *left]]
        if fix:
            findings = [Finding(finding.damage, _mend(store, finding.damage)) for finding in findings]
            tidy(store, store.packs_of(fingerprint, field), field, sys.maxsize)
            store.blocks.remove_superseded(fingerprint)
    return Check(store.location, len(files), sum(block.rows for block in blocks), tuple(findings))


def _identity(store: Store) -> tuple[list[Damage], str, str]:
    """The sweep's fingerprint and swept field; and that its record is lost, if they come from the blocks."""
    try:
        found = store.existing_record()
        return [], found.fingerprint, found.ladder.field
    except LostRecordError:
        told = _told_by_blocks(store)
        if told is None:
            raise
        if store.files.exists(record.FILE):
            lost = Damage(record.FILE, "truncated", "not a sweep's record", record.REBUILT, ours=False)
        else:
            lost = Damage(record.FILE, "missing", "is lost", record.REBUILT, ours=False)
        return [lost], *told


def _told_by_blocks(store: Store) -> tuple[str, str] | None:
    """What most of the blocks say."""
    said: Counter[tuple[str, str]] = Counter()
    for entry in store.files.listing("metrics"):
        content = store.files.read(entry.name) if entry.name.endswith(".parquet") else None
        try:
            file = pq.ParquetFile(pa.BufferReader(content or b""))
            own = schema.entry(file.metadata.metadata)
            first = next(file.iter_batches(1, columns=["scale_name"]))
            if own is not None:
                said[own["fingerprint"], first["scale_name"][0].as_py()] += 1
        except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, StopIteration, InputError):
            continue
    return said.most_common(1)[0][0] if said else None


def _mend(store: Store, piece: Damage) -> str | None:
    """Do what is safe about it; returns what was done."""
    if piece.kind == "debris":
        return "removed"
    if piece.kind == "renamed":
        right = piece.problem.rpartition(" ")[2]
        if not store.files.exists(right):
            store.files.move(piece.file, right)
            return f"renamed to {right}"
    elif not piece.ours:
        return None
    pack = piece.file.split("/")[1] if piece.file.startswith("work/") else ""
    base = piece.file.rpartition("/")[2]
    return f"set aside as {store.set_aside(piece.file, f'{pack}-{base}' if pack else None)}"


def set_aside_damaged(place: str | os.PathLike[str], files: Sequence[str]) -> list[str]:
    """Move files of rows, which somebody has found to be damaged, into `damaged/`; returns their new names."""
    store = Store(place)
    store.refuse_if_unwritable()
    with lock.hold(store.files):
        return [store.set_aside(file) for file in files]
