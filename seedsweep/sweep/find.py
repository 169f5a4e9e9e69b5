"""A spec held against a directory: what is there, what is missing, which packs would fill it. Changes nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from seedsweep.seeds import Seed
from seedsweep.spec import CellSettings, SweepSpec
from seedsweep.sweep.plan import Plan, make_plan, present_cells
from seedsweep.sweep.record import SweepRecord, refuse_other_settings
from seedsweep.sweep.store import KnownPack, Store


@dataclass(frozen=True)
class Found:
    """A spec held against a directory: what is there of it."""

    store: Store
    record: SweepRecord | None
    """None if the sweep does not exist yet."""
    known: list[KnownPack]
    asked: int
    present: int

    @property
    def missing(self) -> int:
        """Cells to train."""
        return self.asked - self.present


def find(spec: SweepSpec, out: str | os.PathLike[str]) -> Found:
    """Look what a directory already has of a sweep; changes nothing.

    Raises InputError if it is no sweep, has other settings, holds damaged or foreign blocks, or is not writable,
    or if a file that the spec names cannot be used.
    """
    spec.settings()  # reads those files
    store = Store(out)
    record = store.record()
    store.refuse_if_unwritable()
    known: list[KnownPack] = []
    if record is not None:
        refuse_other_settings(record, spec, store.location)
        known = store.packs(record)
    wanted = _wanted(spec)
    return Found(store, record, known, sum(map(len, wanted.values())), len(present_cells(wanted, known)))


def plan(spec: SweepSpec, found: Found, pack_size: Callable[[CellSettings], int]) -> Plan:
    """The packs that a run would train; `pack_size` says how many seeds go into a new one."""
    from seedsweep.workers.cost import flop_per_seed

    cells = {scale: spec.at(scale) for scale in spec.scale.values}
    return make_plan(
        _wanted(spec),
        found.known,
        scale_name=spec.scale.field,
        fingerprint=spec.fingerprint(),
        pack_size={scale: pack_size(settings) for scale, settings in cells.items()},
        cost={scale: flop_per_seed(settings) for scale, settings in cells.items()},
    )


def _wanted(spec: SweepSpec) -> dict[float, tuple[Seed, ...]]:
    return dict.fromkeys(spec.scale.values, spec.seeds.pairs())
