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
from contextlib import suppress
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from seedsweep import schema
from seedsweep.errors import InputError, StorageError
from seedsweep.formats import count
from seedsweep.measures import scale_text
from seedsweep.schema import METRICS, BlockInfo
from seedsweep.sweep import merged
from seedsweep.sweep.damage import AWAY, Damage, is_named_as_ours
from seedsweep.sweep.files import FileEntry, Files
from seedsweep.sweep.provenance import now

FOLDER = "metrics"
MERGES = "merged.json"
"""Says when blocks were last removed because they had been merged."""
THREADS = 8
"""An object store answers slowly, but many at once."""
ROWS_READ_TOGETHER = 1 << 14
"""Of a merged file, whose rows are sorted: so many at once are read, or passed over because none is wanted."""
LISTING_SECONDS = 1.0
LISTING_SECONDS_REMOTE = 10.0
"""Longer than anybody takes to list the files of a scale, on a disk and on an object store."""
AGAIN = "run again: it is set aside and its cells are trained anew"
"""What helps where a file is damaged."""
MOST_ROWS_OF_A_FILE = 1 << 24
"""Nobody writes more, and a file that says so would take gigabytes of memory."""


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
        self._unusable: dict[FileEntry, Damage] = {}
        self._columns: pq.ParquetSchema | None = None
        self.damage: list[Damage] = []
        """What the last look has left out."""
        self.sizes: dict[str, int] = {}
        """Bytes of every file that it has found to be usable."""
        self.superseded: list[str] = []
        """The files of which it has found every block in a merged one too."""
        self.found_damaged: dict[str, Damage] = {}
        """By file what the reading of rows has shown; it is left out from then on."""

    def look(self, fingerprint: str) -> tuple[list[Block], list[str]]:
        """Every block of the sweep, and the files of which every block is in a merged one too.

        What is not ours or not of this sweep, is damaged, renamed, of another schema, or merged with others in two
        ways is left out, and told by `damage`. Raises InputError, naming the file, on one of a newer format, and
        StorageError if files cannot be read.
        """
        while True:
            # Blocks that were merged beside us may be in the listing neither as they were nor merged.
            before = self._files.read(MERGES)
            entries = [
                entry
                for entry in self._files.listing(FOLDER)
                if entry.name.endswith(".parquet") and not entry.name.rpartition("/")[2].startswith(".")
            ]
            new = [entry for entry in entries if entry not in self._read and entry not in self._unusable]
            all_read = self._read_footers(new, fingerprint)
            if all_read and self._files.read(MERGES) == before:
                break
        self._read = {entry: self._read[entry] for entry in entries if entry in self._read}
        self.sizes = {entry.name: entry.size for entry in self._read}
        self._unusable = {entry: self._unusable[entry] for entry in entries if entry in self._unusable}
        superseded, overlapping = self._superseded()
        damaged = [piece for name, piece in self.found_damaged.items() if name in {e.name for e in self._read}]
        self.damage = sorted([*self._unusable.values(), *overlapping, *damaged], key=lambda piece: piece.file)
        left_out = superseded | {piece.file for piece in [*overlapping, *damaged]}
        blocks = [block for entry, read in self._read.items() if entry.name not in left_out for block in read]
        self.superseded = sorted(superseded)
        return blocks, self.superseded

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

    def _superseded(self) -> tuple[set[str], list[Damage]]:
        """The smallest files first, so that of two every reader leaves out the same."""
        of_file = {entry.name: blocks for entry, blocks in self._read.items()}
        if all(len(blocks) == 1 for blocks in of_file.values()):
            return set(), []
        times = Counter(_key(block) for blocks in of_file.values() for block in blocks)
        superseded: set[str] = set()
        by_size = sorted(of_file.items(), key=lambda item: (len(item[1]), item[0]))
        for name, blocks in by_size:
            keys = [_key(block) for block in blocks]
            if all(times[key] > 1 for key in keys):
                superseded.add(name)
                times.subtract(keys)
        overlapping = []
        for name, blocks in by_size:
            keys = [_key(block) for block in blocks]
            if name not in superseded and any(times[key] > 1 for key in keys):
                problem = "some of its blocks are in another merged file too"
                overlapping.append(Damage(name, "mismatching", problem, AGAIN, ours=True))
                times.subtract(keys)
        return superseded, overlapping

    def _read_footers(self, entries: Sequence[FileEntry], fingerprint: str) -> bool:
        """False if one of the files is not there any more."""
        if self._files.local:
            return all(self._read_footer(entry, fingerprint) for entry in entries)
        with ThreadPoolExecutor(THREADS) as pool:
            return all(list(pool.map(lambda entry: self._read_footer(entry, fingerprint), entries)))

    def _read_footer(self, entry: FileEntry, fingerprint: str) -> bool:
        """Take in what a file says of itself; False if it is not there any more."""
        try:
            footer = self._footer(entry)
        except FileNotFoundError:
            return False
        found = self._understood(entry, footer, fingerprint)
        if isinstance(found, Damage):
            self._unusable[entry] = found
        else:
            self._read[entry] = found
        return True

    def _footer(self, entry: FileEntry) -> pq.FileMetaData | None:
        """None if it is no whole Parquet file."""

        def read() -> pq.FileMetaData | None:
            if not self._files.local:
                with suppress(pa.ArrowException, OSError):
                    return _asked_once(self._files, entry)
            with self._files.filesystem.open_input_file(self._files.path(entry.name)) as file:
                return _parsed(file)

        try:
            return read() if self._files.local else self._files.patience.ask(read)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StorageError(self._files.shown(entry.name), error) from error

    def _understood(
        self, entry: FileEntry, footer: pq.FileMetaData | None, fingerprint: str
    ) -> tuple[Block, ...] | Damage:
        file, ours = entry.name, is_named_as_ours(entry.name)
        aside = AGAIN if ours else AWAY
        if footer is None:
            return Damage(file, "truncated", "truncated or not Parquet", aside, ours)
        try:
            content = schema.entry(footer.metadata)
            if content is None:
                return Damage(file, "foreign", "not written by seedsweep", AWAY, ours=False)
            if content["fingerprint"] != fingerprint:
                away = "move it out of this one's directory"
                return Damage(file, "foreign", "belongs to a sweep with other settings", away, ours=False)
            if merged.is_merged(content):
                parts = merged.from_entry(content)
                name = merged.file_name([info for info, _ in parts])
            else:
                parts = [(BlockInfo.from_entry(content), footer.num_rows)]
                name = block_name(parts[0][0])
        except schema.NewerFormatError as error:
            raise InputError(f"{self._files.shown(file)}: cannot be used: {error}") from None
        except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
            problem = " ".join(f"what it says of itself cannot be understood: {error}".split())
            return Damage(file, "mismatching", problem, aside, ours)
        if self._columns is None or not footer.schema.equals(self._columns):
            if not _has_our_columns(footer):
                problem = f"its columns are not those of format {schema.FORMAT}"
                return Damage(file, "mismatching", problem, aside, ours)
            self._columns = footer.schema  # nearly always that of the next file too, and quicker to compare
        if file != name:
            problem = f"copied or renamed from {name}"
            return Damage(file, "renamed", problem, "rename it back, or delete it if that exists", ours=False)
        if footer.num_rows > MOST_ROWS_OF_A_FILE or footer.num_rows != sum(rows for _, rows in parts):
            problem = f"says that it has {count(footer.num_rows)} rows, more than any file of ours"
            if footer.num_rows <= MOST_ROWS_OF_A_FILE:
                problem = f"has {count(footer.num_rows)} rows, not as many as its blocks"
                return Damage(file, "mismatching", problem, aside, ours)
            return Damage(file, "too large", problem, aside, ours)
        return tuple(Block(file, info, rows) for info, rows in parts)


