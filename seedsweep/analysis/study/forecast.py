"""What will happen one size up? Forecasts of a population's next scales."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.extrapolate import FEWEST_SCALES, Extrapolation, extrapolate
from seedsweep.analysis.statistics.results import Result
from seedsweep.analysis.statistics.rows import Cell, Rows
from seedsweep.analysis.statistics.samples import FloatArray, observed
from seedsweep.analysis.study.carried import why_not
from seedsweep.analysis.study.holdout import HeldOut, held_out, shown
from seedsweep.analysis.study.parts import bounds_of
from seedsweep.analysis.study.summary import NOTHING
from seedsweep.criterion import Criterion
from seedsweep.errors import ArgumentError
from seedsweep.htmltable import html_table
from seedsweep.plotted import Plotted
from seedsweep.population import of_split

if TYPE_CHECKING:
    from seedsweep.population import Population

WIDEST: Final = 0.6
"""Of the interval of P(success): a wider one says nothing; our choice."""


@dataclass(frozen=True, eq=False)
class ScaleForecast(Result):
    """What is forecast for one scale, in the unit of the metric.

    Attributes
    ----------
    scale : float
    refused : str
        Why the seeds do not carry a forecast for it; empty if they do.
    found : Extrapolation or None
        None where it is refused.
    """

    scale: float
    refused: str
    found: Extrapolation | None


@dataclass(frozen=True, eq=False)
class LadderForecast(Plotted, Rows):
    """What a population says of scales that nobody has trained.

    Attributes
    ----------
    name, path, scale_name : str
    criterion : Criterion
        What success is; it has a threshold.
    threshold_chosen : bool
        Nobody has said what success is: the threshold is the middle of the observed values.
    scales : tuple of float
        On which it rests.
    n : int
        Seeds of these.
    values : mapping from scale to ndarray
        Their final values.
    forecasts : tuple of ScaleForecast
        One for each scale that was asked for.
    held_out : tuple of HeldOut
        The largest scales, each forecast from those below all of them; empty if none were held out.
    """

    name: str
    path: str
    scale_name: str
    criterion: Criterion
    threshold_chosen: bool
    scales: tuple[float, ...]
    n: int
    values: Mapping[float, FloatArray]
    forecasts: tuple[ScaleForecast, ...]
    held_out: tuple[HeldOut, ...]

    def __repr__(self) -> str:
        word, scales = text.field(self.scale_name), [text.scale(one.scale) for one in self.forecasts]
        asked = f"{word} {text.listed(scales)}" if scales else "nothing new"
        return f"<LadderForecast of {asked} from {text.seeds(self.n)} of {self.name}, {self.at}>"

    def _rows(self) -> list[dict[str, Cell]]:
        """Held out ones first, then those that were asked for."""
        held = [(one.scale, one.forecast, "held out", one.refused, one.seen_success) for one in self.held_out]
        asked = [(one.scale, one.found, "forecast", one.refused, None) for one in self.forecasts]
        return [
            {
                self.scale_name: scale,
                "kind": kind,
                "p_success": NOTHING if found is None else found.success,
                "mean": NOTHING if found is None else found.mean,
                "mean_given_success": NOTHING if found is None else found.given_success,
                "p_success_seen": math.nan if seen is None else seen.rate,
                "refused": refused,
            }
            for scale, found, kind, refused, seen in [*held, *asked]
        ]

    def _repr_html_(self) -> str:
        made = [(one.scale, one.found, one.refused) for one in self.forecasts]
        held = [(one.scale, one.forecast, "held out") for one in self.held_out]
        rows = [
            [
                text.scale(scale),
                text.with_interval(None if found is None else found.success),
                text.with_interval(None if found is None else found.mean),
                told,
            ]
            for scale, found, told in [*held, *made]
        ]
        columns = [text.field(self.scale_name), "P(success)", "mean", ""]
        return html_table(f"{self.name}: {self.at}, forecast from {text.seeds(self.n)}", columns, rows)

    @property
    def at(self) -> str:
        """What is forecast: "exact_match on test"."""
        return f"{self.criterion.metric}{of_split(self.criterion.split)}"

    def to_dict(self) -> dict[str, Any]:
        """Ready for ``json.dumps(..., allow_nan=False)``; without the values that it rests on."""
        return {
            "name": self.name,
            "path": self.path,
            "scale_name": self.scale_name,
            "metric": self.criterion.metric,
            "split": self.criterion.split,
            "threshold": self.criterion.threshold,
            "threshold_chosen": self.threshold_chosen,
            "higher_is_better": self.criterion.higher_is_better,
            "scales": list(self.scales),
            "n": self.n,
            "forecasts": [one.to_dict() for one in self.forecasts],
            "held_out": [one.to_dict() for one in self.held_out],
        }


def forecast(population: Population, to: Sequence[float] = (), *, holdout: int = 0) -> LadderForecast:
    """Forecast what seeds would do at scales that nobody has trained.

    Parameters
    ----------
    population : Population
        Of a sweep or a table.
    to : sequence of float
        The scales, all beyond the largest that there is.
    holdout : int
        How many of the largest scales are forecast from the others, to see how good forecasts of this ladder are.

    Returns
    -------
    LadderForecast
        Where the seeds do not carry a forecast it has a reason in its place: fewer than three scales, no trend
        along the ladder or one that turns, a scale further away than half the length of the ladder, or an interval
        of P(success) that is wider than 60 percentage points.

    Raises
    ------
    InputError
        If a scale is not beyond the largest, neither a scale nor a number to hold out is given, or holding out
        leaves fewer than three scales.

    Notes
    -----
    The models, their weights and the intervals are those of `seedsweep.analysis.extrapolate`. The trend is
    tested by Kendall's tau of all values and their scales, and that it turns by Mann and Whitney's test of the
    largest scale against each of those between it and the smallest; all at .05, uncorrected, since they are
    guards.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from seedsweep import read_table
    >>> rows = [f"{d},{run},{float(run * 20 < d * 120)}" for d in (1, 2, 3, 4, 5) for run in range(32)]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "study.csv")
    ...     _ = file.write_text("depth,run,accuracy\\n" + "\\n".join(rows))
    ...     population = read_table(file, scale="depth", seed="run", metric="accuracy", threshold=0.5)
    >>> near, far = forecast(population, to=[6, 60]).forecasts
    >>> near.found.success.low < 1.0 <= near.found.success.high, far.found
    (True, None)
    """
    criterion = population.criterion
    final = population.final(criterion.metric, criterion.split)
    values = {scale: final.at(scale) for scale in final.scales}
    everything = observed(np.concatenate([*values.values(), []]))
    chosen = criterion.threshold is None
    if chosen:
        middle = float(everything.min() + everything.max()) / 2 if everything.size else 0.0
        criterion = replace(criterion, threshold=middle)
    known = [scale for scale in final.scales if observed(values[scale]).size]
    _check(population, known, to, holdout)
    word = text.field(population.scale_name)
    turned = bounds_of(population, criterion, inverse=not criterion.higher_is_better)
    better = {scale: criterion.oriented(values[scale]) for scale in known}
    return LadderForecast(
        name=population.name,
        path=population.path,
        scale_name=population.scale_name,
        criterion=criterion,
        threshold_chosen=chosen,
        scales=tuple(known),
        n=sum(values[scale].size for scale in known),
        values={scale: values[scale] for scale in known},
        forecasts=tuple(_forecast(better, scale, criterion, turned, word) for scale in sorted(to)),
        held_out=held_out(better, holdout, criterion, turned, lambda known, scale: why_not(known, scale, word))
        if holdout
        else (),
    )


def _check(population: Population, known: Sequence[float], to: Sequence[float], holdout: int) -> None:
    word = text.field(population.scale_name)
    if not to and not holdout:
        raise ArgumentError(
            "to", "", f"give the {word} to forecast, e.g. {text.scale(2 * max(known, default=1.0))}"
        )
    for scale in to:
        if not math.isfinite(scale) or (known and scale <= known[-1]):
            raise ArgumentError(
                "to", text.scale(scale), f"a {word} beyond the largest, {text.scale(known[-1])}, is needed"
            )
    if holdout and len(known) - holdout < FEWEST_SCALES:
        raise ArgumentError(
            "holdout",
            holdout,
            f"leaves {max(0, len(known) - holdout)} of {len(known)} scales; a forecast needs {FEWEST_SCALES}",
        )


def _forecast(
    better: Mapping[float, FloatArray],
    to: float,
    criterion: Criterion,
    bounds: tuple[float, float],
    word: str,
) -> ScaleForecast:
    if refused := why_not(better, to, word):
        return ScaleForecast(to, refused, None)
    found = extrapolate(better, to, threshold=criterion.least, bounds=bounds)
    width = found.success.high - found.success.low
    if width > WIDEST:
        wide = text.percent_interval(found.success.low, found.success.high)
        return ScaleForecast(to, f"all that could be said of P(success) is {wide}", None)
    return ScaleForecast(to, "", shown(found, criterion))
