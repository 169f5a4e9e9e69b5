"""Rows as a block of the store."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from seedsweep.cell import Pack
from seedsweep.schema import METRICS
from seedsweep.seeds import Seed
from seedsweep.workers.programs.rows import Row, is_clock

FEWEST_VALUES = 4
"""Different values that a cell must have to be told from others by them: many may well go from 0 to 1."""


def table_of(task: str, pack: Pack, rows: Mapping[Seed, Sequence[Row]]) -> pa.Table:
    """The rows of the seeds of a pack, with the columns of the store."""
    records: list[tuple[Any, ...]] = [
        (task, pack.scale_name, pack.scale, seed.id, seed.init, seed.data, *row)
        for seed, of_seed in rows.items()
        for row in of_seed
    ]
    columns = zip(*records, strict=True)
    arrays = [pa.array(column, field.type) for field, column in zip(METRICS, columns, strict=True)]
    return pa.Table.from_arrays(arrays, schema=METRICS)


def digest(rows: Sequence[Row]) -> str | None:
    """Of all that a cell has measured but clocks: the same for two seeds if their numbers are. None if chance may
    do that."""
    values = [row for row in rows if not is_clock(row.metric)]
    if len({row.value for row in values}) < FEWEST_VALUES:
        return None
    text = json.dumps([[row.step, row.split, row.metric, row.value] for row in values])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
