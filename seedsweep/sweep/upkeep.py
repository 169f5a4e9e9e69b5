"""What a run does for a store before it trains: sets damaged files aside, and removes what nobody needs.

Nothing is deleted that does not carry our mark: of `work/` only folders whose pack.json or progress.json names the
pack that they are called after, and in these only the files that we write.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from seedsweep.sweep import record
from seedsweep.sweep.store import ONE_BY_ONE, OWN_FOLDERS, KnownPack, Store


def tidy(store: Store, known: Iterable[KnownPack], field: str, most: int = ONE_BY_ONE) -> list[str]:
    """Do all of it, for who holds the sweep's lock; `field` is the swept one, `most` is for `Store.clear_work`.

    Returns
    -------
    list of str
        What was set aside, in one line each.
    """
    told = [set_aside(store, piece.file, piece.problem) for piece in store.blocks.damage if piece.ours]
    told += _set_aside_unreadable_packs(store, known, field)
    _remove_debris(store, known, field, most)
    return told


def set_aside(store: Store, file: str, problem: str, name: str | None = None) -> str:
    """Move a file into `damaged/`, under its own name or another; returns what was done, for people."""
    to = store.set_aside(file, name)
    return f"{file}: {problem}; set aside as {to}"


def set_aside_record(store: Store) -> list[str]:
    """Move a `sweep.json` that cannot be read into `damaged/`, if there is one."""
    if not store.files.exists(record.FILE):
        return []
    return [set_aside(store, record.FILE, "not a sweep's record, written anew from the spec and the blocks")]


def _set_aside_unreadable_packs(store: Store, known: Iterable[KnownPack], field: str) -> list[str]:
    there = {entry.name for entry in store.files.listing("work")}
    with_rows = {pack.name for pack in known if pack.blocks}
    finished = {pack.name for pack in known if pack.finished}
    told = []
    for folder in sorted({name.split("/")[1] for name in there if name.count("/") == 2} - finished):
        file = f"work/{folder}/pack.json"
        if file not in there or store.recorded_pack(folder, field) is not None:
            continue
        progress = store.progress(folder)
        if folder in with_rows or (progress is not None and progress.pack == folder):
            problem = "not what a run writes of a pack, which is trained anew"
            told.append(set_aside(store, file, problem, f"{folder}-pack.json"))
    return told


def _remove_debris(store: Store, known: Iterable[KnownPack], field: str, most: int) -> None:
    store.files.remove_temporaries(OWN_FOLDERS)
    store.clear_work({pack.name for pack in known if pack.finished}, most)
    names: Sequence[str] = [entry.name for entry in store.files.listing("work")]
    there = {name.split("/")[1] for name in names if name.count("/") == 2}
    for folder in sorted(there - {pack.name for pack in known}):
        recorded, progress = store.recorded_pack(folder, field), store.progress(folder)
        if recorded is not None or (progress is not None and progress.pack == folder):
            store.clean_up(folder)
