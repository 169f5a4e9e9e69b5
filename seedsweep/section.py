"""What a section of a spec is: a frozen pydantic model that refuses unknown keys and says what identifies it."""

from __future__ import annotations

import re
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator


class AddedLater:
    """Marks a field that a section got after sweeps without it existed: `name: Annotated[int, AddedLater()] = 3`.

    The field's default must do what the engine did before. It is left out of a sweep's identity while it has
    that default, so that directories made before the field existed keep their fingerprint and go on.
    """


class Settings(BaseModel):
    """A section of the spec: unknown keys are refused, values never change, NaN and infinity are no numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)

    def identity(self) -> dict[str, Any]:
        """The section's part of a sweep's identity: every field, except an `AddedLater` one at its default."""
        dump = self.model_dump(mode="json")
        for name, field in type(self).model_fields.items():
            later = any(isinstance(mark, AddedLater) for mark in field.metadata)
            if later and getattr(self, name) == field.default:
                del dump[name]
        return dump

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_lookalikes(cls, value: Any, info: ValidationInfo) -> Any:
        """Left alone, pydantic takes `true` for 1 and the text "6" for 6."""
        annotation = cls.model_fields[info.field_name or ""].annotation
        kinds = get_args(annotation) or (annotation,)
        if isinstance(value, bool) and bool not in kinds and {int, float} & set(kinds):
            raise ValueError(f"{str(value).lower()} is not a number")
        if isinstance(value, str) and {int, float} & set(kinds) and re.fullmatch(r"[\d.eE+-]+", value.strip()):
            raise ValueError(f"{value!r} is a text, not a number; write it without quotes")
        return value
