"""The figures of a study, those that apply to it, in the order of the report."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from seedsweep import formats
from seedsweep.analysis.figures.claims import claims
from seedsweep.analysis.figures.crossed_runs import crossed_runs
from seedsweep.analysis.figures.densities import densities
from seedsweep.analysis.figures.distances import distances
from seedsweep.analysis.figures.every_seed import every_seed
from seedsweep.analysis.figures.extreme_curves import extreme_curves
from seedsweep.analysis.figures.ladder import ladder
from seedsweep.analysis.figures.learning_curves import learning_curves
from seedsweep.analysis.figures.metric_twins import metric_twins
from seedsweep.analysis.figures.shown import Figure
from seedsweep.analysis.figures.survival import budget_sensitivity, survival_curves
from seedsweep.analysis.figures.u_shape import lowest_between_higher, u_shape
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.mirage import MirageCheck
from seedsweep.analysis.study.study import Study
from seedsweep.population import ALL_ROWS

CURVES: Final = 100
"""Seeds of a scale of which learning curves are drawn; of more, an even choice by rank of their final value."""

Drawings: TypeAlias = dict[str, Callable[[], Figure]]
"""Figures by name, drawn when they are called."""


def study_drawings(study: Study, *, categories: bool = False) -> Drawings:
    """The figures of a study itself; without those of what its streams have read and of what comes and goes."""
    criterion, measured = study.summary.criterion, study.measured
    summaries = [scale.summary for scale in study.scales]
    axes = axis_names(study.summary.scale_name, criterion.metric, criterion.split)
    along: dict[str, Any] = {**axes, "categories": categories}
    drawn: Drawings = {
        "every-seed": partial(every_seed, measured.values, summaries, criterion, **along),
        "ladder": partial(ladder, measured.values, summaries, criterion, **along),
    }
    if study.extremes is not None:
        drawn["extremes"] = partial(extreme_curves, measured.values, study.extremes, **along)
    if study.claims:
        drawn["claims"] = partial(claims, study.claims)
    if len(study.capacity.scales) > 1:
        drifts = [scale.drift for scale in study.scales]
        drawn["distances"] = partial(distances, drifts, study.capacity, summaries, criterion, **along)
    for number, (name, values) in enumerate(measured.continuous.items()):
        named = axis_names(study.summary.scale_name, name, criterion.split)
        drawn[f"density-{number}"] = partial(densities, values, **named, bounds=measured.ranges[name])
    if study.mirage is not None:
        name = least_alike(study.mirage)
        drawn["twins"] = partial(
            metric_twins,
            measured.values,
            measured.continuous[name],
            criterion,
            scale_name=axes["scale_name"],
            harsh_name=axes["metric_name"],
            continuous_name=formats.shortened(name),
        )
    if lowest_between_higher([summary.mean for summary in summaries]) is not None:
        drawn["u-shape"] = partial(u_shape, summaries, **along)
    if measured.curves:
        drawn["curves"] = partial(_curves, study, axes)
    if study.survival is not None:
        drawn["survival"] = partial(survival_curves, study.survival, criterion, **axes)
        drawn["budget"] = partial(budget_sensitivity, study.survival, scale_name=axes["scale_name"])
    if study.crossed_runs:
        drawn["crossed"] = partial(crossed_runs, study.crossed_runs, criterion, **axes)
    return drawn


def axis_names(scale_name: str, metric: str, split: str) -> dict[str, str]:
    """How the axes are called, as `scale_name` and `metric_name`."""
    on = metric if split == ALL_ROWS else f"{metric} ({split})"
    return {"scale_name": formats.shortened(text.field(scale_name)), "metric_name": formats.shortened(on)}


def least_alike(check: MirageCheck) -> str:
    """The metric with the lowest rank correlation with the first, at any scale."""

    def lowest(metric: str) -> float:
        known = [r.estimate for r in check.agreement[metric] if not math.isnan(r.estimate)]
        return min(known, default=math.inf)

    return min(check.agreement, key=lowest)


def curves_drawn(study: Study) -> Mapping[float, npt.NDArray[np.intp]]:
    """The seeds of every scale of which learning curves are drawn, by their places, from the worst to the best."""
    rows = {}
    for scale in study.measured.curves:
        order = np.argsort(study.measured.values[scale], kind="stable")
        few = np.linspace(0, order.size - 1, CURVES).round().astype(int) if order.size > CURVES else slice(None)
        rows[scale] = order[few]
    return rows


def _curves(study: Study, axes: Mapping[str, str]) -> Figure:
    measured, rows = study.measured, curves_drawn(study)
    lines = {scale: (curves.steps, curves.values[rows[scale]]) for scale, curves in measured.curves.items()}
    ends = {scale: measured.values[scale][rows[scale]] for scale in lines}
    return learning_curves(lines, study.summary.criterion, **axes, ends=ends)
