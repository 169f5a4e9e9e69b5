"""The presets: specs that come with seedsweep, as files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from seedsweep.errors import InputError, listed, nearest
from seedsweep.formats import count

MOST_BYTES = 1 << 20
"""Of a spec's file."""


class Preset(NamedTuple):
    """A spec that comes with seedsweep."""

    name: str
    title: str
    """Its first line, a comment."""


def list_presets() -> tuple[Preset, ...]:
    """All presets, the pocket ones first."""
    return tuple(Preset(name, _title(path)) for name, path in preset_files().items())


def preset_text(name: str) -> str:
    """The YAML of a preset, comments included. Raises InputError, with the nearest name, if there is none."""
    presets = preset_files()
    if name not in presets:
        raise InputError(f"preset {name!r}: unknown{did_you_mean_preset(name)}; there are: {listed(presets)}")
    return read_text(presets[name])


def did_you_mean_preset(word: str, others: Iterable[str] = ()) -> str:
    """As `did_you_mean`, of presets and other names; a preset's last part will do, and means the pocket one."""
    presets = preset_files()
    short = {name.rpartition("/")[2]: name for name in reversed(presets)}
    known = [*presets, *others] if "/" in word else [*short, *others]
    near = nearest(word, known)
    return f" (did you mean {short.get(near, near)!r}?)" if near else ""


def preset_files() -> dict[str, Path]:
    """By name, the pocket ones first: they take minutes on a CPU."""
    # In an installed package they lie beside the code, in a checkout at the repository's root.
    package = Path(__file__).resolve().parents[1]
    installed = package / "presets"
    root = installed if installed.is_dir() else package.parent / "presets"
    paths = {path.relative_to(root).with_suffix("").as_posix(): path for path in root.rglob("*.yaml")}
    return dict(sorted(paths.items(), key=lambda named: (not named[0].startswith("pocket/"), named[0])))


def _title(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        first = file.readline()
    return first.lstrip("#").strip() if first.startswith("#") else ""


def read_text(path: Path) -> str:
    """Content of a file. Raises InputError if it cannot be read, or is not text."""
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise InputError(
                f"{shown_path(path)}: has {count(size)} bytes; a spec has {count(MOST_BYTES)} at most"
            )
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{shown_path(path)}: not a text file in UTF-8") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


def shown_path(path: Path) -> str:
    """The path as seen from here, if the file is below the working directory."""
    absolute = path.resolve()
    here = Path.cwd()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(path)
