"""The commands that set populations beside each other, or beside what comes next."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seedsweep import formats
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
from seedsweep.cli.show import print_json, without_damaged, writing

if TYPE_CHECKING:
    from seedsweep.cli.source import Source

Metric = Annotated[str | None, typer.Option("--metric", metavar="NAME", help="What decides about success.")]
OfSplit = Annotated[
    str | None, typer.Option("--split", metavar="NAME", help="Of a sweep: where that is measured.")
]


def compare(
    a: Annotated[
        str, typer.Argument(metavar="A", help="The directory (or URL) of a sweep, or a table as in analyze.")
    ],
    b: Annotated[str, typer.Argument(metavar="B", help="What it is compared with, of either kind.")],
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
        typer.Option("--out", metavar="DIR", help="Where figure and report go.  [default: A-B-comparison]"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare two sweeps or tables over all their seeds: what a change of optimiser, data or architecture does.

    P(success), the mean, the distance of the two distributions and the time to success, B − A, at every scale that
    both have and over the ladder, each with an interval; as a page, too. Seeds that both trained (the same init
    and data seed, in a table the same name) are compared in pairs.

    The columns of a table are named as for analyze; options are for both.

    Example: seedsweep compare runs/adam runs/muon --split length-12 --threshold 0.9
    """
    given = {
        "metric": metric,
        "split": split,
        "threshold": threshold,
        "scale": scale,
        "seed": seed,
        "step": step,
        "where": where,
        "from": pattern,
        "format": format,
        "unfinished": None if unfinished is UnfinishedSeeds.dropped else unfinished.value,
    }
    with Waiting(stderr, "reading …") as waiting:
        sources = [
            read(
                place,
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
            for place in (a, b)
        ]
        waiting.say("comparing …")
        import seedsweep
        from seedsweep import analysis
        from seedsweep.analysis import figures
        from seedsweep.analysis.figures.whole import write_whole
        from seedsweep.analysis.report.comparisonpage import comparison_page
        from seedsweep.cli import comparetables

        found = seedsweep.compare(sources[0].population, sources[1].population)
        told = analysis.comparison_findings(found)
        folder = (
            Path(out) if out is not None else Path(f"{_word(found.names[0])}-{_word(found.names[1])}-comparison")
        )
        flags = {"--higher-is-worse": higher_is_worse, "--categories": categories}
        made = comparison_page(found, command=_command(a, b, given, flags), categories=categories)
        with writing(folder):
            drawn = figures.save(figures.comparison(found, categories=categories), folder / "comparison")
            write_whole(folder / "report.html", made.encode())
    page = str(folder / "report.html")
    for source in sources:
        if source.understood is not None:
            stderr.print(source.understood, soft_wrap=True, markup=False, highlight=False)
    if as_json:
        print_json({**found.to_dict(), **told.to_dict(), "figures": [str(path) for path in drawn], "report": page})
        return
    stdout.print(comparetables.comparison(found))
    stdout.print(comparetables.sentences(told), soft_wrap=True)
    for kind, path in (("figure", str(drawn[-1])), ("report", page)):
        stdout.print(f"{kind}    {path}", soft_wrap=True, markup=False, highlight=False)


def read(
    place: str,
    metric: str | None,
    split: str | None,
    threshold: float | None,
    higher_is_worse: bool,
    scale: str | None,
    seed: str | None,
    step: str | None,
    where: list[str] | None,
    unfinished: UnfinishedSeeds,
    pattern: str | None,
    format: str | None,
) -> Source:
    """What lies at a place, by the options that it can have: a sweep, or anyone's results."""
    from seedsweep.cli.source import of_sweep, of_table

    metrics = None if metric is None else [metric]
    if not is_sweep(place, of_table_asked=bool(scale or seed or step or where or pattern or format)):
        return of_table(
            place, scale, seed, metrics, step, threshold, higher_is_worse, where, unfinished, pattern, format
        )
    sources: list[Source] = []
    without_damaged(
        lambda damaged: sources.append(of_sweep(place, metrics or [], split, threshold, higher_is_worse, damaged))
    )
    return sources[-1]


def is_sweep(place: str, *, of_table_asked: bool) -> bool:
    """A URL, a directory with a sweep's record, or a place of which nothing of a table's is told."""
    path = Path(place)
    return "://" in place or (path / "sweep.json").exists() or not (of_table_asked or path.is_file())


def _command(a: str, b: str, given: Mapping[str, object], flags: Mapping[str, bool]) -> str:
    """The command that makes the same comparison."""
    words = ["seedsweep", "compare", a, b]
    for name, value in given.items():
        for one in value if isinstance(value, list) else [] if value is None else [value]:
            words += [f"--{name}", formats.given(one) if isinstance(one, float) else str(one)]
    return shlex.join([*words, *(flag for flag, asked in flags.items() if asked)])


def _word(name: str) -> str:
    return re.sub(r"[^\w.]+", "-", name).strip("-")
