"""Pages to look at, made once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import seedsweep
from seedsweep.analysis.report import Report, report
from tests.analysis.populations import as_curves, chance, write

COUNT = Path(__file__).parents[3] / "populations" / "count-depth"

EVIL = '<script>document.title = "broken"</script>'
"""A name that somebody may give a column, a metric or a file."""


@pytest.fixture(scope="session")
def count() -> Report:
    """Of a sweep."""
    return report(
        seedsweep.load(COUNT),
        command="seedsweep report runs/count",
        extend="seedsweep run pocket/count-depth --out runs/count",
    )


@pytest.fixture(scope="session")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Of somebody's table, with markup in every name, two runs that are one, and curves."""
    folder = tmp_path_factory.mktemp("evil")
    curves = {depth: as_curves(x, np.full(12, 3)) for depth, x in chance(0, 0.5, 1.0, seeds=12).items()}
    curves[2][5] = curves[2][3]
    names = (f"depth{EVIL}", f"run{EVIL}")
    metrics = {f"accuracy{EVIL}": curves, f"margin & {EVIL}": {depth: 2 - x for depth, x in curves.items()}}
    path = write(folder / "a<b>&amp;.csv", metrics, names)
    text = path.read_text().splitlines()
    path.write_text("\n".join([text[0], *(line.replace(",", f",{EVIL}", 1) for line in text[1:])]))
    population = seedsweep.read_table(path, scale=names[0], seed=names[1], metric=list(metrics), step="step")
    return report(population, command=f"seedsweep report '{EVIL}'")
