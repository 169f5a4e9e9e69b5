"""Every field of a spec as a table, from the classes that check it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from seedsweep.section import Settings
from seedsweep.sweep.engineexecution import EngineExecution
from seedsweep.sweep.programspec import ProgramExecution
from seedsweep.sweep.sections import ScaleSettings, SuccessSettings
from seedsweep.workers import dialects, instruments, tasks
from seedsweep.workers.instrumentsettings import InterventionSettings
from seedsweep.workers.programs.settings import FunctionSettings, MetricsSettings, ProgramSettings
from seedsweep.workers.settings import BaseSettings, EvaluateSettings, TrainSettings
from seedsweep.workers.startsettings import StartSettings

LIMITS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
PLACES = r"typing\.|seedsweep\.[\w.]+\."
"""Where types live: of no interest to a reader."""


def tables() -> str:
    """All sections of a spec, in Markdown."""
    return "\n".join(_section(title, kind) for title, kind in _sections())


def _sections() -> Iterator[tuple[str, type[Settings]]]:
    for name in tasks.BUILT_IN:
        yield f"task: {name}", tasks.find_task(name).Settings
    for name in dialects.BUILT_IN:
        yield f"model: {name}", dialects.model_class({"dialect": name})
    yield "train", TrainSettings
    yield "evaluate", EvaluateSettings
    yield "base", BaseSettings
    yield "start", StartSettings
    for name in instruments.BUILT_IN:
        yield f"streams: {name}", instruments.find_stream(name).Settings
    yield "interventions", InterventionSettings
    yield "scale", ScaleSettings
    yield "success", SuccessSettings
    yield "execution", EngineExecution
    yield "program", ProgramSettings
    yield "program: a function", FunctionSettings
    yield "program.metrics", MetricsSettings
    yield "execution of programs", ProgramExecution


def _section(title: str, kind: type[Settings]) -> str:
    about = (kind.__doc__ or "").strip()
    lines = [f"## {title}", "", re.sub(r"\n +", "\n", about), "", "| field | | default | |", "|---|---|---|---|"]
    for name, field in kind.model_fields.items():
        meaning = " ".join((field.description or "").split())
        cells = (f"`{name}`", _kind(field), _default(field), meaning)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join([*lines, ""])


def _kind(field: FieldInfo) -> str:
    kinds = [kind for kind in get_args(field.annotation) if kind is not NoneType]
    if get_origin(field.annotation) is Literal:
        return " or ".join(f"`{word}`" for word in kinds)
    kind = str(kinds[0] if NoneType in get_args(field.annotation) and len(kinds) == 1 else field.annotation)
    kind = re.sub(r"<class '(.*)'>", r"\1", kind)
    limits = [
        f"{sign} {getattr(mark, key):,}"
        for mark in field.metadata
        for key, sign in LIMITS.items()
        if hasattr(mark, key)
    ]
    return " ".join([f"`{re.sub(PLACES, '', kind)}`", ", ".join(limits)]).strip()


def _default(field: FieldInfo) -> str:
    default: Any = field.default
    if field.is_required() or field.default_factory is not None:
        return "" if field.is_required() else "empty"
    return "none" if default is None else f"`{default}`"
