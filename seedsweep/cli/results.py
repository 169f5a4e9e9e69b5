"""The commands on results, anyone's or a sweep's: analyse, keep, report."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import seedsweep
from seedsweep import formats
from seedsweep.cli import origin
from seedsweep.cli.console import stderr, stdout
from seedsweep.cli.forecast import scales_of
from seedsweep.cli.options import (
    Categories,
    Format,
    From,
    HigherIsWorse,
    Json,
    Metrics,
    Scale,
    SeedColumn,
    Step,
    Table,
    Threshold,
    Unfinished,
    UnfinishedSeeds,
    Where,
)
from seedsweep.cli.progress import Waiting
from seedsweep.cli.show import drawn_as, print_json, show_findings, without_damaged, writing
from seedsweep.errors import InputError

if TYPE_CHECKING:
    from seedsweep.analysis.report.page import Report
    from seedsweep.cli.source import Source


def analyze(
    table: Table,
    scale: Scale = None,
    seed: SeedColumn = None,
    metric: Metrics = None,
    step: Step = None,
    threshold: Threshold = None,
    higher_is_worse: HigherIsWorse = False,
    where: Where = None,
    categories: Categories = False,
    unfinished: Unfinished = UnfinishedSeeds.dropped,
    pattern: From = None,
    format: Format = None,
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="DIR", help="Where figures and report go.  [default: NAME-analysis]"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Analyse anyone's results of many seeds: what `run` shows of a sweep.

    A table (CSV, JSON, Parquet), or a folder of runs as TensorBoard, MLflow, Lightning, Hugging Face's Trainer,
    Ray Tune, Stable-Baselines or lm-evaluation-harness leave it. A row per seed, or with --step a row per seed
    and step. NaN is a seed that diverged.

    --scale and --seed are columns, or parameters of the runs: by the config beside them or by their names, as in
    `width=64/seed=3/metrics.csv` and `depth-2_seed-7.csv`. `run` is a run's own name. What is not named is taken
    if only one can be meant; else what can be chosen is listed.

    A column per run, as Weights & Biases exports it, will do too: of `depth=2,seed=7 - accuracy` or
    `depth-2_seed-7 - accuracy`, `--scale depth --seed seed --metric accuracy` takes the numbers after these words.

    Example: seedsweep analyze study.csv --scale params --seed run --metric accuracy --where split=test
    """
    with Waiting(stderr, "reading the table …"):
        from seedsweep.cli.source import of_table

        source = of_table(
            table, scale, seed, metric, step, threshold, higher_is_worse, where, unfinished, pattern, format
        )
    place = source.page.parent if out is None else Path(out)
    page = place / "report.html"
    told = show_findings(source, place / "figures", page, "table", as_json=as_json, categories=categories)
    if as_json:
        print_json(told)


def import_(
    table: Table,
    out: Annotated[
        str,
        typer.Option("--out", metavar="DIR", help="The store's directory or URL: new, or of an earlier import."),
    ],
    scale: Scale = None,
    seed: SeedColumn = None,
    metric: Metrics = None,
    step: Step = None,
    threshold: Threshold = None,
    higher_is_worse: HigherIsWorse = False,
    where: Where = None,
    unfinished: Unfinished = UnfinishedSeeds.dropped,
    pattern: From = None,
    format: Format = None,
    as_json: Json = False,
) -> None:
    """Write anyone's results as a store of ours, to be analysed, extended, compared and published.

    TABLE and its options are those of analyze. What the store has already is left as it is; runs that it does not
    have are added. Then `seedsweep report DIR`, or any tool that reads Parquet.

    Example: seedsweep import runs --scale width --seed seed --metric val_acc --step step --out stores/widths
    """
    with Waiting(stderr, "reading the results …") as waiting:
        from seedsweep.cli.source import of_table
        from seedsweep.sweep.importing import import_results

        source = of_table(
            table, scale, seed, metric, step, threshold, higher_is_worse, where, unfinished, pattern, format
        )
        waiting.say("writing the store …")
        made = import_results(source.population, out)
    stderr.print(source.understood, soft_wrap=True, markup=False, highlight=False)
    if as_json:
        print_json(made.to_dict())
    else:
        had = f", {made.present} were there" if made.present else ""
        typer.echo(f"store     {out}: {made.added} runs added{had}; see seedsweep report {shlex.quote(out)}")


def report(
    target: Annotated[
        str,
        typer.Argument(metavar="DIR|TABLE", help="The directory (or URL) of a sweep, or a table as in analyze."),
    ],
    more: Annotated[list[str] | None, typer.Argument(metavar="X", hidden=True)] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric", metavar="NAME", help="What decides about success. Repeatable for a table, to compare."
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option("--split", metavar="NAME", help="Of a sweep: where that is measured.")
    ] = None,
    threshold: Threshold = None,
    higher_is_worse: HigherIsWorse = False,
    scale: Annotated[str | None, typer.Option(metavar="COL", help="Of a table: what is scaled.")] = None,
    seed: Annotated[str | None, typer.Option(metavar="COL", help="Of a table: the seed.")] = None,
    step: Step = None,
    where: Where = None,
    categories: Categories = False,
    unfinished: Unfinished = UnfinishedSeeds.dropped,
    pattern: From = None,
    format: Format = None,
    forecast: Annotated[
        list[str] | None,
        typer.Option("--forecast", metavar="X", help="Larger scales to forecast on the page: --forecast 12 24."),
    ] = None,
    out: Annotated[
        str | None, typer.Option("--out", metavar="FILE", help="The page.  [default: report.html beside figures]")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write one HTML page: what was found in words, then every figure and number, and where they come from.

    The page needs nothing else, no network either. A sweep is judged by its spec's criterion, or by another
    --metric, --split or --threshold. The columns of a table are named as for analyze.

    Example: seedsweep report runs/pocket/count-depth --split length-12 --threshold 0.9
    """
    scales = scales_of("--forecast", forecast, more)
    with Waiting(stderr, "reading …") as waiting:
        from seedsweep.cli.source import of_sweep, of_table

        def write(source: Source) -> tuple[Report, Path]:
            place = source.page if out is None else Path(out)
            waiting.say("counting …")
            command = drawn_as(source.command, categories)
            command += "".join(f" --forecast {formats.given(to)}" for to in scales)
            made = seedsweep.report(
                source.population,
                command=command,
                extend=origin.extending_command(source.population),
                categories=categories,
                forecast=scales,
            )
            with writing(place):
                made.write(place)
            return made, place

        written: list[tuple[Report, Path]] = []

        def write_sweep(without: list[str]) -> None:
            written.append(write(of_sweep(target, metric or [], split, threshold, higher_is_worse, without)))

        if scale is not None and seed is not None and metric:
            if split is not None:
                raise InputError(f"--split {split}: is for a sweep; choose a table's rows with --where COL=VALUE")
            source = of_table(
                target, scale, seed, metric, step, threshold, higher_is_worse, where, unfinished, pattern, format
            )
            written.append(write(source))
        elif Path(target).is_file() or scale or seed or step or where:
            raise InputError(f"{target}: for a table, name its columns: --scale COL --seed COL --metric COL")
        else:
            without_damaged(write_sweep)
        made, place = written[-1]
    if as_json:
        print_json({**made.to_dict(), "report": str(place)})
    else:
        from seedsweep.analysis import forecast_findings
        from seedsweep.cli import forecasttables, tables

        stdout.print(tables.findings(made.findings))
        if made.forecast is not None:
            stdout.print(forecasttables.sentences(forecast_findings(made.forecast)))
        stdout.print(f"report    {place}", soft_wrap=True, markup=False, highlight=False)
