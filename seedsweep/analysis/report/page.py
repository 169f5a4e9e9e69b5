"""The page: the verdict with its figure and numbers, then, folded, findings, figures, tables and provenance."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from seedsweep.analysis.figures.whole import write_whole
from seedsweep.analysis.report.findings import Findings, findings
from seedsweep.analysis.report.first_screen import first_screen, trained
from seedsweep.analysis.report.forecasting import forecast_findings
from seedsweep.analysis.report.forecastparts import forecast_picture, forecast_tables
from seedsweep.analysis.report.glossary import FORECAST, GLOSSARY, INSIDE, TRANSIENCE, with_sections
from seedsweep.analysis.report.insidepictures import inside_pictures
from seedsweep.analysis.report.insidetables import inside_tables
from seedsweep.analysis.report.methods import Methods, methods
from seedsweep.analysis.report.pictures import pictures, seed_marks
from seedsweep.analysis.report.tables import tables
from seedsweep.analysis.report.templates import rendered
from seedsweep.analysis.report.transiencepictures import transience_pictures
from seedsweep.analysis.report.transiencetables import transience_tables
from seedsweep.analysis.report.wording import scale_word, seeds_per_scale, success_word
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.extrapolate import FEWEST_SCALES
from seedsweep.analysis.study.forecast import LadderForecast
from seedsweep.analysis.study.forecast import forecast as forecast_ladder
from seedsweep.analysis.study.study import Study, study
from seedsweep.errors import ArgumentError
from seedsweep.population import Population

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, eq=False)
class Report:
    """A page, and what it was made of.

    Attributes
    ----------
    findings : Findings
        The first screen.
    study : Study
        All numbers.
    methods : Methods
        What the statistics section of a paper must say of it.
    html : str
        The page.
    forecast : LadderForecast or None
        Of the scales that were asked for; None if none were.
    """

    findings: Findings
    study: Study
    methods: Methods
    html: str
    forecast: LadderForecast | None = None

    def __repr__(self) -> str:
        return f"<Report {self.study.summary.name}: {self.findings.headline}>"

    def _repr_html_(self) -> str:
        """The findings; the page is for a browser of its own."""
        return self.findings._repr_html_()

    def to_pandas(self) -> pandas.DataFrame:
        """The numbers of every scale: see `Study.to_pandas`."""
        return self.study.to_pandas()

    def plot(self, name: str | None = None, *, categories: bool = False) -> Figure:
        """Draw one of the page's figures again: see `Study.plot`."""
        return self.study.plot(name, categories=categories)

    def to_dict(self) -> dict[str, Any]:
        """Findings, numbers, methods and forecast, ready for ``json.dumps(..., allow_nan=False)``."""
        told = {
            "findings": self.findings.to_dict(),
            "study": self.study.to_dict(),
            "methods": self.methods.to_dict(),
        }
        if self.forecast is None:
            return told
        words = forecast_findings(self.forecast).to_dict()
        return told | {"forecast": {**self.forecast.to_dict(), **words}}

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write the page; missing folders are made, and a file that is there is replaced."""
        path = Path(path)
        write_whole(path, self.html.encode())
        return path


def report(
    population: Population,
    *,
    command: str | None = None,
    extend: str | None = None,
    categories: bool = False,
    forecast: Sequence[float] = (),
) -> Report:
    """Everything that can be said about a population, as one HTML page.

    Parameters
    ----------
    population : Population
        Of a sweep or a table, with at least one finished seed.
    command : str, optional
        The command that makes this report, for the page.
    extend : str, optional
        The command that trains more seeds; shown on the page with ``--seeds`` added.
    categories : bool
        Draw the scales at equal distances; else they stand where their numbers are.
    forecast : sequence of float
        Scales beyond the largest of which the page shall have a forecast, as `seedsweep.forecast` makes it, or why
        there is none; with four scales or more also how the largest would have been forecast.

    Returns
    -------
    Report

    Raises
    ------
    ValueError
        If no seed is finished.
    InputError
        If the population cannot be read, or a scale to forecast is not beyond the largest.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from seedsweep import read_table
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "study.csv")
    ...     _ = file.write_text("depth,run,accuracy\\n1,a,0.1\\n1,b,0.2\\n2,a,0.1\\n2,b,0.9\\n")
    ...     made = report(read_table(file, scale="depth", seed="run", metric="accuracy"))
    >>> made.findings.headline
    'No evidence that depth matters.'
    """
    if not population.scales:
        raise ValueError("a report needs a finished seed")
    ahead = _forecast(population, forecast) if len(forecast) else None
    examined = study(population)
    words, described = findings(examined), methods(population, examined)
    summary = examined.summary
    origin = population.origin
    most = max(scale.n for scale in summary.scales)
    inside, transience, what = examined.inside, examined.transience, scale_word(examined)
    words_of = [
        words
        for part, words in ((inside, INSIDE), (transience, TRANSIENCE), (ahead, FORECAST))
        if part is not None
    ]
    html = rendered(
        "page.html",
        name=population.name,
        what=what,
        scales=text.listed([text.scale(scale) for scale in population.scales]),
        count=seeds_per_scale(examined.scales),
        success=success_word(summary.criterion),
        findings=words,
        first=first_screen(examined, words.verdict),
        trained=trained(population, examined),
        pictures=list(pictures(population, examined, categories=categories)),
        tables=[
            *tables(examined),
            *([] if transience is None else transience_tables(transience, what)),
            *([] if inside is None else inside_tables(inside, what)),
            *([] if ahead is None else forecast_tables(ahead)),
        ],
        foreseen=None if ahead is None else forecast_findings(ahead),
        forecast_picture=None
        if ahead is None
        else forecast_picture(ahead, seed_marks(population, examined), categories=categories),
        transience_pictures=[] if transience is None else list(transience_pictures(transience)),
        inside_pictures=[] if inside is None else list(inside_pictures(inside)),
        absent=examined.absent if inside is None else {**examined.absent, **inside.absent},
        methods=described,
        origin=origin,
        spec=None if origin.spec is None else json.dumps(origin.spec, indent=2, ensure_ascii=False),
        extend=extend and f"{extend} --seeds 0:{2 * most}",
        command=command,
        glossary=with_sections(*words_of) if words_of else GLOSSARY,
    )
    return Report(words, examined, described, html, ahead)


def _forecast(population: Population, to: Sequence[float]) -> LadderForecast:
    """With the largest scale held out if that leaves enough of them."""
    try:
        return forecast_ladder(population, to, holdout=int(len(population.scales) > FEWEST_SCALES))
    except ArgumentError as error:  # which is called differently there
        raise ArgumentError("forecast", error.value, error.problem) from None
