"""The statistics and figures of a population: what `seedsweep run` and `seedsweep analyze` show."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seedsweep.analysis import wording
from seedsweep.analysis.bootstrap import Interval, bootstrap_interval
from seedsweep.analysis.samples import FloatArray, observed
from seedsweep.analysis.summary import ScaleSummary, jsonable, summarise

if TYPE_CHECKING:
    from seedsweep.population import Population


@dataclass(frozen=True)
class PopulationSummary:
    """Every scale of a population under one metric and one split.

    Attributes
    ----------
    name, path : str
        Of the sweep or the table.
    scale_name : str
        Dotted name of the swept field, or the name of a column.
    metric, split : str
        What is summarised.
    threshold : float
        Of success, in the unit of the metric.
    threshold_chosen : bool
        Nobody has said what success is: the threshold is the middle of the observed values.
    higher_is_better : bool
        Whether success is a value of at least the threshold; else it is at most that.
    in_distribution : mapping of float to Interval
        Mean of the same metric on the in-distribution split, per scale; diverged seeds left out. Empty if the
        population knows no such split.
    scales : tuple of ScaleSummary
        In ascending order.
    """

    name: str
    path: str
    scale_name: str
    metric: str
    split: str
    threshold: float
    threshold_chosen: bool
    higher_is_better: bool
    in_distribution: Mapping[float, Interval]
    scales: tuple[ScaleSummary, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know about these numbers, a sentence each."""
        notes = []
        if self.threshold_chosen:
            notes.append(
                f"nobody said what success is: {self.threshold:.4g} is the middle of the observed values; "
                "give a threshold of your own"
            )
        if lone := [scale.scale for scale in self.scales if scale.n - scale.n_diverged == 1]:
            notes.append(f"one value only at {_places(self, lone)}: nothing can be said about its spread or modes")
        if diverged := [scale for scale in self.scales if scale.n_diverged]:
            notes.append(
                f"{sum(scale.n_diverged for scale in diverged)} seeds have no final value, at "
                f"{_places(self, [scale.scale for scale in diverged])}: they count as failures in P(success) and "
                "are left out elsewhere"
            )
        return tuple(notes)

    def to_dict(self) -> dict[str, Any]:
        """Ready for ``json.dumps(..., allow_nan=False)``."""
        plain = ("name", "path", "scale_name", "metric", "split", "threshold", "threshold_chosen")
        told = {key: getattr(self, key) for key in (*plain, "higher_is_better")}
        told["notes"] = list(self.notes)
        told["scales"] = [
            {**scale.to_dict(), "in_distribution_mean": jsonable(self.in_distribution.get(scale.scale))}
            for scale in self.scales
        ]
        return told


def summarise_population(population: Population) -> PopulationSummary:
    """Summarise the final values of the metric and split that decide about success.

    A metric that is a share of a split's examples lies on a lattice; the dip test is then run on jittered values
    (see `seedsweep.analysis.dip`). Without a threshold of success, the middle between the smallest and the largest
    value is taken; 0 if there are no values.
    """
    criterion = population.criterion
    low, high = population.metrics[criterion.metric].bounds
    final = population.final(criterion.metric, criterion.split)
    values = {scale: final.at(scale) for scale in final.scales}
    threshold = _middle(values) if criterion.threshold is None else criterion.threshold
    in_distribution = {}
    if any(split.role == "in-distribution" for split in population.splits.values()):
        inside = population.final(criterion.metric, split="in-distribution")
        in_distribution = {
            scale: bootstrap_interval(np.mean, observed(inside.at(scale))) for scale in inside.scales
        }
    return PopulationSummary(
        name=population.name,
        path=population.path,
        scale_name=population.scale_name,
        metric=criterion.metric,
        split=criterion.split,
        threshold=threshold,
        threshold_chosen=criterion.threshold is None,
        higher_is_better=criterion.higher_is_better,
        in_distribution=in_distribution,
        scales=summarise(
            values,
            at_least=threshold,
            higher_is_better=criterion.higher_is_better,
            lattice=population.lattice(criterion.metric, criterion.split),
            bounds=(low, math.inf if high is None else high),
        ),
    )


def draw(population: Population, summary: PopulationSummary, directory: Path) -> list[str]:
    """Draw `ladder`, and where there are curves `learning_curves`, into a directory as SVG and PNG.

    Returns the paths.
    """
    from seedsweep.analysis import figures

    final = population.final(summary.metric, summary.split)
    curves = population.curves(summary.metric, summary.split)
    values = {scale: final.at(scale) for scale in final.scales}
    words: dict[str, Any] = {
        "scale_name": wording.field(population.scale_name),
        "metric_name": f"{summary.metric} ({summary.split})",
        "at_least": summary.threshold,
        "higher_is_better": summary.higher_is_better,
    }
    drawn = {"ladder": figures.ladder(values, summary.scales, **words)}
    if curves:
        lines = {scale: (curve.steps, curve.values) for scale, curve in curves.items()}
        drawn["learning_curves"] = figures.learning_curves(lines, **words, ends=values)
    return [str(path) for name, figure in drawn.items() for path in figures.save(figure, directory / name)]


def _middle(values: Mapping[float, FloatArray]) -> float:
    everything = observed(np.concatenate([*values.values(), []]))
    return float((everything.min() + everything.max()) / 2) if everything.size else 0.0


def _places(summary: PopulationSummary, scales: list[float]) -> str:
    return f"{wording.field(summary.scale_name)} {', '.join(f'{scale:g}' for scale in scales)}"
