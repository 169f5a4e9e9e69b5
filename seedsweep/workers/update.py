"""One training step of a pack, from the rows it reads to the weights it leaves: a function of tensors alone.

Everything that it reads stands in `Inputs`, everything that it changes is a tensor of its own that it changes in
place. No number of Python's is different in it from one step to the next, and nothing waits for the device. So its
operations can be captured once and replayed (`cudagraph`).

Shape letters: N steps, L losses, S seeds, B rows of a batch, T tokens of a row, P parameters of a seed,
I interventions.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.optimiser import OPTIMISERS
from seedsweep.workers.start import reach
from seedsweep.workers.step import Batch, Step
from seedsweep.workers.tasks import Task


class Inputs(NamedTuple):
    """What is different from step to step."""

    tokens_SBT: Tensor
    mask_SBT: Tensor
    keys_S: Tensor
    active_I: Tensor
    learning_rate: Tensor
    """(), as `optimiser.learning_rates` has it."""

    @property
    def batch(self) -> Batch:
        """What the losses and the gradient are computed from."""
        return Batch(self.tokens_SBT, self.mask_SBT, self.keys_S, self.active_I)


class Update:
    """The step of S seeds, and what it changes: their weights, moments, who is still alive, and sums of losses."""

    def __init__(self, settings: CellSettings, task: Task, decoder: StackedDecoder) -> None:
        seeds, device = decoder.flat_SP.shape[0], decoder.flat_SP.device
        self.gradient = Step(settings, task, decoder)
        optimiser = OPTIMISERS[settings.train.optimiser]
        self.optimiser = optimiser(settings.train, decoder.flat_SP, reach(settings, decoder))
        self.alive_S = torch.ones(seeds, dtype=torch.bool, device=device)
        shape = (seeds, settings.batch, settings.task.tokens_per_row())
        self.loss_names = self.gradient.loss_names(torch.zeros(shape, dtype=torch.int64, device=device))
        self.loss_sums_LS = torch.zeros(len(self.loss_names), seeds, device=device)

    def __call__(self, inputs: Inputs) -> None:
        """Take the step."""
        losses_LS, grad_SP = self.gradient(inputs.batch)
        # A seed with a NaN or infinity anywhere in its gradient has a sum that is not finite.
        self.alive_S &= torch.isfinite(losses_LS[0]) & torch.isfinite(grad_SP.sum(1))
        self.optimiser.step(inputs.learning_rate, grad_SP, self.alive_S)
        self.loss_sums_LS += losses_LS
