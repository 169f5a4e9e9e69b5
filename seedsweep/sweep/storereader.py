"""Reads the rows of a sweep's blocks: final values, learning curves, tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seedsweep.errors import InputError, StorageError
from seedsweep.population import Curves, FinalTable
from seedsweep.schema import METRICS
from seedsweep.seeds import Seed
from seedsweep.sweep.blocks import Block, files_of
from seedsweep.sweep.damage import DamagedFilesError
from seedsweep.sweep.garbage import no_collection
from seedsweep.sweep.inspection import damaged_rows
from seedsweep.sweep.knownpack import KnownPack
from seedsweep.sweep.record import SweepRecord
from seedsweep.sweep.scan import scan
from seedsweep.sweep.store import Store
from seedsweep.tables.lattice import lattice_seen


class StoreReader:
    """Reads the rows of one sweep. Made by `load`."""

    @no_collection()
    def __init__(self, store: Store, record: SweepRecord, packs: Sequence[KnownPack]) -> None:
        self._store = store
        self._record = record
        self._packs = tuple(packs)
        self._finished = tuple(pack for pack in packs if pack.finished)
        self._of_scale: dict[float, list[KnownPack]] = {}
        for pack in self._finished:
            self._of_scale.setdefault(pack.pack.scale, []).append(pack)
        cells = [(pack.pack.scale, seed) for pack in self._finished for seed in pack.pack.seeds]
        self.scales = tuple(sorted(self._of_scale))
        """N scales that have finished seeds, ascending."""
        self._seeds = sorted({seed for _, seed in cells}, key=lambda seed: seed.id)
        self.seeds = np.array([seed.id for seed in self._seeds], dtype=np.int64)
        """(S,) ids of the seeds that are finished at some scale, ascending."""
        row = {scale: index for index, scale in enumerate(self.scales)}
        column = {seed: index for index, seed in enumerate(self._seeds)}
        self.present = np.zeros((len(row), len(column)), dtype=bool)
        """(N, S) whether the seed is finished at the scale."""
        for scale, seed in cells:
            self.present[row[scale], column[seed]] = True

    @property
    def cells(self) -> list[tuple[float, int]]:
        """Scale and seed of every finished cell."""
        return [(pack.pack.scale, seed.id) for pack in self._finished for seed in pack.pack.seeds]

    @cached_property
    def measured(self) -> Mapping[str, Sequence[str]]:
        """The metrics of every split, in the order of the rows; as announced while there are no rows."""
        if not self._finished:
            announced = [metric.name for metric in self._record.metrics]
            splits = {split.name: announced for split in self._record.splits}
            if splits:  # success may be judged by what a stream reads
                splits.setdefault(self._record.success.split, [self._record.success.metric])
            return splits
        if self._only_rows_tell:
            observed: dict[str, list[str]] = {}
            for split, metric in self._ends:
                observed.setdefault(split, []).append(metric)
            return observed
        columns = ["split", "metric"]
        measured: dict[str, dict[str, None]] = {}
        for scale in self.scales:  # which may have more outputs or heads than the one before
            last = self._of_scale[scale][0].blocks[-1]
            rows = self._read([last], pc.field("step") == last.info.steps[1], columns)
            for row in rows.group_by(columns, use_threads=False).aggregate([]).to_pylist():
                measured.setdefault(row["split"], {})[row["metric"]] = None
        return {split: list(metrics) for split, metrics in measured.items()}

    def final(self, metric: str, split: str) -> FinalTable:
        """From the rows of the last evaluations. A scale that has no such split has no seeds."""
        values, present = np.full(self.present.shape, np.nan), self.present.copy()
        if (split, metric) in self._ends:
            rows = self._ends[split, metric]
            cells = (
                np.searchsorted(self.scales, rows["scale"].to_numpy()),
                np.searchsorted(self.seeds, rows["seed"].to_numpy()),
            )
            values[cells] = rows["value"].to_numpy()
            if not self._only_rows_tell:
                present[np.setdiff1d(np.arange(len(self.scales)), cells[0])] = False
        return FinalTable(
            metric=metric,
            split=split,
            scale_name=self._record.ladder.field,
            scales=self.scales,
            seeds=self.seeds.copy(),
            init_seeds=np.array([seed.init for seed in self._seeds], dtype=np.int64),
            data_seeds=np.array([seed.data for seed in self._seeds], dtype=np.int64),
            values=values,
            present=present,
            steps=tuple(float(max(self._last_steps(scale))) for scale in self.scales),
        )

    def curves(self, metric: str, split: str) -> dict[float, Curves]:
        """From all rows of the finished seeds, of which a scale without such a split has none."""
        condition = (pc.field("metric") == metric) & (pc.field("split") == split)
        curves: dict[float, Curves] = {}
        for scale, present in zip(self.scales, self.present, strict=True):
            blocks = [block for pack in self._of_scale[scale] for block in pack.blocks]
            rows = self._read(blocks, condition, ["seed", "step", "value"])
            seeds = self.seeds[present & (self._only_rows_tell or rows.num_rows > 0)]
            steps = np.unique(rows["step"].to_numpy())
            values = np.full((len(seeds), len(steps)), np.nan)
            places = (
                np.searchsorted(seeds, rows["seed"].to_numpy()),
                np.searchsorted(steps, rows["step"].to_numpy()),
            )
            values[places] = rows["value"].to_numpy()
            curves[scale] = Curves(metric, split, scale, steps, seeds, values)
        return curves

    def lattices(self, metric: str, split: str) -> dict[float, float]:
        """1 / examples of the split at every scale, for a metric that counts examples.

        The record has the splits of one scale. Where a field of the task is swept they may change along it, and
        the values tell.
        """
        counting = {known.name for known in self._record.metrics if known.counts_examples}
        examples = {known.name: known.examples for known in self._record.splits}
        if metric not in counting or split not in examples:
            return {}
        announced = 1 / examples[split]
        if not self._record.ladder.field.startswith("task."):
            return dict.fromkeys(self.scales, announced)
        final = self.final(metric, split)
        steps = {scale: lattice_seen(final.at(scale), announced) for scale in self.scales}
        return {scale: step for scale, step in steps.items() if step is not None}

    def rows(self, metric: str | None, split: str | None) -> pa.Table:
        """All rows there are, also those of seeds that are still in training."""
        condition = pc.scalar(True)
        if metric is not None:
            condition &= pc.field("metric") == metric
        if split is not None:
            condition &= pc.field("split") == split
        blocks = [block for pack in self._packs for block in pack.blocks]
        return self._read(blocks, condition, METRICS.names).cast(METRICS)

    @cached_property
    def _ends(self) -> dict[tuple[str, str], pa.Table]:
        """The rows of the last evaluation of every finished seed, by split and metric.

        All are read at once, since they lie side by side in the files. A program need not measure everything at
        its last step, nor end where another seed ends: of each metric the last row counts.
        """
        parts = []
        for scale in self.scales:
            ends = self._last_blocks(scale)
            columns = ["scale", "seed", "split", "metric", "value"]
            if self._only_rows_tell:
                parts.append(_last_rows(self._read(ends, pc.scalar(True), [*columns, "step"])).select(columns))
                continue
            step = self._last_steps(scale)[0]  # the same for every pack of the scale, which share their settings
            parts.append(self._read(ends, pc.field("step") == step, columns))
        if not parts:
            return {}
        rows = pa.concat_tables(parts).unify_dictionaries().combine_chunks()
        split, metric = (rows[name].chunk(0) for name in ("split", "metric"))
        split_codes, metric_codes = split.indices.to_numpy(), metric.indices.to_numpy()
        splits, metrics = split.dictionary.to_pylist(), metric.dictionary.to_pylist()
        rows = rows.select(["scale", "seed", "value"])
        return {
            (splits[i], metrics[j]): rows.filter(pa.array((split_codes == i) & (metric_codes == j)))
            for i, j in dict.fromkeys(zip(split_codes.tolist(), metric_codes.tolist(), strict=True))
        }

    def _last_blocks(self, scale: float) -> list[Block]:
        return [pack.blocks[-1] for pack in self._of_scale[scale]]

    def _last_steps(self, scale: float) -> list[int]:
        return [block.info.steps[1] for block in self._last_blocks(scale)]

    @property
    def _only_rows_tell(self) -> bool:
        return not self._record.metrics

    def _read(self, blocks: Sequence[Block], condition: pc.Expression, columns: list[str]) -> pa.Table:
        """Rows of some blocks, with dictionaries for strings.

        Raises DamagedFilesError if one is damaged, InputError if it was removed since the population was loaded.
        """
        place = self._store.location
        try:
            try:
                return self._scan(blocks, condition, columns)
            except FileNotFoundError:  # they may have been merged since then
                now, cells = self._where_now(blocks)
                return self._scan(now, condition & cells, columns)
        except FileNotFoundError as error:
            raise InputError(f"{place}: a block was removed since it was loaded; load it again") from error
        except StorageError:
            raise
        except (pa.ArrowException, OSError) as error:
            damaged = damaged_rows(self._store, blocks, None)
            if not damaged:
                raise InputError(f"{place}: cannot be read: {' '.join(str(error).split())}") from error
            raise DamagedFilesError(place, damaged) from error

    def _scan(self, blocks: Sequence[Block], condition: pc.Expression, columns: list[str]) -> pa.Table:
        sizes = {name: self._store.blocks.sizes.get(name, 0) for name in files_of(blocks)}
        return scan(self._store.files, sizes, condition, columns)

    def _where_now(self, blocks: Sequence[Block]) -> tuple[list[Block], pc.Expression]:
        """Where the blocks lie now, and which rows there are those of our cells: others may be merged with them.

        Raises FileNotFoundError if one of them does not exist any more.
        """
        there = {
            (block.info.pack, block.info.block): block
            for pack in self._store.packs(self._record)
            for block in pack.blocks
        }
        try:
            now = [there[block.info.pack, block.info.block] for block in blocks]
        except KeyError as error:
            raise FileNotFoundError(str(error)) from error
        cells = pc.scalar(False)
        seeds: dict[float, set[int]] = {}
        for block in now:
            seeds.setdefault(block.info.scale, set()).update(Seed(*seed).id for seed in block.info.seeds)
        for scale, ids in seeds.items():
            cells |= (pc.field("scale") == scale) & pc.field("seed").isin(pa.array(sorted(ids), pa.int64()))
        return now, cells


def _last_rows(rows: pa.Table) -> pa.Table:
    """Of every seed, split and metric the row of the largest step."""
    keys = ["scale", "seed", "split", "metric"]
    last = rows.sort_by("step").group_by(keys, use_threads=False).aggregate([("value", "last"), ("step", "last")])
    return last.rename_columns({"value_last": "value", "step_last": "step"})
