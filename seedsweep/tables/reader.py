"""The numbers of a population in a table: its rows in order, and what follows from their values alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seedsweep.population import Bools, Curves, FinalTable, Floats, Ints, Taken, Unfinished
from seedsweep.tables.columns import ranked
from seedsweep.tables.evaluations import Evaluations
from seedsweep.tables.lattice import lattices_of
from seedsweep.tables.roles import Roles

NEARLY: Final = 0.01
"""Share of a step by which a seed's last value may come before it: runs do not log at the very same steps."""


class TableReader:
    """Holds the evaluations in a table, in the order of scale, seed and step. Made by `read_table`."""

    def __init__(self, roles: Roles, split: str, evaluations: Evaluations, taken: Taken) -> None:
        self._roles = roles
        self._split = split
        self._taken: Taken = taken
        scales, row = np.unique(evaluations.scale, return_inverse=True)
        self.scales: tuple[float, ...] = tuple(scales.tolist())
        """N scales, ascending."""
        self.seeds, column = ranked(evaluations.seed)
        """(S,) labels of the seeds, ascending."""
        steps, moment = np.unique(evaluations.step, return_inverse=True)
        self._steps: Ints | Floats = steps.astype(np.int64) if (steps == np.rint(steps)).all() else steps
        # 32 bits each, since a table may have many rows.
        order = np.lexsort((moment, column, row))
        self._row = row[order].astype(np.int32)
        self._column = column[order].astype(np.int32)
        self._moment = moment[order].astype(np.int32)
        self._values = {name: values[order] for name, values in evaluations.values.items()}
        self._has_value = {name: has_value[order] for name, has_value in evaluations.has_value.items()}
        self.present: Bools = np.zeros((len(self.scales), len(self.seeds)), dtype=bool)
        """(N, S) whether the table has the seed at the scale."""
        self.present[self._row, self._column] = True

    @property
    def taken(self) -> Taken:
        """What becomes of seeds that end early."""
        return self._taken

    @property
    def measured(self) -> Mapping[str, Sequence[str]]:
        """The columns that were read, of the rows that were chosen."""
        return {self._split: self._roles.metrics}

    def final(self, metric: str, split: str) -> FinalTable:
        """From the step at which the seeds of a scale are compared; see `read_table`."""
        kept = self._evaluated(metric)
        values, present = np.full(self.present.shape, np.nan), self.present.copy()
        without = np.zeros_like(present)
        steps: tuple[float, ...] = ()
        ends: dict[float, dict[Any, float]] = {}
        if self._roles.step is not None:
            last, diverged = self._last_steps(metric, kept)
            steps = tuple(map(_reached_by_half, last, diverged))
            for index, (row, step) in enumerate(zip(last, steps, strict=True)):
                early = np.flatnonzero((row < step - NEARLY * abs(step)) & ~diverged[index])
                if early.size:
                    names = self.seeds[early].tolist()
                    ends[self.scales[index]] = dict(zip(names, row[early].tolist(), strict=True))
                    present[index, early] = self._taken != "dropped"
                    without[index, early] = self._taken != "last"
            kept = kept[self._steps[self._moment[kept]] <= np.array(steps)[self._row[kept]]]
        rows = self._last_rows(kept)
        values[self._row[rows], self._column[rows]] = self._values[metric][rows]
        values[without] = np.nan
        return FinalTable(
            metric=metric,
            split=split,
            scale_name=self._roles.scale,
            scales=self.scales,
            seeds=self.seeds,
            init_seeds=self.seeds,
            data_seeds=self.seeds,
            values=values,
            present=present,
            steps=steps,
            unfinished=Unfinished(ends, self._taken) if ends else None,
        )

    def _last_rows(self, kept: Ints) -> Ints:
        """Of the rows `kept`, the last of every seed."""
        cell = self._row[kept].astype(np.int64) * len(self.seeds) + self._column[kept]
        return kept[np.append(np.diff(cell) != 0, True)] if kept.size else kept

    def _last_steps(self, metric: str, kept: Ints) -> tuple[Floats, Bools]:
        """(N, S) the step of every seed's last value, NaN for a seed without any; whether that value is NaN."""
        rows = self._last_rows(kept)
        steps, diverged = np.full(self.present.shape, np.nan), np.zeros(self.present.shape, dtype=bool)
        cells = self._row[rows], self._column[rows]
        steps[cells] = self._steps[self._moment[rows]]
        diverged[cells] = np.isnan(self._values[metric][rows])
        return steps, diverged

    def curves(self, metric: str, split: str) -> dict[float, Curves]:
        """Empty if the table was read without steps."""
        if self._roles.step is None:
            return {}
        evaluated = self._evaluated(metric)
        parts = np.searchsorted(self._row[evaluated], np.arange(len(self.scales) + 1))
        curves = {}
        for index, scale in enumerate(self.scales):
            kept = evaluated[parts[index] : parts[index + 1]]
            columns = np.flatnonzero(self.present[index])
            moments = np.unique(self._moment[kept])
            values = np.full((len(columns), len(moments)), np.nan)
            places = np.searchsorted(columns, self._column[kept]), np.searchsorted(moments, self._moment[kept])
            values[places] = self._values[metric][kept]
            if len(moments):
                curves[scale] = Curves(metric, split, scale, self._steps[moments], self.seeds[columns], values)
        return curves

    def lattices(self, metric: str, split: str) -> dict[float, float]:
        """As the final values let them be seen; see `seedsweep.tables.lattice`."""
        final = self.final(metric, split)
        return lattices_of({scale: final.at(scale) for scale in final.scales})

    def rows(self, metric: str | None, split: str | None) -> pa.Table:
        """The rows that have the metric; NaN where a seed had diverged."""
        rows = pa.concat_tables([self._rows_of(name) for name in self._roles.metrics])
        return rows if metric is None else rows.filter(pc.field("metric") == metric)

    def _rows_of(self, metric: str) -> pa.Table:
        kept = self._evaluated(metric)
        columns = {
            "scale_name": pa.repeat(self._roles.scale, len(kept)),
            "scale": np.array(self.scales)[self._row[kept]],
            "seed": self.seeds[self._column[kept]],
            "step": self._steps[self._moment[kept]],
            "split": pa.repeat(self._split, len(kept)),
            "metric": pa.repeat(metric, len(kept)),
            "value": self._values[metric][kept],
        }
        if self._roles.step is None:
            del columns["step"]
        return pa.table(columns)

    def _evaluated(self, metric: str) -> Ints:
        """The rows in which the metric was measured; without steps a seed's only row, whatever it holds."""
        if self._roles.step is not None:
            return np.flatnonzero(self._has_value[metric])
        moment = self._row.astype(np.int64) * len(self._steps) + self._moment
        measured = np.zeros(len(self.scales) * len(self._steps), dtype=bool)
        measured[moment[self._has_value[metric]]] = True
        return np.flatnonzero(measured[moment])


def _reached_by_half(last: Floats, diverged: Bools) -> float:
    """The latest step that at least half of the seeds reach, of those that have not diverged, if any has not."""
    ended = ~np.isnan(last)
    steps = np.sort(last[ended & ~diverged] if (ended & ~diverged).any() else last[ended])[::-1]
    return float(steps[(steps.size - 1) // 2]) if steps.size else 0.0
