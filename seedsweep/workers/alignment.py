"""Where every seed's share of memory starts, so that kernels treat the seeds of a pack alike.

Every seed's parameters are padded to a multiple of 64 floats, and every row of tokens to one of 16. Then each
seed's share of every tensor starts on a cache line and fills whole vector registers. Otherwise kernels would treat
the seeds of a pack differently: their scalar remainder loops and their paths for unaligned memory round
differently.
"""

ALIGNMENT = 64
"""Floats."""
ROW_ALIGNMENT = 16
"""Tokens."""
SHORT_ROW = 8
"""Tokens: a task whose rows have no more may have them padded to this, and be trained nearly twice as fast."""


def padding(size: int, multiple: int) -> int:
    """What is missing from `size` to the next multiple."""
    return -size % multiple
