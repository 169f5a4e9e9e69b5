"""The checkpoints of a ladder: directories `{model}/{seed}/step{N}`, or the rows of a listing."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from seedsweep.errors import InputError, did_you_mean, listed

COLUMNS = ("model", "seed", "step", "path")
"""Of a listing. `init_seed` and `data_seed` may stand beside them, where they differ from `seed`."""
SEEDS = ("init_seed", "data_seed")
_SEED = re.compile(r"(?:seed[-_]?)?(\d+)", re.IGNORECASE)
_STEP = re.compile(r"step[-_]?(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Checkpoint:
    """One seed of one model after so many steps of its training."""

    model: str
    seed: int
    init_seed: int
    data_seed: int
    step: int
    path: Path
    """Its directory, as Hugging Face writes it."""


def find_checkpoints(place: Path) -> list[Checkpoint]:
    """All of a directory or a listing, by model, step and seed.

    Raises InputError that names place and row, if there is none, if something is no number, or one is there twice.
    """
    if place.is_dir():
        found = list(_in_directories(place))
        if not found:
            raise InputError(
                f"{place}: no checkpoint there; give directories MODEL/SEED/stepN, or a CSV that lists them"
            )
    elif place.is_file():
        found = list(_listed(place))
    else:
        raise InputError(f"{place}: no such directory or file")
    places: dict[tuple[str, int, int], Path] = {}
    for one in found:
        other = places.setdefault((one.model, one.seed, one.step), one.path)
        if other is not one.path:
            raise InputError(
                f"{place}: {one.model}, seed {one.seed}, step {one.step} is there twice: {other} and {one.path}"
            )
    return sorted(found, key=lambda one: (one.model, one.step, one.seed))


def _in_directories(place: Path) -> Iterator[Checkpoint]:
    for model in _folders(place):
        for seed in _folders(model):
            steps = [(path, int(named[1])) for path in _folders(seed) if (named := _STEP.fullmatch(path.name))]
            if not steps:
                continue
            named = _SEED.fullmatch(seed.name)
            if named is None:
                raise InputError(
                    f"{seed}: is no seed; name the folder by a number, as 3 or seed3, or list them in a CSV"
                )
            number = int(named[1])
            for path, step in steps:
                yield Checkpoint(model.name, number, number, number, step, path)


def _folders(place: Path) -> list[Path]:
    return sorted(path for path in place.iterdir() if path.is_dir() and not path.name.startswith("."))


def _listed(file: Path) -> Iterator[Checkpoint]:
    """Paths are from the folder of the listing."""
    try:
        rows = list(csv.reader(file.read_text(encoding="utf-8-sig").splitlines()))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file}: not a CSV: {error}") from None
    header, body = (rows[0] if rows else []), [row for row in rows[1:] if row]
    for name in COLUMNS:
        if name not in header:
            raise InputError(
                f"{file}: has no column {name}{did_you_mean(name, header)}; a listing has {listed(COLUMNS)}"
            )
    if not body:
        raise InputError(f"{file}: lists no checkpoint")
    for number, row in enumerate(body, start=2):
        if len(row) != len(header):
            raise InputError(f"{file}: row {number} has {len(row)} fields, the header {len(header)}")
        cells = dict(zip(header, row, strict=True))
        path = file.parent / cells["path"]
        if not path.is_dir():
            raise InputError(f"{file}: row {number}: {cells['path']}: no such directory")
        seed, step = (_whole(file, number, cells, name) for name in ("seed", "step"))
        init, data = (_whole(file, number, cells, name) if cells.get(name) else seed for name in SEEDS)
        yield Checkpoint(cells["model"], seed, init, data, step, path)


def _whole(file: Path, row: int, cells: Mapping[str, str], name: str) -> int:
    if not re.fullmatch(r"\d{1,18}", text := cells[name].strip()):
        raise InputError(f"{file}: row {row}: {name}: {text!r} is not a whole number")
    return int(text)


def packs_of(checkpoints: Iterable[Checkpoint]) -> dict[tuple[str, int], list[Checkpoint]]:
    """The seeds of every model and step, in the order of the checkpoints."""
    packs: dict[tuple[str, int], list[Checkpoint]] = {}
    for one in checkpoints:
        packs.setdefault((one.model, one.step), []).append(one)
    return packs
