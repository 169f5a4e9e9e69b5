"""What a pack has measured: evaluations, handed to the sink in blocks of rows."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from seedsweep.cell import Pace, Pack, Sink
from seedsweep.schema import METRICS
from seedsweep.workers.cellsettings import CellSettings

ROWS_PER_BLOCK = 10_000
"""Blocks hold at least this many rows (small files read slowly), except the last of a pack."""


class Recorder:
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

    def record(self, step: int, values: dict[tuple[str, str], np.ndarray], pace: Pace | None = None) -> None:
        """Take in an evaluation; the last block also tells how fast the pack was trained."""
        self._pending.append((step, values))
        self.evaluations += 1
        last = step == self._settings.train.steps
        if last or len(self._pending) == self._evaluations_per_block:
            number = (self.evaluations - 1) // self._evaluations_per_block
            steps = (self._pending[0][0], step)
            timed = {"pace": asdict(pace)} if last and pace is not None else {}
            self._sink.write_block(
                number, self._table(), last=last, steps=steps, provenance=self._provenance | timed
            )
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
                columns["examples_seen"] += [step * settings.batch] * count
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
