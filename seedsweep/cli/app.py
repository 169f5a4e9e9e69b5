"""The application and its commands, one function each; what they print is in `seedsweep.cli.tables`."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.live import Live
from typer.core import TyperGroup

import seedsweep
from seedsweep import formats
from seedsweep.cli import origin
from seedsweep.cli.options import (
    Categories,
    Directory,
    ExecutorName,
    Format,
    From,
    HigherIsWorse,
    Json,
    Metrics,
    Out,
    Scale,
    SeedColumn,
    Seeds,
    Set,
    Spec,
    Step,
    Table,
    Threshold,
    Unfinished,
    UnfinishedSeeds,
    Where,
    a_range,
)
from seedsweep.cli.progress import RunDisplay, Waiting
from seedsweep.cli.show import drawn_as, show_findings, stderr, stdout
from seedsweep.cli.timeleft import TimeLeft
from seedsweep.errors import LASTING, InputError, StorageError


class Interrupted(BaseException):
    """Ctrl-C in a command that had nothing to save. Typer would end without a word on KeyboardInterrupt."""


class Commands(TyperGroup):
    """The commands; Ctrl-C leaves them as `Interrupted`."""

    def make_context(self, *args: Any, **named: Any) -> Any:
        """Read the command line."""
        with _interrupted():
            return super().make_context(*args, **named)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named."""
        with _interrupted():
            return super().invoke(ctx)


@contextmanager
def _interrupted() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted from None


app = typer.Typer(
    cls=Commands,
    help="Train populations of seeds along a scale ladder, and see whether a capability emerges smoothly, "
    "abruptly or by chance.\n\n"
    "A first sweep: seedsweep run pocket/count-depth",
    epilog="Exit status: 0 done; 1 seeds failed, or verify found a difference; 2 bad input; 3 a disk that is "
    "full, read-only or gone; 130 stopped by Ctrl-C.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"seedsweep {seedsweep.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _print_json(content: Any) -> None:
    typer.echo(json.dumps(content, indent=2, allow_nan=False))


@app.command()
def run(
    spec: Spec,
    seeds: Seeds = None,
    changes: Set = None,
    out: Out = None,
    executor: Annotated[ExecutorName, typer.Option(help="ray: worker processes; inline: this process.")] = (
        ExecutorName.ray
    ),
    address: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="A Ray cluster, or auto.  [default: a Ray of its own]")
    ] = None,
    as_json: Json = False,
) -> None:
    """Train the cells that are missing, then show what was found and write the report.

    Run it again to resume, to extend (more seeds, more scales) or to recover: it trains what is missing.

    Example: seedsweep run pocket/count-depth --seeds 0:16 --out runs/first
    """
    with Waiting(stderr, "reading the spec …"):
        from seedsweep.sweep.run import run as run_sweep
        from seedsweep.sweep.specfile import read_spec

        named = read_spec(spec, overrides=changes or [], seeds=seeds)
    place = out or f"runs/{named.name}"
    # Ray's processes print to standard output, which belongs to the results.
    with redirect_stdout(sys.stderr), RunDisplay(stderr) as display:
        result = run_sweep(
            named.spec, place, name=named.name, executor=executor.value, address=address, on_progress=display.show
        )
    with Waiting(stderr, "reading the results …"):
        from seedsweep.cli import tables
        from seedsweep.cli.source import Source

        stderr.print(tables.outcome(result), soft_wrap=True)
        population = seedsweep.load(place)
    told: dict[str, Any] = {"run": result.to_dict()}
    if population.scales:
        folder = origin.directory(population)
        source = Source(population, shlex.join(["seedsweep", "report", place]), folder / "report.html")
        told |= show_findings(source, folder / "figures", source.page, "store", as_json=as_json)
    if as_json:
        _print_json(told)
    if result.failed:
        raise typer.Exit(1)
    if result.interrupted:
        raise typer.Exit(130)


@app.command()
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
        _print_json(told)


@app.command("import")
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
        _print_json(made.to_dict())
    else:
        had = f", {made.present} were there" if made.present else ""
        typer.echo(f"store     {out}: {made.added} runs added{had}; see seedsweep report {shlex.quote(out)}")


