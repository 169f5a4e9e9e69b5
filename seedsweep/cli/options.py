"""The arguments and options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from seedsweep.errors import InputError


class ExecutorName(StrEnum):
    """Where packs are trained."""

    ray = "ray"
    inline = "inline"


class UnfinishedSeeds(StrEnum):
    """What becomes of seeds that end early."""

    dropped = "dropped"
    failed = "failed"
    last = "last"


def a_range(given: str | None) -> str | None:
    """A lone number is refused: `8` may mean eight seeds, or the one of that number."""
    number = (given or "").strip()
    if number.isdecimal():
        raise InputError(
            f"--seeds {number}: give a range: 0:{max(int(number), 1)} for the first {number} seeds, or "
            f"{number}:{int(number) + 1} for the one of this number"
        )
    return given


def words(option: list[str] | None, more: list[str] | None) -> list[str]:
    """Of an option that takes several, `--until mean=0.03 at_most=400`: to the parser the first alone is its."""
    return [word for given in [*(option or []), *(more or [])] for word in given.split()]


Spec = Annotated[str, typer.Argument(metavar="SPEC", help="A YAML file, or the name of a preset.")]
Seeds = Annotated[
    str | None, typer.Option(metavar="A:B", callback=a_range, help="Seeds A to B−1, in place of the spec's.")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change one field, e.g. train.steps=2000. Repeatable."),
]
Until = Annotated[
    list[str] | None,
    typer.Option(
        metavar="WHAT=X …",
        help="Add seeds until this is known so precisely, in place of the spec's: p_success=0.05, mean=0.03 or "
        "both; at_most=400 of a scale, batch=16 at a time.",
    ),
]
More = Annotated[list[str] | None, typer.Argument(hidden=True)]
Out = Annotated[
    str | None,
    typer.Option(
        "--out", metavar="DIR", help="The sweep's directory or URL.  [default: runs/NAME, after the spec]"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object in place of tables.")]
Table = Annotated[
    str,
    typer.Argument(metavar="TABLE", help="A file, a folder of runs, a tracker's store, or a pattern of files."),
]
Scale = Annotated[
    str | None,
    typer.Option(
        metavar="COL", help="What is scaled: 4, 0.25, 70m, pythia-1.4b; COL=NUMBER if all have the same."
    ),
]
SeedColumn = Annotated[str | None, typer.Option("--seed", metavar="COL", help="The seed, or any name of the run.")]
Metrics = Annotated[
    list[str] | None,
    typer.Option(
        "--metric", metavar="COL", help="What decides about success; name further ones to compare them with it."
    ),
]
Step = Annotated[
    str | None,
    typer.Option("--step", metavar="COL", help="The training step, if a run has many rows: gives curves."),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        "--threshold", metavar="X", help="Success is at least X.  [default: the middle of the observed values]"
    ),
]
HigherIsWorse = Annotated[
    bool, typer.Option("--higher-is-worse", help="The metric is a loss: success is at most X.")
]
Where = Annotated[
    list[str] | None,
    typer.Option("--where", metavar="COL=VALUE", help="Take these rows only, e.g. split=test. Repeatable."),
]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="PATTERN",
        help="In a folder, read the files whose path ends so, e.g. 'w{width}_s{seed}/log.csv', and take what the "
        "names in braces stand for.",
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format", metavar="NAME", help="Read what is of this format only, if several tell of the same runs."
    ),
]
Unfinished = Annotated[
    UnfinishedSeeds,
    typer.Option(help="Seeds that end before the others of their scale: left out, failures, or their last value."),
]
Categories = Annotated[
    bool,
    typer.Option("--categories", help="Draw the scales at equal distances, not where their numbers are."),
]
Directory = Annotated[str, typer.Argument(metavar="DIR", help="The directory (or URL) of a sweep.")]
