"""What a run writes of itself into the sweep's record: what it was asked for, by whom, and what has come of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from seedsweep.cell import Pace
from seedsweep.errors import InputError, StorageError
from seedsweep.schema import FORMAT
from seedsweep.sweep.events import RunResult
from seedsweep.sweep.find import Found
from seedsweep.sweep.plan import Plan
from seedsweep.sweep.provenance import now, provenance
from seedsweep.sweep.record import ScaleRecord, SweepRecord, scale_record
from seedsweep.sweep.store import Store


def begin(
    found: Found, name: str | None, planned: Plan, executor: str, device: str, tried: Mapping[float, Pace]
) -> SweepRecord:
    """Write down what is wanted and by whom, then clear away what is in its way."""
    wanted = found.spec.model_dump(mode="json")
    entry = {
        "started": now(),
        "finished": None,
        "seeds": wanted["seeds"],
        "scales": wanted["scale"]["values"],
        "asked": found.asked,
        "present": found.present,
        "executor": executor,
        "device": device,
        "pack_sizes": sorted({len(pack.seeds) for pack in planned.packs}),
        **provenance(),
    }
    record = _record(found, name, tried)
    record = record.model_copy(update={"runs": (*record.runs, entry)})
    try:
        found.store.write_record(record)
    except StorageError as error:  # an object store says only now that there is no such bucket
        if error.lasting and found.store.files.local:
            raise
        message = f"{found.store.location}: cannot be written: {error.reason}; use another directory"
        raise InputError(message) from error
    if found.store.blocks.superseded:
        found.store.blocks.remove_superseded(found.fingerprint)
    for unwanted in planned.dropped:
        found.store.drop(unwanted)
    return record


def end(store: Store, record: SweepRecord, result: RunResult, aside: Sequence[str]) -> None:
    """Write down what has come of the run."""
    outcome: dict[str, Any] = {
        "finished": now(),
        "trained": result.trained,
        "failed": result.failed,
        "interrupted": result.interrupted,
    }
    if result.sample is not None:
        outcome |= {"asked": result.asked, "sample": result.sample}
    if aside:
        outcome["set aside"] = list(aside)
    runs = (*record.runs[:-1], {**record.runs[-1], **outcome})
    store.write_record(record.model_copy(update={"runs": runs, "updated": now()}))


def keep_wishes(found: Found, name: str | None) -> None:
    """Nothing is missing: keep what may have changed all the same, such as what counts as success."""
    record = _record(found, name, {})
    if found.record is None or record.model_copy(update={"updated": found.record.updated}) != found.record:
        found.store.write_record(record)


def _record(found: Found, name: str | None, tried: Mapping[float, Pace]) -> SweepRecord:
    """The record as it shall be now, with its history and what trials have told."""
    before = found.record
    scales = {entry.scale: entry for entry in (before.scales if before else ())}
    for scale, recipe in found.recipes.items():
        earlier = scales[scale].pace if scale in scales else None
        scales[scale] = scale_record(scale, recipe, tried.get(scale, earlier))
    for pack in found.known:  # of a scale that is not asked for, if the record was lost
        if pack.finished and pack.pack.scale not in scales:
            steps = pack.blocks[-1].info.steps[1]
            scales[pack.pack.scale] = ScaleRecord(scale=pack.pack.scale, steps=steps, flop_per_seed_step=1.0)
    recipe, *_ = found.recipes.values()
    return SweepRecord(
        format=FORMAT,
        name=name or (before.name if before else PurePosixPath(found.store.files.place).name),
        fingerprint=found.fingerprint,
        created=before.created if before else now(),
        updated=now(),
        spec=found.spec.model_dump(mode="json"),
        settings=found.identity,
        splits=recipe.splits(),
        metrics=recipe.metrics(),
        scales=tuple(scales[scale] for scale in sorted(scales)),
        runs=before.runs if before else (),
    )
