"""The picture of a crossed sweep, for the page and as a file."""

from __future__ import annotations

from collections.abc import Collection

from matplotlib.figure import Figure

from seedsweep.analysis import figures
from seedsweep.criterion import Criterion
from seedsweep.population import FinalTable


def crossed_figure(
    final: FinalTable, scales: Collection[float], criterion: Criterion, *, scale_name: str, metric_name: str
) -> Figure:
    """Every run of these scales by its two seeds."""
    runs = {}
    for row, scale in enumerate(final.scales):
        if scale in scales:
            here = final.present[row]
            runs[scale] = figures.CrossedRuns(final.init_seeds[here], final.data_seeds[here], final.at(scale))
    return figures.crossed_runs(runs, criterion, scale_name=scale_name, metric_name=metric_name)
