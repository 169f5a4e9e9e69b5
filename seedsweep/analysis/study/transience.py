"""What comes and goes in the seeds of a population, at every scale, within the step budget."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.multiplicity import adjust_pvalues
from seedsweep.analysis.statistics.outcomes import OutcomeShares, outcome_shares
from seedsweep.analysis.statistics.results import Result, jsonable
from seedsweep.analysis.statistics.rows import Cell, Rows
from seedsweep.analysis.statistics.samples import Bools, FloatArray
from seedsweep.analysis.statistics.success import SuccessRate, success_rate
from seedsweep.analysis.statistics.survival import SurvivalCurve, kaplan_meier
from seedsweep.analysis.statistics.transience import RiseAndFall, rise_and_fall
from seedsweep.analysis.statistics.trend import EventTrend, event_trend
from seedsweep.analysis.study.parts import LEVEL, judged_curves, stopped_curves
from seedsweep.criterion import Criterion
from seedsweep.errors import InputError
from seedsweep.plotted import Plotted

if TYPE_CHECKING:
    from seedsweep.population import Curves, Population

Ints = npt.NDArray[np.int64]

Event: TypeAlias = Literal["emerged", "transient", "gone", "there", "back"]
"""What a seed may have come to by the end of its budget: it got the capability at all; it got it and lost it, once
and for good; it is without it, with it for the first time, or with it again."""

TOLD: Final[Mapping[Event, str]] = {"emerged": "get there", "transient": "get there and lose it again"}
"""Events of which a study says how they go along the ladder, and what a seed does that comes to one."""

SETTLED: Final = 0.95
"""Share of the changes that are waited for."""

RARE: Final = 0.05
"""Share of the seeds of a scale that may come and go without a word; our choice."""

MOST: Final = 0.5
"""Share, of the seeds that get a capability, that lose it again where it is said to come and go; and of those that
lose it, that do so for good."""

FEWEST: Final = 4
"""Evaluations without which nothing can be seen to come and to go."""


@dataclass(frozen=True, eq=False)
class ScaleTransience(Result):
    """What comes and goes in the seeds of one scale.

    Attributes
    ----------
    scale : float
    n : int
        Seeds that were trained to the end.
    budget : float
        The step to which they were.
    seeds : tuple
        Their names, in the order of `events`.
    values : ndarray of float, shape (n, t)
        Their curves, in the unit of the metric.
    events : RiseAndFall
        Of these seeds, of the values as the criterion orients them.
    shares : OutcomeShares
        Over time, seeds that were stopped early allowed for; in the last evaluations changes may be missing.
    emerged : SuccessRate
        Seeds that surely got above the threshold, at any time.
    transient : SuccessRate
        Seeds that did and have lost it once and for good, of all; its `low` is corrected for the number of scales.
    lost : SuccessRate
        The same, of those that emerged.
    lasting : SuccessRate
        The same, of those that ever lost it: the others had it again, or diverged.
    absence : SurvivalCurve
        Share of the seeds that lost it that do not have it again, by steps since; of a metric that wanders it
        falls.
    half_life : SurvivalCurve
        Of what a seed has at its peak above chance, in steps from there; of the seeds that emerged.
    """

    scale: float
    n: int
    budget: float
    seeds: tuple[Any, ...]
    values: FloatArray
    events: RiseAndFall
    shares: OutcomeShares
    emerged: SuccessRate
    transient: SuccessRate
    lost: SuccessRate
    lasting: SuccessRate
    absence: SurvivalCurve
    half_life: SurvivalCurve

    @property
    def shown(self) -> bool:
        """Whether more than a few seeds come and go, surely more than `RARE` of all; and of those that lose it
        surely most have not had it again, and most would not in all the time that was seen."""
        return self.transient.low > RARE and self.lasting.low > MOST and self.absence.survival[-1] > MOST

    @property
    def mostly(self) -> bool:
        """Whether that is so, and surely most of the seeds that get the capability lose it."""
        return self.shown and self.lost.low > MOST

    @property
    def emerged_rows(self) -> Ints:
        """The places of the seeds that emerged."""
        return np.flatnonzero(self.events.emerged.reached)

    def count(self, outcome: str) -> int:
        """Seeds that have come to an outcome by the end."""
        return int((self.events.outcomes == outcome).sum())

    def has(self, event: Event) -> Bools:
        """Which seeds have come to an event, shape (n,).

        Raises
        ------
        ValueError
            If it is none of `Event`.
        """
        if event not in get_args(Event):
            raise ValueError(f'an event is one of {", ".join(get_args(Event))}, not "{event}"')
        if event == "emerged":
            return self.events.emerged.reached
        return self.events.transient if event == "transient" else np.asarray(self.events.outcomes == event)

    def to_dict(self) -> dict[str, Any]:
        """Ready for strict JSON: shares over time, and a row per seed that emerged."""
        events = self.events
        rows = [
            {
                "seed": self.seeds[row],
                "outcome": str(events.outcomes[row]),
                "peak": events.peak[row],
                "peak_step": events.peak_step[row],
                "slope": events.slope[row],
                "losses": int(events.losses[row]),
                **{
                    name: [getattr(events, name).low[row], getattr(events, name).high[row]]
                    for name in ("emerged", "crossed", "gone", "halved", "back", "resurged")
                },
            }
            for row in self.emerged_rows.tolist()
        ]
        return {
            "scale": self.scale,
            "n": self.n,
            "budget": self.budget,
            "emerged": self.emerged.to_dict(),
            "transient": self.transient.to_dict(),
            "lost": self.lost.to_dict(),
            "lasting": self.lasting.to_dict(),
            "half_life": jsonable(self.half_life.median),
            "shares": self.shares.to_dict(),
            "seeds": jsonable(rows),
        }


@dataclass(frozen=True, eq=False)
class Transience(Plotted, Rows):
    """What comes and goes in the seeds of a population.

    Attributes
    ----------
    criterion : Criterion
        Above its threshold a seed has the capability.
    chance : float
        What a seed has that has nothing, in the unit of the metric.
    scales : tuple of ScaleTransience
        Ascending.
    scale_name : str
        What is scaled.
    """

    criterion: Criterion
    chance: float
    scales: tuple[ScaleTransience, ...]
    scale_name: str

    def __repr__(self) -> str:
        places = ", ".join(text.scale(scale.scale) for scale in self.scales)
        seeds = text.seeds(sum(scale.n for scale in self.scales))
        return f"<Transience of {self.criterion.metric}: {seeds} at {text.field(self.scale_name)} {places}>"

    def _rows(self) -> list[dict[str, Cell]]:
        return [
            {
                self.scale_name: scale.scale,
                "n": scale.n,
                "budget": scale.budget,
                "emerged": scale.emerged,
                "transient": scale.transient,
                "lost": scale.lost,
                "lasting": scale.lasting,
                "half_life": scale.half_life.median,
            }
            for scale in self.scales
        ]

    @property
    def shown(self) -> tuple[ScaleTransience, ...]:
        """The scales at which more than a few seeds come and go."""
        return tuple(scale for scale in self.scales if scale.shown)

    @property
    def mostly(self) -> tuple[ScaleTransience, ...]:
        """The scales at which most seeds that get the capability lose it."""
        return tuple(scale for scale in self.scales if scale.mostly)

    @cached_property
    def trends(self) -> Mapping[Event, EventTrend]:
        """The shares of seeds that emerge, and that are transient, along the ladder; their p-values are corrected
        for these two (Holm). Seeds of one name at several scales are taken as one."""
        found = {event: self._trend(event) for event in TOLD}
        corrected = adjust_pvalues([trend.pvalue for trend in found.values()]).tolist()
        return {
            event: replace(trend, pvalue=p) for (event, trend), p in zip(found.items(), corrected, strict=True)
        }

    def _trend(self, event: Event) -> EventTrend:
        return event_trend(
            {scale.scale: scale.has(event) for scale in self.scales},
            seeds={scale.scale: scale.seeds for scale in self.scales},
        )

    def to_dict(self) -> dict[str, Any]:
        """Ready for ``json.dumps(..., allow_nan=False)``."""
        return {
            "metric": self.criterion.metric,
            "split": self.criterion.split,
            "threshold": self.criterion.threshold,
            "chance": jsonable(self.chance),
            "scales": [scale.to_dict() for scale in self.scales],
            "trends": {event: trend.to_dict() for event, trend in self.trends.items()},
        }


def transience(
    population: Population, criterion: Criterion | None = None, *, chance: float | None = None
) -> Transience:
    """When the seeds of a population get a capability, and whether they lose it within the step budget.

    Parameters
    ----------
    population : Population
        With learning curves.
    criterion : Criterion, optional
        The metric, the split, and the threshold above which a seed has the capability; by default of success.
    chance : float, optional
        The value of a seed that has nothing, in the unit of the metric, from which a loss is measured: a seed has
        lost a capability if it is below the threshold and has also lost half of what it had at its peak above
        this. By default the median over all seeds of their first value.

    Returns
    -------
    Transience

    Raises
    ------
    InputError
        On an unknown metric or split, or if only final values are known.
    ValueError
        If no threshold is known.

    Notes
    -----
    Whether a seed emerged is decided by `rise_and_fall`. The least noise is what seeds differ by at their first
    evaluation, by their median distance from the median of their scale: it has in it what stays the same from one
    evaluation to the next, which a curve does not show. Of a metric that is a share of examples, it is the
    sampling noise of that share at the threshold if that is more; with few examples and a threshold near the end
    of the metric no seed can surely be above it.

    A seed that is "there" or "never" at the end is so within the budget. That a capability persists, or never
    comes, cannot be seen.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from seedsweep import read_table
    >>> bump = [0.5, 0.5, 0.6, 0.8, 0.9, 0.9, 0.8, 0.7, 0.6, 0.5, 0.5, 0.5]
    >>> rows = [f"1,{run},{step},{value}" for run in range(12) for step, value in enumerate(bump)]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "study.csv")
    ...     _ = file.write_text("depth,run,step,accuracy\\n" + "\\n".join(rows))
    ...     read = {"scale": "depth", "seed": "run", "metric": "accuracy", "step": "step", "threshold": 0.65}
    ...     found = transience(read_table(file, **read))
    >>> found.scales[0].count("gone"), found.scales[0].half_life.median.estimate, found.scales[0].mostly
    (12, 3.5, True)
    """
    criterion = population.criterion if criterion is None else criterion
    final = population.final(criterion.metric, criterion.split)
    runs = population.curves(criterion.metric, criterion.split)
    curves = judged_curves(final, runs)
    if not curves:
        raise InputError(f"{population.path}: only final values are known; the step of every evaluation is needed")
    lattices = population.lattices(criterion.metric, criterion.split)
    return transience_of(curves, runs, criterion, lattices, population.scale_name, chance=chance)


def shown_transience(
    curves: Mapping[float, Curves],
    runs: Mapping[float, Curves],
    criterion: Criterion,
    lattices: Mapping[float, float],
    scale_name: str,
) -> Transience | None:
    """What a study says of it: None where no scale has more than a few seeds that come and go, or too little over
    time is known."""
    if all(line.steps.size < FEWEST for line in curves.values()):
        return None
    found = transience_of(curves, runs, criterion, lattices, scale_name)
    return found if found.shown else None


def transience_of(
    curves: Mapping[float, Curves],
    runs: Mapping[float, Curves],
    criterion: Criterion,
    lattices: Mapping[float, float],
    scale_name: str,
    *,
    chance: float | None = None,
) -> Transience:
    """The same of values that were read already: `curves` are those of `judged_curves`, `runs` as measured."""
    begin, spread = _begins(curves, criterion)
    base = begin if chance is None else float(criterion.oriented(chance))
    stopped = stopped_curves(curves, runs, criterion)
    scales = tuple(
        _at_scale(
            scale,
            line,
            criterion,
            base=base,
            noise=max(spread, _sampling_noise(criterion, lattices.get(scale))),
            stopped=stopped.get(scale),
            tests=len(curves),
        )
        for scale, line in sorted(curves.items())
    )
    return Transience(criterion, criterion.shown(base), scales, scale_name)


def _at_scale(
    scale: float,
    line: Curves,
    criterion: Criterion,
    *,
    base: float,
    noise: float,
    stopped: tuple[FloatArray, FloatArray] | None,
    tests: int,
) -> ScaleTransience:
    steps, values = np.asarray(line.steps, dtype=np.float64), criterion.oriented(line.values)
    events = rise_and_fall(steps, values, criterion.least, chance=base, noise=noise)
    states = events.states
    if stopped is not None:
        early = rise_and_fall(steps, stopped[0], criterion.least, chance=base, noise=noise, trained_to=stopped[1])
        states = np.concatenate([states, _settled(early.states, events.delay)])
    confidence, emerged, transient = 1 - LEVEL / tests, events.emerged.reached, events.transient
    half_life = events.half_life
    reached = half_life.reached
    return ScaleTransience(
        scale=float(scale),
        n=len(values),
        budget=float(steps[-1]),
        seeds=tuple(line.seeds.tolist()),
        values=line.values,
        events=events,
        shares=outcome_shares(steps, states),
        emerged=success_rate(emerged, 1.0),
        transient=success_rate(transient, 1.0, confidence=confidence),
        lost=success_rate(transient[emerged], 1.0, confidence=confidence),
        lasting=success_rate(transient[events.losses > 0], 1.0, confidence=confidence),
        absence=_absence(events),
        half_life=kaplan_meier(np.where(reached, half_life.middle, half_life.low), reached),
    )


def _settled(states: npt.NDArray[np.int8], delays: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
    """States of seeds that were stopped, without those before the end in which a change may not be sure yet: of as
    many evaluations as nearly all changes of the others took. How many these are must not depend on the seed."""
    late = int(np.quantile(delays[delays > 0], SETTLED, method="higher")) if (delays > 0).any() else 0
    place = np.arange(states.shape[1])
    end = (states >= 0).sum(axis=1, keepdims=True) - late
    return np.where((place < end) | (place == 0), states, -1).astype(np.int8)


def _absence(events: RiseAndFall) -> SurvivalCurve:
    """From the first loss until it is there again, in steps; of seeds that did not diverge, from where none is."""
    rows = (events.losses > 0) & ~events.diverged
    since, back = events.gone.high[rows], events.back.high[rows]
    returned = np.isfinite(back)
    return kaplan_meier(np.where(returned, back, events.back.low[rows].clip(since)) - since, returned)


def _begins(curves: Mapping[float, Curves], criterion: Criterion) -> tuple[float, float]:
    """The median of what all seeds begin with, the threshold where nothing is known; and how much the seeds of a
    scale differ in it."""
    first = [
        np.array([row[~np.isnan(row)][0] for row in criterion.oriented(line.values) if not np.isnan(row).all()])
        for line in curves.values()
    ]
    seen = np.concatenate([*first, np.empty(0)])
    apart = np.concatenate([*(np.abs(values - np.median(values)) for values in first if values.size), np.empty(0)])
    spread = float(np.median(apart)) / norm.ppf(0.75) if apart.size else 0.0
    return float(np.median(seen)) if seen.size else criterion.least, spread


def _sampling_noise(criterion: Criterion, lattice: float | None) -> float:
    """Of a share of examples at the threshold; 0 of other metrics."""
    share = criterion.shown(criterion.least)
    return math.sqrt(share * (1 - share) * lattice) if lattice and 0 < share < 1 else 0.0
