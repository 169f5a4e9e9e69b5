"""Time to a threshold along the whole ladder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.budget import CutOff, cut_off, success_by_budget
from seedsweep.analysis.statistics.results import Result
from seedsweep.analysis.statistics.rows import Cell, Rows
from seedsweep.analysis.statistics.samples import as_sample, errors_name
from seedsweep.analysis.statistics.success import SuccessRate
from seedsweep.analysis.statistics.survival import (
    LogRank,
    SurvivalCurve,
    ThresholdTimes,
    kaplan_meier,
    log_rank,
    time_to_threshold,
)
from seedsweep.criterion import Criterion
from seedsweep.plotted import Plotted


@dataclass(frozen=True, eq=False)
class ScaleSurvival(Result):
    """Time to the threshold at one scale.

    Attributes
    ----------
    scale : float
        The value on the ladder.
    times : ThresholdTimes
        Of every seed, those that were stopped early last.
    survival : SurvivalCurve
        Share of the seeds that have not got there yet.
    steps : tuple of float
        The evaluations.
    success : tuple of SuccessRate
        P(success) had training been stopped at each of `steps`, of the seeds that were trained to the end.
    cut_off : CutOff
        Whether the budget explains the failures of these seeds.
    """

    scale: float
    times: ThresholdTimes
    survival: SurvivalCurve
    steps: tuple[float, ...]
    success: tuple[SuccessRate, ...]
    cut_off: CutOff


@dataclass(frozen=True, eq=False)
class SurvivalSummary(Plotted, Rows):
    """Time to the threshold along a ladder.

    Attributes
    ----------
    at_least : float
        The threshold.
    scales : tuple of ScaleSurvival
        Ascending.
    log_rank : LogRank
        Of all scales.
    pairwise : tuple of LogRank
        Of every two scales that have seeds. The p-values are not corrected for their number.
    criterion : Criterion or None
        What the threshold is of, for figures; None where plain curves were given.
    scale_name : str
        What is scaled; empty where nobody has said.
    """

    at_least: float
    scales: tuple[ScaleSurvival, ...]
    log_rank: LogRank
    pairwise: tuple[LogRank, ...]
    criterion: Criterion | None = None
    scale_name: str = ""

    def __repr__(self) -> str:
        places = ", ".join(text.scale(scale.scale) for scale in self.scales)
        seeds = text.seeds(sum(scale.survival.n for scale in self.scales))
        what = "the threshold" if self.criterion is None else self.criterion.metric
        return f"<SurvivalSummary of {what}: {seeds} at {text.field(self.scale_name) or 'scale'} {places}>"

    def _rows(self) -> list[dict[str, Cell]]:
        return [
            {
                self.scale_name or "scale": scale.scale,
                "n": scale.survival.n,
                "reached": scale.survival.n_events,
                "median": scale.survival.median,
                "still_rising": scale.cut_off.rising,
                "if_doubled": scale.cut_off.if_doubled,
                "budget": scale.cut_off.verdict,
            }
            for scale in self.scales
        ]

    def to_dict(self) -> dict[str, Any]:
        """Ready for ``json.dumps(..., allow_nan=False)``; the values are as the criterion orients them."""
        told = super().to_dict()
        return {name: told[name] for name in ("at_least", "scales", "log_rank", "pairwise")}


def summarise_survival(
    curves: Mapping[float, tuple[npt.ArrayLike, npt.ArrayLike]],
    *,
    threshold: float,
    stopped: Mapping[float, tuple[npt.ArrayLike, npt.ArrayLike]] | None = None,
) -> SurvivalSummary:
    """Time to the threshold and what the budget decides at every scale of a ladder, and the log-rank tests
    between them.

    Parameters
    ----------
    curves : mapping from scale to (steps, values)
        Shapes (t,) and (n, t), higher is better; the scales may have different evaluations and numbers of seeds.
    threshold : float
        From which value on a seed is a success.
    stopped : mapping from scale to (values, trained_to), optional
        Shapes (m, t) and (m,): seeds that were stopped before the last evaluation, at the same steps, and where.
        What they would have done is not known, so they are right-censored there.

    Returns
    -------
    SurvivalSummary
        A scale without seeds has empty curves and takes no part in the tests.

    Raises
    ------
    ValueError
        As `time_to_threshold`; the message names the scale.

    Examples
    --------
    >>> steps = [0, 100, 200]
    >>> summary = summarise_survival(
    ...     {1: (steps, [[0.0, 0.1, 0.0]] * 8), 2: (steps, [[0.0, 0.6, 0.9]] * 8)}, threshold=0.5
    ... )
    >>> [scale.survival.median.estimate for scale in summary.scales]
    [inf, 100.0]
    >>> summary.log_rank.pvalue < 0.001
    True
    """
    scales = []
    for scale in sorted(curves):
        steps, values = curves[scale]
        with errors_name(scale):
            times = _times(steps, values, threshold, (stopped or {}).get(scale))
            scales.append(
                ScaleSurvival(
                    scale=float(scale),
                    times=times,
                    survival=kaplan_meier(times.steps, times.reached),
                    steps=tuple(as_sample(steps).tolist()),
                    success=success_by_budget(steps, values, threshold),
                    cut_off=cut_off(steps, values, threshold),
                )
            )
    groups = {s.scale: (s.times.steps, s.times.reached) for s in scales if s.survival.n}
    return SurvivalSummary(
        at_least=float(threshold),
        scales=tuple(scales),
        log_rank=log_rank(groups),
        pairwise=tuple(log_rank({a: groups[a], b: groups[b]}) for a, b in combinations(groups, 2)),
    )


def _times(
    steps: npt.ArrayLike,
    values: npt.ArrayLike,
    threshold: float,
    stopped: tuple[npt.ArrayLike, npt.ArrayLike] | None,
) -> ThresholdTimes:
    if stopped is None:
        return time_to_threshold(steps, values, threshold)
    whole, cut = np.asarray(values, dtype=float), np.asarray(stopped[0], dtype=float)
    ends = np.concatenate([np.full(len(whole), as_sample(steps)[-1]), as_sample(stopped[1])])
    return time_to_threshold(steps, np.concatenate([whole, cut]), threshold, trained_to=ends)
