"""Specs as files: YAML and presets in, a checked `SweepSpec` out, with every error in one line."""

from __future__ import annotations

import copy
import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from seedsweep.errors import InputError, did_you_mean
from seedsweep.spec import SweepSpec
from seedsweep.sweep.specerrors import Problem, explain


@dataclass(frozen=True)
class NamedSpec:
    """A spec and where it is from."""

    spec: SweepSpec
    name: str
    """`pocket/count-depth` for a preset, the file's name without its ending for a file: `runs/<name>` is the
    place of a sweep for which no other is given."""
    origin: str
    """As messages name it: the file's path."""


class Preset(NamedTuple):
    """A spec that comes with seedsweep."""

    name: str
    title: str
    """Its first line, a comment."""


@dataclass(frozen=True)
class _Override:
    key: str
    value: Any
    shown: str
    """As the user typed it."""


def read_spec(
    source: str | os.PathLike[str], *, overrides: Sequence[str] = (), seeds: str | None = None
) -> NamedSpec:
    """Read and check a spec.

    Arguments
    ---------
    source: path of a YAML file, or the name of a preset such as `pocket/count-depth`.
    overrides: texts `train.steps=100`: a dotted key of the spec and its value in YAML; the last one counts.
    seeds: what takes the place of the spec's seeds: `0:64`, `{init: 0:16, data: 0:16}`.

    Raises InputError, one line that names the file or option and the field, if anything is wrong.
    """
    path, name = _find(os.fspath(source))
    origin = _short(path)
    given = _parse(_text(path), origin)
    if not isinstance(given, dict):
        raise InputError(f"{origin}: a spec is a mapping with the keys {', '.join(SweepSpec.model_fields)}")
    changes = [_override(text) for text in overrides]
    if seeds is not None:
        changes.append(_Override("seeds", _parse(seeds, f"--seeds {seeds}"), f"--seeds {seeds}"))
    given = copy.deepcopy(given)  # YAML aliases share their mappings: a change must not show in two places
    for change in changes:
        _apply(change, given)
    return NamedSpec(_validate(given, changes, origin), name, origin)


def list_presets() -> tuple[Preset, ...]:
    """All presets, sorted by name."""
    return tuple(Preset(name, _title(path)) for name, path in _presets().items())


def preset_text(name: str) -> str:
    """The YAML of a preset, comments included. Raises InputError, with the nearest name, if there is none."""
    presets = _presets()
    if name not in presets:
        known = ", ".join(presets) or "none"
        raise InputError(f"preset {name!r}: unknown{did_you_mean(name, presets)}; there are: {known}")
    return _text(presets[name])


def _find(source: str) -> tuple[Path, str]:
    path = Path(source).expanduser()
    if path.is_file():
        return path, path.stem
    presets = _presets()
    if source in presets:
        return presets[source], source
    if path.is_dir():
        raise InputError(f"{source}: is a directory; give a YAML file or the name of a preset")
    # What is near: presets, and the YAML files beside the one that is not there.
    beside = [str(file) for file in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []
    hint = did_you_mean(source, [*presets, *beside])
    raise InputError(f"{source}: no such file or preset{hint}; presets: {', '.join(presets) or 'none'}")


def _presets() -> dict[str, Path]:
    """By name. In an installed package they lie beside the code, in a checkout at the repository's root."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "presets"
    root = installed if installed.is_dir() else package.parent / "presets"
    paths = {path.relative_to(root).with_suffix("").as_posix(): path for path in root.rglob("*.yaml")}
    return dict(sorted(paths.items()))


def _title(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        first = file.readline()
    return first.lstrip("#").strip() if first.startswith("#") else ""


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{_short(path)}: not a text file in UTF-8") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


def _short(path: Path) -> str:
    """The path as seen from here, if the file is below the working directory."""
    absolute = path.resolve()
    here = Path.cwd()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(path)


def _parse(text: str, origin: str) -> Any:
    """YAML 1.2, where `16:48` is a text and `yes` is no boolean; a key given twice is an error."""
    try:
        return YAML(typ="safe", pure=True).load(io.StringIO(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f" line {mark.line + 1}" if mark is not None and "\n" in text.strip() else ""
        problem = " ".join(str(error.problem or error.context).split())
        raise InputError(f"{origin}{line}: not YAML: {problem}") from None
    except (YAMLError, ValueError) as error:
        raise InputError(f"{origin}: not YAML: {' '.join(str(error).split())}") from None


def _override(text: str) -> _Override:
    key, equals, value = text.partition("=")
    key = key.strip()
    shown = f"--set {text}"
    if not equals or not key:
        raise InputError(f"{shown}: write key=value, for example --set train.steps=100")
    return _Override(key, _parse(value, shown), shown)


def _apply(change: _Override, given: dict[Any, Any]) -> None:
    *sections, last = change.key.split(".")
    place = given
    for section in sections:
        place = place.setdefault(section, {})
        if not isinstance(place, dict):
            raise InputError(f"{change.shown}: {section} has no keys of its own")
    place[last] = change.value


def _validate(given: dict[Any, Any], changes: Iterable[_Override], origin: str) -> SweepSpec:
    try:
        spec = SweepSpec.model_validate(given)
    except ValidationError as error:
        first, *others = explain(error, given)
        more = f" (and {len(others)} more)" if others else ""
        raise InputError(f"{_blame(first, changes, origin)}{first.message}{more}") from None
    for change in changes:
        if change.key == spec.scale.field:
            raise InputError(
                f"{change.shown}: has no effect, {change.key} is the swept field; "
                f"set --set 'scale.values=[{change.value}]'"
            )
    return spec


def _blame(problem: Problem, changes: Iterable[_Override], origin: str) -> str:
    """Beginning of a message: the option that brought the trouble in, else the file, and the field."""
    field = problem.field
    for change in reversed(list(changes)):
        if field == change.key:
            return f"{change.shown}: "
        inside = field.startswith((f"{change.key}.", f"{change.key}["))
        made = problem.message.startswith("unknown key") and change.key.startswith(f"{field}.")
        if inside or made:
            return f"{change.shown}: {field}: "
    return f"{origin}: {field}: " if field else f"{origin}: "
