"""The stream `attention`: how far each seed's attention is on the pattern that solves the task.

After Baherwani et al. 2026 (arXiv 2606.25010) and what became of its measures in re-implementations. All are of
mean attention ā: over the rows read, of one head at the position that predicts an output.

`attention_mass`
    The largest share of ā, over all heads, that lies on the output's parents: 1 is all of it, 0 as much as if all
    tokens before it were read equally, and it is below 0 if there is less. It can be 1 with all of it on one
    parent, and two heads can share an output: hence
`attention_coverage`
    Share of the parents on which some head has at least half of 1 / parents.
`attention_iou`
    Of the inputs most read, as many as there are parents: those that are parents, over all that are one or the
    other. Of the best head: by chance it is the larger, the more heads there are.
`attention_entropy`
    Entropy in nats of ā among the inputs, rescaled to sum to 1, of the head with the least. Its exponential is the
    number of inputs that are read.

They stand under the split `output-i`, and their means over outputs under `attention`; under `attention-permuted`
the means for the parents of other outputs, which is what comes by chance with so many heads. `attention_mass`
under `heads-sorted-k` is the mean over outputs of the head that has the most but k: heads have no names that two
seeds share.

Letters: S seeds, L layers, H heads (of all layers where there is no L), O outputs, T tokens of a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from seedsweep.cell import Metrics
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.instruments import Stream
from seedsweep.workers.instruments.reading import mean_attention
from seedsweep.workers.instrumentsettings import StreamSettings
from seedsweep.workers.settings import ModelSettings, TaskSettings
from seedsweep.workers.tasks import Task

METRICS = ("attention_mass", "attention_coverage", "attention_iou", "attention_entropy")


class AttentionSettings(StreamSettings):
    """An entry `attention` of `streams:`."""

    of_attention = True
    name: Literal["attention"] = "attention"
    rows: int = Field(default=64, ge=1)
    """Rows over which attention is averaged."""

    def check(self, task: TaskSettings, model: ModelSettings) -> None:
        if "true" not in task.pattern_names() or not task.outputs:
            raise ValueError(f"the task {task.name} knows no pattern to compare attention with")

    def measures(self, task: TaskSettings, model: ModelSettings) -> Mapping[str, Sequence[str]]:
        together = [*(f"output-{output}" for output in range(task.outputs)), "attention", "attention-permuted"]
        heads = [f"heads-sorted-{rank}" for rank in range(model.depth * model.heads)]
        return dict.fromkeys(together, METRICS) | dict.fromkeys(heads, METRICS[:1])


class AttentionStream(Stream):
    """Attention at the outputs of a task, against their parents."""

    Settings = AttentionSettings

    def __init__(self, settings: StreamSettings, cell: CellSettings, task: Task) -> None:
        assert isinstance(settings, AttentionSettings)
        outputs, pattern = cell.task.outputs, task.patterns()["true"]
        self._rows_BT = task.reading_rows()[: settings.rows]
        self._queries_O = pattern.queries_Q[-outputs:]
        self._seen_O = self._queries_O.cpu().numpy() + 1
        self._parents_OT = pattern.parents_QT[-outputs:].cpu().numpy()
        self._inputs_OT = pattern.inputs_QT[-outputs:].cpu().numpy()
        # Of an output half the row away, so that neighbours, which may share parents, are not compared.
        self._permuted_OT = np.roll(self._parents_OT, outputs // 2, axis=0)

    def read(self, decoder: StackedDecoder) -> Metrics:
        attention_SLHOT = mean_attention(decoder, self._rows_BT, self._queries_O)
        found = [self._of_seed(one_LHOT.reshape(-1, *one_LHOT.shape[2:])) for one_LHOT in attention_SLHOT]
        return {key: np.array([values[key] for values in found]) for key in found[0]}

    def _of_seed(self, attention_HOT: np.ndarray) -> dict[tuple[str, str], float]:
        """Heads of all layers are taken together."""
        of_outputs = self._measures(attention_HOT, self._parents_OT)
        values = {
            (f"output-{output}", metric): float(value)
            for metric, values_O in of_outputs.items()
            for output, value in enumerate(values_O)
        }
        permuted = self._measures(attention_HOT, self._permuted_OT)
        for split, measures in (("attention", of_outputs), ("attention-permuted", permuted)):
            values |= {(split, metric): float(values_O.mean()) for metric, values_O in measures.items()}
        mass_H = self._masses(attention_HOT, self._parents_OT).mean(1)
        values |= {
            (f"heads-sorted-{rank}", "attention_mass"): float(mass)
            for rank, mass in enumerate(np.sort(mass_H)[::-1])
        }
        return values

    def _masses(self, attention_HOT: np.ndarray, parents_OT: np.ndarray) -> np.ndarray:
        """(H, O), 0 where attention is equal over all tokens that are seen."""
        equal_O = parents_OT.sum(1) / self._seen_O
        mass_HO: np.ndarray = ((attention_HOT * parents_OT).sum(2) - equal_O) / (1 - equal_O)
        return mass_HO

    def _measures(self, attention_HOT: np.ndarray, parents_OT: np.ndarray) -> dict[str, np.ndarray]:
        count_O = parents_OT.sum(1)
        enough_OT = (attention_HOT >= 0.5 / count_O[:, None]).any(0)
        # The most read inputs, the first of equals first.
        among_HOT = np.where(self._inputs_OT, attention_HOT, -1.0)
        rank_HOT = np.argsort(np.argsort(-among_HOT, axis=2, kind="stable"), axis=2, kind="stable")
        both_HO = ((rank_HOT < count_O[:, None]) & parents_OT).sum(2)
        share_HOT = attention_HOT * self._inputs_OT
        share_HOT = share_HOT / np.maximum(share_HOT.sum(2, keepdims=True), np.finfo(float).tiny)
        logarithm_HOT = np.log(share_HOT, out=np.zeros_like(share_HOT), where=share_HOT > 0)
        return {
            "attention_mass": self._masses(attention_HOT, parents_OT).max(0),
            "attention_coverage": (enough_OT & parents_OT).sum(1) / count_O,
            "attention_iou": (both_HO / (2 * count_O - both_HO)).max(0),
            "attention_entropy": -(share_HOT * logarithm_HOT).sum(2).min(0),
        }
