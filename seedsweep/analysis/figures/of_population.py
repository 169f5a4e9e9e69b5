"""The figures of a population of which no more than the summary is known: what `run` and `analyze` write."""

from __future__ import annotations

from functools import partial

from seedsweep import formats
from seedsweep.analysis.figures.crossed_runs import crossed_runs
from seedsweep.analysis.figures.ladder import ladder
from seedsweep.analysis.figures.learning_curves import learning_curves
from seedsweep.analysis.figures.of_study import Drawings
from seedsweep.analysis.statistics import text
from seedsweep.analysis.study import luck
from seedsweep.analysis.study.parts import judged_curves
from seedsweep.analysis.study.summary import PopulationSummary
from seedsweep.population import Population, of_split


def population_drawings(
    population: Population, summary: PopulationSummary, *, categories: bool = False
) -> Drawings:
    """`ladder`, and where there are learning curves `curves`, of all seeds; of crossed ones `crossed`."""
    criterion = summary.criterion
    final = population.final(criterion.metric, criterion.split)
    curves = judged_curves(final, population.curves(criterion.metric, criterion.split))
    values = {scale: final.at(scale) for scale in final.scales}
    names = {
        "scale_name": formats.shortened(text.field(population.scale_name)),
        "metric_name": formats.shortened(f"{criterion.metric}{of_split(criterion.split)}"),
    }
    drawn: Drawings = {
        "ladder": partial(ladder, values, summary.scales, criterion, **names, categories=categories)
    }
    if curves:
        lines = {scale: (curve.steps, curve.values) for scale, curve in curves.items()}
        drawn["curves"] = partial(learning_curves, lines, criterion, **names, ends=values)
    if runs := luck.crossed_runs(final):
        drawn["crossed"] = partial(crossed_runs, runs, criterion, **names)
    return drawn
