"""The stream `induction`: what each head does of an induction circuit, in rows of pairs and a query.

After the thesis that docs/in-context.md names (sections 4.3 and 5.6). With a the attention of one head, each a
mean over the rows read:

`induction_strength`
    Of a head behind the first layer, a(labels of the query's class) − a(the other labels), of the query: from −1
    to 1, and of two pairs a(correct label) − a(other label).
`previous_token`
    Of a head of the first layer, the mean over the row's labels of a(the exemplar before the label).
`previous_token_rescaled`
    The same as far as it is more than what equal attention to all that is seen comes to (3/8 of two pairs): 0 is
    as much, 1 all of it.
`self_attention`
    Of a head of the first layer, the mean over the row's labels of a(the label itself).

Heads have no names that two seeds share: of each measure `heads-sorted-k` is the value of the head that has the
most but k, so that 0 is the largest one, `heads-sum` the sum over heads, and `heads-count` how many are over
`threshold`. Heads that write nothing (`active_heads`) are left out. A maximum grows with the number of heads even
by chance: it is to be compared with that of step 0.

Letters: S seeds, L layers, H heads, B rows, N pairs, Q positions that look, T tokens of a row, M measures.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from seedsweep.cell import Metrics
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.instruments import Stream
from seedsweep.workers.instruments.pairrows import PATTERNS, PairRows, PairStreamSettings
from seedsweep.workers.instruments.reading import weighted_attention
from seedsweep.workers.instruments.sortedheads import sorted_heads
from seedsweep.workers.instrumentsettings import StreamSettings
from seedsweep.workers.tasks import Task


class InductionSettings(PairStreamSettings):
    """An entry `induction` of `streams:`."""

    name: Literal["induction"] = "induction"
    threshold: float = Field(default=0.5, gt=-1, lt=1)
    """Heads over it are counted."""


class InductionStream(Stream):
    """Attention of labels and of queries, head by head."""

    Settings = InductionSettings

    def __init__(self, settings: StreamSettings, cell: CellSettings, task: Task) -> None:
        assert isinstance(settings, InductionSettings)
        self._threshold = settings.threshold
        self._active = cell.model.writing_heads
        self._tokens_BT = PairRows(settings, cell, task).tokens_BT
        rows, length = self._tokens_BT.shape
        labels_N = torch.arange(1, length - 1, 2, device=self._tokens_BT.device)
        self._queries_Q = torch.cat([labels_N, labels_N[-1:] + 1])
        before_QT, self_QT = (_at(labels_N, labels_N - back, length) / len(labels_N) for back in (1, 0))
        match_BTT, other_BTT = (task.row_patterns()[name](self._tokens_BT) for name in PATTERNS)
        strength_BQT = (match_BTT.double() - other_BTT.double())[:, self._queries_Q]
        strength_BQT[:, :-1] = 0.0
        self._weights_MBQT = torch.stack(
            [strength_BQT, before_QT.expand(rows, -1, -1), self_QT.expand(rows, -1, -1)]
        )
        # Position t sees t + 1 tokens.
        self._equal = float((1 / (labels_N + 1).double()).mean())

    def read(self, decoder: StackedDecoder) -> Metrics:
        found_SLHM = weighted_attention(decoder, self._tokens_BT, self._queries_Q, self._weights_MBQT)
        strength_SLH, before_SLH, self_SLH = np.moveaxis(found_SLHM, -1, 0)
        layers, heads = strength_SLH.shape[1:]
        writes_LH = np.ones((layers, heads), dtype=bool)
        writes_LH[-1, self._active :] = False
        of_heads = {
            "previous_token": before_SLH[:, 0, writes_LH[0]],
            "previous_token_rescaled": (before_SLH[:, 0, writes_LH[0]] - self._equal) / (1 - self._equal),
            "self_attention": self_SLH[:, 0, writes_LH[0]],
        }
        if layers > 1:
            of_heads["induction_strength"] = strength_SLH[:, 1:][:, writes_LH[1:]]
        values: Metrics = {}
        for metric, values_SH in of_heads.items():
            values |= sorted_heads(metric, values_SH, self._threshold)
            # Seed by seed: who else is in the pack must not decide how a sum is rounded.
            values["heads-sum", metric] = np.array([math.fsum(of_heads_H) for of_heads_H in values_SH.tolist()])
        return values


def _at(labels_N: Tensor, keys_N: Tensor, length: int) -> Tensor:
    """float64 (Q, T): 1 where a label looks at its key; the query is the last to look, at nothing."""
    looks_QT = torch.zeros(len(labels_N) + 1, length, dtype=torch.float64, device=labels_N.device)
    looks_QT[torch.arange(len(labels_N)), keys_N] = 1.0
    return looks_QT
