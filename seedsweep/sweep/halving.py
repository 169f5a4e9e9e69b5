"""Packs that ran out of memory: how that is told from other failures, and the smaller packs in their place."""

from __future__ import annotations

from itertools import pairwise

from seedsweep.cell import Pack

NO_ROOM = ("can't allocate memory", "out of memory")
"""What torch's allocators say in a RuntimeError: that of the CPU, and that of CUDA before `OutOfMemoryError`."""


def ran_out_of_memory(error: BaseException | None) -> bool:
    """Whether an exception, or one that it came of, says that there was no room.

    Of torch, whose classes the driver does not know, the name tells (`torch.OutOfMemoryError`), or the words.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        named = {kind.__name__ for kind in type(error).__mro__}
        if {"MemoryError", "OutOfMemoryError"} & named:
            return True
        if isinstance(error, RuntimeError) and any(words in str(error) for words in NO_ROOM):
            return True
        error = error.__cause__ or error.__context__
    return False


def split(pack: Pack, size: int) -> tuple[Pack, ...]:
    """Packs of at most `size` seeds that have the pack's seeds, in their order, as even as can be."""
    count = -(-len(pack.seeds) // size)
    edges = [number * len(pack.seeds) // count for number in range(count + 1)]
    return tuple(
        Pack(pack.scale_name, pack.scale, pack.seeds[first:last], pack.fingerprint)
        for first, last in pairwise(edges)
    )
