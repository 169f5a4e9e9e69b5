"""How many seeds train together well: as many as there is memory for, as long as more make it faster."""

from __future__ import annotations

from collections.abc import Callable

import torch

from seedsweep.memory import free_memory
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.cost import memory_on_cpu, memory_per_seed
from seedsweep.workers.device import count_devices
from seedsweep.workers.trial import pace

SEEDS_ON_CPU = 4
"""On one CPU core packs of eight train 4 to 12 % more seeds per hour, but packs of four finish twice as soon, and
lose half as much with a worker."""
LARGEST_AUTO_PACK = 64
SHARE = 0.8
"""Of the free memory, that packs may take."""
GAIN = 1.1
"""How much faster per seed twice as many seeds must be to be worth it."""


def pack_size(settings: CellSettings, device: str) -> int:
    """Seeds to train together on the device of this process.

    On a CPU four, or as many as fit if every core trains a pack. On a GPU what fits, up to the knee of its
    throughput, which is measured: seconds for every size that is tried.
    """
    if device == "cpu":
        free = free_memory()
        room = float("inf") if free is None else SHARE * free / count_devices("cpu")
        return next((seeds for seeds in range(SEEDS_ON_CPU, 1, -1) if memory_on_cpu(settings, seeds) <= room), 1)
    free, _ = torch.cuda.mem_get_info()
    most = max(1, min(LARGEST_AUTO_PACK, int(SHARE * free) // memory_per_seed(settings)))
    return knee(lambda seeds: pace(settings, device, seeds).step, most)


def knee(seconds: Callable[[int], float], most: int) -> int:
    """The size, a power of two or `most`, up to which every doubling makes a seed's step faster by `GAIN`.

    `seconds` times a step of a pack, per seed; a size that runs out of memory is too large.
    """
    size, took = 1, seconds(1) if most > 1 else 0.0
    while size < most:
        larger = min(2 * size, most)
        try:
            takes = seconds(larger)
        except torch.OutOfMemoryError:
            break
        if takes * GAIN > took:
            break
        size, took = larger, takes
    return size
