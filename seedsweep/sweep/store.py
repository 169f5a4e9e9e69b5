"""The store of one sweep: what lies in its directory, and the only code that writes there.

    sweep.json                                    the readable record: spec, settings, history of runs
    base/model.safetensors, base/config.json      the trained model that all seeds start from, if there is one
    run.lock                                      held while a run goes on (local disks)
    metrics/scale-2/<pack>-block-0000.parquet     rows, the only thing that analysis reads
    metrics/scale-2/merged-seeds-0-4095-….parquet the rows of many blocks, which it replaces
    merged.json                                   when that was done last
    work/<pack>/pack.json                         an unfinished pack: its scale and seeds,
    work/<pack>/progress.json                     how far it is,
    work/<pack>/checkpoint.pt                     and the state it goes on from
    failures/<pack>.txt                           traceback of a pack that was given up
    cells/<cell>/                                 what the user's program makes: nothing here deletes it
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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from seedsweep.cell import Base, Pack
from seedsweep.errors import InputError
from seedsweep.measures import scale_text
from seedsweep.schema import METRICS, BlockInfo
from seedsweep.seeds import Seed
from seedsweep.sweep import lock, record
from seedsweep.sweep.blocks import FOLDER, Block, BlockFiles, block_name
from seedsweep.sweep.files import Files
from seedsweep.sweep.garbage import no_collection
from seedsweep.sweep.progress import Progress
from seedsweep.sweep.record import SweepRecord

BASE_WEIGHTS, BASE_CONFIG = "base/model.safetensors", "base/config.json"
CELLS = "cells"
_OWN_FOLDERS = ("metrics", "work", "failures", "base", "logs")


@dataclass(frozen=True)
class KnownPack:
    """A pack that has left traces in the store."""

    name: str
    pack: Pack
    blocks: tuple[Block, ...]
    """In order of their numbers."""
    has_checkpoint: bool
    failed: bool
    """Given up by the latest run that tried it."""
    progress: Progress | None

    @cached_property
    def finished(self) -> bool:
        """Whether every row of its seeds is there."""
        numbers = [block.info.block for block in self.blocks]
        return bool(self.blocks) and self.blocks[-1].info.last and numbers == list(range(len(numbers)))

    @property
    def resumable(self) -> bool:
        """Whether training can go on where it was, under the same name."""
        return self.has_checkpoint and not self.finished and self.pack.name == self.name


class Store:
    """A sweep's directory. Creating the object touches nothing."""

    def __init__(self, location: str | os.PathLike[str]) -> None:
        self.files = Files(location)
        self.blocks = BlockFiles(self.files)

    @property
    def location(self) -> str:
        """Absolute path or URL, by which a worker process opens the same store."""
        return self.files.location

    # The record

    def record(self) -> SweepRecord | None:
        """Content of `sweep.json`, or None if the directory is absent or empty.

        Raises InputError if the place is a file, cannot be read, or holds something that is not a sweep.
        """
        shown = self.location
        if self.files.local and Path(self.files.root).exists() and not Path(self.files.root).is_dir():
            raise InputError(f"{shown}: is a file, not the directory of a sweep")
        try:
            data = self.files.read(record.FILE)
            if data is not None:
                return SweepRecord.from_json(data, self.files.shown(record.FILE))
            names = [entry.name for entry in self.files.listing()]
        except OSError as error:
            raise InputError(f"{shown}: cannot be read: {error}") from error
        # A run killed between making the directory and writing its record leaves its lock, or a temporary.
        strangers = [name for name in names if name != lock.FILE and not name.startswith(".")]
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
        """Raise InputError if a local directory cannot be made or written; creates nothing."""
        if not self.files.local:
            return
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
        """Every pack that has blocks or unfinished work, sorted by name.

        Reads the footers of blocks, not their rows. Raises InputError, naming the file and what to do, on a
        Parquet file that is not ours or not of this sweep, is damaged, renamed, of another schema or a newer
        format, and if two finished packs hold the same cell.
        """
        known = self._known(content.ladder.field, self.blocks.look(content.fingerprint)[0])
        self._refuse_doubled_cells([pack for pack in known if pack.finished])
        return known

    @no_collection()
    def _known(self, field: str, blocks: Iterable[Block]) -> list[KnownPack]:
        rows: dict[str, list[Block]] = {}
        for block in blocks:
            rows.setdefault(block.info.pack, []).append(block)
        work: dict[str, set[str]] = {}
        for entry in self.files.listing("work"):
            folder, _, file = entry.name.removeprefix("work/").partition("/")
            work.setdefault(folder, set()).add(file)
        failures = {Path(entry.name).stem for entry in self.files.listing("failures")}

        known = []
        for name in sorted(rows.keys() | work.keys()):
            own = sorted(rows.get(name, []), key=lambda block: block.info.block)
            pack = _pack_of(own[0].info, field) if own else self._recorded_pack(name, field)
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

    def begin(self, pack: Pack, *, halved_from: int | None = None) -> None:
        """Note that a pack is about to be trained; forgets its earlier failure.

        `halved_from` is the size of the pack that ran out of memory, of which this one is a part.
        """
        origin = self.origin(pack.name) if halved_from is None else {"halved_from": halved_from}
        content = {"scale": pack.scale, "seeds": pack.seeds, "fingerprint": pack.fingerprint, **origin}
        # Torn by a power cut it costs the pack's checkpoint; waiting for the disk here would cost every pack.
        self.files.write(f"work/{pack.name}/pack.json", json.dumps(content).encode(), durable=False)
        self.files.delete(f"failures/{pack.name}.txt")

    def origin(self, pack: str) -> dict[str, int]:
        """How an unfinished pack came to be, for the provenance of its blocks: `{"halved_from": 8}` or nothing."""
        try:
            content = json.loads(self.files.read(f"work/{pack}/pack.json") or b"{}")
            return {"halved_from": content["halved_from"]} if "halved_from" in content else {}
        except (ValueError, TypeError):  # torn by a power cut
            return {}

    def clean_up(self, pack: str) -> None:
        """Remove what only the training of a pack, now finished, needed."""
        self.files.delete(f"work/{pack}/pack.json")  # first: it is what admits late writes
        self.files.delete_folder(f"work/{pack}")
        self.files.delete(f"failures/{pack}.txt")

    def drop(self, known: KnownPack) -> None:
        """Remove an unfinished pack with its rows."""
        self.clean_up(known.name)
        for block in known.blocks:
            self.files.delete(block.file)

    def drop_pack(self, pack: str) -> None:
        """The same by its name, whatever it has left."""
        self.clean_up(pack)
        for entry in self.files.listing("metrics"):
            if entry.name.rpartition("/")[2].startswith(f"{pack}-block-"):
                self.files.delete(entry.name)

    def remove_debris(self, known: Iterable[KnownPack]) -> None:
        """Remove what killed processes left: temporaries, and work that belongs to no unfinished pack."""
        self.files.remove_temporaries(_OWN_FOLDERS)
        unfinished = {pack.name for pack in known if not pack.finished}
        for name in {entry.name.split("/")[1] for entry in self.files.listing("work")} - unfinished:
            self.clean_up(name)

    def progress(self, pack: str) -> Progress | None:
        """What the pack's worker recorded last."""
        return Progress.from_json(self.files.read(f"work/{pack}/progress.json"))

    def write_failure(self, pack: str, text: str) -> str:
        """Keep why a pack was given up; returns the file's path or URL."""
        name = f"failures/{pack}.txt"
        self.files.write(name, text.encode())
        return self.files.shown(name)

    # What the user's programs make

    def cell_folder(self, cell: str) -> Path:
        """Where a cell's program works: here, or for an object store on this machine's disk. Creates nothing."""
        if self.files.local:
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
        """Write one block. Raises ValueError if the table's columns are not exactly those of the store."""
        if not table.schema.remove_metadata().equals(METRICS):
            raise ValueError(f"a block must have the columns\n{METRICS}\nnot\n{table.schema.remove_metadata()}")
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
        names = [entry.name for entry in self.files.listing(f"{FOLDER}/scale-{scale_text(pack.scale)}")]
        return [name for name in names if name.rpartition("/")[2].startswith(f"{pack.name}-block-")]

    def _recorded_pack(self, name: str, field: str) -> Pack | None:
        """What pack.json says; None if it is not there, or was torn by a power cut."""
        try:
            recorded = json.loads(self.files.read(f"work/{name}/pack.json") or b"null")
            seeds = tuple(Seed(init, seed) for init, seed in recorded["seeds"])
            return Pack(field, recorded["scale"], seeds, recorded["fingerprint"])
        except (ValueError, TypeError, KeyError):
            return None

    def _refuse_doubled_cells(self, finished: Sequence[KnownPack]) -> None:
        seeds: dict[float, list[Seed]] = {}
        for known in finished:
            seeds.setdefault(known.pack.scale, []).extend(known.pack.seeds)
        for scale, of_scale in seeds.items():
            if len(set(of_scale)) == len(of_scale):
                continue
            holder: dict[Seed, KnownPack] = {}
            for known in finished:
                for seed in known.pack.seeds if known.pack.scale == scale else ():
                    other = holder.setdefault(seed, known)
                    if other is not known:
                        cell = f"seed {seed.id} at scale {scale_text(scale)}"
                        raise InputError(
                            f"{self.files.shown(known.blocks[0].file)}: {cell} is also in "
                            f"{other.blocks[0].file}; "
                            "delete all blocks of one of the two packs"
                        )


def _pack_of(info: BlockInfo, field: str) -> Pack:
    return Pack(field, info.scale, tuple([_seed(init, data) for init, data in info.seeds]), info.fingerprint)


@lru_cache(1 << 17)
def _seed(init: int, data: int) -> Seed:
    """The same seed of all scales is one object: a large sweep has many."""
    return Seed(init, data)
