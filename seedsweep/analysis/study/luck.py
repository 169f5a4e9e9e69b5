"""Whose luck it is: what is due to the initial weights and what to the data, where the two seeds are crossed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from seedsweep.analysis.statistics.crossed import TimeShares, time_shares
from seedsweep.analysis.statistics.events import event_times
from seedsweep.analysis.statistics.variance import CrossedRuns, VarianceShares, variance_shares
from seedsweep.criterion import Criterion

if TYPE_CHECKING:
    from seedsweep.population import Curves, FinalTable


def is_crossed(final: FinalTable) -> bool:
    """Whether any run has one seed for its initial weights and another for its data."""
    return bool((final.init_seeds != final.data_seeds).any())


def crossed_runs(final: FinalTable) -> dict[float, CrossedRuns]:
    """By scale, where the seeds of any are crossed so that their parts can be told."""
    runs = {}
    if is_crossed(final):
        for row, scale in enumerate(final.scales):
            here = final.present[row]
            runs[scale] = CrossedRuns(final.init_seeds[here], final.data_seeds[here], final.at(scale))
    return {scale: each for scale, each in runs.items() if _shares(each, resamples=1).crossed}


def shared_seeds(final: FinalTable) -> tuple[str, ...]:
    """What to know of the intervals of a crossed sweep; nothing of any other."""
    if not crossed_runs(final):
        return ()
    return (
        "runs share initial weights and data with each other: intervals and p-values take them for independent, "
        "and say too much where one of the two decides",
    )


def variance(runs: Mapping[float, CrossedRuns], absent: dict[str, str]) -> dict[float, VarianceShares] | None:
    """Of the final values, by scale."""
    if not runs:
        absent["variance"] = "seeds of initialisation and of data are not crossed: each run has its own of both"
        return None
    return {scale: _shares(each) for scale, each in runs.items()}


def _shares(runs: CrossedRuns, **options: int) -> VarianceShares:
    return variance_shares(runs.values, runs.init_seeds, runs.data_seeds, **options)


def time_variance(
    final: FinalTable, judged: Mapping[float, Curves], criterion: Criterion
) -> dict[float, TimeShares]:
    """Of the logarithm of the time until success, by scale, where enough runs get there; `judged` are the curves
    of the seeds of `final`, up to the step at which these are compared."""
    shares = {}
    if is_crossed(final):
        for scale, curves in judged.items():
            rows = np.searchsorted(final.seeds, curves.seeds)
            times = event_times(curves.steps, criterion.oriented(curves.values), criterion.least)
            found = time_shares(times, final.init_seeds[rows], final.data_seeds[rows])
            if found.crossed:
                shares[scale] = found
    return shares
