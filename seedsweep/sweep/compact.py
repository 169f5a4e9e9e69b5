"""Merges the many small blocks of a sweep into few files, which open, list and read many times faster.

What is merged are finished packs, those of a scale with each other, until a file is large enough. A merged file
is written beside the blocks that it is made of; then they are removed. Killed at any moment this leaves every row
in at least one whole file, and everything of ours reads it once; merging again, or the next run, removes what is
left over.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from seedsweep.population import Ints
from seedsweep.seeds import Seed
from seedsweep.sweep import lock
from seedsweep.sweep.blocks import Block, files_of
from seedsweep.sweep.damage import SET_ASIDE, Damage, DamagedFilesError
from seedsweep.sweep.record import SweepRecord
from seedsweep.sweep.scan import SCHEMA, STRINGS
from seedsweep.sweep.store import KnownPack, Store

MOST_ROWS = 1 << 19
"""Rows of a merged file: about 150 MB of memory while they are sorted. Packs that have more stay as they are."""
MOST_BLOCKS = 1 << 12
"""Blocks of a merged file: its footer names each."""
FEWEST_FILES = 256
"""When a sweep ends with fewer its blocks are left as they are: reading them all takes a quarter of a second more
than reading them merged (a millisecond a file, of which merging takes three quarters)."""
OFTEN = 1 << 11
"""Packs after which a run that goes on merges what it has: a second's work."""


@dataclass(frozen=True)
class Compaction:
    """What has come of merging."""

    store: str
    files_before: int
    """Parquet files of the sweep."""
    files: int
    """The same afterwards."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def compact(place: str | os.PathLike[str], *, on_progress: Callable[[int, int], None] | None = None) -> Compaction:
    """Merge the small blocks of the sweep at a path or URL; its rows stay as they are.

    Parameters
    ----------
    place : path or str
        The sweep's directory or URL.
    on_progress : callable, optional
        Called with how many of the merged files are written, and how many there will be.

    Returns
    -------
    Compaction

    Raises
    ------
    InputError
        If there is no sweep, a run is at it, or it holds a file that is damaged or not the sweep's; nothing is
        removed then.
    StorageError
        If the store cannot be written.
    """
    store = Store(place)
    store.existing_record()
    store.refuse_if_unwritable()
    with lock.hold(store.files):
        return merge(store, store.existing_record(), on_progress)


def merge(store: Store, record: SweepRecord, on_progress: Callable[[int, int], None] | None = None) -> Compaction:
    """The same for who holds the sweep's lock."""
    before = store.blocks.count(record.fingerprint)
    groups = _groups(store.packs(record))
    for number, blocks in enumerate(groups, start=1):
        store.blocks.write_merged(blocks, _rows(store, blocks))
        pa.default_memory_pool().release_unused()
        if on_progress is not None:
            on_progress(number, len(groups))
    store.blocks.remove_superseded(record.fingerprint)
    return Compaction(store.location, before, store.blocks.count(record.fingerprint))


def _groups(known: Iterable[KnownPack]) -> list[list[Block]]:
    """The blocks of every file that shall be written, of several files now."""
    scales: dict[float, list[list[Block]]] = {}
    for unit in _units([pack for pack in known if pack.finished]):
        # A file that is half full is left alone, so that no row is written again and again.
        if _size(unit) < (0.5 if len(files_of(unit)) == 1 else 1.0):
            scales.setdefault(unit[0].info.scale, []).append(unit)
    groups = []
    for units in scales.values():
        group: list[Block] = []
        for unit in sorted(units, key=lambda unit: min(Seed(*seed).id for seed in unit[0].info.seeds)):
            if _size(group) + _size(unit) > 1.0:
                groups.append(group)
                group = []
            group = group + unit
        groups.append(group)
    return [group for group in groups if len(files_of(group)) > 1]


def _units(finished: Sequence[KnownPack]) -> list[list[Block]]:
    """What stays together: the blocks of a pack, those of a file."""
    blocks = Counter(block.file for pack in finished for block in pack.blocks)
    of_file: dict[str, list[Block]] = {}
    for pack in finished:
        first = pack.blocks[0].file
        if all(blocks[block.file] == 1 for block in pack.blocks) or {first} == {b.file for b in pack.blocks}:
            of_file.setdefault(first, []).extend(pack.blocks)
    return list(of_file.values())


def _size(blocks: Sequence[Block]) -> float:
    """Of a full file."""
    return max(sum(block.rows for block in blocks) / MOST_ROWS, len(blocks) / MOST_BLOCKS)


def _rows(store: Store, blocks: Sequence[Block]) -> pa.Table:
    """All rows of the blocks: those of a split and metric together, its steps ascending."""
    expected: Counter[str] = Counter()
    for block in blocks:
        expected[block.file] += block.rows
    parts = [_read(store, file, rows) for file, rows in expected.items()]
    rows = pa.concat_tables(parts).unify_dictionaries().combine_chunks()
    steps = rows["step"].to_numpy()
    order = np.lexsort((steps, _ranks(rows, steps)))
    return rows.take(pa.array(order)).cast(SCHEMA)


def _read(store: Store, file: str, expected: int) -> pa.Table:
    try:
        with store.files.filesystem.open_input_file(store.files.path(file)) as source:
            blocks = pq.ParquetFile(source, read_dictionary=STRINGS, page_checksum_verification=True)
            rows = blocks.read(use_threads=False)  # small ones are not worth handing out
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())
        piece = Damage(file, "flipped", f"damaged: {reason}", SET_ASIDE, ours=True)
        raise DamagedFilesError(store.location, [piece]) from error
    if rows.num_rows != expected:
        piece = Damage(file, "mismatching", f"{rows.num_rows} rows, not {expected}", SET_ASIDE, ours=True)
        raise DamagedFilesError(store.location, [piece])
    return rows.replace_schema_metadata(None)


def _ranks(rows: pa.Table, steps: Ints) -> Ints:
    """Of every row the number of its split and metric, in the order in which the last steps have them."""
    split, metric = (rows[name].chunk(0) for name in ("split", "metric"))
    codes: Ints = split.indices.to_numpy() * len(metric.dictionary) + metric.indices.to_numpy()
    latest_first = np.argsort(-steps, kind="stable")
    kinds, first = np.unique(codes[latest_first], return_index=True)
    rank = np.empty(len(kinds), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(kinds))
    ranks: Ints = rank[np.searchsorted(kinds, codes)]
    return ranks
