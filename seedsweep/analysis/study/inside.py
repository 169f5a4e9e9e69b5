"""What happened inside the seeds while they trained, where streams have read it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.dependence import OutputDependence, output_dependence
from seedsweep.analysis.statistics.events import EventTimes, event_times, half_rise
from seedsweep.analysis.statistics.forecast import Forecast, forecast
from seedsweep.analysis.statistics.hazard import HazardShape, HazardSlope, hazard_shape, hazard_slope
from seedsweep.analysis.statistics.lead import LeadLag, lead_lag
from seedsweep.analysis.statistics.multiplicity import adjust_pvalues
from seedsweep.analysis.statistics.results import Result, jsonable
from seedsweep.analysis.statistics.rows import Cell, Rows
from seedsweep.analysis.statistics.samples import FloatArray
from seedsweep.analysis.study.parts import judged_curves
from seedsweep.analysis.study.streams import (
    ATTENTION,
    CAPABILITY,
    OutputCurves,
    has,
    output_curves,
    own_streams,
    stream_names,
)
from seedsweep.criterion import Criterion
from seedsweep.plotted import Plotted

if TYPE_CHECKING:
    from seedsweep.population import Curves, Population

LEARNT: Final = 0.95
"""Accuracy of an output that is learnt; our choice, as of Baherwani et al.'s re-implementations."""

LEAST_RISE: Final = 0.1
"""Smallest rise of accuracy or attention that is one; our choice."""

DELAY: Final = 0.1
"""Share of the outputs of a scale that are learnt before it is asked whether the hazard is constant: to be learnt
takes a while even where the search is over at once. Our choice."""

EARLY: Final = 0.1
"""A forecast is looked at in the first half of the time in which this share of the seeds gets there."""


@dataclass(frozen=True, eq=False)
class StreamForecast(Result):
    """How well one stream foretells when a seed succeeds.

    Attributes
    ----------
    split, metric : str
        What was read.
    forecast : Forecast
    pvalue_holm : float
        Of the forecast, corrected for all scales and streams.
    values : ndarray of float, shape (n,)
        What was read of every seed at the step of the forecast.
    times : EventTimes
        When every seed succeeded for good.
    """

    split: str
    metric: str
    forecast: Forecast
    pvalue_holm: float
    values: FloatArray
    times: EventTimes

    def to_dict(self) -> dict[str, Any]:
        """Ready for strict JSON; without the seeds' values."""
        return {name: jsonable(value) for name, value in vars(self).items() if name not in ("values", "times")}


@dataclass(frozen=True, eq=False)
class ScaleInside(Result):
    """What happened inside the seeds of one scale.

    Attributes
    ----------
    scale : float
    n, outputs : int
        Finished seeds; outputs of each, 0 where they were not read.
    learnt : float
        Share of all outputs that are learnt at the end; `nan` without outputs.
    times : EventTimes or None
        When every output was learnt for good, shape (n, outputs).
    step : float
        The evaluation at which `dependence` looks: where about half of all outputs are learnt.
    dependence : OutputDependence or None
    pvalue_dependence : float
        Corrected for the scales by Holm.
    lead : LeadLag or None
        Of attention against capability, each at half of its own rise.
    rises : pair of EventTimes, or None
        These half-rises: of attention, and of capability.
    pvalue_lead, pvalue_exchanged : float
        Both of `lead`, corrected for the scales by Holm.
    forecasts : tuple of StreamForecast
    """

    scale: float
    n: int
    outputs: int
    learnt: float
    times: EventTimes | None
    step: float
    dependence: OutputDependence | None
    pvalue_dependence: float
    lead: LeadLag | None
    rises: tuple[EventTimes, EventTimes] | None
    pvalue_lead: float
    pvalue_exchanged: float
    forecasts: tuple[StreamForecast, ...]

    def to_dict(self) -> dict[str, Any]:
        """Ready for strict JSON; without the times, which are as many as seeds and outputs."""
        left_out = ("times", "rises", "forecasts")
        told = {name: jsonable(value) for name, value in vars(self).items() if name not in left_out}
        return told | {"forecasts": [one.to_dict() for one in self.forecasts]}


