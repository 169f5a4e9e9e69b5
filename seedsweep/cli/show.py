"""What several commands end in: the summary, where everything is, and the verdict as the last lines; or JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

import seedsweep
from seedsweep.cli import origin
from seedsweep.cli.console import stderr, stdout
from seedsweep.cli.progress import Waiting
from seedsweep.errors import LASTING, InputError, StorageError

if TYPE_CHECKING:  # needs numpy, which `--help` does not
    from seedsweep.cli.source import Source


def show_findings(
    source: Source, figures: Path, page: Path, kind: str, *, as_json: bool, categories: bool = False
) -> dict[str, Any]:
    """Draw the figures, write the page and, unless JSON is wanted, print the summary and, last, the verdict."""
    population = source.population
    with Waiting(stderr, "counting …"):
        from seedsweep.analysis.report.draw import draw
        from seedsweep.analysis.report.first_screen import first_screen
        from seedsweep.cli import tables

        extend = origin.extending_command(population)
        command = drawn_as(source.command, categories)
        made = seedsweep.report(population, command=command, extend=extend, categories=categories)
        summary = made.study.summary
        with writing(figures):
            drawn = draw(population, summary, figures, categories=categories)
            made.write(page)
    if source.understood is not None:
        stderr.print(source.understood, soft_wrap=True, markup=False, highlight=False)
    evidence = first_screen(made.study, made.findings.verdict).evidence
    if not as_json:
        place = population.path.partition("?")[0] if "://" in population.path else population.path
        where = f"{place.rstrip('/')}/metrics (Parquet)" if kind == "store" else place
        stdout.print(tables.summary(summary))
        stdout.print(tables.places(kind, where, drawn, str(page)), soft_wrap=True)
        stdout.print(tables.verdict(made.findings, evidence), soft_wrap=True)
    words = {"verdict": made.findings.verdict, "headline": made.findings.headline, "evidence": evidence}
    return {"summary": summary.to_dict(), "figures": drawn, "report": str(page), **words}


def without_damaged(work: Callable[[list[str]], None]) -> list[str]:
    """Call `work` with the files of rows to leave out: none, then those that were found damaged; returns these."""
    from seedsweep.sweep.damage import DamagedFilesError

    damaged: list[str] = []
    while True:
        try:
            work(damaged)
        except DamagedFilesError as error:
            if set(error.files) <= set(damaged):
                raise
            damaged = [*damaged, *error.files]
        else:
            return damaged


def print_json(content: Any) -> None:
    """In place of all that is printed for people."""
    typer.echo(json.dumps(content, indent=2, allow_nan=False))


def refuse_link(folder: Path) -> None:
    """Raise InputError if a folder in a sweep's directory is a symbolic link: what it leads to is not ours."""
    if folder.is_symlink():
        raise InputError(f"{folder}: is a symbolic link, which is not followed in a sweep's directory; remove it")


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """While entered, an OSError is told as that of this place, which `--out` may name: of its disk, or its own."""
    try:
        yield
    except OSError as error:
        if error.errno in LASTING:
            raise StorageError(str(place), error) from error
        raise InputError(f"{place}: cannot be written: {error.strerror}; use another --out") from error


def drawn_as(command: str, categories: bool) -> str:
    """The command that makes a page with its scales drawn as they were asked for."""
    return f"{command} --categories" if categories else command
