"""The commands on sweeps: train, plan, look, verify. What they print is in `seedsweep.cli.tables`."""

from __future__ import annotations

import shlex
import sys
import time
from contextlib import ExitStack, redirect_stdout
from typing import Annotated, Any

import typer
from rich.live import Live

import seedsweep
from seedsweep import formats
from seedsweep.cli import origin
from seedsweep.cli.console import stderr, stdout
from seedsweep.cli.options import (
    Directory,
    ExecutorName,
    Json,
    More,
    Out,
    Seeds,
    Set,
    Spec,
    Until,
    a_range,
    words,
)
from seedsweep.cli.progress import RunDisplay, Waiting
from seedsweep.cli.raylog import ray_aside
from seedsweep.cli.show import print_json, show_findings, without_damaged
from seedsweep.cli.streams import shown
from seedsweep.cli.timeleft import TimeLeft
from seedsweep.errors import InputError


def run(
    spec: Spec,
    seeds: Seeds = None,
    until: Until = None,
    more: More = None,
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
    if more and not until:
        raise InputError(f"{' '.join(more)}: a run has one spec; a goal is given with --until p_success=0.05")
    with Waiting(stderr, "reading the spec …"):
        from seedsweep.sweep.run import run as run_sweep
        from seedsweep.sweep.specfile import read_spec

        named = read_spec(spec, overrides=changes or [], seeds=seeds, until=words(until, more))
    place = out or f"runs/{named.name}"
    with ExitStack() as entered:
        if executor is ExecutorName.ray:
            news = entered.enter_context(ray_aside()).news
        else:  # whatever is printed: standard output belongs to the results
            news = None
            entered.enter_context(redirect_stdout(sys.stderr))
        display = entered.enter_context(RunDisplay(stderr, news))
        result = run_sweep(
            named.spec, place, name=named.name, executor=executor.value, address=address, on_progress=display.show
        )
    with Waiting(stderr, "reading the results …"):
        from seedsweep.cli import tables
        from seedsweep.cli.source import Source
        from seedsweep.sweep.check import set_aside_damaged

        stderr.print(tables.outcome(result), soft_wrap=True)
    told: dict[str, Any] = {"run": result.to_dict()}

    def show(without: list[str]) -> None:
        population = seedsweep.load(place, without=without)
        if population.scales:
            folder = origin.directory(population)
            source = Source(population, shlex.join(["seedsweep", "report", place]), folder / "report.html")
            told.update(show_findings(source, folder / "figures", source.page, "store", as_json=as_json))

    damaged = without_damaged(show)
    if damaged:
        for file, name in zip(damaged, set_aside_damaged(place, damaged), strict=True):
            line = f"{file}: damaged; set aside as {name}; run again: its cells are trained anew"
            stderr.print(line, soft_wrap=True, markup=False, highlight=False)
    if as_json:
        print_json(told)
    if result.failed or damaged:
        raise typer.Exit(1)
    if result.interrupted:
        raise typer.Exit(130)


def plan(
    spec: Spec,
    seeds: Seeds = None,
    until: Until = None,
    changes: Set = None,
    out: Out = None,
    detect: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHAT=X …",
            help="How many seeds would show it: p_success=0.05, split=0.2 distance=0.5 or difference=0.2.",
        ),
    ] = None,
    more: More = None,
    pilot: Annotated[
        str | None, typer.Option(metavar="DIR", help="A sweep whose seeds tell what to expect, for --detect.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what a run would train and cost on this machine, or how many seeds would show something; train nothing.

    Example: seedsweep plan paper/count-width --detect split=0.2 distance=0.5
    """
    from seedsweep.cli import planning

    asked, goal = None, words(until, None if detect else more)
    if detect:
        asked = planning.question([*detect, *(more or [])])
    elif (more and not until) or pilot is not None:
        given = f"--pilot {pilot}" if pilot is not None else " ".join(more or [])
        raise InputError(f"{given}: is for --detect; {planning.EXAMPLES}")
    with Waiting(stderr, "reading the spec …") as waiting:
        from seedsweep.cli import tables
        from seedsweep.sweep.estimate import estimate
        from seedsweep.sweep.specfile import read_spec

        named = read_spec(spec, overrides=changes or [], seeds=seeds, until=goal)
        field = named.spec.scale.field.rpartition(".")[2]
        estimated = estimate(
            named.spec,
            out or f"runs/{named.name}",
            on_scale=lambda scale: waiting.say(f"timing a few steps at {field} {formats.scale(scale)} …"),
            on_compiling=lambda scale: waiting.say(f"timing compiled steps at {field} {formats.scale(scale)} …"),
        )
        if asked is not None:
            waiting.say("simulating seeds …")
            needs = planning.answer(asked, estimated, named.spec.success, pilot)
    if as_json:
        print_json(estimated.to_dict() | ({} if asked is None else {"detect": planning.told(needs)}))
        return
    stdout.print(tables.plan(estimated))
    if asked is not None:
        stdout.print(planning.shown(asked, needs, estimated))


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
    with Waiting(stderr, "reading the store, looking whether a run is at it …"):
        current = read_status(store)
    if watch:
        left = TimeLeft()
        with Live(tables.status(current), console=stderr, auto_refresh=False) as live:
            while not current.complete:
                time.sleep(2.0)
                current = read_status(store)
                live.update(tables.status(current, left.after(current.seconds_left)), refresh=True)
    if as_json:
        print_json(current.to_dict())
    elif not watch:
        stdout.print(tables.status(current))


def check(
    directory: Directory,
    fix: Annotated[
        bool, typer.Option("--fix", help="Mend what can be; what cannot be used is moved into damaged/.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Read every page of a sweep, and name what is missing, doubled, damaged or not its own.

    Exit status 0: all is well. 1: something was found, also if it was mended.

    Example: seedsweep check runs/pocket/count-depth --fix
    """
    with Waiting(stderr, "reading the store …") as waiting:
        from seedsweep.sweep.check import check as check_store

        found = check_store(
            directory,
            fix=fix,
            on_progress=lambda read, files: waiting.update(f"reading the store: {read} of {files} files …"),
        )
    if as_json:
        print_json(found.to_dict())
    else:
        for finding in found.findings:
            done = f" ({finding.done})" if finding.done else ""
            typer.echo(shown(f"{finding.damage.kind}: {finding.damage}{done}"))
        rows = f"{formats.counted(found.files, 'file')} with {formats.counted(found.rows, 'row')} read"
        said = "all is well" if found.well else f"{formats.counted(len(found.findings), 'finding')}"
        typer.echo(f"store     {shown(directory)}: {said}; {rows}")
    if not found.well:
        raise typer.Exit(1)


def compact(directory: Directory, as_json: Json = False) -> None:
    """Merge the small files of a sweep into few, which are read many times faster; no row changes.

    A run does it by itself when there are many. It is safe while others read, and may be stopped at any time.

    Example: seedsweep compact runs/pocket/count-depth
    """
    with Waiting(stderr, "merging blocks …") as waiting:
        from seedsweep.sweep.compact import compact as merge_blocks

        made = merge_blocks(
            directory, on_progress=lambda done, files: waiting.update(f"merging blocks: {done} of {files} files …")
        )
    if as_json:
        print_json(made.to_dict())
    else:
        was = f"{formats.counted(made.files_before, 'file')} before"
        typer.echo(f"store     {directory}: {formats.counted(made.files, 'file')}, {was}")


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
            print_json({"name": name, "text": text})
        else:
            typer.echo(text, nl=False)
    elif as_json:
        print_json([preset._asdict() for preset in list_presets()])
    else:
        stdout.print(tables.presets(list_presets()))


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
        print_json(result.to_dict())
    else:
        stdout.print(tables.verification(result))
    if not result.kept:
        raise typer.Exit(1)
