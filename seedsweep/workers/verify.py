"""Does packing change anything? Train the same seeds alone and packed, and compare."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from seedsweep.cell import Metrics, Runs
from seedsweep.seeds import Seed
from seedsweep.workers.base import base_model
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.device import reproducible
from seedsweep.workers.start import grafts_of
from seedsweep.workers.trainer import PackTrainer

FIRST_STEPS = 2
"""The steps after which rounding has not grown yet, so that every single seed can be compared."""


class _Trained(NamedTuple):
    """Some seeds after their training. Weights are on the host: the device is to hold one pack at a time."""

    moved_SP: Tensor
    """By the first steps."""
    weights_SP: Tensor
    metrics: Metrics


def train_alone_and_packed(
    settings: CellSettings, packs: Sequence[Sequence[Seed]], device: str, steps: int, on_run: Callable[[], None]
) -> Runs:
    """Train the first `steps` steps of the seeds in these packs, in the same packs again, and one by one.

    `on_run` is called after each training, which are two for every pack and one for every seed.
    """

    base = base_model(settings, device) if settings.base is not None else None

    def train(some: Sequence[Seed]) -> _Trained:
        weights = base.weights if base is not None else None
        trainer = PackTrainer(settings, some, device, weights, grafts_of(settings, some))
        weights_SP = trainer.decoder.flat_SP.detach()
        start_SP = weights_SP.to("cpu", copy=True)
        trainer.train_to(min(FIRST_STEPS, steps))
        moved_SP = weights_SP.cpu() - start_SP
        trainer.train_to(steps)
        trained = _Trained(moved_SP, weights_SP.cpu(), trainer.evaluate())
        on_run()
        return trained

    packed, alone, first_steps = [], [], []
    weights_equal = repeat_equal = True
    with reproducible(device, settings.train.precision):
        for pack in packs:
            together, again = train(pack), train(pack)
            packed.append(together.metrics)
            repeat_equal &= _same(together.weights_SP, again.weights_SP) and all(
                np.array_equal(together.metrics[key], again.metrics[key], equal_nan=True) for key in again.metrics
            )
            for row, seed in enumerate(pack):
                single = train([seed])
                alone.append(single.metrics)
                weights_equal &= _same(together.weights_SP[row], single.weights_SP[0])
                first_steps.append(_apart(together.moved_SP[row], single.moved_SP[0]))
    return Runs(_join(packed), _join(alone), weights_equal, repeat_equal, np.array(first_steps))


def _join(parts: Sequence[Metrics]) -> Metrics:
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def _same(a: Tensor, b: Tensor) -> bool:
    """Bitwise, so that the NaN of a diverged seed equals itself."""
    return torch.equal(a.view(torch.int32), b.view(torch.int32))


def _apart(a_P: Tensor, b_P: Tensor) -> float:
    """Distance of two ways, in lengths of the longer one; 0 if nobody moved."""
    way = max(float(torch.linalg.vector_norm(way_P, dtype=torch.float64)) for way_P in (a_P, b_P))
    return float(torch.linalg.vector_norm(a_P - b_P, dtype=torch.float64)) / way if way else 0.0
