"""Looks at every piece of a store, and says what is wrong with it. Changes nothing."""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from seedsweep.seeds import Seed
from seedsweep.sweep.blocks import THREADS, Block, block_file
from seedsweep.sweep.damage import AWAY, FOLDER, SET_ASIDE, Damage
from seedsweep.sweep.knownpack import KnownPack, doubled_cells
from seedsweep.sweep.store import BASE_WEIGHTS, CELLS, OWN_FOLDERS, Store

_REMOVED = "the next run removes it"
_ANEW = "the next run sets it aside and trains the pack anew"


def damaged_rows(
    store: Store, blocks: Sequence[Block], field: str | None, on_file: Callable[[], None] = lambda: None
) -> list[Damage]:
    """Read every page of the files that the blocks lie in, against their checksums and what the blocks say.

    `field` is the swept one, or None: then only what cannot be read is told.
    """
    of_file: dict[str, list[Block]] = {}
    for block in blocks:
        of_file.setdefault(block.file, []).append(block)

    def look(file: str) -> Damage | None:
        found = _damaged_file(store, file, of_file[file], field)
        on_file()
        return found

    if store.files.local:
        found = list(map(look, of_file))
    else:
        with ThreadPoolExecutor(THREADS) as pool:
            found = list(pool.map(look, of_file))
    return [piece for piece in found if piece is not None]


def _damaged_file(store: Store, file: str, blocks: Sequence[Block], field: str | None) -> Damage | None:
    content = store.files.read(file)
    if content is None:  # merged, or trained anew, since it was listed
        return None
    try:
        rows = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True).read(use_threads=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        problem = f"its bytes are not those that were written ({' '.join(str(error).split())[:120]})"
        return Damage(file, "flipped", problem, SET_ASIDE, ours=True)
    said = None if field is None else _contradiction(rows, blocks, field)
    return None if said is None else Damage(file, "mismatching", said, SET_ASIDE, ours=True)


def _contradiction(rows: pa.Table, blocks: Sequence[Block], field: str) -> str | None:
    """What the rows are, and the blocks do not say."""
    scale = blocks[0].info.scale
    if any(
        set(rows[name].unique().to_pylist()) != {value}
        for name, value in (("scale_name", field), ("scale", scale))
    ):
        return "its rows are of another scale than it says"
    said = {Seed(*seed) for block in blocks for seed in block.info.seeds}
    if set(rows["seed"].unique().to_pylist()) != {seed.id for seed in said}:
        return "its rows are of other seeds than it says"
    steps = rows["step"].to_numpy()
    first, last = (end(block.info.steps[i] for block in blocks) for i, end in ((0, min), (1, max)))
    if (int(np.min(steps)), int(np.max(steps))) != (first, last):
        return f"its rows are of steps {np.min(steps)} to {np.max(steps)}, not {first} to {last} as it says"
    return None


def doubled(known: Iterable[KnownPack]) -> list[Damage]:
    """The files of finished packs that hold cells which others hold too; of each cell the largest pack is kept."""
    known = list(known)
    if not doubled_cells(known):
        return []
    kept: dict[tuple[float, Seed], KnownPack] = {}
    found: dict[str, Damage] = {}
    # What is merged with others stays: it cannot be moved alone.
    finished = [pack for pack in known if pack.finished]
    for pack in sorted(finished, key=lambda pack: (not _merged(pack), -len(pack.pack.seeds), pack.name)):
        cells = [(pack.pack.scale, seed) for seed in pack.pack.seeds]
        other = next((kept[cell] for cell in cells if cell in kept), None)
        if other is None:
            kept.update(dict.fromkeys(cells, pack))
            continue
        problem = f"holds cells that {other.blocks[0].file} holds too"
        todo = "seedsweep check --fix keeps one pack of each cell and sets the other aside"
        found |= {block.file: Damage(block.file, "doubled", problem, todo, ours=True) for block in pack.blocks}
    return list(found.values())


def _merged(pack: KnownPack) -> bool:
    return any("-block-" not in block.file.rpartition("/")[2] for block in pack.blocks)


def missing_blocks(known: Iterable[KnownPack]) -> list[Damage]:
    """Blocks that are not there, though the end of their pack is."""
    found = []
    for pack in known:
        numbers = {block.info.block for block in pack.blocks}
        for number in sorted(set(range(max(numbers, default=-1))) - numbers):
            file = block_file(pack.pack.scale, pack.name, number)
            todo = "the next run trains its seeds anew, or goes on from their checkpoint"
            found.append(
                Damage(file, "missing", "is not there, though later blocks of its pack are", todo, ours=False)
            )
    return found


def damaged_work(store: Store, known: Sequence[KnownPack], field: str) -> list[Damage]:
    """Checkpoints and other files below `work/` that cannot be used, or that nobody needs."""
    finished = {pack.name for pack in known if pack.finished}
    with_rows = {pack.name for pack in known if pack.blocks}
    found = []
    for entry in store.files.listing("work"):
        _, _, inside = entry.name.partition("/")
        folder, _, file = inside.partition("/")
        if file == "pack.json" and store.recorded_pack(folder, field) is None:
            problem, todo = (
                "not what a run writes of a pack",
                "the next run sets it aside and trains the pack anew",
            )
            found.append(Damage(entry.name, "mismatching", problem, todo, ours=folder in with_rows))
        elif folder in finished:
            found.append(
                Damage(entry.name, "debris", "left behind by a pack that is finished", _REMOVED, ours=True)
            )
        elif file == "checkpoint.pt" and not _is_whole(store.files.read(entry.name)):
            found.append(Damage(entry.name, "truncated", "not a whole checkpoint", _ANEW, ours=True))
        elif file not in ("pack.json", "checkpoint.pt", "progress.json") and not _is_temporary(entry.name):
            found.append(Damage(entry.name, "foreign", "not written by seedsweep", AWAY, ours=False))
    return found


def _is_whole(checkpoint: bytes | None) -> bool:
    """Of the engine a ZIP archive with checksums, of a program compressed by zlib, which has one; None is gone."""
    if checkpoint is None:
        return True
    try:
        if checkpoint.startswith(b"PK"):
            with zipfile.ZipFile(io.BytesIO(checkpoint)) as archive:
                return archive.testzip() is None
        zlib.decompress(checkpoint)
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, EOFError, NotImplementedError):
        return False
    return True


