"""Exports with a column per run, as Weights & Biases writes them: `Step`, `depth-2_seed-7 - accuracy`, …"""

from __future__ import annotations

import re
from collections.abc import Sequence

from seedsweep.errors import InputError, did_you_mean, listed
from seedsweep.tables.files import TableFile

_BANDS = ("__MIN", "__MAX")
"""Ends of the columns with which the export accompanies each run; without grouping they repeat its values."""


def number_after(word: str, run: str) -> str | None:
    """The number that follows a word in the name of a run; None unless there is one.

    The word stands at the start or after anything but a letter; between word and number there may be one of
    ``= : - _ .`` or a space. The number may have a suffix such as 70m; no letter or digit follows it.

    Examples
    --------
    >>> number_after("depth", "depth=2,seed=7"), number_after("seed", "lr0.1_depth-2_seed-7")
    ('2', '7')
    >>> number_after("params", "pythia params:1.5B/3"), number_after("depth", "max_depths-2") is None
    ('1.5B', True)
    """
    number = r"\d+(?:\.\d+)?(?:e[+-]?\d+)?[kmbgt]?"
    match = re.search(rf"(?<![A-Za-z]){re.escape(word)}[=:\-_. ]?({number})(?![A-Za-z0-9])", run, re.IGNORECASE)
    return match[1] if match else None


def runs_of(file: TableFile, scale: str, seed: str, metric: str) -> dict[tuple[str, str], str]:
    """The column of every run as (scale, seed) → its name; empty if the file has no column per run.

    A run's column is named `RUN - METRIC`, or just `RUN` where none is; scale and seed are the numbers that follow
    their words in RUN.

    Raises
    ------
    InputError
        If a run's name has no number after one of the words, or two runs have the same scale and seed.
    """
    columns = [name for name in file.names if not name.endswith(_BANDS)]
    ending = f" - {metric}"
    named = [name for name in columns if name.endswith(ending)]
    if not named:
        ways = dict.fromkeys(name.rpartition(" - ")[2] for name in columns if " - " in name)
        if ways:
            near = did_you_mean(metric, ways)
            raise InputError(f"{file.path}: no run has {metric!r}{near}; the runs have {listed(ways)}")
        named = [name for name in columns if number_after(scale, name) and number_after(seed, name)]
        ending = ""
    runs: dict[tuple[str, str], str] = {}
    for name in named:
        run = name.removesuffix(ending)
        of_scale, of_seed = number_after(scale, run), number_after(seed, run)
        for word, number in ((scale, of_scale), (seed, of_seed)):
            if number is None:
                raise InputError(
                    f"{file.path}: the run {run!r} has no number after {word!r}; names such as "
                    f"'{scale}=2,{seed}=7' or '{scale}-2_{seed}-7' tell the scale and the seed"
                )
        assert of_scale is not None
        assert of_seed is not None
        other = runs.setdefault((of_scale, of_seed), name)
        if other != name:
            raise InputError(f"{file.path}: the columns {other!r} and {name!r} are of one scale and seed")
    return runs


def is_wide(file: TableFile, scale: str, seed: str, metrics: Sequence[str]) -> bool:
    """Whether the file has a column per run, and none for the scale, the seed or the metrics."""
    if {scale, seed, *metrics} & set(file.names):
        return False
    return bool(
        any(name.endswith(f" - {metrics[0]}") for name in file.names)
        or any(number_after(scale, name) and number_after(seed, name) for name in file.names)
    )