@dataclass(frozen=True, eq=False)
class Inside(Plotted, Rows):
    """What happened inside the seeds of a population.

    Attributes
    ----------
    streams : tuple of str
        What the spec calls them.
    learnt_at : float
        The accuracy from which on an output is learnt; `nan` without outputs.
    scales : tuple of ScaleInside
        Ascending.
    shape : HazardShape or None
        Of the times at which outputs are learnt, over all scales.
    slope : HazardSlope or None
        Of the same along the ladder. Both from where a tenth of a scale's outputs are learnt.
    collapse : HazardSlope or None
        As `slope`, from the first step on: its `time_slope` is what makes the curves of all scales one.
    absent : mapping of str to str
        What is not told, and why.
    scale_name : str
        What is scaled.
    """

    streams: tuple[str, ...]
    learnt_at: float
    scales: tuple[ScaleInside, ...]
    shape: HazardShape | None
    slope: HazardSlope | None
    collapse: HazardSlope | None
    absent: Mapping[str, str]
    scale_name: str

    def __repr__(self) -> str:
        places = ", ".join(text.scale(scale.scale) for scale in self.scales)
        seeds = text.seeds(sum(scale.n for scale in self.scales))
        return f"<Inside of {', '.join(self.streams)}: {seeds} at {text.field(self.scale_name)} {places}>"

    def _rows(self) -> list[dict[str, Cell]]:
        return [
            {
                self.scale_name: scale.scale,
                "n": scale.n,
                "outputs": scale.outputs,
                "learnt": scale.learnt,
                "pvalue_dependence": scale.pvalue_dependence,
                "pvalue_lead": scale.pvalue_lead,
                "pvalue_exchanged": scale.pvalue_exchanged,
            }
            for scale in self.scales
        ]

    def to_dict(self) -> dict[str, Any]:
        """Ready for ``json.dumps(..., allow_nan=False)``."""
        return {
            "streams": list(self.streams),
            "learnt_at": jsonable(self.learnt_at),
            "scales": [scale.to_dict() for scale in self.scales],
            "shape": jsonable(self.shape),
            "slope": jsonable(self.slope),
            "collapse": jsonable(self.collapse),
            "absent": dict(self.absent),
        }


def inside(population: Population, criterion: Criterion | None = None) -> Inside | None:
    """What happened inside the seeds of a population; None where no streams were read.

    Parameters
    ----------
    population : Population
    criterion : Criterion, optional
        What counts as success, with a threshold; by default as the population has it.

    Returns
    -------
    Inside or None

    Raises
    ------
    InputError
        If the population cannot be read.
    ValueError
        If no threshold of success is known.

    Notes
    -----
    An output is *learnt* from the evaluation on from which its accuracy stays at 0.95 or above. Where no output of
    any seed ends there, since the task has a lower ceiling, half-way between the start and the best output counts.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from seedsweep import read_table
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "study.csv")
    ...     _ = file.write_text("depth,run,accuracy\\n1,a,0.1\\n1,b,0.2\\n")
    ...     inside(read_table(file, scale="depth", seed="run", metric="accuracy", threshold=0.5)) is None
    True
    """
    names = stream_names(population)
    if not names or not population.scales:
        return None
    absent: dict[str, str] = {}
    capability = output_curves(population, CAPABILITY)
    attention = output_curves(population, ATTENTION)
    level = learnt_at(capability)
    times = {scale: event_times(curves.steps, curves.values, level) for scale, curves in capability.items()}
    if not capability:
        absent["outputs"] = "no stream has read them one by one: add outputs to the streams"
    if not attention:
        absent["attention"] = "no stream has read it: add attention to the streams"
    criterion = population.criterion if criterion is None else criterion
    final = population.final(criterion.metric, criterion.split)
    success = judged_curves(final, population.curves(criterion.metric, criterion.split))
    rises = _rises(attention, capability)
    leads = {scale: lead_lag(*both) for scale, both in rises.items()}
    dependence = {scale: _dependence(times[scale], curves.steps) for scale, curves in capability.items()}
    forecasts = _forecasts(population, success, criterion)
    scales = list(population.scales)
    holm = {
        name: dict(zip(scales, adjust_pvalues([values.get(scale, math.nan) for scale in scales]), strict=True))
        for name, values in {
            "dependence": {scale: found.pvalue for scale, (_, found) in dependence.items()},
            "lead": {scale: found.pvalue for scale, found in leads.items()},
            "exchanged": {scale: found.pvalue_exchanged for scale, found in leads.items()},
        }.items()
    }
    return Inside(
        streams=names,
        learnt_at=level,
        scales=tuple(
            ScaleInside(
                scale=scale,
                n=int(final.present[row].sum()),
                outputs=times[scale].low.shape[1] if scale in times else 0,
                learnt=float(times[scale].reached.mean()) if scale in times else math.nan,
                times=times.get(scale),
                step=dependence[scale][0] if scale in dependence else math.nan,
                dependence=dependence[scale][1] if scale in dependence else None,
                pvalue_dependence=float(holm["dependence"][scale]),
                lead=leads.get(scale),
                rises=rises.get(scale),
                pvalue_lead=float(holm["lead"][scale]),
                pvalue_exchanged=float(holm["exchanged"][scale]),
                forecasts=forecasts.get(scale, ()),
            )
            for row, scale in enumerate(final.scales)
        ),
        shape=hazard_shape(times, skipped=DELAY) if times else None,
        slope=hazard_slope(times, skipped=DELAY) if len(times) > 1 else None,
        collapse=hazard_slope(times) if len(times) > 1 else None,
        scale_name=population.scale_name,
        absent=absent,
    )


