"""What pydantic finds wrong in a spec, in the words of the person who wrote it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from seedsweep import formats
from seedsweep.errors import did_you_mean

_NOUNS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "a text",
    "tuple": "a list",
    "list": "a list",
    "model": "a section with keys of its own",
    "dict": "a section with keys of its own",
    "finite": "a finite number",
}
"""What a value should have been, by the first word of pydantic's error type."""

Place = Sequence[int | str]


class SectionError(ValueError):
    """A part of the spec that was validated on its own is wrong.

    Parameters
    ----------
    error : ValidationError
        What is wrong with it.
    *place : str or int
        Where the part stands in the spec; or, with `about`, the field that is to blame.
    about : str
        Which value of that field brought it about, as the beginning of a message.
    """

    def __init__(self, error: ValidationError, *place: str | int, about: str = "") -> None:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        super().__init__(f"{'.'.join(map(str, place))}: {about}{message}")
        self.error, self.place, self.about = error, place, about


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong."""

    field: str
    """Dotted name, `train.steps` or `scale.values[1]`; empty for the spec as a whole."""
    message: str


def flat_errors(error: ValidationError, above: Place = ()) -> Iterator[dict[str, Any]]:
    """Pydantic's details, those of a section that was validated on its own at their place.

    Where a value of another field brought one about, the key `about` says so, and `loc` is that field's.
    """
    for detail in error.errors(include_url=False):
        place = (*above, *detail["loc"])
        inner = detail.get("ctx", {}).get("error")
        if isinstance(inner, SectionError) and inner.about:
            first = next(flat_errors(inner.error))
            yield {**first, "loc": inner.place, "about": inner.about}
        elif isinstance(inner, SectionError):
            yield from flat_errors(inner.error, (*place, *inner.place))
        elif isinstance(inner, ValidationError):
            yield from flat_errors(inner, place)
        else:
            yield {**detail, "loc": place}


def explain(
    error: ValidationError,
    root: type[BaseModel],
    classes: Mapping[tuple[type[BaseModel], str], type[BaseModel]],
) -> list[Problem]:
    """The problems of a spec, the one most worth showing first; at least one.

    `root` is what it was validated as, `classes` what it says of sections (`SweepSpec.section_classes`).
    """
    reader = _Reader(root, classes)
    details_of: dict[str, list[dict[str, Any]]] = {}
    for detail in flat_errors(error):
        details_of.setdefault(reader.field(detail["loc"]), []).append(detail)
    problems = [reader.problem(field, details) for field, details in details_of.items()]
    # A misspelt key is also a missing one: the misspelling comes first, it explains the other.
    return sorted(problems, key=lambda problem: not problem.message.startswith("unknown key"))


class _Reader:
    """Knows which keys the sections of a spec may have."""

    def __init__(
        self, root: type[BaseModel], classes: Mapping[tuple[type[BaseModel], str], type[BaseModel]]
    ) -> None:
        self._root = root
        self._classes = classes

    def field(self, place: Place) -> str:
        """Dotted name of a place, without the names pydantic gives to the branches of a union."""
        text = ""
        model: type[BaseModel] | None = self._root
        for part in place:
            if isinstance(part, int):
                text += f"[{part}]"
            elif model is not None:
                text += f".{part}" if text else part
                model = self._section(model, part)
        return text

    def problem(self, field: str, details: list[dict[str, Any]]) -> Problem:
        """What is wrong with one field; several details are the branches of a union, each with its reason."""
        if "about" in details[0]:
            own = {key: value for key, value in details[0].items() if key != "about"}
            return Problem(field, details[0]["about"] + self.problem(field, [own]).message)
        detail = details[0]
        kind, value, context = detail["type"], _show(detail["input"]), detail.get("ctx", {})
        if kind == "extra_forbidden":
            key = detail["loc"][-1]
            return Problem(field, "unknown key" + did_you_mean(str(key), self._keys(detail["loc"][:-1])))
        if kind == "missing":
            return Problem(field, "is missing")
        if kind == "value_error":
            return self._own_check(field, str(context["error"]))
        if kind.startswith(("greater_than", "less_than")):
            relation, limit = next(iter(context.items()))
            words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}[relation]
            return Problem(field, f"{value} is out of range; give {words} {formats.given(limit)}")
        nouns = [noun for noun in map(_noun, details) if noun is not None]
        if len(nouns) < len(details):
            return Problem(field, f"{value}: {detail['msg'][:1].lower()}{detail['msg'][1:]}")
        if len(nouns) > 1:
            return Problem(field, f"{value} is neither {' nor '.join(nouns)}")
        choices = _choices(detail)
        near = did_you_mean(str(detail["input"]), choices) if len(choices) > 1 else ""
        return Problem(field, f"{value} is not {nouns[0]}{near}")

    def _own_check(self, field: str, message: str) -> Problem:
        """A check of ours may name the field it is about in front of its message."""
        match = re.match(r"([a-z_]+(?:\.[\w-]+)*): ", message)
        place = field.split(".") if field else []
        if match and match[1].split(".")[0] in self._keys(place):
            return Problem(".".join([*place, match[1]]), message[match.end() :])
        return Problem(field, message)

    def _keys(self, place: Place) -> list[str]:
        model: type[BaseModel] | None = self._root
        for part in place:
            if isinstance(part, str):  # a number is an entry of a list, whose sections are all of one class
                model = self._section(model, part) if model is not None else None
        return list(model.model_fields) if model is not None else []

    def _section(self, model: type[BaseModel], key: str) -> type[BaseModel] | None:
        if (model, key) in self._classes:
            return self._classes[model, key]
        annotation = model.model_fields[key].annotation if key in model.model_fields else None
        for kind in get_args(annotation) or (annotation,):  # a section that may be left out is `Section | None`
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                return kind
        return None


def _noun(detail: dict[str, Any]) -> str | None:
    if detail["type"] == "literal_error":
        choices = [f"'{choice}'" for choice in _choices(detail)]
        return choices[0] if len(choices) == 1 else f"one of {', '.join(choices)}"
    return _NOUNS.get(detail["type"].partition("_")[0])


def _choices(detail: dict[str, Any]) -> list[str]:
    return re.findall(r"'([^']*)'", detail.get("ctx", {}).get("expected", ""))


def _show(value: Any) -> str:
    """A value as it stood in the YAML, not too long."""
    text = f"'{value}'" if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…"
