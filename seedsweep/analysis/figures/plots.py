"""Which figures `.plot()` finds of what has some (`seedsweep.plotted`), by name, the usual one first."""

from __future__ import annotations

import math
from functools import partial, singledispatch

from seedsweep.analysis.figures.claims import claims
from seedsweep.analysis.figures.comparison import comparison
from seedsweep.analysis.figures.densities import densities
from seedsweep.analysis.figures.event_pairs import event_pairs
from seedsweep.analysis.figures.event_trend import event_trend
from seedsweep.analysis.figures.ladder_forecast import ladder_forecast
from seedsweep.analysis.figures.of_inside import inside_drawings
from seedsweep.analysis.figures.of_population import population_drawings
from seedsweep.analysis.figures.of_study import Drawings, axis_names, study_drawings
from seedsweep.analysis.figures.of_transience import transience_drawings
from seedsweep.analysis.figures.shown import Figure
from seedsweep.analysis.figures.survival import budget_sensitivity, survival_curves
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.emergence import EmergenceClaims
from seedsweep.analysis.statistics.trend import EventTrend
from seedsweep.analysis.study.compared import Comparison
from seedsweep.analysis.study.events import ChangeEffect
from seedsweep.analysis.study.forecast import LadderForecast
from seedsweep.analysis.study.inside import Inside
from seedsweep.analysis.study.study import Study
from seedsweep.analysis.study.summary import summarise_population
from seedsweep.analysis.study.survival import SurvivalSummary
from seedsweep.analysis.study.transience import Transience
from seedsweep.criterion import Criterion
from seedsweep.errors import InputError, did_you_mean, listed
from seedsweep.population import ALL_ROWS, FinalTable, Population, observed_metric


def plot(found: object, name: str | None = None, *, categories: bool = False) -> Figure:
    """One figure of a result: see `seedsweep.plotted.Plotted.plot`."""
    drawn = drawings(found, categories=categories)
    if not drawn:
        raise InputError(f"{found!r}: there is nothing to draw")
    if name is not None and name not in drawn:
        more = "; analysis.study(population) has more" if isinstance(found, Population) else ""
        raise InputError(f"plot({name!r}): unknown{did_you_mean(name, drawn)}; there are {listed(drawn)}{more}")
    return drawn[next(iter(drawn)) if name is None else name]()


@singledispatch
def drawings(found: object, *, categories: bool = False) -> Drawings:
    """The figures of a result, by name."""
    raise TypeError(f"there is no figure of {type(found).__name__}")


@drawings.register
def _(found: Population, *, categories: bool = False) -> Drawings:
    if not found.scales:
        return {}
    return population_drawings(found, summarise_population(found), categories=categories)


@drawings.register
def _(found: FinalTable, *, categories: bool = False) -> Drawings:
    if not found.scales:
        return {}
    low, high = observed_metric(found).bounds
    values = {scale: found.at(scale) for scale in found.scales}
    names = axis_names(found.scale_name, found.metric, found.split)
    return {"density": partial(densities, values, **names, bounds=(low, math.inf if high is None else high))}


@drawings.register
def _(found: Study, *, categories: bool = False) -> Drawings:
    named = {f"density-{n}": f"density of {metric}" for n, metric in enumerate(found.measured.continuous)}
    of_study = study_drawings(found, categories=categories)
    return {
        **{named.get(name, name): draw for name, draw in of_study.items()},
        **({} if found.transience is None else transience_drawings(found.transience)),
        **({} if found.inside is None else inside_drawings(found.inside)),
    }


@drawings.register
def _(found: SurvivalSummary, *, categories: bool = False) -> Drawings:
    if not found.scales:
        return {}
    criterion = found.criterion or Criterion("value", ALL_ROWS, found.at_least)
    names = axis_names(found.scale_name or "scale", criterion.metric, criterion.split)
    return {
        "survival": partial(survival_curves, found, criterion, **names),
        "budget": partial(budget_sensitivity, found, scale_name=names["scale_name"]),
    }


@drawings.register
def _(found: Inside, *, categories: bool = False) -> Drawings:
    return inside_drawings(found)


@drawings.register
def _(found: Transience, *, categories: bool = False) -> Drawings:
    return transience_drawings(found)


@drawings.register
def _(found: Comparison, *, categories: bool = False) -> Drawings:
    return {"comparison": partial(comparison, found, categories=categories)}


@drawings.register
def _(found: LadderForecast, *, categories: bool = False) -> Drawings:
    return {"forecast": partial(ladder_forecast, found, categories=categories)}


@drawings.register
def _(found: ChangeEffect, *, categories: bool = False) -> Drawings:
    pairs = {text.scale(scale): times for scale, times in found.times.items()}
    return {"pairs": partial(event_pairs, pairs, first_name="without the change", second_name="with it")}


@drawings.register
def _(found: EventTrend, *, categories: bool = False) -> Drawings:
    if not found.scales:
        return {}
    return {"trend": partial(event_trend, {"seeds": found}, scale_name="scale", categories=categories)}


@drawings.register
def _(found: EmergenceClaims, *, categories: bool = False) -> Drawings:
    return {"claims": partial(claims, [found])}
