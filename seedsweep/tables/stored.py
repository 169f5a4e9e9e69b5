"""Results that were read once and kept in a long table: read again as the table that they were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from seedsweep.population import Taken
from seedsweep.tables.evaluations import Evaluations
from seedsweep.tables.reader import TableReader
from seedsweep.tables.roles import Roles


def read_again(
    rows: pa.Table, cells: Sequence[tuple[float, Any]], roles: Roles, split: str, taken: Taken
) -> TableReader:
    """A reader of a population's long table.

    Parameters
    ----------
    rows : pyarrow.Table
        A row per value, with the columns `scale`, `seed`, `step`, `metric` and `value`; NaN where a seed had
        diverged. `seed` holds labels.
    cells : sequence of (scale, seed)
        All that there are, also those of which nothing was measured.
    roles : Roles
        What the columns of the table were; without a step every row is a final value.
    split : str
        Name of the rows.
    taken : {"dropped", "failed", "last"}
        What becomes of seeds that end early.
    """
    scales = np.unique([scale for scale, _ in cells])
    labels = sorted({seed for _, seed in cells})
    place = {label: number for number, label in enumerate(labels)}
    seed = np.array([place[label] for label in rows["seed"].to_pylist()], dtype=np.int64)
    steps, moment = np.unique(rows["step"].to_numpy(), return_inverse=True)
    cell = np.searchsorted(scales, rows["scale"].to_numpy()) * len(labels) + seed
    keys, row = np.unique(cell * max(len(steps), 1) + moment, return_inverse=True)
    all_cells = {int(np.searchsorted(scales, scale)) * len(labels) + place[label] for scale, label in cells}
    blank = np.array(sorted(all_cells - set(cell.tolist())), dtype=np.int64)
    at = np.concatenate([keys // max(len(steps), 1), blank])
    values = {metric: np.full(len(at), np.nan) for metric in roles.metrics}
    has_value = {metric: np.zeros(len(at), dtype=bool) for metric in roles.metrics}
    of_metric = rows["metric"].to_numpy()
    for metric in roles.metrics:
        own = of_metric == metric
        values[metric][row[own]] = rows["value"].to_numpy()[own]
        has_value[metric][row[own]] = True
    whole = all(isinstance(label, int) for label in labels)
    evaluations = Evaluations(
        scale=scales[at // len(labels)],
        seed=np.array(labels, dtype=np.int64 if whole else object)[at % len(labels)],
        step=np.concatenate([steps[keys % max(len(steps), 1)], np.zeros(len(blank))]).astype(np.float64),
        values=values,
        has_value=has_value,
        file=np.zeros(len(at), dtype=np.int64),
        index=np.arange(len(at)),
        infinite=np.zeros(len(at), dtype=bool),
    )
    return TableReader(roles, split, evaluations, taken)
