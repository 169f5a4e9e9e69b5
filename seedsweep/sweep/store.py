"""The store of one sweep: what lies in its directory, and the only code that writes there.

    sweep.json                                    the readable record: spec, settings, history of runs
    base/model.safetensors, base/config.json      the trained model that all seeds start from, if there is one
    run.lock                                      held while a run goes on (local disks),
    locks/<id>.json                               or the same on an object store
    metrics/scale-2/<pack>-block-0000.parquet     rows, the only thing that analysis reads
    metrics/scale-2/merged-seeds-0-4095-….parquet the rows of many blocks, which it replaces
    merged.json                                   when that was done last
    checkpoints/scale-2/<pack>-step-000100.safetensors   weights at a step that the spec names, for good (`kept`)
    work/<pack>/pack.json                         an unfinished pack: its scale and seeds,
    work/<pack>/progress.json                     how far it is,
    work/<pack>/checkpoint.pt                     and the state it goes on from
    failures/<pack>.txt                           traceback of a pack that was given up
    cells/<cell>/                                 what the user's program makes: nothing here deletes it
    damaged/…                                     what could not be used, set aside
    logs/<cell>.txt                               what it has printed; of a later attempt <cell>-attempt-2.txt

The folders below `metrics/` are not named `scale=2`: beside the column `scale`, pandas and pyarrow take such a
name for a second column of another type and refuse to read the directory.

A block has a deterministic name and deterministic rows, so writing one twice changes nothing. A pack is finished
when its last block and all blocks before it are there; then its folder in `work/` is removed.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
from collections.abc import Collection, Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from seedsweep import jsontext
from seedsweep.cell import Base, CellError, Pack
from seedsweep.errors import InputError, StorageError
from seedsweep.formats import count
from seedsweep.measures import scale_text
from seedsweep.schema import METRICS, BlockInfo
from seedsweep.seeds import Seed
from seedsweep.sweep import claim, damage, kept, lock, record
from seedsweep.sweep.blocks import FOLDER, MOST_ROWS_OF_A_FILE, Block, BlockFiles, block_name
from seedsweep.sweep.damage import is_named_as_ours
from seedsweep.sweep.files import FileEntry, Files
from seedsweep.sweep.garbage import no_collection
from seedsweep.sweep.kept import KeptCheckpoints
from seedsweep.sweep.knownpack import KnownPack, doubled_cells, pack_of
from seedsweep.sweep.progress import Progress
from seedsweep.sweep.pulse import Pulse
from seedsweep.sweep.record import LostRecordError, SweepRecord

BASE_WEIGHTS, BASE_CONFIG = "base/model.safetensors", "base/config.json"
CELLS = "cells"
ONE_BY_ONE = 100
"""Folders of an object store that a run removes one after another."""
OWN_FOLDERS = ("metrics", "work", "failures", "base", "logs", kept.FOLDER, damage.FOLDER)
_WORK_FILES = ("pack.json", "checkpoint.pt", "progress.json")
"""Of an unfinished pack, in the order in which they are deleted: the first admits late writes, and the last says
whose folder it is."""


class Store:
    """A sweep's directory. Creating the object touches nothing."""

    def __init__(self, location: str | os.PathLike[str]) -> None:
        self.files = Files(location)
        self.blocks = BlockFiles(self.files)
        self.kept = KeptCheckpoints(self.files)
        self.pulse = Pulse(self.files)
        self._failures: set[str] | None = None
        """Packs that were given up, as far as was looked."""
        self.last_values: dict[tuple[str, str], dict[str, dict[Seed, float]]] = {}
        """By metric and split, what the seeds of finished packs measure at their end, as far as was read."""

    @property
    def location(self) -> str:
        """Absolute path or URL, by which a worker process opens the same store."""
        return self.files.location

    # The record

    def record(self) -> SweepRecord | None:
        """Content of `sweep.json`, or None if the directory is absent or empty.

        Raises LostRecordError if the file is lost or damaged, InputError if the place is a file, cannot be read,
        or holds something that is not a sweep.
        """
        shown = self.location
        if self.files.local and Path(self.files.root).exists() and not Path(self.files.root).is_dir():
            raise InputError(f"{shown}: is a file, not the directory of a sweep")
        try:
            data = self.files.read(record.FILE)
            if data is not None:
                return SweepRecord.from_json(data, self.files.shown(record.FILE))
            names = [entry.name for entry in self.files.listing()]
        except StorageError:
            raise
        except OSError as error:
            raise InputError(f"{shown}: cannot be read: {error}") from error
        # A run killed between making the directory and writing its record leaves its lock, or a temporary.
        strangers = [
            name for name in names if name != lock.FILE and not name.startswith((".", f"{claim.FOLDER}/"))
        ]
        if any(is_named_as_ours(name) for name in strangers):
            raise LostRecordError(f"{shown}: its {record.FILE} is lost; {record.REBUILT}")
        if strangers:
            raise InputError(
                f"{shown}: not a sweep: it holds {strangers[0]} but no {record.FILE}; use a new or empty directory"
            )
        return None

    def existing_record(self) -> SweepRecord:
        """Content of `sweep.json`. Raises InputError if there is no sweep."""
        found = self.record()
        if found is None:
            raise InputError(f"{self.location}: no sweep there: it has no {record.FILE}")
        return found

    def write_record(self, content: SweepRecord) -> None:
        """Replace `sweep.json`."""
        self.files.write(record.FILE, content.to_json())

    def refuse_if_unwritable(self) -> None:
        """Raise InputError if a local directory cannot be made or written, or has links for folders of ours.

        Creates nothing.
        """
        if not self.files.local:
            return
        for name in (*OWN_FOLDERS, CELLS):
            self.files.refuse_links(name)
        place = Path(self.files.root)
        while not place.exists() and place != place.parent:
            place = place.parent
        if not place.is_dir():
            raise InputError(
                f"{self.location}: cannot be made: {place} is a file, not a directory; use another directory"
            )
        if not os.access(place, os.W_OK | os.X_OK):
            raise InputError(
                f"{self.location}: not writable: no permission to write in {place}; use another directory"
            )

    # The base

    def base(self) -> bytes | None:
        """Content of the base's weight file."""
        return self.files.read(BASE_WEIGHTS)

    @property
    def has_base(self) -> bool:
        """Whether the base is there."""
        return self.files.exists(BASE_WEIGHTS)

    def keep_base(self, base: Base) -> None:
        """Keep the base, the weights last: they are what says that it is there."""
        self.files.write(BASE_CONFIG, base.config)
        self.files.write(BASE_WEIGHTS, base.weights)

    # Packs

    def packs(self, content: SweepRecord) -> list[KnownPack]:
        """Every pack that has blocks or unfinished work, sorted by name; `blocks.damage` says what is left out.

        Reads the footers of blocks, not their rows. Raises InputError, naming the file and what to do, on a file
        of a newer format, on a symbolic link in place of a folder, and if two finished packs hold the same cell.
        """
        return self.packs_of(content.fingerprint, content.ladder.field)

    def packs_of(self, fingerprint: str, field: str) -> list[KnownPack]:
        """The same for who has no record: by the sweep's fingerprint and the swept field."""
        known = self.known(field, self.blocks.look(fingerprint)[0])
        doubled = doubled_cells(known)
        if doubled:
            scale, seed, one, other = doubled[0]
            raise InputError(
                f"{self.files.shown(one.blocks[0].file)}: seed {seed.id} at scale {scale_text(scale)} is also in "
                f"{other.blocks[0].file}; seedsweep check {self.location} --fix keeps one of each"
            )
        return known

    @no_collection()
    def known(self, field: str, blocks: Iterable[Block]) -> list[KnownPack]:
        """The packs of these blocks and of unfinished work, sorted by name, whatever cells they hold."""
        rows: dict[str, list[Block]] = {}
        for block in blocks:
            rows.setdefault(block.info.pack, []).append(block)
        work: dict[str, set[str]] = {}
        for entry in self.files.listing("work"):
            folder, _, file = entry.name.removeprefix("work/").partition("/")
            work.setdefault(folder, set()).add(file)
        failures = self._failures = {Path(entry.name).stem for entry in self.files.listing("failures")}

        known = []
        for name in sorted(rows.keys() | work.keys()):
            own = sorted(rows.get(name, []), key=lambda block: block.info.block)
            pack = pack_of(own[0].info, field) if own else self.recorded_pack(name, field)
            if pack is None:
                continue
            files = work.get(name, set())
            progress = self.progress(name) if "progress.json" in files else None
            known.append(
                KnownPack(
                    name=name,
                    pack=pack,
                    blocks=tuple(own),
                    # Without pack.json the folder is what a late write of a removed pack left behind.
                    has_checkpoint={"pack.json", "checkpoint.pt"} <= files,
                    failed=name in failures,
                    progress=progress,
                )
            )
        return known

    def begin(self, pack: Pack, *, halved_from: int | None = None, fresh: bool = False) -> None:
        """Note that a pack is about to be trained; forgets its earlier failure.

        `halved_from` is the size of the pack that ran out of memory, of which this one is a part; a `fresh` pack
        has left nothing in the store yet.
        """
        origin = {} if halved_from is None else {"halved_from": halved_from}
        if halved_from is None and not fresh:
            origin = self.origin(pack.name)
        content = {"scale": pack.scale, "seeds": pack.seeds, "fingerprint": pack.fingerprint, **origin}
        # Torn by a power cut it costs the pack's checkpoint; waiting for the disk here would cost every pack.
        self.files.write(f"work/{pack.name}/pack.json", json.dumps(content).encode(), durable=False)
        self._forget_failure(pack.name)

    def origin(self, pack: str) -> dict[str, int]:
        """How an unfinished pack came to be, for the provenance of its blocks: `{"halved_from": 8}` or nothing."""
        try:
            content = jsontext.loads(self.files.read(f"work/{pack}/pack.json") or b"{}")
            return {"halved_from": content["halved_from"]} if "halved_from" in content else {}
        except (ValueError, TypeError):  # torn by a power cut
            return {}

    def finish(self, pack: str) -> None:
        """Remove what only the training of a pack needed, or leave it to `clear_work`: see there."""
        if self.files.local:
            self.clean_up(pack)

    def clear_work(self, packs: Collection[str], most: int = ONE_BY_ONE) -> None:
        """Remove what only the training of packs, now finished, needed.

        Of an object store that is five requests a pack, or a few for all of `work/`, if nothing else is there:
        while other packs are unfinished, more than `most` stay until those are finished too.
        """
        names = [entry.name for entry in self.files.listing("work")]
        there = {name.split("/")[1] for name in names if name.count("/") == 2}.intersection(packs)
        ours = {f"work/{pack}/{file}" for pack in there for file in _WORK_FILES}
        if self.files.local or not ours.issuperset(names):
            if self.files.local or len(there) <= most:
                for pack in sorted(there):
                    self.clean_up(pack)
        elif names:
            self.files.delete_folder("work", ())

    def clean_up(self, pack: str) -> None:
        """The same for one."""
        self.files.delete_folder(f"work/{pack}", _WORK_FILES)
        self._forget_failure(pack)

    def _forget_failure(self, pack: str) -> None:
        # Of an object store it is a request or two, for what is rarely there.
        if self.files.local or self._failures is None or pack in self._failures:
            self.files.delete(f"failures/{pack}.txt")

    def drop(self, known: KnownPack) -> None:
        """Remove an unfinished pack with its rows."""
        self.clean_up(known.name)
        for block in known.blocks:
            if block.file == block_name(block.info):  # else others lie in the file too
                self.files.delete(block.file)

    def set_aside(self, file: str, name: str | None = None) -> str:
        """Move a file into `damaged/`, under its own name or another; returns its new name below the root."""
        name = name or file.rpartition("/")[2]
        taken = {entry.name for entry in self.files.listing(damage.FOLDER)}
        stem, dot, ending = name.rpartition(".")
        free = f"{damage.FOLDER}/{name}"
        number = 2
        while free in taken:
            free = f"{damage.FOLDER}/{stem}-{number}{dot}{ending}"
            number += 1
        self.files.move(file, free)
        return free

    def drop_pack(self, pack: str) -> None:
        """The same by its name, whatever it has left."""
        self.clean_up(pack)
        for entry in self.files.listing("metrics"):
            if entry.name.rpartition("/")[2].startswith(f"{pack}-block-"):
                self.files.delete(entry.name)

    def progress(self, pack: str) -> Progress | None:
        """What the pack's worker recorded last."""
        return Progress.from_json(self.files.read(f"work/{pack}/progress.json"))

    def write_failure(self, pack: str, text: str) -> str:
        """Keep why a pack was given up; returns the file's path or URL."""
        name = f"failures/{pack}.txt"
        self.files.write(name, text.encode())
        if self._failures is not None:
            self._failures.add(pack)
        return self.files.shown(name)

    # What the user's programs make

    def cell_folder(self, cell: str) -> Path:
        """Where a cell's program works: here, or for an object store on this machine's disk. Creates nothing."""
        if self.files.local:
            self.files.refuse_links(f"{CELLS}/{cell}")
            return Path(self.files.path(f"{CELLS}/{cell}"))
        place = hashlib.sha256(self.location.encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"seedsweep-cells-{os.getuid()}" / place / cell

    def keep_log(self, cell: str, text: bytes) -> str:
        """Keep what a cell's program has printed; returns the file's path or URL."""
        name = f"logs/{cell}.txt"
        self.files.write(name, text, durable=False)
        return self.files.shown(name)

    # Blocks

    def write_block(self, info: BlockInfo, table: pa.Table) -> None:
        """Write one block. Raises ValueError if the table's columns are not exactly those of the store.

        Raises CellError if it has more rows than whoever reads it would take.
        """
        if not table.schema.remove_metadata().equals(METRICS):
            raise ValueError(f"a block must have the columns\n{METRICS}\nnot\n{table.schema.remove_metadata()}")
        if table.num_rows > MOST_ROWS_OF_A_FILE:
            raise CellError(
                f"{count(table.num_rows)} rows are more than a file of the store may have "
                f"({count(MOST_ROWS_OF_A_FILE)}): measure less often",
                hopeless=True,
            )
        buffer = io.BytesIO()
        pq.write_table(
            table.replace_schema_metadata(info.to_metadata()),
            buffer,
            compression="zstd",
            write_page_checksum=True,
        )
        self.files.write(block_name(info), buffer.getbuffer())

    def files_of_pack(self, pack: Pack) -> list[str]:
        """The files of a pack whose blocks were not merged."""
        return [entry.name for entry in self.entries_of_pack(pack)]

    def entries_of_pack(self, pack: Pack) -> list[FileEntry]:
        """The same with their sizes."""
        entries = self.files.listing(f"{FOLDER}/scale-{scale_text(pack.scale)}")
        return [entry for entry in entries if entry.name.rpartition("/")[2].startswith(f"{pack.name}-block-")]

    def recorded_pack(self, name: str, field: str) -> Pack | None:
        """What pack.json says; None if it is not there, was torn by a power cut, or is of another pack."""
        try:
            recorded = jsontext.loads(self.files.read(f"work/{name}/pack.json") or b"null")
            seeds = tuple(Seed(init, seed) for init, seed in recorded["seeds"])
            pack = Pack(field, recorded["scale"], seeds, recorded["fingerprint"])
            return pack if pack.name == name else None
        except (ValueError, TypeError, KeyError, IndexError, AttributeError):
            return None
