"""What a run would train and what it would cost here."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal, TypeAlias

from seedsweep.cell import Pace, Recipe
from seedsweep.memory import free_memory
from seedsweep.sweep.find import Found, find
from seedsweep.sweep.pace import Paces, expected, makespan, paces_of, steps_seen
from seedsweep.sweep.plan import Plan
from seedsweep.sweep.record import scale_record
from seedsweep.sweep.spec import SweepSpec

Basis: TypeAlias = Literal["finished", "trial", "proportion"]

WORTH_A_TRIAL: Final = 1e12
"""FLOP of a run, a minute or two of one core, from which on it begins with a trial of its scales."""


LONG: Final = 600.0
"""Seconds of a run from which on it is tried how long compiled steps would take: that takes half a minute."""


@dataclass(frozen=True)
class ScaleEstimate:
    """One scale of the ladder."""

    scale: float
    asked: int
    present: int
    missing: int
    packs: int
    pack_size: int
    """Seeds in a new pack."""
    parameters: int | None
    """Of one seed; like the other costs None if the recipe cannot tell."""
    flop: float | None
    """Arithmetic of all missing seeds, evaluations included."""
    seconds_per_seed: float | None
    """Of one seed in a full pack on one worker, set-up and evaluations included. None where none is missing, or
    nothing is known."""
    pack_bytes: int | None
    """Memory of a full pack at its largest moment; on a CPU that of its process."""
    basis: Basis | None = None
    """What the seconds rest on: what finished seeds of this scale took on this machine, a trial of a few steps and
    an evaluation, or what finished seeds of another scale took, in proportion to FLOP. None as they are."""
    lattice: float | None = None
    """Step between the values that the metric of success can take; None if it has none, or nobody knows."""
    most: int | None = None
    """Seeds that may have to be trained in the end, of a sweep with a goal; else None."""


@dataclass(frozen=True)
class CompiledEstimate:
    """How long seeds would take if steps were compiled, by a trial at one scale."""

    scale: float
    seconds_per_seed: float
    """Of one seed in a full pack on one worker, compiling included."""
    share: float
    """Of what a seed takes as it is."""


@dataclass(frozen=True)
class Estimate:
    """A plan with its price."""

    store: str
    exists: bool
    """Whether the directory holds a sweep already."""
    scale_name: str
    device: str
    workers: int
    scales: tuple[ScaleEstimate, ...]
    resumed: int
    """Packs that go on from a checkpoint (their trained part is counted as if it were still to do)."""
    memory: int | None = None
    """Bytes that this machine has free; None if it does not say."""
    compiled: CompiledEstimate | None = None
    """None for a run that is short or begun, or whose steps are compiled already or cannot be."""
    most_workers: int = 1
    """That there would be for any number of packs."""
    sample: str | None = None
    """How the sample comes about, if seeds are added for the sake of a goal."""

    @property
    def missing(self) -> int:
        """Seeds to train."""
        return sum(scale.missing for scale in self.scales)

    @property
    def seconds(self) -> float | None:
        """Of the whole run, start-up of the workers apart; at its end not all are busy. None if not known."""
        if any(scale.missing and scale.seconds_per_seed is None for scale in self.scales):
            return None
        order = sorted(self.scales, key=lambda scale: -(scale.flop or 0.0) / max(1, scale.missing))
        packs = [
            seeds * (scale.seconds_per_seed or 0.0)
            for scale in order
            for seeds in _even(scale.missing, scale.packs)
        ]
        return makespan([0.0] * self.workers, packs)

    @property
    def most(self) -> int | None:
        """Seeds to train if a goal is reached at no scale before its largest number; None without a goal."""
        return None if self.sample is None else sum(scale.most or 0 for scale in self.scales)

    @property
    def seconds_of_most(self) -> float | None:
        """Of these; None if not known."""
        if self.most is None or any(scale.most and scale.seconds_per_seed is None for scale in self.scales):
            return None
        return sum((scale.most or 0) * (scale.seconds_per_seed or 0.0) for scale in self.scales) / self.workers

    @property
    def bytes(self) -> int | None:
        """Memory of all workers, each at the largest pack. None if that is not known."""
        packs = [scale.pack_bytes for scale in self.scales if scale.missing]
        return None if None in packs or not packs else self.workers * max(size for size in packs if size)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        told = {**asdict(self), "missing": self.missing, "seconds": self.seconds, "bytes": self.bytes}
        return told | {"most": self.most, "seconds_of_most": self.seconds_of_most}


def estimate(
    spec: SweepSpec,
    out: str | os.PathLike[str],
    *,
    on_scale: Callable[[float], None] | None = None,
    on_compiling: Callable[[float], None] | None = None,
) -> Estimate:
    """Plan a run of `spec` in `out`; changes nothing.

    How long a seed takes is what finished seeds took here. A scale that has none is tried for a few steps;
    `on_scale` is called with it before that, and `on_compiling` before compiled steps are. Raises InputError as
    `run` does.
    """
    device = spec.execution.device_here()
    found = find(spec, out)
    for recipe in found.recipes.values():
        recipe.check_device(device)
    sizes = {scale: spec.execution.pack_size(recipe, device) for scale, recipe in found.recipes.items()}
    planned = found.plan(lambda recipe: spec.execution.pack_size(recipe, device))
    packs = Counter(pack.scale for pack in planned.packs)
    seeds_to_train = Counter(dict.fromkeys(found.recipes, 0))
    for pack in planned.packs:
        seeds_to_train[pack.scale] += len(pack.seeds)
    workers = spec.execution.workers
    slots = spec.execution.slots_here(device) if workers == "auto" else workers
    here = paces_of(found.known, [platform.node()])
    scales = []
    for scale, recipe in found.recipes.items():
        missing, cost, size = seeds_to_train[scale], recipe.cost(), sizes[scale]
        pace, basis = None, None
        if missing:
            pace, basis = _pace(found, scale, size, device, here, on_scale)
        scales.append(
            ScaleEstimate(
                scale=scale,
                asked=len(found.wanted[scale]),
                present=len(found.wanted[scale]) - missing,
                missing=missing,
                packs=packs[scale],
                pack_size=size,
                parameters=cost.parameters if cost else None,
                flop=missing * cost.flop if cost else None,
                seconds_per_seed=None
                if pace is None
                else _per_seed(pace, size, recipe.steps or steps_seen(found.known), recipe.evaluations),
                pack_bytes=recipe.pack_bytes(device, size),
                basis=basis,
                lattice=_lattice(found, recipe),
                most=_most(found, scale),
            )
        )
    known = Estimate(
        store=found.store.location,
        exists=found.record is not None,
        scale_name=found.spec.scale.field,
        device=device,
        workers=max(1, min(slots, len(planned.packs))),
        scales=tuple(scales),
        resumed=len(planned.resumed),
        memory=free_memory(),
        most_workers=max(1, slots),
        sample=None if found.sampling is None else str(found.sampling),
    )
    return replace(known, compiled=_compiled(found, known, on_compiling))


def _compiled(
    found: Found, known: Estimate, on_compiling: Callable[[float], None] | None
) -> CompiledEstimate | None:
    """At the scale whose seeds take longest."""
    if known.exists or (known.seconds or 0) < LONG:
        return None
    longest = max(known.scales, key=lambda scale: scale.seconds_per_seed or 0)
    recipe = found.recipes[longest.scale].compiled(known.device)
    if recipe is None or not longest.seconds_per_seed:
        return None
    if on_compiling is not None:
        on_compiling(longest.scale)
    pace = recipe.pace(known.device, longest.pack_size)
    if pace is None:
        return None
    seconds = _per_seed(pace, longest.pack_size, recipe.steps or 0, recipe.evaluations)
    return CompiledEstimate(longest.scale, seconds, seconds / longest.seconds_per_seed)


def _lattice(found: Found, recipe: Recipe) -> float | None:
    success = found.spec.success
    if not any(metric.name == success.metric and metric.counts_examples for metric in recipe.metrics()):
        return None
    return next((1 / split.examples for split in recipe.splits() if split.name == success.split), None)


def _most(found: Found, scale: float) -> int | None:
    """Seeds of a scale that are not there and may be wanted; None without a goal."""
    if found.sampling is None:
        return None
    sample = found.sampling.sample(scale)
    ids = found.sampling.seeds if sample.state == "open" else sample.seeds
    return sum(seed not in found.sampling.values[scale] for seed in ids)


def _per_seed(pace: Pace, pack: int, steps: float, evaluations: int) -> float:
    """Seconds of one seed in a full pack."""
    return pace.setup / pack + pace.seconds(1, steps, evaluations)


def _pace(
    found: Found,
    scale: float,
    size: int,
    device: str,
    here: Paces,
    on_scale: Callable[[float], None] | None,
) -> tuple[Pace | None, Basis | None]:
    """Of a scale's packs, and what that rests on."""
    if scale in here:
        return expected([], here)[scale], "finished"
    if on_scale is not None:
        on_scale(scale)
    tried = found.recipes[scale].pace(device, size)
    if tried is not None:
        return tried, "trial"
    records = [scale_record(other, recipe) for other, recipe in found.recipes.items()]
    return expected(records, here).get(scale), "proportion" if here else None


def try_scales(found: Found, planned: Plan, device: str) -> dict[float, Pace]:
    """A trial of every scale that a run will train, if the run is long enough for that and nothing is known yet.

    It tells how long the run takes before its first packs have ended. On a CPU only: the driver's machine need not
    have the workers' GPU.
    """
    if device != "cpu":
        return {}
    here = paces_of(found.known, [platform.node()])
    costs = {scale: recipe.cost() for scale, recipe in found.recipes.items()}
    flop = sum(len(pack.seeds) * cost.flop for pack in planned.packs if (cost := costs[pack.scale]))
    if flop < WORTH_A_TRIAL:
        return {}
    sizes = {pack.scale: len(pack.seeds) for pack in reversed(planned.packs) if pack.scale not in here}
    for scale, size in [*sizes.items()][:1]:
        found.recipes[scale].pace(device, size)  # loads what later trials have: its set-up would look long
    tried = {scale: found.recipes[scale].pace(device, size) for scale, size in sizes.items()}
    return {scale: pace for scale, pace in tried.items() if pace is not None}


def _even(cells: int, packs: int) -> list[int]:
    """Sizes of so many packs that have so many cells together."""
    return [(number + 1) * cells // packs - number * cells // packs for number in range(packs)]
