"""The `start:` section: seeds that begin from weights which another sweep has kept. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, PrivateAttr, field_validator

from seedsweep.cell import Parent
from seedsweep.section import Settings
from seedsweep.workers.settings import PartNames, at_least_one_part


class StartSettings(Settings):
    """Every seed begins, at step 0 and with fresh moments, from a checkpoint that another sweep has kept of the
    same seed (`keep_checkpoints` there): a branch of that sweep.

    The seed there is the same pair (init, data), or the plain seed of the same init. Its scale is the same value,
    if the same field is swept there; otherwise that sweep has one scale only.
    """

    sweep: str
    """Directory or URL of the sweep."""
    step: int = Field(ge=0)
    """A step that it has kept. Can be swept: `scale: {field: start.step, values: [0, 500, 1000]}`."""
    take: PartNames | None = None
    """Parts whose weights are taken, `[layer2, output]`; by default all. The others are drawn by the init seed."""
    freeze: PartNames = ()
    """Parts that are not trained: they get no update and no weight decay, and their gradient does not count where
    gradients are clipped."""
    _parents: Mapping[float, Parent] = PrivateAttr(default_factory=dict)

    @field_validator("take")
    @classmethod
    def _check_take(cls, parts: tuple[str, ...] | None) -> tuple[str, ...] | None:
        at_least_one_part(parts, "leave it out to take all")
        return parts

    def found(self, place: str, parents: Mapping[float, Parent]) -> StartSettings:
        """The settings with what the seeds of every scale start from, and where that lies, whoever asks."""
        known = self.model_copy(update={"sweep": place})
        known._parents = dict(parents)
        return known

    def at(self, scale: float, step: int | float) -> StartSettings:
        """The settings of one scale. Raises ValidationError if a step is no whole number."""
        one = type(self).model_validate(self.model_dump() | {"step": step})
        one._parents = {scale: self._parents[scale]} if self._parents else {}
        return one

    @property
    def parent(self) -> Parent:
        """What the seeds of one scale start from; known once the spec was resolved."""
        assert self._parents, "resolve the spec first"
        return next(iter(self._parents.values()))

    def identity(self) -> dict[str, Any]:
        """Of the sweep its fingerprint counts, not its place."""
        return super().identity() | {"sweep": self.parent.fingerprint}
