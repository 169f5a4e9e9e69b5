"""Results that exist already, written as a store of ours: analysed, compared and published as a sweep is.

An imported sweep is a record whose cells cannot be trained. Further imports add what is missing.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa

from seedsweep.cell import Pack
from seedsweep.errors import InputError
from seedsweep.measures import scale_text
from seedsweep.population import Population
from seedsweep.schema import FORMAT, BlockInfo
from seedsweep.seeds import LARGEST, Seed, format_range
from seedsweep.sweep import lock
from seedsweep.sweep.importedrows import Cell, cells_of, digests, reader_of, rows_of
from seedsweep.sweep.importedspec import SECTION, ImportedSpec
from seedsweep.sweep.provenance import now, provenance
from seedsweep.sweep.record import ScaleRecord, SweepRecord, refuse_other_settings
from seedsweep.sweep.spec import fingerprint
from seedsweep.sweep.store import Store
from seedsweep.sweep.storereader import StoreReader


@dataclass(frozen=True)
class ImportResult:
    """What has come of an import."""

    store: str
    found: int
    """Runs that the results hold."""
    present: int
    """Those of them that the store had, with the same numbers."""
    added: int

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def import_results(
    population: Population, out: str | os.PathLike[str], *, name: str | None = None
) -> ImportResult:
    """Write a population that was read from somebody's results as a store.

    What the store has already is left as it is; runs that it does not have are added.

    Parameters
    ----------
    population : Population
        By `read_table`.
    out : path or str
        A local directory or an object store's URL, new or of an earlier import.
    name : str, optional
        What the sweep is called in tables; by default as before, or as the population.

    Returns
    -------
    ImportResult

    Raises
    ------
    InputError
        If the directory is not writable, holds a sweep that was trained or results of other columns, or has one of
        the runs with other numbers; if steps are no whole numbers, or the population is a sweep already.
    """
    reader_of(population)
    store = Store(out)
    record = store.record()
    store.refuse_if_unwritable()
    if record is not None and not record.imported:
        raise InputError(f"{store.location}: holds a sweep that was trained; import into another directory")
    spec = _spec(population, record)
    identity = spec.identity()
    if record is not None:
        refuse_other_settings(record, identity, store.location)
    rows, cells = rows_of(population, spec), cells_of(population, spec)
    with ExitStack() as locked:
        locked.enter_context(lock.hold(store.files))  # makes the directory
        if store.record() != record:
            raise InputError(f"{store.location}: another import has just added to it; import again")
        known: set[Cell] = set()
        if record is not None:
            stored = StoreReader(store, record, store.packs(record))
            known = set(stored.cells)
            _refuse_conflicts(population, spec, store, stored.rows(None, None), rows, known)
        added = [cell for cell in cells if cell not in known]
        if added or record is None:
            record = _begin(population, spec, identity, record, store, name, len(cells), len(added))
            _write(population, store, record, rows, added)
            runs = (*record.runs[:-1], {**record.runs[-1], "finished": now()})
            store.write_record(record.model_copy(update={"runs": runs, "updated": now()}))
    return ImportResult(store.location, len(cells), len(cells) - len(added), len(added))


def _spec(population: Population, record: SweepRecord | None) -> ImportedSpec:
    """Of what there was and what comes."""
    facts, criterion = population.origin.facts, population.criterion
    before = ImportedSpec.model_validate(record.spec) if record is not None else None
    runs = dict(before.imported.runs) if before is not None else {}
    named = runs or not all(isinstance(label, int) and 0 <= label <= LARGEST for label in population.seeds)
    if named:
        if before is not None and not runs:
            raise InputError(
                f"{population.path}: its runs have names ({population.seeds[0]}), those that were imported have "
                "whole numbers as seeds; import into another directory"
            )
        for label in map(str, population.seeds):
            runs.setdefault(label, len(runs))
    ids = runs.values() if named else population.seeds
    seeds = {*ids, *(seed.id for seed in (record.seeds if record is not None else ()))}
    scales = {*population.scales, *(before.scale.values if before is not None else ())}
    return ImportedSpec.model_validate(
        {
            "imported": {
                "seed": facts["seed"],
                "step": facts.get("step"),
                "metrics": list(population.metrics),
                "rows": facts["rows"],
                "unfinished": reader_of(population).taken,
                "runs": runs,
            },
            "scale": {"field": population.scale_name, "values": sorted(scales)},
            "seeds": format_range(seeds),
            "success": {
                "metric": criterion.metric,
                "split": criterion.split,
                "at_least": criterion.threshold,
                "higher_is_better": criterion.higher_is_better,
            },
        }
    )


def _refuse_conflicts(
    population: Population, spec: ImportedSpec, store: Store, there: pa.Table, here: pa.Table, known: set[Cell]
) -> None:
    """Raise InputError if a run is in the store with other numbers."""
    found = digests(here)
    had = digests(there)
    labels = {number: label for label, number in spec.imported.runs.items()}
    for cell in cells_of(population, spec):
        if cell in known and had.get(cell) != found.get(cell):
            scale, seed = cell
            raise InputError(
                f"{store.location}: has {population.scale_name} {scale_text(scale)}, {spec.imported.seed} "
                f"{labels.get(seed, seed)} with other numbers than {population.path}; import into another "
                "directory"
            )


def _begin(
    population: Population,
    spec: ImportedSpec,
    identity: dict[str, Any],
    before: SweepRecord | None,
    store: Store,
    name: str | None,
    found: int,
    added: int,
) -> SweepRecord:
    """Write down what is imported and from where."""
    facts = population.origin.facts
    told = {key: facts[key] for key in ("read", "left out", "contradicted", "diverged") if key in facts}
    entry = {
        "started": now(),
        "finished": None,
        "source": population.path,
        "source_sha256": _digest(population.path),
        "imported": f"{added} of {found} runs",
        **told,
        **provenance(),
    }
    record = SweepRecord(
        format=FORMAT,
        name=name or (before.name if before else population.name or PurePosixPath(store.files.place).name),
        fingerprint=fingerprint(identity),
        created=before.created if before else now(),
        updated=now(),
        spec=spec.model_dump(mode="json"),
        settings=identity,
        splits=(),
        metrics=(),
        scales=tuple(ScaleRecord(scale=scale, steps=None, flop_per_seed_step=1.0) for scale in spec.scale.values),
        runs=(*(before.runs if before else ()), entry),
    )
    store.write_record(record)
    return record


def _write(population: Population, store: Store, record: SweepRecord, rows: pa.Table, added: list[Cell]) -> None:
    """A pack of one block for the runs of each scale."""
    scales, seeds = rows["scale"].to_numpy(), rows["seed"].to_numpy()
    origin = {"source": population.path, "source_sha256": record.runs[-1]["source_sha256"]}
    for scale in sorted({scale for scale, _ in added}):
        of_scale = sorted(seed for at, seed in added if at == scale)
        pack = Pack(population.scale_name, scale, tuple(Seed(seed, seed) for seed in of_scale), record.fingerprint)
        block = rows.filter(pa.array((scales == scale) & np.isin(seeds, of_scale)))
        steps = block["step"].to_numpy()
        info = BlockInfo(
            fingerprint=record.fingerprint,
            pack=pack.name,
            block=0,
            last=True,
            scale=scale,
            seeds=tuple((seed, seed) for seed in of_scale),
            steps=(int(steps.min()), int(steps.max())) if len(steps) else (0, 0),
            provenance={SECTION: origin},
        )
        store.write_block(info, block)


def _digest(path: str) -> str | None:
    """Of a file; a folder has none."""
    if not Path(path).is_file():
        return None
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
