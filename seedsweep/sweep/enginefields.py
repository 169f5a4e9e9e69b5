"""Which settings a raw spec asks for: the class of its task and of its model, and the fields that can be swept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from seedsweep.errors import InputError
from seedsweep.section import Settings
from seedsweep.workers.dialects import model_class
from seedsweep.workers.settings import ModelSettings, TaskSettings, TrainSettings
from seedsweep.workers.startsettings import StartSettings
from seedsweep.workers.tasks import find_task


def numeric_fields(raw: Mapping[str, Any]) -> list[str]:
    """Dotted names of the fields that can be swept; of the task's section only if its name is known."""
    sections: dict[str, type[Settings]] = {"model": model_class(raw.get("model")), "train": TrainSettings}
    if raw.get("start") is not None:
        sections["start"] = StartSettings
    task = raw.get("task")
    if isinstance(task, TaskSettings):
        sections["task"] = type(task)
    elif isinstance(task, Mapping) and isinstance(task.get("name"), str):
        sections["task"] = find_task(task["name"]).Settings
    return [
        f"{section}.{key}"
        for section, settings in sections.items()
        for key, field in settings.model_fields.items()
        if field.annotation in (int, float, int | None, float | None)
    ]


def task_class(given: Mapping[Any, Any]) -> type[BaseModel] | None:
    """Of the task's section; None if the spec names no task, or one that is not known."""
    task = given.get("task")
    if isinstance(task, BaseModel):
        return type(task)
    try:
        return find_task(task["name"]).Settings if isinstance(task, Mapping) else None
    except (KeyError, InputError):
        return None


def chosen_model_class(given: Mapping[Any, Any]) -> type[BaseModel]:
    """Of the model's section; what all dialects have in common if the dialect is not known."""
    try:
        return model_class(given.get("model"))
    except InputError:  # of the dialect, which is a key of every section
        return ModelSettings
