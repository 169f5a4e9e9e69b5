"""Where a sweep stands, from its files alone: no Ray, no torch, no running driver needed."""

from __future__ import annotations

import os
import time

from seedsweep.sweep.counts import Counts
from seedsweep.sweep.standing import SweepStatus
from seedsweep.sweep.store import Store


def status(place: str | os.PathLike[str] | Store) -> SweepStatus:
    """Where the sweep at a path or URL stands. Who asks repeatedly gives a `Store`, which keeps what it has read.

    If it is not complete and a run on another machine has left a note there, it is looked whether that goes on:
    for up to two of its beats, 10 seconds, on an object store a minute.

    Raises InputError if there is no sweep, or its store holds something that is not the sweep's.
    """
    store = place if isinstance(place, Store) else Store(place)
    record = store.existing_record()
    counts = Counts(store, record, store.packs(record))
    alone = counts.status(time.time(), frozenset(), simulate=False)
    return alone if alone.complete else counts.status(time.time(), store.pulse.runs())
