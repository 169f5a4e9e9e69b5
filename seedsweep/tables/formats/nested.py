"""What lies in objects as columns: `{"test": {"acc": 0.5}}` has a column `test.acc`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa


def flat_row(row: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """A row, with dotted names.

    >>> flat_row({"step": 1, "test": {"acc": 0.5, "top": {"5": 0.9}}})
    {'step': 1, 'test.acc': 0.5, 'test.top.5': 0.9}
    """
    if not before and not any(isinstance(value, dict) for value in row.values()):
        return dict(row)
    found: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            found |= flat_row(value, f"{before}{name}.")
        else:
            found[f"{before}{name}"] = value
    return found


def flat_table(table: pa.Table) -> pa.Table:
    """A table whose structs are columns with dotted names.

    >>> flat_table(pa.table({"test": [{"acc": 0.5}]})).column_names
    ['test.acc']
    """
    while any(pa.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    return table