@app.command()
def report(
    target: Annotated[
        str,
        typer.Argument(metavar="DIR|TABLE", help="The directory (or URL) of a sweep, or a table as in analyze."),
    ],
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
    with Waiting(stderr, "reading …") as waiting:
        from seedsweep.cli.source import of_sweep, of_table

        if scale is not None and seed is not None and metric:
            if split is not None:
                raise InputError(f"--split {split}: is for a sweep; choose a table's rows with --where COL=VALUE")
            source = of_table(
                target, scale, seed, metric, step, threshold, higher_is_worse, where, unfinished, pattern, format
            )
        elif Path(target).is_file() or scale or seed or step or where:
            raise InputError(f"{target}: for a table, name its columns: --scale COL --seed COL --metric COL")
        else:
            source = of_sweep(target, metric or [], split, threshold, higher_is_worse)
        population = source.population
        place = source.page if out is None else Path(out)
        waiting.say("counting …")
        command = drawn_as(source.command, categories)
        extend = origin.extending_command(population)
        made = seedsweep.report(population, command=command, extend=extend, categories=categories)
        try:
            made.write(place)
        except OSError as error:
            if error.errno in LASTING:
                raise StorageError(str(place), error) from error
            raise InputError(f"{place}: cannot be written: {error.strerror}; use another --out") from error
    if as_json:
        _print_json({**made.to_dict(), "report": str(place)})
    else:
        from seedsweep.cli import tables

        stdout.print(tables.findings(made.findings))
        stdout.print(f"report    {place}", soft_wrap=True, markup=False, highlight=False)


@app.command()
def plan(
    spec: Spec,
    seeds: Seeds = None,
    changes: Set = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Say what a run would train and what it would cost on this machine; train nothing.

    Example: seedsweep plan paper/count-width --seeds 0:250
    """
    with Waiting(stderr, "reading the spec …") as waiting:
        from seedsweep.cli import tables
        from seedsweep.sweep.estimate import estimate
        from seedsweep.sweep.specfile import read_spec

        named = read_spec(spec, overrides=changes or [], seeds=seeds)
        field = named.spec.scale.field.rpartition(".")[2]
        estimated = estimate(
            named.spec,
            out or f"runs/{named.name}",
            on_scale=lambda scale: waiting.say(f"timing a few steps at {field} {formats.scale(scale)} …"),
        )
    if as_json:
        _print_json(estimated.to_dict())
    else:
        stdout.print(tables.plan(estimated))


@app.command()
def status(
    directory: Directory,
    watch: Annotated[bool, typer.Option("--watch", help="Keep showing it until the sweep is complete.")] = False,
    as_json: Json = False,
) -> None:
    """Say where a sweep stands; works while it runs, from any machine that reaches the directory.

    Example: seedsweep status runs/pocket/count-depth --watch
    """
    from seedsweep.cli import tables
    from seedsweep.sweep.status import status as read_status
    from seedsweep.sweep.store import Store

    store = Store(directory)
    current = read_status(store)
    if watch:
        left = TimeLeft()
        with Live(tables.status(current), console=stderr, auto_refresh=False) as live:
            while not current.complete:
                time.sleep(2.0)
                current = read_status(store)
                live.update(tables.status(current, left.after(current.seconds_left)), refresh=True)
    if as_json:
        _print_json(current.to_dict())
    elif not watch:
        stdout.print(tables.status(current))


@app.command()
def presets(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Print this one.")] = None,
    as_json: Json = False,
) -> None:
    """List the presets, or print one as YAML.

    Example: seedsweep presets pocket/count-depth > mine.yaml
    """
    from seedsweep.cli import tables
    from seedsweep.sweep.presets import list_presets, preset_text

    if name is not None:
        text = preset_text(name)
        if as_json:
            _print_json({"name": name, "text": text})
        else:
            typer.echo(text, nl=False)
    elif as_json:
        _print_json([preset._asdict() for preset in list_presets()])
    else:
        stdout.print(tables.presets(list_presets()))


@app.command()
def verify(
    spec: Spec,
    seeds: Annotated[
        str | None,
        typer.Option(
            metavar="A:B",
            callback=a_range,
            help="Seeds A to B−1, in place of the spec's.  [default: the spec's first 3 on a CPU; on CUDA the "
            "fewest that can show a difference, 46 for one scale, 55 for four]",
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Stop each training after N steps.  [default: all]")
    ] = None,
    changes: Set = None,
    as_json: Json = False,
) -> None:
    """Train seeds alone and packed, and compare; of a program: run each seed twice.

    On a CPU every bit must be the same. On CUDA a pack must repeat bitwise, every seed must start the same way
    alone and packed, and in the end the two may not differ systematically.

    Example: seedsweep verify mine.yaml --steps 200
    """
    with Waiting(stderr, "reading the spec …") as waiting:
        from seedsweep.cli import tables
        from seedsweep.sweep.programspec import ProgramSpec
        from seedsweep.sweep.programverify import Repetition, verify_program
        from seedsweep.sweep.specfile import read_spec
        from seedsweep.sweep.verify import Verification
        from seedsweep.sweep.verify import verify as compare

        named = read_spec(spec, overrides=changes or [], seeds=seeds)
        wanted = None if seeds is None else len(named.spec.seeds.pairs())
        waiting.say("training seeds again …")

        def show(share: float) -> None:
            waiting.update(f"training seeds again: {formats.percent(share)} …")

        result: Verification | Repetition
        if isinstance(named.spec, ProgramSpec):
            result = verify_program(named.spec, wanted, steps, on_progress=show)
        else:
            result = compare(named.spec, wanted, steps, on_progress=show)
    if as_json:
        _print_json(result.to_dict())
    else:
        stdout.print(tables.verification(result))
    if not result.kept:
        raise typer.Exit(1)
