"""The training state of a pack: S seeds that take every optimiser step together.

Shape letters: N steps, S seeds, B rows of a batch, T tokens of a row, P parameters of a seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from seedsweep.seeds import Seed
from seedsweep.workers.alignment import ROW_ALIGNMENT, padding
from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.dropout import dropout_keys
from seedsweep.workers.optimiser import StackedAdamW
from seedsweep.workers.settings import CellSettings
from seedsweep.workers.step import Batch, Step
from seedsweep.workers.tasks import Rows, find_task

TOKENS_DRAWN_AT_ONCE = 2**18
"""Training rows are drawn for several steps at once, about this many tokens; it changes no value."""


class PackTrainer:
    """The training state of S seeds: weights, moments, who is still alive, and the step."""

    def __init__(
        self, settings: CellSettings, seeds: Sequence[Seed], device: str, base: bytes | None = None
    ) -> None:
        """`base` is the content of the base's safetensors file, for settings that have a base."""
        self.settings = settings
        self.seeds = tuple(seeds)
        self.device = torch.device(device)
        self.task = find_task(settings.task.name)(settings.task, self.device)
        self.decoder = StackedDecoder(
            settings.model,
            settings.vocabulary_size,
            len(seeds),
            self.device,
            unpadded=settings.train.unpadded,
        )
        self.decoder.initialise([seed.init for seed in seeds], self._trained(base))
        self.start = self._describe_start()
        self.gradient = Step(settings, self.task, self.decoder)
        self.optimiser = StackedAdamW(settings.train, self.decoder.flat_SP)
        self.step = 0
        self.alive_S = torch.ones(len(seeds), dtype=torch.bool, device=self.device)
        self._data_seeds_S = torch.tensor([seed.data for seed in seeds], device=self.device)
        self._loss_sums: dict[str, Tensor] = {}  # (S,) each, since the last evaluation
        self._loss_steps = 0
        self._drawn: tuple[int, Rows] | None = None

    def _trained(self, base: bytes | None) -> dict[str, Tensor] | None:
        """The model that all seeds start from, if there is one."""
        if not self.settings.redraws:
            return None
        return self.decoder.dialect.trained(self.decoder.shapes, base)

    def _describe_start(self) -> dict[str, Any]:
        """Hashes, for the provenance, of what each seed has drawn anew of a trained model."""
        if not self.settings.redraws:
            return {}
        return {"redrawn": {str(seed.id): self.decoder.redrawn_digest(row) for row, seed in enumerate(self.seeds)}}

    def train_to(self, step: int) -> None:
        """Take the optimiser steps up to `step`. Nothing in it waits for the device."""
        while self.step < step:
            self._train_step(*self._rows_of(self.step))
            self.step += 1

    def _rows_of(self, step: int) -> tuple[Tensor, Tensor]:
        if self._drawn is None or not self._drawn[0] <= step < self._drawn[0] + len(self._drawn[1].mask_NSBT):
            batch = self.settings.train.batch
            per_step = len(self.seeds) * batch * self.settings.task.tokens_per_row()
            last = min(self.settings.train.steps, step + max(1, TOKENS_DRAWN_AT_ONCE // per_step))
            steps_N = torch.arange(step, last, device=self.device)
            rows = self.task.rows(self._data_seeds_S, steps_N, batch)
            filling = (0, padding(rows.tokens_NSBT.shape[-1], ROW_ALIGNMENT))
            self._drawn = (step, Rows(*(F.pad(part, filling) for part in rows)))
        first, rows = self._drawn
        return rows.tokens_NSBT[step - first], rows.mask_NSBT[step - first]

    def _train_step(self, tokens_SBT: Tensor, mask_SBT: Tensor) -> None:
        # Philox is hundreds of small operations: only where something is dropped.
        drops = self.settings.model.drops
        keys_S = dropout_keys(self._data_seeds_S, self.step) if drops else self._data_seeds_S
        batch = Batch(tokens_SBT, mask_SBT, keys_S)
        losses_LS, grad_SP = self.gradient(batch)
        # A seed with a NaN or infinity anywhere in its gradient has a sum that is not finite.
        self.alive_S &= torch.isfinite(losses_LS[0]) & torch.isfinite(grad_SP.sum(1))
        self.optimiser.step(self.step, grad_SP, self.alive_S)
        if not self._loss_sums:
            self._loss_sums = dict.fromkeys(self.gradient.loss_names(batch), torch.zeros_like(losses_LS[0]))
        for name, loss_S in zip(self._loss_sums, losses_LS.unbind(), strict=True):
            self._loss_sums[name] = self._loss_sums[name] + loss_S
        self._loss_steps += 1

    @torch.no_grad()
    def evaluate(self) -> dict[tuple[str, str], np.ndarray]:
        """Every metric now, `{(split, metric): values (S,)}`; a diverged seed's values are NaN.

        Besides the task's: `("train", "loss")` and the task's loss parts, means over the steps since the last
        evaluation (none before the first step), and `("train", "diverged")`, 0 or 1.
        """
        with self.gradient.precision(self.device):
            values = self.task.evaluate(self.decoder)
        for name, sum_S in self._loss_sums.items():
            values["train", name] = (sum_S.double() / self._loss_steps).cpu().numpy()
        self._loss_sums, self._loss_steps = {}, 0
        alive_S = self.alive_S.cpu().numpy()
        values = {key: np.where(alive_S, value, np.nan) for key, value in values.items()}
        return values | {("train", "diverged"): (~alive_S).astype(float)}

    def state(self) -> dict[str, Any]:
        """Everything a resumed training needs; there is no generator state to keep."""
        return {
            "seeds": [tuple(seed) for seed in self.seeds],
            "step": self.step,
            "flat": self.decoder.flat_SP,
            "optimiser": self.optimiser.state(),
            "alive": self.alive_S,
            "loss_sums": self._loss_sums,
            "loss_steps": self._loss_steps,
        }

    @torch.no_grad()
    def load_state(self, state: dict[str, Any]) -> None:
        """Continue from `state()` of a trainer of the same settings and seeds."""
        if [tuple(seed) for seed in state["seeds"]] != [tuple(seed) for seed in self.seeds]:
            raise ValueError("this checkpoint belongs to other seeds")
        self.step = state["step"]
        self.decoder.flat_SP.copy_(state["flat"])
        self.optimiser.load_state(state["optimiser"])
        self.alive_S.copy_(state["alive"])
        self._loss_sums = state["loss_sums"]
        self._loss_steps = state["loss_steps"]
