"""The figures that `seedsweep run` and `seedsweep analyze` show, as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seedsweep.analysis import figures
from seedsweep.analysis.statistics import text
from seedsweep.analysis.study.summary import PopulationSummary
from seedsweep.population import Population


def draw(population: Population, summary: PopulationSummary, directory: Path) -> list[str]:
    """Draw `ladder`, and where there are curves `learning_curves`, into a directory as SVG and PNG.

    Returns the paths.
    """
    final = population.final(summary.metric, summary.split)
    curves = population.curves(summary.metric, summary.split)
    values = {scale: final.at(scale) for scale in final.scales}
    words: dict[str, Any] = {
        "scale_name": text.field(population.scale_name),
        "metric_name": f"{summary.metric} ({summary.split})",
        "at_least": summary.threshold,
        "higher_is_better": summary.higher_is_better,
    }
    drawn = {"ladder": figures.ladder(values, summary.scales, **words)}
    if curves:
        lines = {scale: (curve.steps, curve.values) for scale, curve in curves.items()}
        drawn["learning_curves"] = figures.learning_curves(lines, **words, ends=values)
    return [str(path) for name, figure in drawn.items() for path in figures.save(figure, directory / name)]
