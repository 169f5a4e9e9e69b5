"""Which cells are missing, and the packs that fill them. Pure: reads no file, creates nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from seedsweep.cell import Pack
from seedsweep.seeds import Seed
from seedsweep.sweep.garbage import no_collection
from seedsweep.sweep.knownpack import KnownPack

Cell = tuple[float, Seed]


@dataclass(frozen=True)
class Plan:
    """What a run will do. No cell is in two packs, whether finished, resumed, fresh or left alone."""

    present: frozenset[Cell]
    """Wanted cells that are finished."""
    resumed: tuple[Pack, ...]
    """Unfinished packs that go on from their checkpoint, under their own name and with their own seeds."""
    fresh: tuple[Pack, ...]
    """Packs that start from nothing."""
    dropped: tuple[KnownPack, ...]
    """Unfinished packs whose rows and checkpoint a run removes, because their cells are grouped anew."""
    packs: tuple[Pack, ...]
    """`resumed` and `fresh` in the order of training: the most expensive scale first, so that the end of a run
    does not wait for one long pack."""

    @property
    def missing(self) -> int:
        """Cells that a run will train."""
        return sum(len(pack.seeds) for pack in self.packs)

    def __str__(self) -> str:
        """In one line, for people."""
        text = f"{self.missing} seeds to train in {len(self.packs)} packs, {len(self.present)} are there"
        if self.resumed:
            text += f"; {len(self.resumed)} of the packs go on from a checkpoint"
        if self.dropped:
            text += f"; {len(self.dropped)} begun packs are grouped anew"
        return text


def count_present(wanted: Mapping[float, Sequence[Seed]], known: Iterable[KnownPack]) -> int:
    """How many wanted cells are finished."""
    finished = _finished(known)
    return sum(seed in finished[scale] for scale, seeds in wanted.items() for seed in seeds)


@no_collection()
def make_plan(
    wanted: Mapping[float, Sequence[Seed]],
    known: Iterable[KnownPack],
    *,
    scale_name: str,
    fingerprint: str,
    pack_size: Mapping[float, int],
    cost: Mapping[float, float],
) -> Plan:
    """Group the missing cells into packs.

    Parameters
    ----------
    wanted : mapping of scale to seeds
        The seeds that shall exist.
    known : iterable of KnownPack
        The packs of the store (`Store.packs`).
    pack_size : mapping of scale to int
        Seeds per new pack, for every wanted scale.
    cost : mapping of scale to float
        What one seed costs, in any unit.

    Notes
    -----
    An unfinished pack goes on as it is if all its cells are wanted and it has a checkpoint. If none of its cells
    is wanted it is left alone. Otherwise it is dropped and its wanted cells are grouped anew. A pack that failed
    goes on only if it is no larger than `pack_size`: so a smaller pack is the way out of a lack of memory.
    """
    known = sorted(known, key=lambda pack: pack.name)
    taken = _finished(known)
    asked = {scale: frozenset(seeds) for scale, seeds in wanted.items()}
    present = frozenset((scale, seed) for scale, seeds in asked.items() for seed in seeds & taken[scale])
    resumed: list[Pack] = []
    dropped: list[KnownPack] = []
    for begun in known:
        if begun.finished:
            continue
        scale, seeds = begun.pack.scale, frozenset(begun.pack.seeds)
        of_scale = asked.get(scale, frozenset())
        if seeds.isdisjoint(taken[scale]) and seeds.isdisjoint(of_scale):
            continue
        goes_on = (
            seeds <= of_scale
            and seeds.isdisjoint(taken[scale])
            and begun.resumable
            and not (begun.failed and len(seeds) > pack_size[scale])
        )
        if goes_on:
            resumed.append(begun.pack)
            taken[scale] |= seeds
        else:
            dropped.append(begun)

    fresh: list[Pack] = []
    for scale, wished in wanted.items():
        missing = sorted((seed for seed in wished if seed not in taken[scale]), key=lambda seed: seed.id)
        size = pack_size[scale]
        for start in range(0, len(missing), size):
            fresh.append(Pack(scale_name, scale, tuple(missing[start : start + size]), fingerprint))

    # Stable: what is half done comes before what is new within a scale, low seeds first.
    order = sorted([*resumed, *fresh], key=lambda pack: -cost[pack.scale])
    return Plan(present, tuple(resumed), tuple(fresh), tuple(dropped), tuple(order))


def _finished(known: Iterable[KnownPack]) -> defaultdict[float, set[Seed]]:
    """The finished seeds of every scale."""
    finished: defaultdict[float, set[Seed]] = defaultdict(set)
    for begun in known:
        if begun.finished:
            finished[begun.pack.scale].update(begun.pack.seeds)
    return finished