def learnt_at(capability: Mapping[float, OutputCurves]) -> float:
    """The accuracy from which on an output is learnt; `nan` without outputs."""
    ends = [curves.values[..., -1] for curves in capability.values() if curves.values.size]
    if not ends:
        return math.nan
    best = float(np.nanmax(np.concatenate([end.ravel() for end in ends] + [[-math.inf]])))
    begins = np.concatenate([curves.values[..., 0].ravel() for curves in capability.values()])
    begin = float(np.nanmedian(begins)) if not np.isnan(begins).all() else math.nan
    return LEARNT if best >= LEARNT or not best - begin >= LEAST_RISE else (begin + best) / 2


def _dependence(times: EventTimes, steps: FloatArray) -> tuple[float, OutputDependence]:
    """At the evaluation at which the share of learnt outputs is nearest a half, the last of equally near ones."""
    shares = np.array([(times.high <= step).mean() if times.high.size else math.nan for step in steps])
    nearest = np.flatnonzero(np.abs(shares - 0.5) == np.abs(shares - 0.5).min()) if times.high.size else [-1]
    step = float(steps[nearest[-1]]) if steps.size else math.nan
    return step, output_dependence(times.high <= step)


def _rises(
    attention: Mapping[float, OutputCurves], capability: Mapping[float, OutputCurves]
) -> dict[float, tuple[EventTimes, EventTimes]]:
    least = _least_rise(attention), _least_rise(capability)
    return {
        scale: (
            half_rise(attention[scale].steps, attention[scale].values, least=least[0]),
            half_rise(capability[scale].steps, capability[scale].values, least=least[1]),
        )
        for scale in attention
        if scale in capability
    }


def _least_rise(curves: Mapping[float, OutputCurves]) -> float:
    """A quarter of the largest rise of any output of any seed, and no less than `LEAST_RISE`."""
    rises = [one.values[..., -1] - one.values[..., 0] for one in curves.values() if one.values.size]
    largest = max((float(np.nanmax(rise)) for rise in rises if not np.isnan(rise).all()), default=0.0)
    return max(LEAST_RISE, largest / 4)


def _forecasts(
    population: Population, success: Mapping[float, Curves], criterion: Criterion
) -> dict[float, tuple[StreamForecast, ...]]:
    """Of attention over all outputs, and of every stream of the user's own."""
    known = [("attention", ATTENTION)] if has(population, "attention", ATTENTION) else []
    found: list[tuple[float, StreamForecast]] = []
    for split, metric in [*known, *own_streams(population)]:
        streams = population.curves(metric, split)
        for scale, curves in success.items():
            times = event_times(curves.steps, criterion.oriented(curves.values), criterion.least)
            step = _early(times, curves.steps)
            if scale in streams and step in streams[scale].steps:
                values = streams[scale].values[:, np.searchsorted(streams[scale].steps, step)]
                told = forecast(values, times, step)
                found.append((scale, StreamForecast(split, metric, told, told.pvalue, values, times)))
    holm = adjust_pvalues([one.pvalue_holm for _, one in found])
    by_scale: dict[float, tuple[StreamForecast, ...]] = {}
    for (scale, one), pvalue in zip(found, holm.tolist(), strict=True):
        by_scale[scale] = (*by_scale.get(scale, ()), replace(one, pvalue_holm=pvalue))
    return by_scale


def _early(times: EventTimes, steps: npt.ArrayLike) -> float:
    """The last evaluation in the first half of the time in which `EARLY` of the seeds get there; `nan` if so many
    do not, or there is no evaluation but the first."""
    evaluations, ordered = np.asarray(steps, dtype=np.float64), np.sort(times.high)
    there = ordered[max(0, math.ceil(EARLY * ordered.size) - 1)] if ordered.size else math.inf
    before = evaluations[evaluations <= there / 2] if math.isfinite(there) else evaluations[:0]
    return float(before[-1]) if before.size else math.nan
