"""The population of a sweep, read from its store.

Loading reads the footers of the store's blocks; rows are read when a table is asked for, and only those asked for.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from seedsweep.criterion import Criterion
from seedsweep.errors import InputError, did_you_mean, listed
from seedsweep.measures import Metric, Split, scale_text
from seedsweep.population import Bools, Curves, FinalTable, Origin, Population
from seedsweep.schema import METRICS
from seedsweep.seeds import Seed
from seedsweep.sweep.record import SweepRecord
from seedsweep.sweep.store import Block, KnownPack, Store

if TYPE_CHECKING:
    import pandas

ROLES = {
    "id": "in-distribution",
    "in-distribution": "in-distribution",
    "ood": "out-of-distribution",
    "out-of-distribution": "out-of-distribution",
}
"""Names by which a split may be called instead of its own, where only one is meant."""


def load(path: str | os.PathLike[str]) -> StoredPopulation:
    """The population in a sweep's directory or URL, as it is now: a later `load` sees what was trained since.

    Raises InputError, naming the file and what to do, if there is no sweep, or its store holds Parquet files
    that are not this sweep's, are damaged, or are of a newer format.
    """
    store = Store(path)
    record = store.existing_record()
    return StoredPopulation(store, record, store.packs(record))


class StoredPopulation(Population):
    """The seeds of one sweep that have finished training. Made by `load`."""

    def __init__(self, store: Store, record: SweepRecord, packs: Sequence[KnownPack]) -> None:
        self._store = store
        self._record = record
        self._packs = tuple(packs)
        self._finished = tuple(pack for pack in packs if pack.finished)

    def __repr__(self) -> str:
        cells = sum(len(pack.pack.seeds) for pack in self._finished)
        scales = ", ".join(map(scale_text, self.scales))
        return f"<Population {self.name}: {cells} seeds of {self.scale_name} {scales} in {self.path}>"

    @property
    def path(self) -> str:
        """Absolute path or URL of the sweep."""
        return self._store.location

    @property
    def name(self) -> str:
        """What the sweep is called."""
        return self._record.name

    @property
    def spec(self) -> dict[str, Any]:
        """The latest spec, every default filled in; `SweepSpec.model_validate` reads it."""
        return self._record.spec

    @property
    def fingerprint(self) -> str:
        """Hash of the settings that all cells share."""
        return self._record.fingerprint

    @property
    def scale_name(self) -> str:
        """Dotted name of the swept field."""
        return self._record.ladder.field

    @property
    def scales(self) -> tuple[float, ...]:
        """Scales that have finished seeds, ascending; empty while there are none."""
        return tuple(sorted({pack.pack.scale for pack in self._finished}))

    @property
    def seeds(self) -> tuple[int, ...]:
        """Ids of the seeds that are finished at some scale, ascending."""
        return tuple(sorted({seed.id for pack in self._finished for seed in pack.pack.seeds}))

    @property
    def splits(self) -> dict[str, Split]:
        """The task's evaluation sets by name: their role and number of examples."""
        return {split.name: split for split in self._record.splits}

    @property
    def metrics(self) -> dict[str, Metric]:
        """What every split of `splits` is measured by. The split "train" has `loss` and `diverged` instead."""
        return {metric.name: metric for metric in self._record.metrics}

    @property
    def criterion(self) -> Criterion:
        """What counts as success, by the latest spec."""
        settings = self._record.success
        return Criterion(settings.metric, settings.split, settings.at_least)

    @property
    def origin(self) -> Origin:
        """The sweep's record: spec, runs, and the command that extends it."""
        record = self._record
        runs = tuple(_told(run) for run in record.runs)
        plain = isinstance(record.spec["seeds"], str)  # crossed seeds are extended in the spec
        return Origin(
            facts={
                "sweep": self.path,
                "fingerprint": record.fingerprint,
                "created": record.created,
                "updated": record.updated,
            },
            runs=runs,
            spec=record.spec,
            extend=extending_command(runs[-1]["command"], self.path) if runs and plain else None,
        )

    def figures_directory(self) -> Path:
        """Where figures of this population go: `figures/` in its directory, or here if that is an object store."""
        return Path(self.path if self._store.files.local else ".") / "figures"

    def final(self, metric: str, split: str | None = None) -> FinalTable:
        """A metric of every finished seed at its last evaluation.

        `split` is a split's name, or its role: `id` or `ood`. Where several have the role, the one that decides
        about success is meant. Without a split that one is meant in any case. Raises InputError, with the
        nearest name, on an unknown metric or split.
        """
        split = self._check(metric, split)
        seeds, present = self._cells
        ids = np.array([seed.id for seed in seeds], dtype=np.int64)
        values = np.full(present.shape, np.nan)
        if (split, metric) in self._ends:
            rows = self._ends[split, metric]
            places = (
                np.searchsorted(self.scales, rows["scale"].to_numpy()),
                np.searchsorted(ids, rows["seed"].to_numpy()),
            )
            values[places] = rows["value"].to_numpy()
        return FinalTable(
            metric=metric,
            split=split,
            scale_name=self.scale_name,
            scales=self.scales,
            seeds=ids,
            init_seeds=np.array([seed.init for seed in seeds], dtype=np.int64),
            data_seeds=np.array([seed.data for seed in seeds], dtype=np.int64),
            values=values,
            present=present.copy(),
        )

    def curves(self, metric: str, split: str | None = None) -> dict[float, Curves]:
        """A metric over the training of every finished seed, by scale.

        `split` and errors as in `final`.
        """
        split = self._check(metric, split)
        found: dict[float, Curves] = {}
        for scale in self.scales:
            packs = [pack for pack in self._finished if pack.pack.scale == scale]
            blocks = [block for pack in packs for block in pack.blocks]
            rows = self._read(blocks, _where(metric, split), ["seed", "step", "value"])
            seeds = np.array(sorted(seed.id for pack in packs for seed in pack.pack.seeds), dtype=np.int64)
            steps = np.unique(rows["step"].to_numpy())
            values = np.full((len(seeds), len(steps)), np.nan)
            where = (
                np.searchsorted(seeds, rows["seed"].to_numpy()),
                np.searchsorted(steps, rows["step"].to_numpy()),
            )
            values[where] = rows["value"].to_numpy()
            found[scale] = Curves(metric, split, scale, steps, seeds, values)
        return found

    def lattice(self, metric: str, split: str | None = None) -> float | None:
        """1 / examples of the split, for a metric that counts examples; else None."""
        split = self._check(metric, split)
        counts = metric in self.metrics and self.metrics[metric].counts_examples
        return 1 / self.splits[split].examples if counts and split in self.splits else None

    def to_arrow(self, metric: str | None = None, split: str | None = None) -> pa.Table:
        """The long table of the store, or the rows of one metric or split of it: one row per value.

        These are all rows there are, also those of seeds that are still in training.
        """
        condition = None
        if metric is not None:
            condition = pc.field("metric") == metric
        if split is not None:
            of_split = pc.field("split") == self._split(split)
            condition = of_split if condition is None else condition & of_split
        return self._read([block for pack in self._packs for block in pack.blocks], condition, METRICS.names)

    def to_pandas(self, metric: str | None = None, split: str | None = None) -> pandas.DataFrame:
        """`to_arrow` as a pandas frame. Needs pandas."""
        frame: pandas.DataFrame = self.to_arrow(metric, split).to_pandas()
        return frame

    def _check(self, metric: str, split: str | None) -> str:
        """The split that is meant; raises InputError if it has no such metric."""
        split = self._split(split)
        known = [name for of_split, name in self._measured if of_split == split]
        if metric not in known:
            near = did_you_mean(metric, known)
            raise InputError(f"metric {metric!r}: unknown for the split {split}{near}; it has {listed(known)}")
        return split

    def _split(self, split: str | None) -> str:
        if split is None:
            return self.criterion.split
        names = list(dict.fromkeys(name for name, _ in self._measured))
        if split in names:
            return split
        if split not in ROLES:
            raise InputError(f"split {split!r}: unknown{did_you_mean(split, names)}; there are {listed(names)}")
        meant = [one.name for one in self._record.splits if one.role == ROLES[split]]
        if self.criterion.split in meant:
            return self.criterion.split
        if len(meant) != 1:
            raise InputError(f"split {split!r}: {len(meant)} splits have this role; name one: {listed(meant)}")
        return meant[0]

    @cached_property
    def _measured(self) -> list[tuple[str, str]]:
        """Every (split, metric), in the order of the rows: of the table where there is one, else as announced."""
        if not self._finished:
            return [(split, metric) for split in self.splits for metric in self.metrics]
        last = self._finished[0].blocks[-1]
        rows = self._read([last], pc.field("step") == last.info.steps[1], ["split", "metric"])
        return list(dict.fromkeys(zip(rows["split"].to_pylist(), rows["metric"].to_pylist(), strict=True)))

    @cached_property
    def _cells(self) -> tuple[list[Seed], Bools]:
        """The seeds that are finished at some scale, by id, and at which scales each is, shape (scales, seeds)."""
        seeds = sorted({seed for pack in self._finished for seed in pack.pack.seeds}, key=lambda seed: seed.id)
        column = {seed.id: index for index, seed in enumerate(seeds)}
        row = {scale: index for index, scale in enumerate(self.scales)}
        present = np.zeros((len(row), len(seeds)), dtype=bool)
        for pack in self._finished:
            present[row[pack.pack.scale], [column[seed.id] for seed in pack.pack.seeds]] = True
        return seeds, present

    @cached_property
    def _ends(self) -> dict[tuple[str, str], pa.Table]:
        """The rows of the last evaluation of every finished seed, by split and metric.

        All are read at once, since they lie side by side in the files.
        """
        parts = []
        for scale in self.scales:
            ends = [pack.blocks[-1] for pack in self._finished if pack.pack.scale == scale]
            step = ends[0].info.steps[1]  # the same for every pack of the scale, which share their settings
            columns = ["scale", "seed", "split", "metric", "value"]
            parts.append(self._read(ends, pc.field("step") == step, columns))
        if not parts:
            return {}
        rows = pa.concat_tables(parts).combine_chunks()
        split, metric = (rows[name].chunk(0).dictionary_encode() for name in ("split", "metric"))
        split_codes, metric_codes = split.indices.to_numpy(), metric.indices.to_numpy()
        return {
            (of_split, name): rows.filter(pa.array((split_codes == i) & (metric_codes == j)))
            for i, of_split in enumerate(split.dictionary.to_pylist())
            for j, name in enumerate(metric.dictionary.to_pylist())
        }

    def _read(self, blocks: Iterable[Block], condition: pc.Expression | None, columns: list[str]) -> pa.Table:
        """Rows of some blocks. Raises InputError if one was damaged or removed since the population was loaded."""
        files = self._store.files
        paths = [files.path(block.file) for block in blocks]
        if not paths:
            return METRICS.empty_table().select(columns)
        scan = ds.ParquetFragmentScanOptions(page_checksum_verification=True)
        format = ds.ParquetFileFormat(default_fragment_scan_options=scan)
        try:
            source = ds.dataset(paths, schema=METRICS, format=format, filesystem=files.filesystem)
            return source.to_table(columns=columns, filter=condition)
        except FileNotFoundError as error:
            raise InputError(f"{self.path}: a block was removed since it was loaded; load it again") from error
        except (pa.ArrowException, OSError) as error:
            reason = " ".join(str(error).split())
            raise InputError(
                f"{self.path}: a block is damaged: {reason}; delete it and run again: its cells are trained anew"
            ) from error