def _asked_once(files: Files, entry: FileEntry) -> pq.FileMetaData:
    """The footer of a file whose size is known: one request of an object store; opening it takes two."""
    format = ds.ParquetFileFormat()
    fragment = format.make_fragment(files.path(entry.name), files.filesystem, file_size=entry.size)
    return fragment.metadata


def _parsed(file: pa.NativeFile) -> pq.FileMetaData | None:
    """The footer of an open file; None if it has none. Raises OSError if the file cannot be read."""
    try:
        return pq.read_metadata(file)
    except pa.ArrowException:
        return None
    except OSError:
        # Arrow says the same of a footer without sense and of a disk that fails: bytes in memory do not fail.
        file.seek(0)
        content = file.read()
    try:
        return pq.read_metadata(pa.BufferReader(content))
    except (pa.ArrowException, OSError):
        return None


def _has_our_columns(footer: pq.FileMetaData) -> bool:
    try:
        return bool(footer.schema.to_arrow_schema().remove_metadata().equals(METRICS))
    except (pa.ArrowException, OSError):
        return False


def block_name(info: BlockInfo) -> str:
    """Where a block that was not merged lies below the store's root."""
    return block_file(info.scale, info.pack, info.block)


def block_file(scale: float, pack: str, number: int) -> str:
    """The same, by what its name has."""
    return f"{FOLDER}/scale-{scale_text(scale)}/{pack}-block-{number:04d}.parquet"


def files_of(blocks: Iterable[Block]) -> list[str]:
    """The files that the blocks lie in, in the order of the blocks, each once."""
    return list(dict.fromkeys(block.file for block in blocks))


def _key(block: Block) -> tuple[str, int]:
    return block.info.pack, block.info.block
