"""What a competent user would do instead of using this package: one file for each way.

Every rival trains on rows that the package's own task drew beforehand for one seed, so that the work is the same
and drawing costs the rival nothing.
"""

from __future__ import annotations

import numpy as np
import torch

from seedsweep.seeds import Seed
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.tasks import find_task

STEPS_DRAWN = 64


class Rows:
    """Batches of training rows, as long as the longest of them that counts; the same ones again and again."""

    def __init__(self, settings: CellSettings, whole: bool = False) -> None:
        """`whole`: all batches as long as the longest that there can be, for those who need fixed shapes."""
        device = torch.device("cpu")
        task = find_task(settings.task.name)(settings.task, device)
        drawn = task.rows(torch.tensor([Seed(0, 0).data]), torch.arange(STEPS_DRAWN), settings.batch)
        self.tokens_NBT = drawn.tokens_NSBT[:, 0].numpy()
        self.mask_NBT = drawn.mask_NSBT[:, 0].numpy()
        places_T = np.arange(self.mask_NBT.shape[-1]) + 1
        self._lengths_N = (self.mask_NBT * places_T).max(axis=(1, 2))
        if whole:
            self._lengths_N[:] = len(places_T)
        self._next = 0

    def __call__(self) -> tuple[np.ndarray, np.ndarray]:
        """Tokens and mask (B, T) of the next batch."""
        number = self._next % STEPS_DRAWN
        self._next += 1
        length = self._lengths_N[number]
        return self.tokens_NBT[number, :, :length], self.mask_NBT[number, :, :length]
