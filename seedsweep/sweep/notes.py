"""What a sweep's blocks tell of the user's program besides numbers: other code meanwhile, a seed not used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from seedsweep.cell import Code
from seedsweep.errors import InputError, listed
from seedsweep.measures import scale_text
from seedsweep.sweep.store import KnownPack

_NAMED = 4
"""Seeds that a note names."""


def notes(known: Iterable[KnownPack], scale_name: str) -> tuple[str, ...]:
    """Sentences for who looks at the numbers; none for cells that the engine has trained."""
    known = list(known)
    return (*code_notes(codes_of(known)), *_twins(known, scale_name))


def code_notes(codes: Counter[Code]) -> tuple[str, ...]:
    """That cells were trained by different code, if they were."""
    if len(codes) < 2:
        return ()
    parts = (f"{code} ({count} {'cell' if count == 1 else 'cells'})" for code, count in codes.most_common())
    return (f"the cells were trained by different code: {listed(parts)}",)


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
    holders: dict[tuple[float, str], list[int]] = {}
    for pack in known:
        digests = pack.blocks[-1].info.provenance.get("digests", ()) if pack.finished else ()
        for seed, digest in zip(pack.pack.seeds, digests, strict=False):
            if digest is not None:
                holders.setdefault((pack.pack.scale, digest), []).append(seed.id)
    groups = [(scale, sorted(seeds)) for (scale, _), seeds in sorted(holders.items()) if len(seeds) > 1]
    if not groups:
        return []
    scale, seeds = groups[0]
    more = f", … ({len(seeds)} in all)" if len(seeds) > _NAMED else ""
    others = f"; so have seeds of {len(groups) - 1} more groups" if len(groups) > 1 else ""
    return [
        f"seeds {listed(map(str, seeds[:_NAMED]))}{more} of {scale_name} {scale_text(scale)} have the same numbers"
        f"{others}: does the program use its seed?"
    ]
