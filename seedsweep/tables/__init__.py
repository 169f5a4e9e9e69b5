"""Anyone's results of many seeds as a population: tables, folders of runs, what trackers leave.

`finding` says which tables lie at a place, by `formats/`; `parameters` what is known of a run beside its rows, by
its name and config. `choosing` takes those that have what is asked for, `columns` turns their columns into numbers
and labels, `wide` unfolds a column per run into rows, `evaluations` joins them, `reader` puts them in order, and
`understood` says it in one line. Knows numpy and pyarrow; nothing of sweeps.
"""

from __future__ import annotations

from seedsweep.tables.read import read_table

__all__ = ["read_table"]
