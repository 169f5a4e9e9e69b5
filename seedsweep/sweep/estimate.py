"""What a run would train and what it would cost here."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from seedsweep.spec import SweepSpec
from seedsweep.sweep.find import find
from seedsweep.sweep.find import plan as plan_packs


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
    parameters: int
    """Of one seed."""
    flop: float
    """Arithmetic of all missing seeds, evaluations included."""
    seconds_per_seed: float | None
    """Of one seed in a full pack on one worker; from a trial of a few steps on this machine. None where no seed
    is missing."""
    pack_bytes: int
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

    @property
    def missing(self) -> int:
        """Seeds to train."""
        return sum(scale.missing for scale in self.scales)

    @property
    def seconds(self) -> float:
        """Of the whole run, all workers busy to the end; start-up apart."""
        return sum(scale.missing * (scale.seconds_per_seed or 0.0) for scale in self.scales) / self.workers

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "missing": self.missing, "seconds": self.seconds}


def estimate(spec: SweepSpec, out: str | os.PathLike[str]) -> Estimate:
    """Plan a run of `spec` in `out` and time a few steps of every scale with missing seeds; changes nothing.

    Raises InputError as `run` does.
    """
    from seedsweep.workers.cost import flop_per_seed, memory_per_seed, seconds_per_seed
    from seedsweep.workers.device import check_precision, choose_device, count_devices, pack_size

    device = choose_device(spec.execution.device)
    check_precision(spec.train.precision, device)
    found = find(spec, out)
    planned = plan_packs(spec, found, lambda settings: pack_size(spec.execution.pack, settings, device))
    packs = Counter(pack.scale for pack in planned.packs)
    seeds_to_train = Counter(dict.fromkeys(spec.scale.values, 0))
    for pack in planned.packs:
        seeds_to_train[pack.scale] += len(pack.seeds)
    workers = spec.execution.workers
    slots = count_devices(device) if workers == "auto" else workers
    scales = []
    for value in spec.scale.values:
        settings = spec.at(value)
        size = pack_size(spec.execution.pack, settings, device)
        missing = seeds_to_train[value]
        scales.append(
            ScaleEstimate(
                scale=value,
                asked=len(spec.seeds.pairs()),
                present=len(spec.seeds.pairs()) - missing,
                missing=missing,
                packs=packs[value],
                pack_size=size,
                parameters=settings.model.parameters(settings.vocabulary_size),
                flop=missing * flop_per_seed(settings),
                seconds_per_seed=seconds_per_seed(settings, device, size) if missing else None,
                pack_bytes=size * memory_per_seed(settings),
            )
        )
    return Estimate(
        store=found.store.location,
        exists=found.record is not None,
        scale_name=spec.scale.field,
        device=device,
        workers=max(1, min(slots, len(planned.packs))),
        scales=tuple(scales),
        resumed=len(planned.resumed),
    )
