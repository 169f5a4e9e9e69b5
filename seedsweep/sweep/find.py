"""A spec held against a directory: what is there, what is missing, which packs would fill it. Changes nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from seedsweep.cell import Recipe
from seedsweep.errors import InputError
from seedsweep.measures import Metric
from seedsweep.seeds import Seed
from seedsweep.sweep.goalrule import bounds_of
from seedsweep.sweep.goals import Sampling, sampling
from seedsweep.sweep.knownpack import KnownPack
from seedsweep.sweep.plan import Plan, count_present, make_plan
from seedsweep.sweep.record import LostRecordError, SweepRecord, refuse_other_settings
from seedsweep.sweep.spec import SweepSpec, fingerprint
from seedsweep.sweep.store import Store


@dataclass(frozen=True)
class Found:
    """A resolved spec and what a directory has of it. Made by `find`."""

    spec: SweepSpec
    recipes: Mapping[float, Recipe]
    """How the cells of every scale are trained."""
    identity: dict[str, Any]
    """What all cells have in common (`SweepSpec.identity`)."""
    fingerprint: str
    """Hash of the identity."""
    store: Store
    record: SweepRecord | None
    """None if the sweep does not exist yet, or its record is lost."""
    known: list[KnownPack]

    @property
    def exists(self) -> bool:
        """Whether the sweep does, with or without its record."""
        return self.record is not None or bool(self.known)

    @cached_property
    def wanted(self) -> dict[float, tuple[Seed, ...]]:
        """The seeds that shall exist, by scale; with a goal, as the finished ones decide it."""
        if self.sampling is not None:
            return self.sampling.wanted
        return dict.fromkeys(self.recipes, self.spec.seeds.pairs())

    @cached_property
    def sampling(self) -> Sampling | None:
        """What the finished seeds of a sweep with a goal have come to."""
        first = self.record.first_goal if self.record is not None else None
        spec = self.spec
        return sampling(
            self.store,
            self.known,
            seeds=spec.seeds,
            ladder=spec.scale,
            success=spec.success,
            metrics=metrics_of(self.recipes),
            first=first,
        )

    @property
    def asked(self) -> int:
        """Cells that shall exist."""
        return sum(map(len, self.wanted.values()))

    @cached_property
    def present(self) -> int:
        """Those that do."""
        return count_present(self.wanted, self.known)

    def looked_again(self) -> Found:
        """The same, as the directory is now. Raises InputError as `find` does, but for the spec's own files."""
        known: list[KnownPack] = []
        try:
            record = self.store.record()
        except LostRecordError as error:
            record, known = None, self._known_without_record(error)
        self.store.refuse_if_unwritable()
        if record is not None:
            refuse_other_settings(record, self.identity, self.store.location)
            known = self.store.packs(record)
        return replace(self, record=record, known=known)

    def _known_without_record(self, error: LostRecordError) -> list[KnownPack]:
        """Raises the error, and says why, if what lies there does not show that it is of this spec."""
        known = self.store.packs_of(self.fingerprint, self.spec.scale.field)
        others = [piece for piece in self.store.blocks.damage if piece.kind == "foreign"]
        if not known or others:
            why = f"{others[0].file} is of another spec" if others else "nothing there is of this spec"
            raise InputError(f"{error}; {why}") from None
        return known

    def plan(
        self, pack_size: Callable[[Recipe], int], wanted: Mapping[float, Sequence[Seed]] | None = None
    ) -> Plan:
        """The packs that a run would train; `pack_size` says how many seeds go into a new one.

        `wanted` are the seeds that shall exist, if not all that are wanted.
        """
        costs = {scale: recipe.cost() for scale, recipe in self.recipes.items()}
        return make_plan(
            self.wanted if wanted is None else wanted,
            self.known,
            scale_name=self.spec.scale.field,
            fingerprint=self.fingerprint,
            pack_size={scale: pack_size(recipe) for scale, recipe in self.recipes.items()},
            cost={scale: cost.flop if cost is not None else 0.0 for scale, cost in costs.items()},
        )


def metrics_of(recipes: Mapping[float, Recipe]) -> tuple[Metric, ...]:
    """What every scale is measured by; empty if only the rows will tell."""
    return next(iter(recipes.values())).metrics()


def find(spec: SweepSpec, out: str | os.PathLike[str]) -> Found:
    """Read the files that a spec names, and look what a directory already has of the sweep; changes nothing.

    Raises
    ------
    InputError
        If a file that the spec names cannot be used, its goal is none that can be reached, or the directory is no
        sweep, has other settings, holds damaged or foreign blocks, or is not writable.
    """
    spec = spec.resolve()
    if spec.seeds.goal is not None:
        # What cannot be reached is refused before all else.
        bounds_of(spec.seeds.goal, spec.success.criterion, metrics_of(spec.recipes))
    identity = spec.identity()  # once: it reads the content of files
    found = Found(spec, spec.recipes, identity, fingerprint(identity), Store(out), record=None, known=[])
    return found.looked_again()
