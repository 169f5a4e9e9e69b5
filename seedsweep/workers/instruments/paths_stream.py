"""The stream `paths`: by which ways the first of two layers does something for the answer.

After the thesis that docs/in-context.md names (sections 4.4 and 5.6). A row is read twice: as the model is, and
then with the heads of its first layer off. In the second reading the last layer keeps some of what it had in the
first, and the rest it computes from the embeddings alone. By what is kept, `loss`, `accuracy` and
`context_accuracy` (right among the row's labels) are under

`paths-none`
    Nothing: there is no first layer.
`paths-q`, `paths-k`, `paths-v`
    Queries, keys or values: only the way through them is left.
`paths-qk`
    Queries and keys, so that patterns are those of the first reading.
`paths-qkv`
    All three, so that the last layer reads what it had read: what is gone is what the first layer adds to the
    output by itself.
`paths-all`
    The first reading, in the same rows.

Letters: S seeds, B rows, N rows of all seeds (seeds first), H heads, T positions, K head size, M ways.
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
from seedsweep.workers.instruments.lastlayer import NotedLayer, WithoutFirstLayer, check_dialect
from seedsweep.workers.instruments.pairrows import PairRows, PairStreamSettings
from seedsweep.workers.instrumentsettings import StreamSettings
from seedsweep.workers.settings import ModelSettings, TaskSettings
from seedsweep.workers.tasks import Task

KEPT = ("none", "q", "k", "v", "qk", "qkv")


class PathsSettings(PairStreamSettings):
    """An entry `paths` of `streams:`."""

    name: Literal["paths"] = "paths"
    rows: int = Field(default=128, ge=1)
    """How many, the first ones. Each is read twice."""

    def check(self, task: TaskSettings, model: ModelSettings) -> None:
        super().check(task, model)
        check_dialect(model)
        if model.depth != 2:
            raise ValueError(f"model.depth: are those between two layers; the model has {model.depth}")


class PathsStream(Stream):
    """The answer without the first layer, but for what the last one keeps of it."""

    Settings = PathsSettings

    def __init__(self, settings: StreamSettings, cell: CellSettings, task: Task) -> None:
        assert isinstance(settings, PathsSettings)
        self._rows = PairRows(settings, cell, task)
        self._query_1 = torch.tensor([self._rows.query], device=self._rows.tokens_BT.device)

    def read(self, decoder: StackedDecoder) -> Metrics:
        means = self._rows.means([self._scores(decoder, rows) for rows in self._rows.parts()])
        return {
            (f"paths-{name}", metric): values_SM[:, place]
            for metric, values_SM in means.items()
            for place, name in enumerate(("all", *KEPT))
        }

    def _scores(self, decoder: StackedDecoder, rows: slice) -> dict[str, Tensor]:
        """(S, B, M), by metric."""
        tokens_SBT = self._rows.tokens_BT[rows].expand(decoder.seeds, -1, -1)
        first = NotedLayer(decoder.attention)
        decoder.with_attention(first).hidden(tokens_SBT)
        second = NotedLayer(WithoutFirstLayer(decoder.attention))
        decoder.with_attention(second).hidden(tokens_SBT)
        logits = [self._logits(decoder, first.x_SBTD, first.q_NHTK, first.k_NHTK, first.v_NHTK)]
        for kept in KEPT:
            q_NHTK = (first if "q" in kept else second).q_NHTK
            k_NHTK = (first if "k" in kept else second).k_NHTK
            v_NHTK = (first if "v" in kept else second).v_NHTK
            logits.append(self._logits(decoder, second.x_SBTD, q_NHTK, k_NHTK, v_NHTK))
        return self._rows.scores(rows, torch.cat(logits, dim=2))

    def _logits(
        self, decoder: StackedDecoder, x_SBTD: Tensor, q_NHTK: Tensor, k_NHTK: Tensor, v_NHTK: Tensor
    ) -> Tensor:
        """(S, B, 1, V) of the query. The last layer attends anew, since a clamp may predict from its scores."""
        shares_NH1T = decoder.attention.shares_of(1, q_NHTK, k_NHTK, self._query_1)
        y_NH1K = shares_NH1T.to(v_NHTK.dtype) @ v_NHTK
        return decoder.logits(decoder.behind_heads(x_SBTD[:, :, self._query_1], y_NH1K))
