"""A pack that has left traces in a store, as they tell of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

from seedsweep.cell import Pack
from seedsweep.schema import BlockInfo
from seedsweep.seeds import Seed
from seedsweep.sweep.blocks import Block
from seedsweep.sweep.progress import Progress


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


def doubled_cells(known: Iterable[KnownPack]) -> list[tuple[float, Seed, KnownPack, KnownPack]]:
    """Scale and seed of every cell that two finished packs hold, and both."""
    of_scale: dict[float, list[KnownPack]] = {}
    for pack in known:
        if pack.finished:
            of_scale.setdefault(pack.pack.scale, []).append(pack)
    found = []
    for scale, packs in of_scale.items():
        if len({seed for pack in packs for seed in pack.pack.seeds}) == sum(len(p.pack.seeds) for p in packs):
            continue
        holder: dict[Seed, KnownPack] = {}
        for pack in packs:
            for seed in pack.pack.seeds:
                other = holder.setdefault(seed, pack)
                if other is not pack:
                    found.append((scale, seed, pack, other))
    return found


def pack_of(info: BlockInfo, field: str) -> Pack:
    """The pack that a block is of; `field` is the swept one."""
    return Pack(field, info.scale, tuple([_seed(init, data) for init, data in info.seeds]), info.fingerprint)


@lru_cache(1 << 17)
def _seed(init: int, data: int) -> Seed:
    """The same seed of all scales is one object: a large sweep has many."""
    return Seed(init, data)
