"""The population of a sweep, read from its store.

Loading reads the footers of the store's blocks; rows are read when a table is asked for, and only those asked for.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from seedsweep.criterion import Criterion
from seedsweep.errors import listed
from seedsweep.measures import Metric
from seedsweep.population import FinalTable, Origin, Population, observed_metric
from seedsweep.sweep.damage import SET_ASIDE, Damage, damage_notes
from seedsweep.sweep.goalrule import aims_of, within
from seedsweep.sweep.goals import sampling_of
from seedsweep.sweep.knownpack import KnownPack
from seedsweep.sweep.notes import code_notes, codes_of, failure_notes
from seedsweep.sweep.record import SweepRecord
from seedsweep.sweep.store import Store
from seedsweep.sweep.storereader import StoreReader


def load(path: str | os.PathLike[str], *, without: Iterable[str] = ()) -> Population:
    """The population in a sweep's directory, as it is now: a later `load` sees what was trained since.

    Parameters
    ----------
    path : str or path
        The directory, or its URL.
    without : iterable of str
        Files of rows to leave out, with the cells in them: those that a `DamagedFilesError` names.

    Returns
    -------
    Population

    Raises
    ------
    InputError
        Naming the file and what to do: there is no sweep, its record is lost, a cell is there twice, or a file is
        of a newer format. Files that are truncated, or not the sweep's, are left out, which `origin.notes` says.
        Pages that are damaged show when rows are read: then that raises `DamagedFilesError`.
    """
    store = Store(path)
    store.blocks.found_damaged = {
        file: Damage(file, "flipped", "damaged", SET_ASIDE, ours=True) for file in without
    }
    record = store.existing_record()
    known = store.packs(record)
    reader = StoreReader(store, record, known)
    if record.imported:
        return _imported(store, record, reader, known)
    success = record.success
    metrics = {metric.name: metric for metric in record.metrics}
    if not metrics:  # the recipe could not tell them beforehand
        for split in sorted(reader.measured, key=lambda split: split != success.split):
            new = [name for name in reader.measured[split] if name not in metrics]
            metrics |= {name: observed_metric(reader.final(name, split)) for name in new}
        if success.metric in reader.measured.get(success.split, ()):
            metrics[success.metric] = _told_metric(record, reader.final(success.metric, success.split))
    return Population(
        name=record.name,
        path=store.location,
        scale_name=record.ladder.field,
        scales=reader.scales,
        seeds=tuple(reader.seeds.tolist()),
        cells=int(reader.present.sum()),
        splits={split.name: split for split in record.splits},
        metrics=metrics,
        criterion=success.criterion,
        origin=_origin(store, record, known),
        reader=reader,
    )


def _told_metric(record: SweepRecord, final: FinalTable) -> Metric:
    """The metric of success with the bounds that a goal gave, if there is one and they are true."""
    if record.bounds is None or not within(final.values[~np.isnan(final.values)].tolist(), record.bounds):
        return observed_metric(final)
    return Metric(name=final.metric, bounds=record.bounds)


def _imported(store: Store, record: SweepRecord, stored: StoreReader, known: Sequence[KnownPack]) -> Population:
    """What was imported, read as the table that it was: its seeds may have names, and ends of their own."""
    from seedsweep.sweep.importedspec import ImportedSpec
    from seedsweep.tables.roles import Roles
    from seedsweep.tables.stored import read_again

    spec = ImportedSpec.model_validate(record.spec)
    columns, success = spec.imported, spec.success
    names = {seed: label for label, seed in columns.runs.items()}
    rows = stored.rows(None, None)
    if names:
        rows = rows.set_column(
            rows.schema.get_field_index("seed"), "seed", [[names[seed] for seed in rows["seed"].to_pylist()]]
        )
    roles = Roles(spec.scale.field, columns.seed, columns.metrics, columns.step, {})
    labelled = [(scale, names.get(seed, seed)) for scale, seed in stored.cells]
    reader = read_again(rows, labelled, roles, columns.rows, columns.unfinished)
    return Population(
        name=record.name,
        path=store.location,
        scale_name=spec.scale.field,
        scales=reader.scales,
        seeds=tuple(reader.seeds.tolist()),
        cells=int(reader.present.sum()),
        splits={},
        metrics={name: observed_metric(reader.final(name, columns.rows)) for name in columns.metrics},
        criterion=Criterion(success.metric, success.split, success.at_least, success.higher_is_better),
        origin=_origin(store, record, known),
        reader=reader,
    )


def _origin(store: Store, record: SweepRecord, known: Sequence[KnownPack]) -> Origin:
    facts = {
        "sweep": store.location,
        "fingerprint": record.fingerprint,
        "created": record.created,
        "updated": record.updated,
    }
    codes = codes_of(known)
    if codes:
        facts["code"] = "; ".join(f"{code}: {count} cells" for code, count in codes.most_common())
    sampled, goal = sampling_of(store, record, known), None if record.imported else record.first_goal
    left_out = damage_notes(store.blocks.damage, store.location)
    return Origin(
        facts,
        tuple(map(_in_words, record.runs)),
        record.spec,
        (
            *([] if sampled is None else [str(sampled)]),
            *code_notes(codes),
            *failure_notes(known),
            *left_out,
        ),
        aims=None if goal is None else aims_of(goal),
    )


def _in_words(run: Mapping[str, Any]) -> dict[str, str]:
    """An entry of `SweepRecord.runs` for people to read; what has come of a run is known once it has ended."""
    versions = [f"{name} {version}" for name, version in run.get("packages", {}).items() if version]
    words: dict[str, Any] = {
        "started": run.get("started"),
        "finished": run.get("finished"),
        "command": run.get("command"),
        "trained": f"{run['trained']} of {run['asked']} cells, {run['failed']} failed"
        if "trained" in run
        else None,
        **{
            name: run.get(name)
            for name in (
                "set aside",
                "imported",
                "source",
                "source_sha256",
                "read",
                "left out",
                "contradicted",
                "diverged",
            )
        },
        "device": run.get("device"),
        "pack sizes": listed(map(str, run["pack_sizes"])) if "pack_sizes" in run else None,
        "executor": run.get("executor"),
        "commit": run.get("commit"),
        "versions": listed([f"Python {run.get('python')}", *versions]),
        "platform": run.get("platform"),
    }
    return {name: str(value) for name, value in words.items() if value is not None}
