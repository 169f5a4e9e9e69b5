"""One optimiser step for S seeds: per-seed clipping, AdamW on the flat parameters, the schedule."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from seedsweep.workers.settings import TrainSettings


def learning_rate(train: TrainSettings, step: int) -> float:
    """Learning rate of the update number `step` (from 0): linear warm-up, then the schedule."""
    if step < train.warmup:
        return train.learning_rate * (step + 1) / train.warmup
    if train.schedule == "constant":
        return train.learning_rate
    progress = (step - train.warmup) / max(1, train.steps - train.warmup)
    if train.schedule == "linear":
        return train.learning_rate * (1.0 - progress)
    return train.learning_rate * 0.5 * (1.0 + math.cos(math.pi * progress))


class StackedAdamW:
    """AdamW (Loshchilov & Hutter 2019) on all seeds in one fused kernel; equal to S separate optimisers.

    Weight decay applies to every parameter, as `torch.optim.AdamW(model.parameters())` does.
    """

    def __init__(self, train: TrainSettings, flat_SP: Tensor) -> None:
        self._train = train
        self._optimiser = torch.optim.AdamW(
            [flat_SP],
            lr=train.learning_rate,
            eps=train.adam_epsilon,
            weight_decay=train.weight_decay,
            fused=True,
        )
        self._flat_SP = flat_SP

    def step(self, step: int, grad_SP: Tensor, alive_S: Tensor) -> None:
        """Update every seed that is alive. `grad_SP` is scaled in place.

        A seed that is not alive gets a zero gradient, so that its NaN ends with it.
        """
        factor_S1 = torch.ones_like(grad_SP[:, :1])
        if self._train.clip is not None:
            norm_S1 = torch.linalg.vector_norm(grad_SP, dim=1, keepdim=True)
            factor_S1 = (self._train.clip / (norm_S1 + 1e-6)).clamp(max=1.0)
        self._flat_SP.grad = grad_SP.mul_(factor_S1).masked_fill_(~alive_S[:, None], 0.0)
        self._optimiser.param_groups[0]["lr"] = learning_rate(self._train, step)
        self._optimiser.step()
        self._flat_SP.grad = None  # the next step's activations need the room

    def state(self) -> dict[str, Tensor]:
        """Moments and step count, for a checkpoint."""
        return dict(self._optimiser.state[self._flat_SP])

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Continue from a checkpoint."""
        self._optimiser.state[self._flat_SP] = {
            name: value.to(self._flat_SP.device) if name != "step" else value for name, value in state.items()
        }
