"""What a sweep's blocks tell of the user's program besides numbers: other code meanwhile, a seed not used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from seedsweep import formats
from seedsweep.cell import Code
from seedsweep.errors import InputError, listed
from seedsweep.measures import scale_text
from seedsweep.sweep.knownpack import KnownPack

_Holders: TypeAlias = dict[tuple[float, str], list[int]]

_NAMED = 4
"""Seeds that a note names."""

FEWEST_AGREEING = 2
"""Seeds that must agree with another of their scale, where chance could make each alone agree."""


def notes(known: Iterable[KnownPack], scale_name: str) -> tuple[str, ...]:
    """Sentences for who looks at the numbers."""
    known = list(known)
    return (*code_notes(codes_of(known)), *_twins(known, scale_name), *memory_notes(known, scale_name))


def code_notes(codes: Counter[Code]) -> tuple[str, ...]:
    """That cells were trained by different code, if they were."""
    if len(codes) < 2:
        return ()
    parts = (f"{code} ({formats.counted(count, 'cell')})" for code, count in codes.most_common())
    return (f"the cells were trained by different code: {listed(parts)}",)


def failure_notes(known: Iterable[KnownPack]) -> tuple[str, ...]:
    """That seeds were given up, if some were: what is left may be what did not fail."""
    failed = Counter(
        pack.pack.scale for pack in known for _ in pack.pack.seeds if pack.failed and not pack.finished
    )
    if not failed:
        return ()
    total = failed.total()
    places = listed(f"{count} at {scale_text(scale)}" for scale, count in sorted(failed.items()))
    are = "1 seed was" if total == 1 else f"{total} seeds were"
    return (
        f"{are} given up after failures and {'is' if total == 1 else 'are'} not in these numbers ({places}): if "
        "seeds fail that learn badly, what is left looks better than it is",
    )


def memory_notes(known: Iterable[KnownPack], scale_name: str) -> tuple[str, ...]:
    """That packs were halved because they ran out of memory, if some were."""
    smallest: dict[float, tuple[int, int]] = {}
    for pack in known:
        halved_from = pack.blocks[-1].info.provenance.get("halved_from") if pack.blocks else None
        if halved_from is not None:
            size, whole = smallest.get(pack.pack.scale, (len(pack.pack.seeds), halved_from))
            smallest[pack.pack.scale] = min(size, len(pack.pack.seeds)), max(whole, halved_from)
    if not smallest:
        return ()
    word = scale_name.rpartition(".")[2]
    sizes = listed(
        f"{size} in place of {whole} at {word} {scale_text(scale)}"
        for scale, (size, whole) in sorted(smallest.items())
    )
    return (f"packs ran out of memory and were halved: down to {sizes}",)


def codes_of(known: Iterable[KnownPack]) -> Counter[Code]:
    """How many cells each code has trained, to the end or not yet, alone or after another."""
    counts: Counter[Code] = Counter()
    for pack in known:
        facts = pack.blocks[-1].info.provenance if pack.blocks else {}
        for content in (facts.get("code"), *facts.get("earlier_codes", ())):
            if content is not None:
                counts[Code(**content)] += len(pack.pack.seeds)
    return counts


def refuse_other_code(known: Iterable[KnownPack], code: Code | None) -> None:
    """Raise InputError, naming both, if cells were trained by other code than this."""
    for other in codes_of(known):
        if code is not None and other != code:
            raise InputError(
                f"program.pinned: the sweep's cells were trained by {other}, here is {code}; go back to that "
                "code, use another directory, or set program.pinned to false"
            )


def _twins(known: Iterable[KnownPack], scale_name: str) -> list[str]:
    finished = [pack for pack in known if pack.finished]
    telling = _holders(finished, "digests")
    holders = telling | _holders_of_few(finished, telling)
    groups = [(scale, sorted(seeds)) for (scale, _), seeds in sorted(holders.items()) if len(seeds) > 1]
    if not groups:
        return []
    scale, seeds = groups[0]
    more = f", … ({len(seeds)} in all)" if len(seeds) > _NAMED else ""
    word = scale_name.rpartition(".")[2]
    others = len(groups) - 1
    told = f"; so have seeds of {others} more {'group' if others == 1 else 'groups'}" if others else ""
    return [
        f"seeds {listed(map(str, seeds[:_NAMED]))}{more} of {word} {scale_text(scale)} have the same numbers"
        f"{told}: does the program use its seed?"
    ]


def _holders(finished: Iterable[KnownPack], kind: str) -> _Holders:
    """The seeds that have the same numbers, by scale and digest."""
    holders: _Holders = {}
    for pack in finished:
        for seed, digest in zip(pack.pack.seeds, pack.blocks[-1].info.provenance.get(kind, ()), strict=False):
            if digest is not None:
                holders.setdefault((pack.pack.scale, digest), []).append(seed.id)
    return holders


def _holders_of_few(finished: Sequence[KnownPack], telling: _Holders) -> _Holders:
    """The same where a seed has so few values that two may agree by chance, but here all of every scale do."""
    holders = _holders(finished, "few_values")
    scales = {scale for scale, _ in telling | holders}
    cells = sum(len(pack.pack.seeds) for pack in finished if pack.pack.scale in scales)
    agree = len(telling | holders) == len(scales) and sum(map(len, (telling | holders).values())) == cells
    return holders if agree and cells - len(scales) >= FEWEST_AGREEING else {}
