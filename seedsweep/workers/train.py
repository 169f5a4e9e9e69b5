"""Training a pack: the whole story of S seeds, from their initial weights to their rows in the store."""

from __future__ import annotations

import hashlib
import io
import math
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import torch
import torch.nn.functional as F
from torch import Tensor

from seedsweep.schema import METRICS
from seedsweep.seeds import Seed
from seedsweep.settings import Qwen2Settings
from seedsweep.spec import CellSettings, Pack
from seedsweep.workers import pretrained
from seedsweep.workers.decoder import ROW_ALIGNMENT, StackedDecoder
from seedsweep.workers.device import describe, reproducible
from seedsweep.workers.dropout import Dropout
from seedsweep.workers.optimiser import StackedAdamW
from seedsweep.workers.tasks import Rows, find_task

ROWS_PER_BLOCK = 10_000
"""Blocks hold at least this many rows (small files read slowly), except the last of a pack."""
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
        self.decoder = StackedDecoder(settings.model, settings.vocabulary_size, len(seeds), self.device)
        self.decoder.initialise([seed.init for seed in seeds], self._trained(base))
        self.start = self._describe_start()
        self.optimiser = StackedAdamW(settings.train, self.decoder.flat_SP)
        self.step = 0
        self.alive_S = torch.ones(len(seeds), dtype=torch.bool, device=self.device)
        self._data_seeds_S = torch.tensor([seed.data for seed in seeds], device=self.device)
        self._loss_sums: dict[str, Tensor] = {}  # (S,) each, since the last evaluation
        self._loss_steps = 0
        self._drawn: tuple[int, Rows] | None = None
        pad = self.decoder.flat_SP.shape[1] - self.decoder.size
        self._padding_SX = torch.zeros(len(seeds), pad, device=self.device)

    def _trained(self, base: bytes | None) -> dict[str, Tensor] | None:
        """The model that all seeds start from, if there is one."""
        model = self.settings.model
        if not self.settings.redraws:
            return None
        assert isinstance(model, Qwen2Settings)
        if model.checkpoint is not None:
            return pretrained.load_checkpoint(model, self.decoder.shapes)
        if base is None:
            raise ValueError("these settings have a base: give its bytes")
        return pretrained.from_bytes(base, model, self.decoder.shapes)

    def _describe_start(self) -> dict[str, Any]:
        """Hashes, for the provenance, of what each seed has drawn anew of a trained model."""
        if not self.settings.redraws:
            return {}
        rows = {str(seed.id): pretrained.redrawn_digest(self.decoder, row) for row, seed in enumerate(self.seeds)}
        return {"redrawn": rows}

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
            padding = (0, -rows.tokens_NSBT.shape[-1] % ROW_ALIGNMENT)
            self._drawn = (step, Rows(*(F.pad(part, padding) for part in rows)))
        first, rows = self._drawn
        return rows.tokens_NSBT[step - first], rows.mask_NSBT[step - first]

    def token_nll(self, tokens_SBT: Tensor) -> Tensor:
        """Cross entropy (S, B, T) of every token's successor; at the last position, which has none, anything."""
        dropout = Dropout(self._data_seeds_S, self.step)
        with self._precision():
            # The last position predicts nothing that is known, but rows of T tokens fill whole registers,
            # which makes attention up to 40 % faster than rows of T − 1.
            logits_SBTV = self.decoder.logits(self.decoder.hidden(tokens_SBT, dropout))
        nll_N = F.cross_entropy(
            logits_SBTV.float().flatten(0, 2), tokens_SBT.roll(-1, dims=2).flatten(), reduction="none"
        )
        return nll_N.view_as(tokens_SBT)

    def _precision(self) -> torch.autocast:
        bfloat16 = self.settings.train.precision == "bfloat16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=bfloat16)

    def _train_step(self, tokens_SBT: Tensor, mask_SBT: Tensor) -> None:
        nll_SBT = self.token_nll(tokens_SBT)
        loss_S = _mean_loss(nll_SBT, mask_SBT)
        parameters = list(self.decoder.parameters.values())
        # The sum, not the mean over seeds: every seed gets the gradient it would get alone. Its parts are kept by
        # nothing, so that they make room as soon as they have been put together.
        parts_SX = (part.flatten(1) for part in torch.autograd.grad(loss_S.sum(), parameters))
        grad_SP = torch.cat([*parts_SX, self._padding_SX], dim=1)
        # A seed with a NaN or infinity anywhere in its gradient has a sum that is not finite.
        self.alive_S &= torch.isfinite(loss_S.detach()) & torch.isfinite(grad_SP.sum(1))
        self.optimiser.step(self.step, grad_SP, self.alive_S)
        parts = self.task.loss_parts(tokens_SBT)
        losses = {name: _mean_loss(nll_SBT.detach(), mask_SBT & part) for name, part in parts.items()}
        for name, value_S in {"loss": loss_S.detach(), **losses}.items():
            self._loss_sums[name] = self._loss_sums.get(name, torch.zeros_like(value_S)) + value_S
        self._loss_steps += 1

    @torch.no_grad()
    def evaluate(self) -> dict[tuple[str, str], np.ndarray]:
        """Every metric now, `{(split, metric): values (S,)}`; a diverged seed's values are NaN.

        Besides the task's: `("train", "loss")` and the task's loss parts, means over the steps since the last
        evaluation (none before the first step), and `("train", "diverged")`, 0 or 1.
        """
        with self._precision():
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


