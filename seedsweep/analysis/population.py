"""The statistics and figures of a sweep's population: what `seedsweep run` shows at its end."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seedsweep.analysis.bootstrap import Interval, bootstrap_interval
from seedsweep.analysis.samples import observed
from seedsweep.analysis.summary import ScaleSummary, jsonable, summarise

if TYPE_CHECKING:
    from seedsweep.population import Population


@dataclass(frozen=True)
class PopulationSummary:
    """Every scale of a sweep under one metric and one split.

    Attributes
    ----------
    name, path : str
        Of the sweep.
    scale_name : str
        Dotted name of the swept field.
    metric, split : str
        What is summarised.
    at_least : float
        Threshold of success.
    in_distribution : mapping of float to Interval
        Mean of the same metric on the in-distribution split, per scale; diverged seeds left out.
    scales : tuple of ScaleSummary
        In ascending order.
    """

    name: str
    path: str
    scale_name: str
    metric: str
    split: str
    at_least: float
    in_distribution: Mapping[float, Interval]
    scales: tuple[ScaleSummary, ...]

    def to_dict(self) -> dict[str, Any]:
        """Ready for ``json.dumps(..., allow_nan=False)``."""
        told = {key: getattr(self, key) for key in ("name", "path", "scale_name", "metric", "split", "at_least")}
        told["scales"] = [
            {**scale.to_dict(), "in_distribution_mean": jsonable(self.in_distribution[scale.scale])}
            for scale in self.scales
        ]
        return told


def summarise_population(population: Population) -> PopulationSummary:
    """Summarise the final values of the metric and split that the spec calls success.

    A metric that is a share of a split's examples lies on a lattice; the dip test is then run on jittered values
    (see `seedsweep.analysis.dip`).
    """
    success = population.success
    metric = population.metrics[success.metric]
    low, high = metric.bounds
    final = population.final(success.metric, split=success.split)
    inside = population.final(success.metric, split="in-distribution")
    return PopulationSummary(
        name=population.name,
        path=population.path,
        scale_name=population.scale_name,
        metric=success.metric,
        split=success.split,
        at_least=success.at_least,
        in_distribution={
            scale: bootstrap_interval(np.mean, observed(inside.at(scale))) for scale in inside.scales
        },
        scales=summarise(
            {scale: final.at(scale) for scale in final.scales},
            at_least=success.at_least,
            lattice=1 / population.splits[success.split].examples if metric.counts_examples else None,
            bounds=(low, math.inf if high is None else high),
        ),
    )


def draw(population: Population, summary: PopulationSummary, directory: Path) -> list[str]:
    """Draw `ladder` and `learning_curves` as SVG and PNG into a directory; returns the paths."""
    from seedsweep.analysis import figures

    success = population.success
    final = population.final(success.metric, split=success.split)
    curves = population.curves(success.metric, split=success.split)
    label = f"{success.metric} ({success.split})"
    scale_name = population.scale_name.rpartition(".")[2]
    drawn = {
        "ladder": figures.ladder(
            {scale: final.at(scale) for scale in final.scales},
            summary.scales,
            scale_name=scale_name,
            metric_name=label,
            at_least=success.at_least,
        ),
        "learning_curves": figures.learning_curves(
            {scale: (curve.steps, curve.values) for scale, curve in curves.items()},
            scale_name=scale_name,
            metric_name=label,
            at_least=success.at_least,
        ),
    }
    return [str(path) for name, figure in drawn.items() for path in figures.save(figure, directory / name)]
