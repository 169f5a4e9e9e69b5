"""The command that forecasts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seedsweep import formats
from seedsweep.cli.compare import Metric, OfSplit, read
from seedsweep.cli.console import stderr, stdout
from seedsweep.cli.options import (
    Categories,
    Format,
    From,
    HigherIsWorse,
    Json,
    Scale,
    SeedColumn,
    Step,
    Threshold,
    Unfinished,
    UnfinishedSeeds,
    Where,
)
from seedsweep.cli.progress import Waiting
from seedsweep.cli.show import print_json, writing
from seedsweep.errors import InputError


def forecast(
    target: Annotated[
        str,
        typer.Argument(metavar="DIR|TABLE", help="The directory (or URL) of a sweep, or a table as in analyze."),
    ],
    more: Annotated[list[str] | None, typer.Argument(metavar="X", hidden=True)] = None,
    to: Annotated[
        list[str] | None, typer.Option("--to", metavar="X", help="The scales to forecast: --to 12 24.")
    ] = None,
    holdout: Annotated[
        int,
        typer.Option(min=0, metavar="N", help="Forecast the N largest scales from the others, and say how good."),
    ] = 0,
    metric: Metric = None,
    split: OfSplit = None,
    threshold: Threshold = None,
    higher_is_worse: HigherIsWorse = False,
    scale: Scale = None,
    seed: SeedColumn = None,
    step: Step = None,
    where: Where = None,
    categories: Categories = False,
    unfinished: Unfinished = UnfinishedSeeds.dropped,
    pattern: From = None,
    format: Format = None,
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="DIR", help="Where the figure goes.  [default: figures beside the report]"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Forecast what seeds would do at larger scales, from all seeds of the smaller ones.

    P(success), the mean, the mean of those that succeed and where most seeds would end, with intervals. Where the
    seeds do not carry a forecast it says why: too few scales, no trend, too far.

    The columns of a table are named as for analyze.

    Example: seedsweep forecast runs/count-depth --to 7 9 --holdout 1
    """
    scales = scales_of("--to", to, more)
    with Waiting(stderr, "reading …") as waiting:
        source = read(
            target,
            metric,
            split,
            threshold,
            higher_is_worse,
            scale,
            seed,
            step,
            where,
            unfinished,
            pattern,
            format,
        )
        waiting.say("forecasting …")
        import seedsweep
        from seedsweep import analysis
        from seedsweep.analysis import figures
        from seedsweep.cli import forecasttables

        found = seedsweep.forecast(source.population, to=scales, holdout=holdout)
        told = analysis.forecast_findings(found)
        drawn: list[Path] = []
        if found.held_out or any(one.found is not None for one in found.forecasts):
            folder = source.page.parent / "figures" if out is None else Path(out)
            with writing(folder):
                drawn = figures.save(figures.ladder_forecast(found, categories=categories), folder / "forecast")
    if source.understood is not None:
        stderr.print(source.understood, soft_wrap=True, markup=False, highlight=False)
    if as_json:
        print_json({**found.to_dict(), **told.to_dict(), "figures": [str(path) for path in drawn]})
        return
    if found.held_out:
        stdout.print(forecasttables.scores(found))
    stdout.print(forecasttables.sentences(told))
    if drawn:
        stdout.print(f"figure    {drawn[-1]}", soft_wrap=True, markup=False, highlight=False)


def scales_of(option: str, given: list[str] | None, more: list[str] | None) -> list[float]:
    """The scales that stand behind an option: `--to 12 24` gives it one, and leaves the others as arguments."""
    if more and not given:
        raise InputError(f"{formats.listed(more)}: unexpected; scales stand behind {option}")
    return [_number(option, word) for word in [*(given or []), *(more or [])]]


def _number(option: str, word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise InputError(f"{option} {word}: is no number; give scales such as {option} 12 24") from None
