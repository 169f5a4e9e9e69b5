"""The Parquet files of a sweep, and which blocks lie in them: one as it was written, or many that were merged.

A merged file appears before the blocks that it is made of are removed, so both may be there: for a moment, or,
if the merging was killed, until the next run or `compact`. Whoever asks here sees every block once.
"""

from __future__ import annotations

import io
import json
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from seedsweep import schema
from seedsweep.errors import InputError
from seedsweep.measures import scale_text
from seedsweep.schema import METRICS, BlockInfo
from seedsweep.sweep import merged
from seedsweep.sweep.files import FileEntry, Files
from seedsweep.sweep.provenance import now

FOLDER = "metrics"
MERGES = "merged.json"
"""Says when blocks were last removed because they had been merged."""
_THREADS = 8
"""An object store answers slowly, but many at once."""
ROWS_READ_TOGETHER = 1 << 14
"""Of a merged file, whose rows are sorted: so many at once are read, or passed over because none is wanted."""
LISTING_SECONDS = 1.0
LISTING_SECONDS_REMOTE = 10.0
"""Longer than anybody takes to list the files of a scale, on a disk and on an object store."""
AGAIN = "delete it and run again: its cells are trained anew"
"""What helps where a file is damaged."""


@dataclass(frozen=True)
class Block:
    """Rows that were written together, in a file of their own or with others."""

    file: str
    """Name below the store's root."""
    info: BlockInfo
    rows: int


class BlockFiles:
    """The files of one store. Footers are read once: a changed file has another entry in the listing."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._read: dict[FileEntry, tuple[Block, ...]] = {}
        self._columns: pq.ParquetSchema | None = None

    def look(self, fingerprint: str) -> tuple[list[Block], list[str]]:
        """Every block of the sweep, and the files of which every block is in a merged one too.

        Raises InputError, naming the file and what to do, on a Parquet file that is not ours or not of this sweep,
        is damaged, renamed, of another schema or a newer format, or that was merged with others in two ways.
        """
        while True:
            # Blocks that were merged beside us may be in the listing neither as they were nor merged.
            before = self._files.read(MERGES)
            entries = [
                entry
                for entry in self._files.listing(FOLDER)
                if entry.name.endswith(".parquet") and not entry.name.rpartition("/")[2].startswith(".")
            ]
            all_read = self._read_footers([entry for entry in entries if entry not in self._read], fingerprint)
            if all_read and self._files.read(MERGES) == before:
                break
        self._read = {entry: self._read[entry] for entry in entries}
        superseded = self._superseded()
        blocks = [block for entry in entries if entry.name not in superseded for block in self._read[entry]]
        return blocks, sorted(superseded)

    def count(self, fingerprint: str) -> int:
        """How many files the blocks lie in, those that were merged already left out."""
        return len(files_of(self.look(fingerprint)[0]))

    def write_merged(self, blocks: Sequence[Block], table: pa.Table) -> str:
        """Write the rows of blocks as one file beside them; returns its name below the root.

        The strings of the table may be dictionaries: the file holds plain ones.
        """
        infos = [block.info for block in blocks]
        buffer = io.BytesIO()
        # Without Arrow's own copy of the schema, which would repeat the entry and turn strings into dictionaries.
        with pq.ParquetWriter(
            buffer, table.schema, compression="zstd", write_page_checksum=True, store_schema=False
        ) as writer:
            writer.write_table(table, row_group_size=ROWS_READ_TOGETHER)
            writer.add_key_value_metadata(merged.to_metadata(infos, [block.rows for block in blocks]))
        name = merged.file_name(infos)
        self._files.write(name, buffer.getbuffer())
        return name

    def remove_superseded(self, fingerprint: str) -> None:
        """Remove the files of which every block is in a merged file too."""
        superseded = self.look(fingerprint)[1]
        if not superseded:
            return
        # Whoever has begun to list the folder before the merged file was there must still find the old ones: our
        # own readers look again when this file has changed, others have the time.
        self._files.write(MERGES, json.dumps({"at": now(), "id": uuid.uuid4().hex}).encode())
        time.sleep(LISTING_SECONDS if self._files.local else LISTING_SECONDS_REMOTE)
        self._files.delete_all(superseded)

    def _superseded(self) -> set[str]:
        """The smallest files first, so that of two every reader leaves out the same."""
        of_file = {entry.name: blocks for entry, blocks in self._read.items()}
        if all(len(blocks) == 1 for blocks in of_file.values()):
            return set()
        times = Counter(_key(block) for blocks in of_file.values() for block in blocks)
        superseded = set()
        for name, blocks in sorted(of_file.items(), key=lambda item: (len(item[1]), item[0])):
            keys = [_key(block) for block in blocks]
            if all(times[key] > 1 for key in keys):
                superseded.add(name)
                times.subtract(keys)
        for name, blocks in of_file.items():
            if name not in superseded and any(times[_key(block)] > 1 for block in blocks):
                raise InputError(
                    f"{self._files.shown(name)}: some of its blocks are in another merged file too; {AGAIN}"
                )
        return superseded

    def _read_footers(self, entries: Sequence[FileEntry], fingerprint: str) -> bool:
        """False if one of the files is not there any more."""
        if self._files.local:
            return all(self._read_footer(entry, fingerprint) for entry in entries)
        with ThreadPoolExecutor(_THREADS) as pool:
            return all(list(pool.map(lambda entry: self._read_footer(entry, fingerprint), entries)))

    def _read_footer(self, entry: FileEntry, fingerprint: str) -> bool:
        shown = self._files.shown(entry.name)
        try:
            with self._files.filesystem.open_input_file(self._files.path(entry.name)) as file:
                footer = pq.read_metadata(file)
        except FileNotFoundError:
            return False
        except (pa.ArrowException, OSError):
            raise InputError(f"{shown}: truncated or not Parquet; {AGAIN}") from None
        try:
            content = schema.entry(footer.metadata)
            if content is None:
                raise InputError(f"{shown}: not written by seedsweep; move it out of the sweep's directory")
            if content["fingerprint"] != fingerprint:
                raise InputError(
                    f"{shown}: belongs to a sweep with other settings; move it out of this one's directory"
                )
            if merged.is_merged(content):
                parts = merged.from_entry(content)
                name = merged.file_name([info for info, _ in parts])
            else:
                parts = [(BlockInfo.from_entry(content), footer.num_rows)]
                name = block_name(parts[0][0])
        except InputError:
            raise
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise InputError(f"{shown}: cannot be used: {error}") from None
        if self._columns is None or not footer.schema.equals(self._columns):
            if not footer.schema.to_arrow_schema().remove_metadata().equals(METRICS):
                raise InputError(f"{shown}: its columns are not those of format {schema.FORMAT}; {AGAIN}")
            self._columns = footer.schema  # nearly always that of the next file too, and quicker to compare
        if entry.name != name:
            raise InputError(
                f"{shown}: copied or renamed from {name}; rename it back, or delete it if that exists"
            )
        self._read[entry] = tuple(Block(entry.name, info, rows) for info, rows in parts)
        return True


def block_name(info: BlockInfo) -> str:
    """Where a block that was not merged lies below the store's root."""
    return f"{FOLDER}/scale-{scale_text(info.scale)}/{info.pack}-block-{info.block:04d}.parquet"


def files_of(blocks: Iterable[Block]) -> list[str]:
    """The files that the blocks lie in, in the order of the blocks, each once."""
    return list(dict.fromkeys(block.file for block in blocks))


def _key(block: Block) -> tuple[str, int]:
    return block.info.pack, block.info.block
