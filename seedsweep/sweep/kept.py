"""The kept checkpoints of a store: weights of packs at the steps that its spec names, a file each.

    checkpoints/scale-2/<pack>-step-000100.safetensors

Nothing of ours deletes one. A seed may be in several, if its pack was halved or grouped anew: they hold the same
weights, and those of the pack that has its rows count.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from seedsweep.cell import KeptWeights
from seedsweep.errors import InputError, StorageError, listed
from seedsweep.formats import counted
from seedsweep.keptfile import (
    FIRST_BYTES,
    DamagedCheckpointError,
    ForeignCheckpointError,
    KeptHeader,
    header_length,
    parse_header,
    verified,
)
from seedsweep.measures import scale_text
from seedsweep.seeds import Seed
from seedsweep.sweep.blocks import THREADS
from seedsweep.sweep.damage import AWAY, Damage, DamageKind
from seedsweep.sweep.files import FileEntry, Files
from seedsweep.sweep.knownpack import KnownPack

FOLDER = "checkpoints"
RESTORE = "restore it from a copy; a sweep in another directory makes it again"
"""What to do about one that is damaged: its seeds are finished, and nobody trains them anew."""
_Result = TypeVar("_Result")
_NAME = re.compile(r"checkpoints/scale-([^/]+)/(.+)-step-(\d{6,})\.safetensors")


def kept_file(scale: float, pack: str, step: int) -> str:
    """Where a kept checkpoint lies below the store's root."""
    return f"{FOLDER}/scale-{scale_text(scale)}/{pack}-step-{str(step).zfill(6)}.safetensors"


@dataclass(frozen=True)
class KeptName:
    """What the name of a file says."""

    entry: FileEntry
    scale: str
    """As `scale_text` writes it."""
    pack: str
    step: int


@dataclass(frozen=True)
class KeptFile:
    """A kept checkpoint, by its header."""

    file: str
    header: KeptHeader


