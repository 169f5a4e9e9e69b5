"""What a submitted sweep takes along to the cluster: its spec and, of a program, what lies beside that."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from seedsweep.errors import InputError
from seedsweep.formats import count
from seedsweep.sweep.presets import preset_files
from seedsweep.sweep.programspec import ProgramSpec
from seedsweep.sweep.spec import SweepSpec
from seedsweep.sweep.specfile import NamedSpec

MEGABYTES = 100
"""More than that are data, and belong on a disk that the machines share."""
NOT_CODE = frozenset({"runs", "__pycache__", "node_modules", "venv", "env"})


def pack_up(source: str, named: NamedSpec, folder: Path) -> str:
    """Fill an empty folder; returns the spec as `run` is to be given it there.

    Of a program all files of its folder go along that git would keep, or, without git, all but hidden ones. Raises
    InputError if they are too large, or if the spec names a file of this machine alone.
    """
    spec = named.spec
    if isinstance(spec, ProgramSpec):
        directory = Path(spec.program.directory or ".").expanduser().absolute()
        spec.resolve()  # the program is there, and its script
        _copy(directory, folder)
    else:
        _refuse_local_files(spec)
    if source in preset_files() and not Path(source).is_file():
        if not isinstance(spec, ProgramSpec):
            return source
        path = preset_files()[source]
    else:
        path = Path(source).expanduser()
    target = folder / f"{named.name.rpartition('/')[2]}.yaml"
    if target.exists() and target.read_bytes() != path.read_bytes():
        raise InputError(f"{target.name} lies in program.directory too, and is another file; rename the spec")
    shutil.copyfile(path, target)
    return target.name


def _copy(directory: Path, folder: Path) -> None:
    files = list(_files(directory))
    size = sum(path.stat().st_size for path in files)
    if size > MEGABYTES * 1_000_000:
        raise InputError(
            f"program.directory: {directory} holds {count(round(size / 1e6))} MB, and {MEGABYTES} MB at most go "
            "along; "
            "keep data out of it (or in .gitignore) and name their place on a disk that the machines share"
        )
    for path in files:
        target = folder / path.relative_to(directory)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)


def _files(directory: Path) -> Iterator[Path]:
    asked = ["git", "-C", str(directory), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        names = subprocess.run(asked, capture_output=True, check=True).stdout.decode().split("\0")
    except (OSError, subprocess.CalledProcessError):  # no git, or no repository
        names = [path.relative_to(directory).as_posix() for path in directory.rglob("*")]
    for name in sorted(filter(None, names)):
        path = directory / name
        parts = Path(name).parts
        if not NOT_CODE & {*parts[:-1]} and not any(part.startswith(".") for part in parts) and path.is_file():
            yield path


def _refuse_local_files(spec: SweepSpec) -> None:
    """Relative places mean others on the cluster; what an absolute one holds there, its machines must know."""
    for field, value in _texts(spec.model_dump(mode="json"), ""):
        if ("/" in value or "." in value) and not Path(value).is_absolute() and Path(value).exists():
            raise InputError(
                f"{field}: {value} lies on this machine; give the absolute path of a disk that the machines share"
            )


def _texts(given: Any, field: str) -> Iterator[tuple[str, str]]:
    if isinstance(given, str):
        yield field, given
    elif isinstance(given, Mapping):
        for key, value in given.items():
            yield from _texts(value, f"{field}.{key}".lstrip("."))
