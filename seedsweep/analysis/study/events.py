"""Events of whole populations: survival of any of them along the ladder, the effect of a change by pairs, and how
frequent they are at every scale, such as every step at which branches begin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from seedsweep.analysis.statistics.events import EventTimes, event_times
from seedsweep.analysis.statistics.paired import PairedEffect, paired_effect
from seedsweep.analysis.statistics.results import jsonable
from seedsweep.analysis.statistics.rows import Cell, Rows
from seedsweep.analysis.statistics.success import succeeds
from seedsweep.analysis.statistics.trend import EventTrend, event_trend
from seedsweep.analysis.study.parts import judged_curves
from seedsweep.analysis.study.survival import SurvivalSummary, summarise_survival
from seedsweep.analysis.study.transience import Event, transience
from seedsweep.criterion import Criterion
from seedsweep.errors import InputError
from seedsweep.plotted import Plotted

if TYPE_CHECKING:
    from seedsweep.population import Population


@dataclass(frozen=True, eq=False)
class ChangeEffect(Plotted, Rows):
    """What a change does to the time until an event.

    Attributes
    ----------
    overall : PairedEffect
        Of the pairs of all scales.
    by_scale : mapping from scale to PairedEffect
        Their p-values are not corrected for the number of scales.
    unpaired : int
        Cells of either population that the other has not.
    times : mapping from scale to pair of EventTimes
        Of the pairs of every scale, without the change and with it, in the same order.
    """

    overall: PairedEffect
    by_scale: Mapping[float, PairedEffect]
    unpaired: int
    times: Mapping[float, tuple[EventTimes, EventTimes]]

    def _rows(self) -> list[dict[str, Cell]]:
        return [
            {
                "scale": scale,
                "n": effect.n,
                "ratio": effect.ratio,
                "sooner": effect.sooner,
                "later": effect.later,
                "undecided": effect.undecided,
                "pvalue": effect.pvalue,
            }
            for scale, effect in self.by_scale.items()
        ]

    def to_dict(self) -> dict[str, Any]:
        """Ready for ``json.dumps(..., allow_nan=False)``; without the times, which are as many as seeds."""
        return {name: jsonable(getattr(self, name)) for name in ("overall", "by_scale", "unpaired")}


def event_survival(population: Population, criterion: Criterion) -> SurvivalSummary:
    """Survival along the ladder until any metric on any split reaches a threshold for good.

    Parameters
    ----------
    population : Population
        With learning curves.
    criterion : Criterion
        The metric, the split, the threshold and which way is better: of success, or of anything else, such as the
        attention of one output.

    Returns
    -------
    SurvivalSummary
        Of the values as the criterion orients them.

    Raises
    ------
    InputError
        On an unknown metric or split, or if only final values are known.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from seedsweep import Criterion, read_table
    >>> runs = [(depth, run, step) for depth in (1, 2) for run in range(3) for step in range(9)]
    >>> rows = [f"{depth},{run},{step},{(step > 4) / 2}" for depth, run, step in runs]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "study.csv")
    ...     _ = file.write_text("depth,run,step,mass\\n" + "\\n".join(rows))
    ...     population = read_table(file, scale="depth", seed="run", metric="mass", step="step")
    ...     found = event_survival(population, Criterion("mass", population.criterion.split, 0.5))
    >>> [scale.survival.median.estimate for scale in found.scales]
    [5.0, 5.0]
    """
    curves = _curves(population, criterion)
    lines = {scale: (line[0], criterion.oriented(line[1])) for scale, line in curves.items()}
    found = summarise_survival(lines, threshold=criterion.least)
    return replace(found, criterion=criterion, scale_name=population.scale_name)


def change_effect(without: Population, changed: Population, criterion: Criterion | None = None) -> ChangeEffect:
    """What a change, such as an intervention, does to the time until an event, by pairs of the same seeds.

    Parameters
    ----------
    without, changed : Population
        Two sweeps that differ in the change. Cells of the same scale, init seed and data seed are pairs.
    criterion : Criterion, optional
        The event; by default success as the first population has it.

    Returns
    -------
    ChangeEffect
        Both members of a pair are looked at until the step to which both were trained.

    Raises
    ------
    InputError
        If the two have no cell in common, or as `event_survival`.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from seedsweep import read_table
    >>> def trained(folder, late):
    ...     file = pathlib.Path(folder, f"late-{late}.csv")
    ...     rows = [f"1,{run},{step},{float(step > late + run)}" for run in range(8) for step in range(40)]
    ...     _ = file.write_text("depth,run,step,accuracy\\n" + "\\n".join(rows))
    ...     return read_table(file, scale="depth", seed="run", metric="accuracy", step="step", threshold=0.5)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     effect = change_effect(trained(folder, 20), trained(folder, 5))
    >>> effect.overall.sooner, effect.overall.n, effect.unpaired
    (8, 8, 0)
    """
    criterion = without.criterion if criterion is None else criterion
    sides = [_cells(population, criterion) for population in (without, changed)]
    common = [cell for cell in sides[0] if cell in sides[1]]
    if not common:
        raise InputError(
            f"{changed.path}: has no scale and seeds in common with {without.path}; pairs of the same are needed"
        )
    pairs = {cell: _pair(sides[0][cell], sides[1][cell], criterion) for cell in common}
    scales = sorted({scale for scale, _, _ in common})

    def joined(cells: list[tuple[float, object, object]]) -> tuple[EventTimes, EventTimes]:
        before, after = (_joined([pairs[cell][side] for cell in cells]) for side in (0, 1))
        return before, after

    times = {scale: joined([cell for cell in common if cell[0] == scale]) for scale in scales}
    return ChangeEffect(
        overall=paired_effect(*joined(common)),
        by_scale={scale: paired_effect(*both) for scale, both in times.items()},
        unpaired=len(sides[0]) + len(sides[1]) - 2 * len(common),
        times=times,
    )


def event_by_scale(
    populations: Population | Mapping[float, Population],
    event: Event | Literal["success"] = "success",
    *,
    criterion: Criterion | None = None,
    chance: float | None = None,
) -> EventTrend:
    """P(event) along a ladder, or of several populations in the order of a number, with a monotone trend.

    Parameters
    ----------
    populations : Population, or mapping from scale to Population
        A sweep whose ladder is the step at which its seeds branch off another run (`start.step`), or any other; or
        sweeps that differ in a number, all of whose seeds count.
    event : {"success", "emerged", "transient", "gone", "there", "back"}
        What a seed has come to: success at the end, or as `transience` tells it.
    criterion : Criterion, optional
        By default as the (first) population has it.
    chance : float, optional
        As `transience` takes it; of several populations each has a default of its own.

    Returns
    -------
    EventTrend
        Seeds of one name at several scales are taken as one: branches of the same run.

    Raises
    ------
    InputError
        As `transience`; "success" needs no learning curves.
    ValueError
        If there is no population, or no threshold is known.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from seedsweep import read_table
    >>> runs = [(branch, run) for branch in (100, 200, 400, 800) for run in range(12)]
    >>> rows = [f"{branch},{run},{0.9 if branch < 100 * run else 0.5}" for branch, run in runs]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "branches.csv")
    ...     _ = file.write_text("branch,run,icl\\n" + "\\n".join(rows))
    ...     found = event_by_scale(read_table(file, scale="branch", seed="run", metric="icl", threshold=0.65))
    >>> [rate.successes for rate in found.rates], found.rises, found.paired, found.pvalue < 0.01
    ([10, 9, 7, 3], False, True, True)
    """
    named = populations if isinstance(populations, Mapping) else {None: populations}
    if not named:
        raise ValueError("there is no population")
    criterion = next(iter(named.values())).criterion if criterion is None else criterion
    happened: dict[float, list[np.ndarray]] = {}
    seeds: dict[float, list[object]] = {}
    for name, population in named.items():
        for scale, names, outcome in _outcomes(population, event, criterion, chance):
            place = scale if name is None else float(name)
            happened.setdefault(place, []).append(outcome)
            seeds.setdefault(place, []).extend(names)
    return event_trend({scale: np.concatenate(parts) for scale, parts in happened.items()}, seeds=seeds)


def _outcomes(
    population: Population, event: Event | Literal["success"], criterion: Criterion, chance: float | None
) -> list[tuple[float, list[object], np.ndarray]]:
    """Scale, names of its seeds, and which of them have come to the event."""
    if event == "success":
        final = population.final(criterion.metric, criterion.split)
        return [
            (s, final.seeds_at(s).tolist(), succeeds(criterion.oriented(final.at(s)), criterion.least))
            for s in final.scales
        ]
    found = transience(population, criterion, chance=chance)
    return [(scale.scale, list(scale.seeds), scale.has(event)) for scale in found.scales]


def _curves(population: Population, criterion: Criterion) -> dict[float, tuple[np.ndarray, np.ndarray]]:
    final = population.final(criterion.metric, criterion.split)
    known = judged_curves(final, population.curves(criterion.metric, criterion.split))
    if not known:
        raise InputError(f"{population.path}: only final values are known; the step of every evaluation is needed")
    return {scale: (line.steps.astype(np.float64), line.values) for scale, line in known.items()}


def _cells(
    population: Population, criterion: Criterion
) -> dict[tuple[float, object, object], tuple[np.ndarray, np.ndarray]]:
    """Steps and curve of every finished cell, by scale, init seed and data seed."""
    final = population.final(criterion.metric, criterion.split)
    cells = {}
    for (scale, (steps, values)), here in zip(_curves(population, criterion).items(), final.present, strict=True):
        for init, data, curve in zip(final.init_seeds[here], final.data_seeds[here], values, strict=True):
            cells[scale, init, data] = steps, curve
    return cells


def _pair(
    a: tuple[np.ndarray, np.ndarray], b: tuple[np.ndarray, np.ndarray], criterion: Criterion
) -> list[EventTimes]:
    """Both until the step to which both were trained."""
    last = min(a[0][-1], b[0][-1])
    return [
        event_times(steps[steps <= last], criterion.oriented(curve[None, steps <= last]), criterion.least)
        for steps, curve in (a, b)
    ]


def _joined(times: list[EventTimes]) -> EventTimes:
    return EventTimes(
        kind=times[0].kind,
        low=np.concatenate([one.low for one in times]),
        high=np.concatenate([one.high for one in times]),
        diverged=np.concatenate([one.diverged for one in times]),
        level=np.concatenate([one.level for one in times]),
    )
