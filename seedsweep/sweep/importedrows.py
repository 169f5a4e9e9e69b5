"""The runs of a population that was read from somebody's results, as cells and rows of a store."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa

from seedsweep import formats
from seedsweep.errors import InputError
from seedsweep.population import Population
from seedsweep.schema import METRICS
from seedsweep.sweep.importedspec import ImportedSpec
from seedsweep.tables.reader import TableReader

TASK = "imported"
"""In the column `task` of every row: what was learned is not known."""

Cell = tuple[float, int]
"""Scale and seed."""


def reader_of(population: Population) -> TableReader:
    """What reads the population's table. Raises InputError if it is none but a sweep."""
    if not isinstance(population.reader, TableReader) or population.spec is not None:
        raise InputError(
            f"{population.path}: is a sweep's directory already; import reads tables and folders of runs"
        )
    return population.reader


def cells_of(population: Population, spec: ImportedSpec) -> list[Cell]:
    """The population's cells, also those in which nothing was measured."""
    return [
        (scale, _seed(spec, label))
        for scale, row in zip(population.scales, reader_of(population).present, strict=True)
        for label, there in zip(population.seeds, row, strict=True)
        if there
    ]


def rows_of(population: Population, spec: ImportedSpec) -> pa.Table:
    """The population's long table in the store's columns.

    Raises
    ------
    InputError
        If a step is no whole number.
    """
    table = population.to_arrow()
    count = table.num_rows
    steps = np.zeros(count) if spec.imported.step is None else table["step"].to_numpy()
    for step in steps[steps != np.rint(steps)][:1]:
        raise InputError(
            f"{population.path}: {spec.imported.step} is {formats.given(step)}; the steps of a store are "
            "whole numbers: name another column as --step, or none"
        )
    seeds = pa.array([_seed(spec, label) for label in table["seed"].to_pylist()], pa.int64())
    columns = {
        "task": pa.repeat(TASK, count),
        "scale_name": pa.repeat(population.scale_name, count),
        "scale": table["scale"],
        **dict.fromkeys(("seed", "init_seed", "data_seed"), seeds),
        "step": pa.array(steps.astype(np.int64)),
        "examples_seen": pa.repeat(pa.scalar(0, pa.int64()), count),
        "split": pa.repeat(spec.imported.rows, count),
        "metric": table["metric"],
        "value": table["value"],
    }
    return pa.table([columns[name] for name in METRICS.names], schema=METRICS)


def digests(rows: pa.Table) -> dict[Cell, str]:
    """A digest of the values of every cell that has any."""
    columns = ["scale", "seed", "step", "metric", "value"]
    ordered = rows.select(columns).sort_by([(name, "ascending") for name in columns[:-1]])
    found: dict[Cell, Any] = {}
    for scale, seed, *rest in zip(*(ordered[name].to_pylist() for name in columns), strict=True):
        found.setdefault((scale, seed), hashlib.sha256()).update(repr(rest).encode())
    return {cell: digest.hexdigest() for cell, digest in found.items()}


def _seed(spec: ImportedSpec, label: Any) -> int:
    """The number that stands for a run, where runs have names."""
    return spec.imported.runs[str(label)] if spec.imported.runs else int(label)
