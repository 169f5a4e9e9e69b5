"""Metrics that were measured each at steps of its own, as one table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa

STEP = "step"
"""Name of the column of steps, in formats that do not name it otherwise."""


def by_step(columns: Sequence[str], points: Iterable[tuple[str, int, float]]) -> pa.Table:
    """A row per step at which one of some metrics was measured.

    Parameters
    ----------
    columns : sequence of str
        Metrics, and `step`.
    points : iterable of (metric, step, value)
        In the order in which they were written: of several for one step the last counts, as a run that was resumed
        repeats steps.

    Returns
    -------
    pyarrow.Table
        The columns; null where a metric was not measured.
    """
    values: dict[str, dict[int, float]] = {name: {} for name in columns}
    every: dict[int, None] = {}
    for metric, step, value in points:
        every[step] = None
        if metric in values:
            values[metric][step] = value
    steps = sorted(every)
    arrays = {name: pa.array([values[name].get(step) for step in steps], pa.float64()) for name in columns}
    if STEP in arrays:
        arrays[STEP] = pa.array(np.array(steps, dtype=np.int64))
    return pa.table(arrays)
