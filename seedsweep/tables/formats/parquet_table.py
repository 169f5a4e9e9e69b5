"""Parquet."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from seedsweep.tables.tablefile import TableFile


class ParquetFile(TableFile):
    """A Parquet file; a struct's fields are columns with dotted names."""

    kind = "Parquet"

    def _read_names(self) -> list[str]:
        return list(_flattened(pq.read_schema(self.path).empty_table()).column_names)

    def _read(self, columns: list[str], labels: Sequence[str]) -> pa.Table:
        top = dict.fromkeys(
            name if name in pq.read_schema(self.path).names else name.partition(".")[0] for name in columns
        )
        table = pq.read_table(self.path, columns=list(top), partitioning=None, use_threads=True)
        return _flattened(table).select(columns)


def _flattened(table: pa.Table) -> pa.Table:
    while any(pa.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    return table
