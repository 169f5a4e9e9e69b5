"""The figures that `seedsweep run` and `seedsweep analyze` show, as files."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from seedsweep.analysis import figures
from seedsweep.analysis.figures.of_population import population_drawings
from seedsweep.analysis.study.summary import PopulationSummary
from seedsweep.population import Population

FILES: Final = {"ladder": "ladder", "curves": "learning_curves", "crossed": "crossed"}
"""Their names, by those of the figures."""


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
    drawn = population_drawings(population, summary, categories=categories)
    return [str(path) for name, make in drawn.items() for path in figures.save(make(), directory / FILES[name])]
