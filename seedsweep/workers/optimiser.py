"""One optimiser step for S seeds: per-seed clipping, AdamW on the flat parameters, the schedule.

Shape letters: N steps, S seeds, P parameters of a seed.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.optim.adamw import adamw

from seedsweep.workers.settings import TrainSettings


def learning_rate(train: TrainSettings, step: int) -> float:
    """Learning rate of the update number `step` (from 0): linear warm-up, then the schedule."""
    if step < train.warmup:
        return train.learning_rate * (step + 1) / train.warmup
    if train.schedule == "constant":
        return train.learning_rate
    if train.schedule == "inverse-sqrt":
        return train.learning_rate * math.sqrt(max(1, train.warmup) / max(1, step))
    progress = (step - train.warmup) / max(1, train.steps - train.warmup)
    if train.schedule == "linear":
        return train.learning_rate * (1.0 - progress)
    return train.learning_rate * 0.5 * (1.0 + math.cos(math.pi * progress))


def learning_rates(train: TrainSettings, device: torch.device) -> Tensor:
    """The learning rate (N,) of every step, on the device: a step reads it there.

    On a CPU with all digits, which the update then takes; CUDA's kernel reads float32.
    """
    rates = [learning_rate(train, step) for step in range(train.steps)]
    return torch.tensor(rates, dtype=torch.float64 if device.type == "cpu" else torch.float32, device=device)


class StackedAdamW:
    """AdamW (Loshchilov & Hutter 2019) on all seeds in one fused kernel; equal to S separate optimisers.

    Weight decay applies to every parameter, as `torch.optim.AdamW(model.parameters())` does. Its function is
    called and not its class, whose moments are not there before the first step.
    """

    def __init__(self, train: TrainSettings, flat_SP: Tensor) -> None:
        self._train = train
        self._flat_SP = flat_SP
        self._state = {
            "step": torch.zeros((), device=flat_SP.device),
            "exp_avg": torch.zeros_like(flat_SP),
            "exp_avg_sq": torch.zeros_like(flat_SP),
        }

    @torch.no_grad()
    def step(self, learning_rate: Tensor, grad_SP: Tensor, alive_S: Tensor) -> None:
        """Update every seed that is alive. `grad_SP` is scaled in place; the learning rate is of shape ().

        A seed that is not alive gets a zero gradient, so that its NaN ends with it.
        """
        factor_S1 = torch.ones_like(grad_SP[:, :1])
        if self._train.clip is not None:
            norm_S1 = torch.linalg.vector_norm(grad_SP, dim=1, keepdim=True)
            factor_S1 = (self._train.clip / (norm_S1 + 1e-6)).clamp(max=1.0)
        grad_SP.mul_(factor_S1).masked_fill_(~alive_S[:, None], 0.0)
        adamw(
            [self._flat_SP],
            [grad_SP],
            [self._state["exp_avg"]],
            [self._state["exp_avg_sq"]],
            [],
            [self._state["step"]],
            lr=learning_rate,
            beta1=0.9,
            beta2=0.999,
            eps=self._train.adam_epsilon,
            weight_decay=self._train.weight_decay,
            amsgrad=False,
            maximize=False,
            fused=True,
            capturable=True,
        )

    def state(self) -> dict[str, Tensor]:
        """Moments and step count, for a checkpoint."""
        return dict(self._state)

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Continue from a checkpoint."""
        for name, value in self._state.items():
            value.copy_(state[name])
