"""Specs as files: YAML and presets in, a checked `SweepSpec` out, with every error in one line."""

from __future__ import annotations

import copy
import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from seedsweep.errors import InputError, did_you_mean
from seedsweep.formats import count
from seedsweep.seeds import HALF_WIDTHS, enough_for
from seedsweep.sweep.presets import did_you_mean_preset, preset_files, read_text, shown_path
from seedsweep.sweep.spec import SweepSpec, spec_kind
from seedsweep.sweep.specerrors import Problem, explain
from seedsweep.yamlnodes import refuse_bombs

_OF_A_GOAL = ("at_most", "batch", "bounds")
MOST_CHARACTERS = 1 << 18
"""Of a spec: reading more takes minutes."""


@dataclass(frozen=True)
class NamedSpec:
    """A spec and where it is from."""

    spec: SweepSpec
    name: str
    """`pocket/count-depth` for a preset, the file's name without its ending for a file: `runs/<name>` is the
    place of a sweep for which no other is given."""
    origin: str
    """As messages name it: the file's path."""


@dataclass(frozen=True)
class _Override:
    key: str
    value: Any
    shown: str
    """As the user typed it."""


def read_spec(
    source: str | os.PathLike[str],
    *,
    overrides: Sequence[str] = (),
    seeds: str | None = None,
    until: Sequence[str] = (),
) -> NamedSpec:
    """Read and check a spec.

    Parameters
    ----------
    source : path or str
        Path of a YAML file, or the name of a preset such as `pocket/count-depth`.
    overrides : sequence of str
        Texts `train.steps=100`: a dotted key of the spec and its value in YAML; the last one counts.
    seeds : str, optional
        What takes the place of the spec's seeds: `0:64`, `{init: 0:16, data: 0:16}`.

    until : sequence of str
        The goal that takes their place, as texts `p_success=0.05`, `mean=0.03`, `at_most=400`, `batch=16`. What is
        not said of the latter is taken from the spec's goal; without one, `at_most` is as many as are enough.

    Returns
    -------
    NamedSpec
        The spec, and what a sweep of it is called.

    Raises
    ------
    InputError
        In one line that names the file or option and the field, if anything is wrong.
    """
    path, name = _find(os.fspath(source))
    origin = shown_path(path)
    given = _parse(read_text(path), origin)
    if not isinstance(given, dict):
        raise InputError(f"{origin}: a spec is a mapping with the keys {', '.join(spec_kind(given).model_fields)}")
    changes = [_override(text) for text in overrides]
    if seeds is not None:
        changes.append(_Override("seeds", _parse(seeds, f"--seeds {seeds}"), f"--seeds {seeds}"))
    if until:
        if seeds is not None:
            raise InputError(f"--until {' '.join(until)}: --seeds says how many there are; leave one of them out")
        changes.append(_goal(until, given.get("seeds")))
    given = copy.deepcopy(given)  # YAML aliases share their mappings: a change must not show in two places
    for change in changes:
        _apply(change, given)
    return NamedSpec(_validate(given, changes, origin).beside(path.parent), name, origin)


def _find(source: str) -> tuple[Path, str]:
    path = Path(source).expanduser()
    if path.is_file():
        return path, path.stem
    presets = preset_files()
    if source in presets:
        return presets[source], source
    if path.is_dir():
        raise InputError(f"{source}: is a directory; give a YAML file or the name of a preset")
    # What is near: presets, and the YAML files beside the one that is not there.
    beside = [str(file) for file in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []
    hint = did_you_mean_preset(source, beside)
    raise InputError(f"{source}: no such file or preset{hint}; presets: {', '.join(presets) or 'none'}")


def _parse(text: str, origin: str) -> Any:
    """YAML 1.2, where `16:48` is a text and `yes` is no boolean; a key given twice is an error."""
    if len(text) > MOST_CHARACTERS:
        raise InputError(
            f"{origin}: has {count(len(text))} characters; a spec has {count(MOST_CHARACTERS)} at most"
        )
    try:
        refuse_bombs(YAML(typ="safe", pure=True).compose(io.StringIO(text)))
        return YAML(typ="safe", pure=True).load(io.StringIO(text))
    except RecursionError:
        raise InputError(f"{origin}: not YAML: nested too deeply") from None
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


def _goal(words: Sequence[str], seeds: Any) -> _Override:
    """What `--until` stands for, in the place of these seeds."""
    shown = f"--until {' '.join(words)}"
    goal: dict[str, Any] = {}
    section = {name: seeds[name] for name in _OF_A_GOAL if name in seeds} if isinstance(seeds, dict) else {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name not in (*HALF_WIDTHS, *_OF_A_GOAL):
            hint = did_you_mean(name, [*HALF_WIDTHS, *_OF_A_GOAL])
            raise InputError(f"{shown}: {word} is no goal{hint}; give p_success=0.05, mean=0.03 or both")
        (goal if name in HALF_WIDTHS else section)[name] = _parse(value, shown)
    widths = [width for width in goal.values() if isinstance(width, int | float) and width > 0]
    if widths:
        section.setdefault("at_most", enough_for(widths))
    return _Override("seeds", {"goal": goal, **section}, shown)


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
        kind = spec_kind(given)
        first, *others = explain(error, kind, kind.section_classes(given))
        more = f" (and {len(others)} more)" if others else ""
        raise InputError(f"{_blame(first, changes, origin)}{first.message}{more}") from None
    for change in changes:
        if change.key == spec.swept_key:
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