def _where(metric: str, split: str) -> pc.Expression:
    return (pc.field("metric") == metric) & (pc.field("split") == split)


def _told(run: Mapping[str, Any]) -> dict[str, str]:
    """An entry of `SweepRecord.runs` in words."""
    versions = [f"{name} {version}" for name, version in run.get("packages", {}).items() if version]
    told = {
        "started": run.get("started"),
        "finished": run.get("finished"),
        "command": run.get("command"),
        "trained": f"{run.get('trained')} of {run.get('asked')} cells, {run.get('failed')} failed",
        "device": run.get("device"),
        "pack sizes": listed(map(str, run.get("pack_sizes", ()))),
        "executor": run.get("executor"),
        "commit": run.get("commit"),
        "versions": listed([f"Python {run.get('python')}", *versions]),
        "platform": run.get("platform"),
    }
    return {name: str(value) for name, value in told.items() if value is not None} | {"command": run["command"]}


def extending_command(command: str, place: str) -> str | None:
    """A recorded `seedsweep run` without its seeds and with this place as --out; None if it is no such."""
    words = shlex.split(command)
    if len(words) < 3 or Path(words[0]).name != "seedsweep" or words[1] != "run":
        return None
    kept = []
    skipped = False
    for word in words[2:]:
        if skipped:
            skipped = False
        elif word in ("--seeds", "--out"):
            skipped = True
        elif not word.startswith(("--seeds=", "--out=")):
            kept.append(word)
    return shlex.join(["seedsweep", "run", *kept, "--out", place])
