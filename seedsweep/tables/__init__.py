"""Anyone's table of many seeds as a population: CSV, JSON lines, Parquet, and exports with a column per run.

`files` opens what lies on the disk, `columns` turns its columns into numbers and labels, `wide` unfolds a column
per run into rows, `evaluations` joins them, `reader` puts them in order. Knows numpy and pyarrow; nothing of
sweeps.
"""

from __future__ import annotations

from seedsweep.tables.reader import read_table

__all__ = ["read_table"]
