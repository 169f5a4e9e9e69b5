"""Time to the threshold along a ladder."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from seedsweep.analysis import summarise_survival
from tests.analysis.statistics.test_budget import waiting


def test_times_along_a_ladder() -> None:
    random = np.random.default_rng(5)
    steps = np.arange(0, 1001, 50)
    curves: dict[float, Any] = {scale: (steps, waiting(60, 2000 / scale, random)) for scale in (4, 1, 2)}
    curves[8] = (np.array([0, 500]), np.empty((0, 2)))
    summary = summarise_survival(curves, threshold=0.5)
    assert [s.scale for s in summary.scales] == [1, 2, 4, 8]
    assert summary.log_rank.groups == (1, 2, 4)
    assert summary.log_rank.pvalue < 1e-6
    assert [pair.groups for pair in summary.pairwise] == [(1, 2), (1, 4), (2, 4)]
    told = json.loads(json.dumps(summary.to_dict(), allow_nan=False))
    assert told["scales"][0]["survival"]["median"]["high"] is None
    assert len(told["scales"][2]["times"]["steps"]) == 60
    for part in (summary.log_rank, summary.scales[0].times, summary.scales[0].survival, summary.scales[0].cut_off):
        json.dumps(part.to_dict(), allow_nan=False)
    alone = summarise_survival({3: (steps, waiting(1, 100, random))}, threshold=0.5)
    assert math.isnan(alone.log_rank.statistic)
    assert alone.pairwise == ()
