"""Which tables lie at a place: a file, a folder, or a pattern of files; whoever wrote them."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from seedsweep.errors import InputError
from seedsweep.tables.configs import FILE_NAMES, Configs
from seedsweep.tables.formats import formats
from seedsweep.tables.formats.csv_table import CsvFile
from seedsweep.tables.parameters import RunParameters
from seedsweep.tables.runnames import RunPattern
from seedsweep.tables.tablefile import TableFile

_ENDINGS = re.compile(r"\.(csv|tsv|txt|log|jsonl?|ndjson|parquet|pq)(\.gz)?$", re.IGNORECASE)
_SPREADSHEETS = (".xlsx", ".xls", ".ods", ".numbers")
KNOWN = "a .csv, .tsv, .jsonl, .ndjson, .json or .parquet file, a directory of such or of a tracker, or a pattern"


@dataclass(frozen=True)
class Found:
    """The tables at a place."""

    by_format: Mapping[str, Sequence[TableFile]]
    """Those of each format that there is, by its title, in the order of their names; at least one."""
    names: Mapping[str, str]
    """By title, what the format is called as an option."""
    left_out: Mapping[str, Sequence[Path]]
    """Files that are not read, by why not."""


def open_tables(
    place: str | os.PathLike[str],
    pattern: str | None = None,
    format: str | None = None,
    fixed: Mapping[str, str] | None = None,
) -> Found:
    """The tables at a path, below a directory, or of a pattern such as `runs/*/metrics.parquet`.

    Parameters
    ----------
    place : str or path
        Where they lie.
    pattern : str, optional
        Read those files only whose path ends like this, e.g. ``w{width}_s{seed}/log.csv``, and take what the
        fields stand for as parameters of the run.
    format : str, optional
        Read those of this format only.
    fixed : mapping, optional
        Parameters that all runs have.

    Raises
    ------
    InputError
        If there is no file, or none of a kind that is known.
    """
    shown = os.fspath(place)
    path = Path(shown)
    if (path / "sweep.json").exists():
        raise InputError(f"{shown}: the directory of a sweep, not a table; its rows are in {path / 'metrics'}")
    root, files = _files(shown)
    if not files:
        raise InputError(f"{shown}: no table there; give {KNOWN}")
    if not files[0].exists():
        raise InputError(f"{shown}: no such file; give {KNOWN}")
    left_out: dict[str, Sequence[Path]] = {}
    given: dict[Path, dict[str, str]] = {}
    if pattern is not None:
        given = _matching(RunPattern(pattern), root, files)
        if not given:
            raise InputError(f"{shown}: no file's path ends like --from {pattern}; there is {files[0]}")
    wanted = formats(format)
    by_title: dict[str, Sequence[TableFile]] = {}
    others: list[Path] = []
    rest = [file for file in files if len(files) == 1 or file in given or file.name not in FILE_NAMES]
    for known in wanted.values():
        tables = known.find(rest)
        claimed = {claim for table in tables for claim in table.claims}
        rest = [file for file in rest if file not in claimed]
        if pattern is not None:
            others += [table.path for table in tables if not _given(table, given)]
            tables = [table for table in tables if _given(table, given)]
        if tables:
            by_title[known.title] = tables
    if pattern is not None:
        unclaimed = set(rest)
        unknown = [CsvFile(file) for file in given if file in unclaimed]  # the user says that they are tables
        if unknown:
            by_title["CSV"] = [*by_title.get("CSV", []), *unknown]
        left_out["not as --from says"] = others
    if not by_title:
        _refuse(shown, files, format)
    configs = Configs(root)
    for tables in by_title.values():
        for table in tables:
            _describe(table, root, configs, {**_given(table, given), **(fixed or {})})
    names = {known.title: name for name, known in wanted.items()}
    return Found(by_title, names, {why: names for why, names in left_out.items() if names})


def _given(table: TableFile, given: Mapping[Path, dict[str, str]]) -> dict[str, str]:
    """What the pattern says of a table, by any of the files that it stands for."""
    return next((given[file] for file in [table.path, *table.claims] if file in given), {})


def _matching(pattern: RunPattern, root: Path, files: Sequence[Path]) -> dict[Path, dict[str, str]]:
    """Of the files that fit a pattern, what its fields stand for; by the path below the root if any fits so."""
    inside = {file: pattern.match(file.relative_to(root).as_posix()) for file in files if root in file.parents}
    found = {file: fields for file, fields in inside.items() if fields is not None}
    whole = {file: pattern.match(file.absolute().as_posix()) for file in ([] if found else files)}
    return found or {file: fields for file, fields in whole.items() if fields is not None}


def _files(shown: str) -> tuple[Path, list[Path]]:
    """The place below which files lie, and they, sorted."""
    path = Path(shown)
    if path.is_dir():
        files = []
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(name for name in folders if not name.startswith((".", "_")))
            files += [Path(folder, name) for name in names if not name.startswith((".", "_"))]
        return path, sorted(files)
    if path.exists() or not glob.has_magic(shown):
        return path, [path]
    fixed = takewhile(lambda part: not glob.has_magic(part), path.parts)
    found = glob.glob(shown, recursive=True)
    return Path(*fixed), sorted(Path(name) for name in found if Path(name).is_file())


def _describe(table: TableFile, root: Path, configs: Configs, given: Mapping[str, str]) -> None:
    """Say what is known of the run beside its rows."""
    path = table.path
    below = path.relative_to(root).as_posix() if path != root and root in path.parents else path.name
    below = _ENDINGS.sub("", below)
    partitions = [part for part in root.absolute().parts[:-1] if "=" in part]
    outside = "/".join([*partitions, *([root.absolute().name] if path != root else [])])
    words = f"{below}/{table.run}" if table.run and table.run not in below else below
    folder = path if path.is_dir() else path.parent
    table.parameters = RunParameters(
        folder, table.run or below, words, outside, configs.of, given, table.own_parameters
    )


def _refuse(shown: str, files: Sequence[Path], format: str | None) -> None:
    if format is not None:
        raise InputError(f"{shown}: holds nothing of the format {format}")
    if len(files) == 1:
        sheet = "; save a spreadsheet as CSV" if files[0].suffix.lower() in _SPREADSHEETS else ""
        raise InputError(f"{files[0]}: not a kind of table known here by its name{sheet}; give {KNOWN}")
    raise InputError(f"{shown}: no table there; give {KNOWN}")