class KeptCheckpoints:
    """Those of one store. Creating the object touches nothing."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def names(self) -> list[KeptName]:
        """All that are called as ours, sorted by name."""
        found = []
        for entry in self._files.listing(FOLDER):
            match = _NAME.fullmatch(entry.name)
            if match and not match[2].startswith("."):
                found.append(KeptName(entry, match[1], match[2], int(match[3])))
        return found

    def read_headers(self, names: Sequence[KeptName]) -> list[KeptFile]:
        """What these files are. Raises InputError, naming the file, if one is damaged or not ours."""
        return self._at_once(self._header, names)

    def read(self, file: str) -> bytes:
        """A whole file. Raises InputError, naming it, if it is gone, damaged or not ours."""
        content = self._files.read(file)
        if content is None:
            raise InputError(f"{self._files.shown(file)}: no such file")
        try:
            verified(content)
        except (DamagedCheckpointError, ForeignCheckpointError) as error:
            raise InputError(f"{self._files.shown(file)}: {error}; {RESTORE}") from None
        return content

    def weights(self, wanted: Iterable[tuple[Seed, KeptFile, int]]) -> list[KeptWeights]:
        """The files in which seeds have their weights, each read once; of every seed its place in the file."""
        rows: dict[str, dict[Seed, int]] = {}
        for seed, kept, row in wanted:
            rows.setdefault(kept.file, {})[seed] = row
        return [KeptWeights(self.read(file), of_seeds) for file, of_seeds in rows.items()]

    def damaged(self, fingerprint: str, on_file: Callable[[], None] = lambda: None) -> list[Damage]:
        """Whatever lies among them and cannot be used, every byte read."""
        ours = {name.entry.name: name for name in self.names()}
        others = [entry.name for entry in self._files.listing(FOLDER) if entry.name not in ours]
        strangers = [
            Damage(file, "foreign", "not written by seedsweep", AWAY, ours=False)
            for file in others
            if not file.rpartition("/")[2].startswith(".")  # a temporary, which is told as such
        ]

        def look(name: KeptName) -> Damage | None:
            found = self._damage(name, fingerprint)
            on_file()
            return found

        found = self._at_once(look, list(ours.values()))
        return sorted([*strangers, *filter(None, found)], key=lambda piece: piece.file)

    def _damage(self, name: KeptName, fingerprint: str) -> Damage | None:
        file = name.entry.name
        content = self._files.read(file)
        if content is None:
            return None
        try:
            info = verified(content).info
        except ForeignCheckpointError as error:
            return Damage(file, "foreign", str(error), AWAY, ours=False)
        except DamagedCheckpointError as error:
            kind: DamageKind = "truncated" if str(error).startswith("truncated") else "flipped"
            return Damage(file, kind, str(error), RESTORE, ours=False)
        if info.fingerprint != fingerprint:
            away = "move it out of this one's directory"
            return Damage(file, "foreign", "belongs to a sweep with other settings", away, ours=False)
        right = kept_file(info.scale, info.pack, info.step)
        if file != right:
            todo = "rename it back, or delete it if that exists"
            return Damage(file, "renamed", f"copied or renamed from {right}", todo, ours=False)
        return None

    def _header(self, name: KeptName) -> KeptFile:
        file, size = name.entry.name, name.entry.size

        def read() -> bytes:
            with self._files.filesystem.open_input_file(self._files.path(file)) as source:
                length = header_length(source.read(FIRST_BYTES), size)
                return bytes(source.read(length))

        shown = self._files.shown(file)
        try:
            header = parse_header(read() if self._files.local else self._files.patience.ask(read))
        except DamagedCheckpointError as error:
            raise InputError(f"{shown}: {error}; {RESTORE}") from None
        except ForeignCheckpointError as error:
            raise InputError(f"{shown}: {error}; {AWAY}") from None
        except FileNotFoundError:
            raise InputError(f"{shown}: no such file") from None
        except StorageError:
            raise
        except OSError as error:
            raise StorageError(shown, error) from error
        if kept_file(header.info.scale, header.info.pack, header.info.step) != file:
            raise InputError(f"{shown}: copied or renamed; {AWAY}")
        return KeptFile(file, header)

    def _at_once(self, call: Callable[[KeptName], _Result], names: Sequence[KeptName]) -> list[_Result]:
        """An object store answers slowly, but many at once."""
        if self._files.local:
            return [call(name) for name in names]
        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(call, names))


def unkept_notes(
    checkpoints: KeptCheckpoints, asked: Mapping[float, Collection[int]], known: Iterable[KnownPack]
) -> tuple[str, ...]:
    """That steps are not kept of finished seeds, if they are asked for: at each scale, of `asked`.

    Those were trained before the spec named the steps. Nothing that is there is made again.
    """
    if not any(asked.values()):
        return ()
    there = {name.entry.name for name in checkpoints.names()}
    missing: Counter[int] = Counter()
    for pack in known:
        for step in asked.get(pack.pack.scale, ()) if pack.finished else ():
            if kept_file(pack.pack.scale, pack.name, step) not in there:
                missing[step] += len(pack.pack.seeds)
    if not missing:
        return ()
    steps = listed(f"step {step} of {counted(cells, 'cell')}" for step, cells in sorted(missing.items()))
    return (
        f"keep_checkpoints: {steps} is not kept: they were trained before it was asked for; a sweep in another "
        "directory keeps it",
    )


def rows_of(
    seeds: Iterable[Seed], kept: Sequence[KeptFile], preferred: Callable[[], Collection[str]]
) -> dict[Seed, tuple[KeptFile, int]]:
    """In which file, and where along its tensors, each seed has its weights; without those that are in none.

    A pair (init, data) that is in none has those of the plain seed of its init. Where several files hold a seed
    the first counts whose pack is among the `preferred`, which are asked for then alone.
    """
    holders: dict[Seed, list[tuple[KeptFile, int]]] = {}
    for file in kept:
        for row, pair in enumerate(file.header.info.pairs):
            holders.setdefault(pair, []).append((file, row))
    found = {}
    for seed in seeds:
        own = holders.get(seed) or holders.get(Seed(seed.init, seed.init)) or []
        if len(own) > 1:
            packs = preferred()
            own = sorted(own, key=lambda held: held[0].header.info.pack not in packs)
        if own:
            found[seed] = own[0]
    return found
