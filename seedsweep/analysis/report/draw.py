"""The figures that `seedsweep run` and `seedsweep analyze` show, as files."""

from __future__ import annotations

from pathlib import Path

from seedsweep import formats
from seedsweep.analysis import figures
from seedsweep.analysis.report.luck import crossed_figure
from seedsweep.analysis.statistics import text
from seedsweep.analysis.study import luck
from seedsweep.analysis.study.parts import judged_curves
from seedsweep.analysis.study.summary import PopulationSummary
from seedsweep.population import Population, of_split


def draw(
    population: Population, summary: PopulationSummary, directory: Path, *, categories: bool = False
) -> list[str]:
    """Draw `ladder`, `learning_curves` where there are, and `crossed` of crossed seeds, as SVG and PNG.

    Parameters
    ----------
    population : Population
    summary : PopulationSummary
        What `summarise_population` returned for it.
    directory : Path
        Where the files go; missing folders are made.
    categories : bool
        Draw the scales at equal distances; else they stand where their numbers are.

    Returns
    -------
    list of str
        Their paths.
    """
    criterion = summary.criterion
    final = population.final(criterion.metric, criterion.split)
    curves = judged_curves(final, population.curves(criterion.metric, criterion.split))
    values = {scale: final.at(scale) for scale in final.scales}
    names = {
        "scale_name": formats.shortened(text.field(population.scale_name)),
        "metric_name": formats.shortened(f"{criterion.metric}{of_split(criterion.split)}"),
    }
    drawn = {"ladder": figures.ladder(values, summary.scales, criterion, **names, categories=categories)}
    if curves:
        lines = {scale: (curve.steps, curve.values) for scale, curve in curves.items()}
        drawn["learning_curves"] = figures.learning_curves(lines, criterion, **names, ends=values)
    shares = luck.variance(final, absent={})
    if shares is not None:
        drawn["crossed"] = crossed_figure(final, shares, criterion, **names)
    return [str(path) for name, figure in drawn.items() for path in figures.save(figure, directory / name)]
