"""The streams of a population: what was read from every seed at its evaluations beyond the task's metrics.

Streams are rows of the metrics table. What is looked at is the split, and what is measured the metric: `output-0`,
`output-1`, ... of the outputs of a task, `attention` and `attention-permuted` of all together, and what a stream
of the user's own is called.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow.compute as pc

from seedsweep.analysis.statistics.samples import FloatArray

if TYPE_CHECKING:
    from seedsweep.population import Population

CAPABILITY: Final = "accuracy"
"""Of an output, by which it is seen to be learnt."""

ATTENTION: Final = "attention_mass"
"""Of an output, how much attention is on what it depends on."""

OUTPUT: Final = re.compile(r"output-(\d+)")
OURS: Final = re.compile(
    r"output-\d+|heads-(sorted-\d+|sum|count|all|none)|paths-\w+|attention|attention-permuted|train|.*\+.*"
)
"""Splits of the streams that we know, of training, and of evaluations with an intervention."""

LARGEST: Final = "heads-sorted-0"
CIRCUIT: Final = ("induction_strength", "previous_token")
"""Of the head that has most of it, what is asked of an induction circuit whether it foretells anything."""


@dataclass(frozen=True, eq=False)
class OutputCurves:
    """One metric of every output of the finished seeds of one scale.

    Attributes
    ----------
    steps : ndarray of float, shape (t,)
    values : ndarray of float, shape (n, o, t)
        Seeds, in the order of `Population.final`; outputs; evaluations. `nan` from where a seed diverged.
    """

    steps: FloatArray
    values: FloatArray


def stream_names(population: Population) -> tuple[str, ...]:
    """What the spec of a sweep calls its streams; empty where there are none."""
    given = (population.spec or {}).get("streams") or ()
    return tuple(str(entry["name"]) if isinstance(entry, Mapping) else str(entry) for entry in given)


def own_streams(population: Population) -> list[tuple[str, str]]:
    """Split and metric of what streams of the user's own have read, and of an induction circuit."""
    known = population.splits
    circuit = [(LARGEST, metric) for metric in CIRCUIT if has(population, LARGEST, metric)]
    return circuit + [
        (split, metric)
        for split, metrics in population.reader.measured.items()
        if split not in known and not OURS.fullmatch(split)
        for metric in metrics
    ]


def has(population: Population, split: str, metric: str) -> bool:
    """Whether it was measured."""
    return metric in population.reader.measured.get(split, ())


def output_curves(population: Population, metric: str) -> dict[float, OutputCurves]:
    """One metric of every output by scale, each of its own number; empty where outputs are not measured by it."""
    measured = population.reader.measured
    numbers = sorted(
        int(found[1])
        for split, names in measured.items()
        if metric in names and (found := OUTPUT.fullmatch(split))
    )
    if not numbers:
        return {}
    final = population.final(metric, f"output-{numbers[0]}")
    rows = population.to_arrow(metric).select(["scale", "seed", "step", "split", "value"])
    rows = rows.filter(pc.is_in(rows["split"], pc.cast([f"output-{number}" for number in numbers], "string")))
    split = rows["split"].combine_chunks().dictionary_encode()
    names = {f"output-{number}": place for place, number in enumerate(numbers)}
    place = np.array([names[name] for name in split.dictionary.to_pylist()], dtype=np.int64)
    columns: dict[str, Any] = {name: rows[name].to_numpy() for name in ("scale", "seed", "step", "value")}
    output = place[split.indices.to_numpy()]
    curves = {}
    for scale, present in zip(final.scales, final.present, strict=True):
        seeds = final.seeds[present]
        here = (columns["scale"] == scale) & np.isin(columns["seed"], seeds)  # without seeds that still train
        steps, outputs = np.unique(columns["step"][here]), np.unique(output[here])
        values = np.full((seeds.size, outputs.size, steps.size), np.nan)
        values[
            np.searchsorted(seeds, columns["seed"][here]),
            np.searchsorted(outputs, output[here]),
            np.searchsorted(steps, columns["step"][here]),
        ] = columns["value"][here]
        curves[scale] = OutputCurves(steps.astype(np.float64), values)
    return curves
