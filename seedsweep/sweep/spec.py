"""The spec of a sweep: what a YAML file says, checked, with every default filled in.

There are two kinds, which one driver serves: `seedsweep.sweep.enginespec` (a task, a model and its training) and
`seedsweep.sweep.programspec` (training code of the user's own). What they have in common is here. The cells of one
scale differ from those of another in one field, the swept one. A spec makes the recipe of every scale once;
`resolve` reads whatever files it names.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from pydantic import BaseModel

from seedsweep.cell import Recipe
from seedsweep.errors import MissingPackageError
from seedsweep.section import Settings

if TYPE_CHECKING:
    from seedsweep.seeds import Seeds
    from seedsweep.sweep.sections import ExecutionSettings, ScaleSettings, SuccessSettings

_KINDS = {
    "engine": "seedsweep.sweep.enginespec:EngineSpec",
    "program": "seedsweep.sweep.programspec:ProgramSpec",
    "imported": "seedsweep.sweep.importedspec:ImportedSpec",
}
"""By name: only the kind that is used is imported, since the engine's needs these packages."""
_ENGINE_NEEDS = ("torch", "safetensors")


class SweepSpec(Settings, ABC):
    """A sweep as a desired state: the cells (scale × seed) that shall exist, and how each is trained.

    `SweepSpec.model_validate` makes the kind of spec that the given keys ask for.
    """

    if TYPE_CHECKING:  # every kind has these; it declares them itself, in the order in which people write them
        scale: ScaleSettings
        seeds: Seeds
        success: SuccessSettings
        execution: ExecutionSettings

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Check a mapping, and make the kind of spec that it asks for. Raises pydantic's ValidationError."""
        kind = spec_kind(obj) if cls is SweepSpec else cls
        return cast(Self, super(SweepSpec, kind).model_validate(obj, **options))

    @classmethod
    @abstractmethod
    def section_classes(cls, given: Mapping[Any, Any]) -> dict[tuple[type[BaseModel], str], type[BaseModel]]:
        """What a section (of a model, under a key) is read as, where that depends on what is given."""

    @property
    @abstractmethod
    def recipes(self) -> Mapping[float, Recipe]:
        """How the cells of every scale are trained."""

    @property
    def swept_key(self) -> str:
        """The dotted key under which the swept field stands in the spec, if it is given there."""
        return self.scale.field

    def beside(self, folder: Path) -> SweepSpec:
        """The spec with its relative places counted from this folder, in which its file lies."""
        return self

    @abstractmethod
    def resolve(self) -> SweepSpec:
        """The spec after every file that it names was read and checked, on this machine or on the hub.

        This alone reads them: whoever wants to train, or to know costs or the identity, begins with it.

        Raises
        ------
        InputError
            That names the field, if a file cannot be read or used, or what it says does not fit the spec.
        """

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """What every cell of the sweep has in common, flat (`{"train.steps": 1000, …}`).

        It holds all that can change a number, the ladder's own field and the seed apart, and nothing about names,
        places or scheduling; of a file that the spec names, its content. Ask a resolved spec.
        """

    def fingerprint(self) -> str:
        """`fingerprint` of the identity."""
        return fingerprint(self.identity())


def spec_kind(given: Any) -> type[SweepSpec]:
    """The kind of spec that these keys ask for: that of a program or of imported results, if they name one."""
    if isinstance(given, SweepSpec):
        return type(given)
    keys = given if isinstance(given, Mapping) else ()
    asked_for = next((key for key in ("program", "imported") if key in keys), "engine")
    for package in _ENGINE_NEEDS if asked_for == "engine" else ():
        if find_spec(package) is None:
            raise MissingPackageError(f"training needs {package}: pip install 'seedsweep[train]'", name=package)
    module, _, name = _KINDS[asked_for].partition(":")
    kind: type[SweepSpec] = getattr(import_module(module), name)
    return kind


def fingerprint(identity: Mapping[str, Any]) -> str:
    """Hash of an identity: two sweeps with the same fingerprint may share a directory."""
    canonical = json.dumps(identity, sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
