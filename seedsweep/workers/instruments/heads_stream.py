"""The stream `heads`: what each head of the last layer does for the answer, by itself and when it is missing.

After the thesis that docs/in-context.md names (section 4.3.1). What a head that is off has read is replaced by
zeros, before the projection; patterns are left alone.

`keep_one_accuracy`, `keep_one_context_accuracy`
    Of a head, how many rows are right with every other head of the last layer off; among all tokens that can be
    the answer, and among the row's labels.
`knock_out_accuracy`, `knock_out_context_accuracy`
    With this head off, and no other.

Heads have no names that two seeds share: of each measure `heads-sorted-k` is the value of the head that has the
most but k, and `heads-count` how many heads are over `threshold`. To compare with, in the same rows, are
`accuracy`, `context_accuracy` and `loss` under `heads-all`, the model as it is, and `heads-none`, with every head
of the last layer off. Heads that write nothing (`active_heads`) are left out.

Letters: S seeds, B rows, N rows of all seeds (seeds first), H heads that write, X all heads, K head size, M
variants: all heads, none, each head alone, all but each head.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from seedsweep.cell import Metrics
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.instruments import Stream
from seedsweep.workers.instruments.lastlayer import NotedLayer, check_dialect
from seedsweep.workers.instruments.pairrows import PairRows, PairStreamSettings
from seedsweep.workers.instruments.sortedheads import sorted_heads
from seedsweep.workers.instrumentsettings import StreamSettings
from seedsweep.workers.settings import ModelSettings, TaskSettings
from seedsweep.workers.tasks import Task


class HeadsSettings(PairStreamSettings):
    """An entry `heads` of `streams:`."""

    name: Literal["heads"] = "heads"
    threshold: float = Field(default=0.9, gt=0, lt=1)
    """Heads over it are counted."""

    def check(self, task: TaskSettings, model: ModelSettings) -> None:
        super().check(task, model)
        check_dialect(model)


class HeadsStream(Stream):
    """Heads of the last layer, kept one by one and knocked out one by one."""

    Settings = HeadsSettings

    def __init__(self, settings: StreamSettings, cell: CellSettings, task: Task) -> None:
        assert isinstance(settings, HeadsSettings)
        self._threshold = settings.threshold
        self._rows = PairRows(settings, cell, task)
        self._active = cell.model.writing_heads
        device = self._rows.tokens_BT.device
        one_HX = torch.eye(cell.model.heads, dtype=torch.bool, device=device)[: self._active]
        all_1X = torch.ones_like(one_HX[:1])
        self._on_XM1 = torch.cat([all_1X, ~all_1X, one_HX, ~one_HX]).T[..., None]

    def read(self, decoder: StackedDecoder) -> Metrics:
        noted = NotedLayer(decoder.attention)
        reader = decoder.with_attention(noted)
        parts = [self._scores(reader, noted, rows) for rows in self._rows.parts()]
        values: Metrics = {}
        for metric, values_SM in self._rows.means(parts).items():
            values |= {("heads-all", metric): values_SM[:, 0], ("heads-none", metric): values_SM[:, 1]}
            if metric != "loss":
                alone_SH, without_SH = values_SM[:, 2 : 2 + self._active], values_SM[:, 2 + self._active :]
                values |= sorted_heads(f"keep_one_{metric}", alone_SH, self._threshold)
                values |= sorted_heads(f"knock_out_{metric}", without_SH, self._threshold)
        return values

    def _scores(self, reader: StackedDecoder, noted: NotedLayer, rows: slice) -> dict[str, Tensor]:
        """(S, B, M), by metric."""
        tokens_BT, query = self._rows.tokens_BT[rows], self._rows.query
        reader.hidden(tokens_BT.expand(reader.seeds, -1, -1))
        x_SB1D, y_NX1K = noted.x_SBTD[:, :, query : query + 1], noted.y_NHTK[:, :, query : query + 1]
        logits = []
        for on_XM1 in self._on_XM1.split(self._rows.variants_at_once(len(tokens_BT)), dim=1):
            # A variant stands in place of a position.
            y_NXMK = torch.where(on_XM1, y_NX1K, 0.0)
            logits.append(reader.logits(reader.behind_heads(x_SB1D.expand(-1, -1, on_XM1.shape[1], -1), y_NXMK)))
        return self._rows.scores(rows, torch.cat(logits, dim=2))
