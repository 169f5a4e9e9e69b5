"""Rows as a block of the store."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from seedsweep.cell import Pack
from seedsweep.schema import METRICS
from seedsweep.seeds import Seed
from seedsweep.workers.programs.rows import Row, is_clock

FEWEST_VALUES = 4
"""Different values that a cell must have to be told from others by them alone."""


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


def digests(cells: Iterable[Sequence[Row]]) -> dict[str, list[str | None]]:
    """Of all that each of these cells has measured but clocks: the same for two seeds if their numbers are.

    Under `digests` those of cells that chance would not make equal; under `few_values` those of the others, unless
    they have nothing but whole numbers: many may well go from 0 to 1.
    """
    telling: list[str | None] = []
    few: list[str | None] = []
    for rows in cells:
        values = [row for row in rows if not is_clock(row.metric)]
        text = json.dumps([[row.step, row.split, row.metric, row.value] for row in values])
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        different = {row.value for row in values}
        enough = len(different) >= FEWEST_VALUES
        telling.append(digest if enough else None)
        few.append(digest if not enough and any(value % 1 > 0 for value in different) else None)
    return {"digests": telling, "few_values": few}