def _mean_loss(nll_SBT: Tensor, mask_SBT: Tensor) -> Tensor:
    """Mean (S,) over the tokens of each seed that count. The mask is True at the tokens, the loss one before."""
    counts_SBT = F.pad(mask_SBT[..., 1:], (0, 1)).float()
    total_S = (nll_SBT * counts_SBT).flatten(1).sum(1)
    return total_S / counts_SBT.flatten(1).sum(1).clamp(min=1.0)


class Sink(Protocol):
    """Where a pack's results go. The driver's is the store; tests have their own."""

    def load_base(self) -> bytes | None:
        """Content of the base's safetensors file; only asked for if the settings have a base."""

    def load_checkpoint(self) -> bytes | None:
        """The last checkpoint of this pack, if there is one."""

    def save_checkpoint(self, state: bytes) -> None:
        """Keep a checkpoint in place of the last one."""

    def write_block(
        self, number: int, table: pa.Table, *, last: bool, steps: tuple[int, int], provenance: dict[str, Any]
    ) -> None:
        """Keep a block of rows. Writing a block again writes the same rows."""

    def report(self, step: int, steps: int) -> None:
        """Where the training stands; called after every step."""


def train_pack(
    settings: CellSettings,
    pack: Pack,
    sink: Sink,
    *,
    device: str = "cpu",
    should_stop: Callable[[], bool] = lambda: False,
    checkpoint_seconds: float = 30.0,
) -> bool:
    """Train a pack from its last checkpoint, or from the start, to the end.

    Blocks are cut at fixed evaluations, and the checkpoint carries the rows that are not in a block yet. So
    whatever happens in between, block k of a pack always holds the same rows.

    Returns
    -------
    bool
        True when the pack is finished; False when `should_stop` said so: a checkpoint is then saved.
    """
    with reproducible(device, settings.train.precision):
        base = sink.load_base() if settings.base is not None else None
        trainer = PackTrainer(settings, pack.seeds, device, base)
        origin = {"base": hashlib.sha256(base).hexdigest()[:16]} if base is not None else {}
        recorder = _Recorder(settings, pack, sink, describe(device) | origin | trainer.start)
        if (saved := sink.load_checkpoint()) is not None:
            state = torch.load(io.BytesIO(saved), map_location=device, weights_only=True)
            trainer.load_state(state["trainer"])
            recorder.load_state(state["recorder"])

        def checkpoint() -> None:
            buffer = io.BytesIO()
            torch.save({"trainer": trainer.state(), "recorder": recorder.state()}, buffer)
            sink.save_checkpoint(buffer.getvalue())

        saved_at = time.monotonic()
        for evaluation in settings.evaluation_steps[recorder.evaluations :]:
            while trainer.step < evaluation:
                trainer.train_to(trainer.step + 1)
                sink.report(trainer.step, settings.train.steps)
                if should_stop():
                    checkpoint()
                    return False
                if time.monotonic() - saved_at > checkpoint_seconds:
                    checkpoint()
                    saved_at = time.monotonic()
            recorder.record(trainer.step, trainer.evaluate())
    return True


class _Recorder:
    """Collects evaluations and hands them to the sink in blocks of fixed boundaries."""

    def __init__(self, settings: CellSettings, pack: Pack, sink: Sink, origin: dict[str, Any]) -> None:
        self._settings, self._pack, self._sink = settings, pack, sink
        self._provenance = {
            "settings": settings.model_dump(mode="json"), "pack_size": len(pack.seeds), **origin
        }  # fmt: skip
        metrics = len(settings.task.splits()) * len(settings.task.metrics()) + 2
        self._evaluations_per_block = math.ceil(ROWS_PER_BLOCK / (metrics * len(pack.seeds)))
        self.evaluations = 0
        self._pending: list[tuple[int, dict[tuple[str, str], np.ndarray]]] = []

    def record(self, step: int, values: dict[tuple[str, str], np.ndarray]) -> None:
        self._pending.append((step, values))
        self.evaluations += 1
        last = step == self._settings.train.steps
        if last or len(self._pending) == self._evaluations_per_block:
            number = (self.evaluations - 1) // self._evaluations_per_block
            steps = (self._pending[0][0], step)
            self._sink.write_block(number, self._table(), last=last, steps=steps, provenance=self._provenance)
            self._pending = []

    def _table(self) -> pa.Table:
        pack, settings = self._pack, self._settings
        columns: dict[str, list[Any]] = {name: [] for name in METRICS.names}
        for step, values in self._pending:
            for (split, metric), value_S in values.items():
                count = len(pack.seeds)
                columns["seed"] += [seed.id for seed in pack.seeds]
                columns["init_seed"] += [seed.init for seed in pack.seeds]
                columns["data_seed"] += [seed.data for seed in pack.seeds]
                columns["step"] += [step] * count
                columns["examples_seen"] += [step * settings.train.batch] * count
                columns["split"] += [split] * count
                columns["metric"] += [metric] * count
                columns["value"] += value_S.tolist()
        rows = len(columns["value"])
        columns["task"] = [settings.task.name] * rows
        columns["scale_name"] = [pack.scale_name] * rows
        columns["scale"] = [pack.scale] * rows
        return pa.table(columns, schema=METRICS)

    def state(self) -> dict[str, Any]:
        """As plain containers and tensors, so that it loads without unpickling code."""
        return {
            "evaluations": self.evaluations,
            "pending": [
                (step, [(split, metric, torch.from_numpy(value)) for (split, metric), value in values.items()])
                for step, values in self._pending
            ],
        }

    def load_state(self, state: dict[str, Any]) -> None:
        self.evaluations = state["evaluations"]
        self._pending = [
            (step, {(split, metric): value.cpu().numpy() for split, metric, value in values})
            for step, values in state["pending"]
        ]
