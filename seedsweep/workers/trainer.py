"""The training state of a pack: S seeds that take every optimiser step together.

Shape letters: N steps, S seeds, B rows of a batch, T tokens of a row, P parameters of a seed.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from seedsweep.cell import Metrics
from seedsweep.seeds import Seed
from seedsweep.workers import heap
from seedsweep.workers.alignment import padding
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.cudagraph import WARM_UP, GraphedStep, graphed
from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.device import to_host
from seedsweep.workers.dropout import dropout_keys
from seedsweep.workers.instruments import find_stream
from seedsweep.workers.optimiser import learning_rates
from seedsweep.workers.tasks import Rows, find_task
from seedsweep.workers.update import Inputs, Update

TOKENS_DRAWN_AT_ONCE = {"cpu": 2**18, "cuda": 2**21}
"""What changes from step to step is drawn for several at once, about this many tokens; it changes no value. On a
GPU the thousand small operations take as long for a few tokens as for many."""


class _Drawn(NamedTuple):
    """What the steps from `first` on read."""

    first: int
    rows: Rows
    keys_NS: Tensor


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
            settings.decoder,
            settings.vocabulary_size,
            len(seeds),
            self.device,
            unpadded=settings.train.unpadded,
            features=self.task.feature_table() if settings.task.features is not None else None,
            predicted=settings.task.predicted,
            row_alignment=settings.task.row_alignment,
        )
        self.decoder.initialise([seed.init for seed in seeds], self._trained(base))
        self.start = self._describe_start()
        self.update = Update(settings, self.task, self.decoder)
        self.gradient, self.alive_S = self.update.gradient, self.update.alive_S
        self._take = graphed(self.update, self.device)
        self._learning_rates_N = learning_rates(settings.train, self.device)
        self._active_NI = self.gradient.interventions.active(torch.arange(settings.train.steps + 1))
        self._streams = [find_stream(stream.name)(stream, settings, self.task) for stream in settings.streams]
        self.step = 0
        self._loss_steps = 0  # since the last evaluation
        self._data_seeds_S = torch.tensor([seed.data for seed in seeds], device=self.device)
        self._drawn: _Drawn | None = None

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
            self._take(self.inputs(self.step))
            self.step += 1
            self._loss_steps += 1

    @property
    def warm_up(self) -> int:
        """Steps whose time tells nothing of the others: kernels are compiled in them, and a graph is captured."""
        return WARM_UP + 1 if isinstance(self._take, GraphedStep) else 1

    def inputs(self, step: int) -> Inputs:
        """What a step reads."""
        if self._drawn is None or not self._drawn.first <= step < self._drawn.first + len(self._drawn.keys_NS):
            self._drawn = self._draw(step)
        here = step - self._drawn.first
        rows = self._drawn.rows
        return Inputs(
            rows.tokens_NSBT[here],
            rows.mask_NSBT[here],
            self._drawn.keys_NS[here],
            self._active_NI[step],
            self._learning_rates_N[step],
        )

    def _draw(self, first: int) -> _Drawn:
        batch, seeds_S = self.settings.batch, self._data_seeds_S
        per_step = len(self.seeds) * batch * self.settings.task.tokens_per_row()
        many = max(1, TOKENS_DRAWN_AT_ONCE.get(self.device.type, 0) // per_step)
        steps_N = torch.arange(first, min(self.settings.train.steps, first + many), device=self.device)
        rows = self.task.rows(seeds_S, steps_N, batch)
        filling = (0, padding(rows.tokens_NSBT.shape[-1], self.settings.task.row_alignment))
        # Philox is hundreds of small operations: only where something is dropped.
        drops = self.settings.model.drops
        keys_NS = dropout_keys(seeds_S, steps_N[:, None]) if drops else seeds_S.expand(len(steps_N), -1)
        return _Drawn(first, Rows(*(F.pad(part, filling) for part in rows)), keys_NS)

    @torch.no_grad()
    def evaluate(self) -> Metrics:
        """Every metric now, `{(split, metric): values (S,)}`; a diverged seed's values are NaN.

        Besides the task's and the streams', and the task's once more for every intervention of evaluations alone:
        `("train", "loss")` and the task's loss parts, means over the steps since the last evaluation (none before
        the first step), and `("train", "diverged")`, 0 or 1.
        """
        on_cpu = self.device.type == "cpu"
        with self.gradient.precision(self.device), heap.given_back() if on_cpu else nullcontext():
            values = self._measure()
        sums_LS, alive_S = to_host(self.update.loss_sums_LS.double(), self.alive_S)
        if self._loss_steps:
            means_LS = sums_LS / self._loss_steps
            values |= {
                ("train", name): mean_S for name, mean_S in zip(self.update.loss_names, means_LS, strict=True)
            }
        self.update.loss_sums_LS.zero_()
        self._loss_steps = 0
        values = {key: np.where(alive_S, value, np.nan) for key, value in values.items()}
        return values | {("train", "diverged"): (~alive_S).astype(float)}

    def _measure(self) -> Metrics:
        """The model is evaluated as its next step will train it."""
        interventions, active_I = self.gradient.interventions, self._active_NI[self.step]
        # An object of its own for every evaluation: what several measures have in common is computed once for it.
        decoder = copy.copy(interventions.trained(self.decoder, active_I))
        values = self.task.evaluate(decoder)
        for stream in self._streams:
            values |= stream.read(decoder)
        for one in interventions.of_evaluation:
            changed = self.task.evaluate(interventions.evaluated(self.decoder, active_I, one))
            values |= {(f"{split}+{one.label}", metric): value for (split, metric), value in changed.items()}
        return values

    def state(self) -> dict[str, Any]:
        """Everything a resumed training needs; there is no generator state to keep."""
        return {
            "seeds": [tuple(seed) for seed in self.seeds],
            "step": self.step,
            "flat": self.decoder.flat_SP,
            "optimiser": self.update.optimiser.state(),
            "alive": self.alive_S,
            "loss_sums": dict(zip(self.update.loss_names, self.update.loss_sums_LS, strict=True)),
            "loss_steps": self._loss_steps,
        }

    @torch.no_grad()
    def load_state(self, state: dict[str, Any]) -> None:
        """Continue from `state()` of a trainer of the same settings and seeds."""
        if [tuple(seed) for seed in state["seeds"]] != [tuple(seed) for seed in self.seeds]:
            raise ValueError("this checkpoint belongs to other seeds")
        self.step = state["step"]
        self.decoder.flat_SP.copy_(state["flat"])
        self.update.optimiser.load_state(state["optimiser"])
        self.alive_S.copy_(state["alive"])
        self.update.loss_sums_LS.zero_()
        for name, sum_S in state["loss_sums"].items():  # none in one of an older version after an evaluation
            self.update.loss_sums_LS[self.update.loss_names.index(name)] = sum_S
        self._loss_steps = state["loss_steps"]
