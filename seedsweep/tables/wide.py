"""Tables with a column per run: `Step`, `depth-2_seed-7 - accuracy`, …; or per seed, or per scale.

Weights & Biases exports charts so; and people turn their tables so that the seeds stand side by side.
"""

from __future__ import annotations

import re

from seedsweep.errors import InputError, did_you_mean, listed
from seedsweep.tables.roles import Roles
from seedsweep.tables.runnames import number_of
from seedsweep.tables.spelling import scale_of
from seedsweep.tables.tablefile import TableFile

_BANDS = ("__MIN", "__MAX")
"""Ends of the columns with which the export accompanies each run; without grouping they repeat its values."""

Run = tuple[str | None, str | None]
"""The scale and the seed that a column's name says; None where another column of the row says it."""


def is_wide(file: TableFile, roles: Roles) -> bool:
    """Whether the file has a column per run, seed or scale, and none for the metrics."""
    names = set(file.names)
    if names & set(roles.metrics) or {roles.scale, roles.seed} <= names:
        return False
    if _columns(file, roles, roles.metrics[0])[0]:
        return True
    runs = dict.fromkeys(name.rpartition(" - ")[0] for name in file.names if " - " in name)
    return any(_complete(file, roles, _told(file, roles, run)) for run in runs)  # of other metrics


def runs_of(file: TableFile, roles: Roles, metric: str) -> dict[Run, str]:
    """The column of every run: (scale, seed) → its name; empty if the file has no column per run.

    A run's column is named `RUN - METRIC`, or just `RUN` where none is; scale and seed are the numbers that go
    with their words in RUN. Where there is a column of scales, or of seeds, the names need not say it, and may be
    the bare numbers of the other.

    Raises
    ------
    InputError
        If a run's name has no number for one of the words, or two runs have the same scale and seed.
    """
    columns, ending = _columns(file, roles, metric)
    if not columns:
        names = [name for name in file.names if not name.endswith(_BANDS)]
        ways = dict.fromkeys(name.rpartition(" - ")[2] for name in names if " - " in name)
        near = did_you_mean(metric, ways)
        raise InputError(f"{file.path}: no run has {metric!r}{near}; the runs have {listed(ways)}")
    runs: dict[Run, str] = {}
    for name in columns:
        run = name.removesuffix(ending)
        told = _told(file, roles, run)
        for word, number in zip((roles.scale, roles.seed), told, strict=True):
            if number is None and not file.has(word):
                raise InputError(
                    f"{file.path}: the run {run!r} has no number after {word!r}; names such as "
                    f"'{roles.scale}=2,{roles.seed}=7' or '{roles.scale}-2_{roles.seed}-7' "
                    f"tell the scale and the seed{_hint(file, name)}"
                )
        other = runs.setdefault(told, name)
        if other != name:
            raise InputError(f"{file.path}: the columns {other!r} and {name!r} are of one scale and seed")
    return runs


def _hint(file: TableFile, column: str) -> str:
    bands = all(f"{column}{band}" in file.names for band in _BANDS)
    return "; a column of a group of runs is their mean: export them without grouping" if bands else ""


def _columns(file: TableFile, roles: Roles, metric: str) -> tuple[list[str], str]:
    """The columns of runs, and what their names end with."""
    used = {roles.scale, roles.seed, roles.step, *roles.where}
    names = [name for name in file.names if name not in used and not name.endswith(_BANDS)]
    ending = f" - {metric}"
    named = [name for name in names if name.endswith(ending)]
    if named:
        return named, ending
    of_metric = [name for name in names if re.search(rf"(?<![A-Za-z]){re.escape(metric)}(?![A-Za-z])", name)]
    for some in (of_metric, names):
        told = {name: _told(file, roles, name) for name in some if " - " not in name}
        named = [name for name, run in told.items() if _complete(file, roles, run)]
        if named:
            return named, ""
    return [], ending


def _told(file: TableFile, roles: Roles, run: str) -> Run:
    """What the name of a column says, as far as no column says it."""
    has_scale, has_seed = roles.scale in file.names, roles.seed in file.names
    if has_scale != has_seed and scale_of(run) is not None:  # seeds, or scales, side by side
        return (None, run) if has_scale else (run, None)
    scale = None if has_scale else number_of(roles.scale, run)
    seed = None if has_seed else number_of(roles.seed, run)
    return scale, seed


def _complete(file: TableFile, roles: Roles, run: Run) -> bool:
    """Whether scale and seed of a column are known, one of them at least by its name."""
    return run != (None, None) and all(
        number is not None or file.has(word) for word, number in zip((roles.scale, roles.seed), run, strict=True)
    )
