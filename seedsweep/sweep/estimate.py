"""What a run would train and what it would cost here."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from seedsweep.sweep.find import find
from seedsweep.sweep.spec import SweepSpec
from seedsweep.sweep.store import KnownPack


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
    """Of one seed in a full pack on one worker; from a trial of a few steps on this machine. Where the recipe can
    make none, what finished seeds of this scale took, or of all. None where none is missing, or nothing known."""
    pack_bytes: int | None
    """Memory of a full pack, an upper estimate."""


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
    measured: bool = False
    """Whether the seconds are those of finished seeds, not of a trial."""

    @property
    def missing(self) -> int:
        """Seeds to train."""
        return sum(scale.missing for scale in self.scales)

    @property
    def seconds(self) -> float | None:
        """Of the whole run, all workers busy to the end; start-up apart. None if that is not known."""
        if any(scale.missing and scale.seconds_per_seed is None for scale in self.scales):
            return None
        return sum(scale.missing * (scale.seconds_per_seed or 0.0) for scale in self.scales) / self.workers

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "missing": self.missing, "seconds": self.seconds}


def estimate(
    spec: SweepSpec, out: str | os.PathLike[str], *, on_scale: Callable[[float], None] | None = None
) -> Estimate:
    """Plan a run of `spec` in `out` and time a few steps of every scale with missing seeds; changes nothing.

    `on_scale` is called with every scale before its steps are timed. Raises InputError as `run` does.
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
    took = _seconds_taken(found.known)
    scales = []
    for scale, recipe in found.recipes.items():
        missing, cost = seeds_to_train[scale], recipe.cost()
        if missing and on_scale is not None:
            on_scale(scale)
        scales.append(
            ScaleEstimate(
                scale=scale,
                asked=len(found.wanted[scale]),
                present=len(found.wanted[scale]) - missing,
                missing=missing,
                packs=packs[scale],
                pack_size=sizes[scale],
                parameters=cost.parameters if cost else None,
                flop=missing * cost.flop if cost else None,
                seconds_per_seed=_seconds(recipe.seconds_per_seed(device, sizes[scale]), took, scale)
                if missing
                else None,
                pack_bytes=sizes[scale] * cost.bytes if cost else None,
            )
        )
    return Estimate(
        store=found.store.location,
        exists=found.record is not None,
        scale_name=found.spec.scale.field,
        device=device,
        workers=max(1, min(slots, len(planned.packs))),
        scales=tuple(scales),
        measured=bool(took),
        resumed=len(planned.resumed),
    )


def _seconds_taken(known: Iterable[KnownPack]) -> dict[float, list[float]]:
    """What finished cells of the user's program took, by scale."""
    took: dict[float, list[float]] = {}
    for pack in known:
        if pack.finished and (seconds := pack.blocks[-1].info.provenance.get("seconds")):
            took.setdefault(pack.pack.scale, []).append(seconds)
    return took


def _seconds(tried: float | None, took: Mapping[float, Sequence[float]], scale: float) -> float | None:
    if tried is not None or not took:
        return tried
    return median(took.get(scale) or [seconds for of_scale in took.values() for seconds in of_scale])