def damaged_base(store: Store, known: Iterable[KnownPack]) -> list[Damage]:
    """The base, if it is not the one that the blocks say their seeds started from."""
    said = {block.info.provenance.get("base") for pack in known for block in pack.blocks} - {None}
    base = store.base() if said else None
    if not said or base is None or {hashlib.sha256(base).hexdigest()[:16]} == said:
        return []
    problem = "not the model that the sweep's seeds started from"
    return [Damage(BASE_WEIGHTS, "flipped", problem, "restore the file, or use another directory", ours=False)]


def left_over(store: Store, superseded: Sequence[str]) -> list[Damage]:
    """Symbolic links, temporaries, and blocks that were merged and are still there."""
    found = []
    for folder in (*OWN_FOLDERS, CELLS):
        depth = 0 if folder == CELLS else 1 << 30  # what is in the cells is the user's
        for link in store.files.links(folder):
            if link.removeprefix(folder).count("/") <= depth:
                problem = "a symbolic link, which nobody follows"
                todo = "put what it leads to in its place, or remove it"
                found.append(Damage(link, "link", problem, todo, ours=False))
    behind = {
        entry.name: "left behind by a write that was killed"
        for folder in OWN_FOLDERS
        if store.files.links(folder) != [folder]
        for entry in store.files.listing(folder)
        if _is_temporary(entry.name)
    }
    behind |= dict.fromkeys(superseded, "merged with others, and still there")
    return found + [Damage(file, "debris", problem, _REMOVED, ours=True) for file, problem in behind.items()]


def _is_temporary(file: str) -> bool:
    base = file.rpartition("/")[2]
    return base.startswith(".") and base.endswith(".tmp") and not file.startswith(f"{FOLDER}/")
