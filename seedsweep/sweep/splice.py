"""Splices: what a model does whose parts are of different steps of its training."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa

from seedsweep.cell import KeptWeights
from seedsweep.errors import ArgumentError, InputError, listed
from seedsweep.measures import scale_text
from seedsweep.seeds import Seed
from seedsweep.sweep.checkpoints import seed_pair
from seedsweep.sweep.parent import ParentSweep
from seedsweep.sweep.spec import SweepSpec

SPLICED = pa.schema(
    [
        pa.field("scale_name", pa.string(), nullable=False),
        pa.field("scale", pa.float64(), nullable=False),
        pa.field("seed", pa.int64(), nullable=False),
        pa.field("init_seed", pa.int64(), nullable=False),
        pa.field("data_seed", pa.int64(), nullable=False),
        pa.field("step", pa.int64(), nullable=False),
        pa.field(
            "parts", pa.string(), nullable=False
        ),  # those of other steps: `layer1@100`; empty if there are none
        pa.field("split", pa.string(), nullable=False),
        pa.field("metric", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),  # NaN: the seed had diverged at one of the steps
    ]
)


def splice(
    path: str | os.PathLike[str],
    *,
    step: int,
    parts: Mapping[str, int],
    scale: float | None = None,
    seeds: Iterable[int | Sequence[int]] | None = None,
) -> pa.Table:
    """Measure models as they were at one step, in which some parts are replaced by the same part at other steps.

    Every seed is spliced with itself: parts of two initialisations do not fit together. Nothing is trained, and
    nothing is written.

    Parameters
    ----------
    path : str or path
        The directory or URL of a sweep that has kept all these steps (`keep_checkpoints` of its spec).
    step : int
        Of the model in which parts are replaced.
    parts : mapping of str to int
        The step of every part that is replaced: `{"layer1": 100}`. Without any the model is measured as it was.
    scale : float, optional
        The value of the swept field; need not be given if the sweep has one scale only.
    seeds : iterable of int or (int, int), optional
        As the column `seed` has them, or pairs (init, data); by default all of which the steps are kept.

    Returns
    -------
    pyarrow.Table
        One row for every seed, split and metric, those of the spec's streams too. Its columns are those of the
        store, and `parts`, which says what was replaced. In a model that is spliced with itself every value is
        the one that its training has measured at that step, bit by bit (on a CPU).

    Raises
    ------
    InputError
        If there is no such sweep, scale, step, part or seed; if two parts have a tensor in common.

    Examples
    --------
    >>> import seedsweep as ss
    >>> early = ss.splice("runs/parent", step=3000, parts={"layer1": 100})  # doctest: +SKIP
    >>> early.to_pandas().groupby(["split", "metric"]).value.mean()  # doctest: +SKIP
    """
    sweep = ParentSweep(os.fspath(path))
    scale = sweep.only_scale(scale)
    steps = {step, *parts.values()}
    kept = sweep.steps(scale)
    for one in sorted(steps - set(kept)):
        there = f"{sweep.store.location} ({sweep.record.ladder.field} = {scale_text(scale)})"
        raise ArgumentError("step", one, f"is not kept in {there}; kept are {listed(map(str, kept))}")
    chosen = _seeds(sweep, scale, steps, seeds)
    spec = SweepSpec.model_validate(sweep.record.spec)
    recipe, device = spec.recipes[scale], spec.execution.device_here()
    size, tables = spec.execution.pack_size(recipe, device), []
    for first in range(0, len(chosen), size):
        some = chosen[first : first + size]
        pieces: list[tuple[str | None, list[KeptWeights]]] = []
        for part, of_step in [(None, step), *parts.items()]:
            held = sweep.rows(scale, of_step, some)
            pieces.append((part, sweep.store.kept.weights((seed, *held[seed]) for seed in some)))
        columns: dict[str, list[object]] = {name: [] for name in SPLICED.names}
        for (split, metric), value_S in recipe.evaluate_spliced(some, step, pieces, device).items():
            columns["seed"] += [seed.id for seed in some]
            columns["init_seed"] += [seed.init for seed in some]
            columns["data_seed"] += [seed.data for seed in some]
            columns["split"] += [split] * len(some)
            columns["metric"] += [metric] * len(some)
            columns["value"] += value_S.tolist()
        rows = len(columns["value"])
        said = ", ".join(f"{part}@{of_step}" for part, of_step in parts.items())
        same = {"scale_name": sweep.record.ladder.field, "scale": scale, "step": step, "parts": said}
        columns |= {name: [value] * rows for name, value in same.items()}
        tables.append(pa.table(columns, schema=SPLICED))
    return pa.concat_tables(tables)


def _seeds(
    sweep: ParentSweep, scale: float, steps: Iterable[int], asked: Iterable[int | Sequence[int]] | None
) -> list[Seed]:
    """Those asked for, or all, of which every step is kept."""
    kept = [set(sweep.seeds(scale, step)) for step in steps]
    there = sorted(set.intersection(*kept), key=lambda seed: seed.id)
    if asked is None:
        if not there:
            raise InputError(
                f"step: no seed of {sweep.store.location} has all of {listed(map(str, sorted(steps)))}"
            )
        return there
    wanted = [seed_pair(seed) for seed in asked]
    for seed in wanted:
        if seed not in there:
            raise ArgumentError("seeds", seed.id, f"not all of {listed(map(str, sorted(steps)))} are kept of it")
    return wanted
