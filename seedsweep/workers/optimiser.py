"""One optimiser step for S seeds: per-seed clipping, AdamW or SGD on the flat parameters, the schedule.

Shape letters: N steps, S seeds, P parameters of a seed.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import NamedTuple

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


class Reach(NamedTuple):
    """Which parameters the parts of an update reach, bool (P,)."""

    frozen_P: Tensor | None = None
    """Those that are not trained; None: there are none."""
    decayed_P: Tensor | None = None
    """Those that decay; None: all."""
    squared_P: Tensor | None = None
    """Those of which the loss has the squares; None: there is no such penalty."""


EVERYTHING = Reach()
"""All are trained and decay; the loss has no penalty."""


class StackedOptimiser(ABC):
    """A step of all seeds at once; equal to S separate optimisers.

    Weight decay is decoupled from the gradient, whatever the rule of the step, and applies to every parameter, as
    `torch.optim.AdamW(model.parameters())` has it, unless `reach` says otherwise.
    """

    def __init__(self, train: TrainSettings, flat_SP: Tensor, reach: Reach = EVERYTHING) -> None:
        self._train = train
        self._flat_SP = flat_SP
        self._frozen_P = reach.frozen_P
        # A kernel decays all or nothing: where only some do, they are multiplied here.
        self._decay_P = None if reach.decayed_P is None else train.weight_decay * reach.decayed_P
        self._decay_all = train.weight_decay if reach.decayed_P is None else 0.0
        self._pull_P = None if reach.squared_P is None else 2.0 * train.l2 * reach.squared_P
        self._state: dict[str, Tensor] = {}

    @torch.no_grad()
    def step(self, learning_rate: Tensor, grad_SP: Tensor, alive_S: Tensor) -> None:
        """Update every seed that is alive. `grad_SP` is changed in place; the learning rate is of shape ().

        A seed that is not alive gets a zero gradient, so that its NaN ends with it. So does what is frozen, before
        the norm is taken by which gradients are clipped; its moments stay 0, and it keeps every bit.
        """
        if self._pull_P is not None:  # d/dw of λ · w²; two operations, since a fused one may round once or twice
            grad_SP.add_(self._flat_SP * self._pull_P)
        if self._frozen_P is not None:
            grad_SP.masked_fill_(self._frozen_P, 0.0)
        if self._decay_P is not None:
            self._flat_SP.mul_(1.0 - learning_rate * self._decay_P)
        factor_S1 = torch.ones_like(grad_SP[:, :1])
        if self._train.clip is not None:
            norm_S1 = torch.linalg.vector_norm(grad_SP, dim=1, keepdim=True)
            factor_S1 = (self._train.clip / (norm_S1 + 1e-6)).clamp(max=1.0)
        grad_SP.mul_(factor_S1).masked_fill_(~alive_S[:, None], 0.0)
        self._follow(learning_rate, grad_SP)

    @abstractmethod
    def _follow(self, learning_rate: Tensor, grad_SP: Tensor) -> None:
        """Decay by `_decay_all`, and go along this gradient, which may be changed in place."""

    def state(self) -> dict[str, Tensor]:
        """Moments and step count, for a checkpoint."""
        return dict(self._state)

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Continue from a checkpoint."""
        for name, value in self._state.items():
            value.copy_(state[name])


class StackedAdamW(StackedOptimiser):
    """AdamW (Loshchilov & Hutter 2019) in one fused kernel.

    Its function is called and not its class, whose moments are not there before the first step.
    """

    def __init__(self, train: TrainSettings, flat_SP: Tensor, reach: Reach = EVERYTHING) -> None:
        super().__init__(train, flat_SP, reach)
        self._state = {
            "step": torch.zeros((), device=flat_SP.device),
            "exp_avg": torch.zeros_like(flat_SP),
            "exp_avg_sq": torch.zeros_like(flat_SP),
        }

    def _follow(self, learning_rate: Tensor, grad_SP: Tensor) -> None:
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
            weight_decay=self._decay_all,
            amsgrad=False,
            maximize=False,
            fused=True,
            capturable=True,
        )


class StackedSGD(StackedOptimiser):
    """Stochastic gradient descent without momentum, as `torch.optim.SGD` has it: its decay, added to the gradient
    behind clipping, is this one."""

    def _follow(self, learning_rate: Tensor, grad_SP: Tensor) -> None:
        # One operation after the other, since a fused one may round once or twice.
        if self._decay_all:
            self._flat_SP.mul_(1.0 - learning_rate * self._decay_all)
        self._flat_SP.sub_(grad_SP.mul_(learning_rate))


OPTIMISERS: dict[str, type[StackedOptimiser]] = {"adamw": StackedAdamW, "sgd": StackedSGD}
"""By their names in a spec."""
