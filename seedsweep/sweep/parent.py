"""The sweep that a branch starts from: whether it has what is asked for, and the weights of its seeds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from seedsweep.cell import CellError, KeptWeights
from seedsweep.errors import ArgumentError, InputError, StorageError, listed
from seedsweep.measures import scale_text
from seedsweep.seeds import Seed, format_range
from seedsweep.sweep.kept import KeptFile, KeptName, rows_of
from seedsweep.sweep.record import SweepRecord
from seedsweep.sweep.store import Store

_NAMED = 4
"""Seeds or steps that a message names."""


@dataclass(frozen=True)
class KeptParent:
    """One step and scale of a sweep, as a worker needs it: see `seedsweep.cell.Parent`."""

    place: str
    """Absolute path or URL; the same for all machines that train the branch."""
    fingerprint: str
    scale: float
    step: int

    def weights(self, seeds: Sequence[Seed]) -> list[KeptWeights]:
        """From what these seeds start. Raises CellError, in a line, if it cannot be read."""
        try:
            sweep = ParentSweep(self.place)
            if sweep.record.fingerprint != self.fingerprint:
                raise InputError(f"{self.place} is another sweep now")
            found = sweep.rows(self.scale, self.step, seeds)
            if missing := [seed for seed in seeds if seed not in found]:
                raise InputError(f"{self.place} has lost what it had kept of {_shown(missing)}")
            return sweep.store.kept.weights((seed, *found[seed]) for seed in seeds)
        except (InputError, StorageError) as error:
            raise CellError(f"start.sweep: {error}") from error


@dataclass(frozen=True)
class Wanted:
    """What the seeds of one scale start from."""

    scale: float
    """Of the branch."""
    step: int
    shapes: Mapping[str, tuple[int, ...]]
    """Of the tensors that are taken."""


def find_parents(
    place: str, field: str, wanted: Iterable[Wanted], seeds: Sequence[Seed]
) -> dict[float, KeptParent]:
    """What a branch with the swept `field` starts from, by its scale.

    Raises
    ------
    InputError
        That names the field of the spec and what is missing: the sweep, the scale, the step, seeds, or a tensor of
        that shape.
    StorageError
        If the sweep's store cannot be reached.
    """
    try:
        sweep = ParentSweep(place)
    except InputError as error:
        raise InputError(f"start.sweep: {error}") from None
    parents = {}
    for one in wanted:
        scale = sweep.scale_for(field, one.scale)
        sweep.refuse_if_missing(scale, one, seeds)
        parents[one.scale] = KeptParent(sweep.store.location, sweep.record.fingerprint, scale, one.step)
    return parents


class ParentSweep:
    """A sweep whose kept checkpoints are looked at. Raises InputError if there is none at the place."""

    def __init__(self, place: str) -> None:
        self.store = Store(place)
        self.record: SweepRecord = self.store.existing_record()

    @cached_property
    def _names(self) -> list[KeptName]:
        return self.store.kept.names()

    @cached_property
    def _finished(self) -> Collection[str]:
        return {pack.name for pack in self.store.packs(self.record) if pack.finished}

    def scale_for(self, field: str, value: float) -> float:
        """The scale at which a scale of another sweep, whose swept field is given, starts. Raises InputError."""
        ladder, place = self.record.ladder, self.store.location
        if ladder.field == field:
            if value in ladder.values:
                return value
            has = listed(map(scale_text, ladder.values))
            raise InputError(f"start.sweep: {place} has no {field} = {scale_text(value)}; it has {has}")
        if len(ladder.values) != 1:
            raise InputError(
                f"start.sweep: {place} has {len(ladder.values)} scales of {ladder.field}, and nothing says from "
                f"which to start: sweep {ladder.field} here too, or start from a sweep of one scale"
            )
        return ladder.values[0]

    def only_scale(self, scale: float | None) -> float:
        """The scale itself, or the only one. Raises InputError if there is no such scale, or more than one."""
        values, field, place = self.record.ladder.values, self.record.ladder.field, self.store.location
        has = f"{place} has {field} = {listed(map(scale_text, values))}"
        if scale is None and len(values) != 1:
            raise InputError(f"scale: is missing: {has}")
        if scale is not None and scale not in values:
            raise ArgumentError("scale", scale_text(scale), has)
        return values[0] if scale is None else float(scale)

    def steps(self, scale: float) -> list[int]:
        """Those that are kept at a scale."""
        return sorted({name.step for name in self._names if name.scale == scale_text(scale)})

    def seeds(self, scale: float, step: int) -> list[Seed]:
        """Those of which that step is kept, sorted by id."""
        here = [name for name in self._names if (name.scale, name.step) == (scale_text(scale), step)]
        pairs = {pair for kept in self.store.kept.read_headers(here) for pair in kept.header.info.pairs}
        return sorted(pairs, key=lambda seed: seed.id)

    def rows(self, scale: float, step: int, seeds: Sequence[Seed]) -> dict[Seed, tuple[KeptFile, int]]:
        """Where these seeds have their weights, of those that have."""
        ids = [id for seed in seeds for id in (seed.id, seed.init)]
        here = [name for name in self._names if (name.scale, name.step) == (scale_text(scale), step)]
        kept = self.store.kept.read_headers([name for name in here if _may_hold(name.pack, min(ids), max(ids))])
        kept = [file for file in kept if file.header.info.fingerprint == self.record.fingerprint]
        return rows_of(seeds, kept, lambda: self._finished)

    def refuse_if_missing(self, scale: float, wanted: Wanted, seeds: Sequence[Seed]) -> None:
        """Raise InputError if something is not there that the seeds start from."""
        place, field = self.store.location, self.record.ladder.field
        there = f"{place} ({field} = {scale_text(scale)})"
        steps = self.steps(scale)
        if wanted.step not in steps:
            kept = f"it has kept {listed(map(str, steps))}" if steps else "it has kept no checkpoint"
            raise InputError(
                f"start.step: {wanted.step} is not kept in {there}; {kept} (keep_checkpoints in its spec says "
                "which, of seeds that are trained from then on)"
            )
        found = self.rows(scale, wanted.step, seeds)
        if missing := [seed for seed in seeds if seed not in found]:
            has = f"it has {_shown(found)}" if found else "it has none of those asked for"
            raise InputError(
                f"seeds: step {wanted.step} is not kept in {there} of {_shown(missing)}, and a branch starts from "
                f"the same init seed; {has}"
            )
        for held in {file.file: file for file, _ in found.values()}.values():
            for name, shape in wanted.shapes.items():
                theirs = held.header.shapes.get(name)
                if theirs != shape:
                    said = "no such tensor" if theirs is None else f"the shape {theirs}"
                    raise InputError(f"start.take: {name} has the shape {shape} here, and {said} in {there}")


def _may_hold(pack: str, low: int, high: int) -> bool:
    """Whether a pack of that name, which tells its first and last seed, may hold one between two ids."""
    try:
        first, last = map(int, pack.rpartition("-seeds-")[2].split("-")[:2])
    except ValueError:
        return True
    return first <= high and low <= last


def _shown(seeds: Iterable[Seed]) -> str:
    """Seeds as a message names them."""
    known = sorted(seeds, key=lambda seed: seed.id)
    if all(seed.init == seed.data for seed in known):
        return f"seeds {format_range(seed.init for seed in known)}"
    more = f" and {len(known) - _NAMED} more" if len(known) > _NAMED else ""
    return "the pairs (init, data) " + listed(str(tuple(seed)) for seed in known[:_NAMED]) + more
