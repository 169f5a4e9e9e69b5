"""Does packing change anything? Train the same seeds alone and packed, and compare."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch

from seedsweep.seeds import Seed
from seedsweep.workers.base import base_model
from seedsweep.workers.device import reproducible
from seedsweep.workers.settings import CellSettings
from seedsweep.workers.trainer import PackTrainer


class Runs(NamedTuple):
    """The same seeds trained three times."""

    packed: dict[tuple[str, str], np.ndarray]
    """Final metrics (S,) of the seeds trained in one pack."""
    alone: dict[tuple[str, str], np.ndarray]
    """The same of the seeds trained one by one."""
    weights_equal: bool
    """Whether every weight is bitwise the same packed and alone."""
    repeat_equal: bool
    """Whether the pack, trained a second time, gave bitwise the same weights and metrics."""


def train_alone_and_packed(
    settings: CellSettings, seeds: Sequence[Seed], device: str, steps: int, on_run: Callable[[], None]
) -> Runs:
    """Train the first `steps` steps of the seeds packed, packed again, and one by one.

    `on_run` is called after each of the len(seeds) + 2 trainings.
    """

    base = base_model(settings, device) if settings.base is not None else None

    def train(some: Sequence[Seed]) -> tuple[torch.Tensor, dict[tuple[str, str], np.ndarray]]:
        trainer = PackTrainer(settings, some, device, base.weights if base is not None else None)
        trainer.train_to(steps)
        on_run()
        return trainer.decoder.flat_SP.clone(), trainer.evaluate()

    with reproducible(device, settings.train.precision):
        packed_SP, packed = train(seeds)
        again_SP, again = train(seeds)
        rows, values = zip(*(train([seed]) for seed in seeds), strict=True)
    alone = {key: np.concatenate([value[key] for value in values]) for key in packed}
    return Runs(
        packed,
        alone,
        weights_equal=_same(packed_SP, torch.cat(rows)),
        repeat_equal=_same(packed_SP, again_SP)
        and all(np.array_equal(packed[key], again[key], equal_nan=True) for key in packed),
    )


def _same(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Bitwise, so that the NaN of a diverged seed equals itself."""
    return torch.equal(a.view(torch.int32), b.view(torch.int32))
