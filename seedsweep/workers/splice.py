"""Models put together of kept checkpoints, a part of one step and a part of another, and evaluated."""

from __future__ import annotations

from collections.abc import Sequence

from seedsweep.cell import KeptWeights, Metrics
from seedsweep.errors import InputError, did_you_mean, listed
from seedsweep.seeds import Seed
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.device import reproducible
from seedsweep.workers.kept import Graft
from seedsweep.workers.parts import parts_of_model, tensors_of
from seedsweep.workers.trainer import PackTrainer


def evaluate_spliced(
    settings: CellSettings,
    seeds: Sequence[Seed],
    step: int,
    pieces: Sequence[tuple[str | None, list[KeptWeights]]],
    device: str,
) -> Metrics:
    """See `seedsweep.cell.Recipe.evaluate_spliced`."""
    known = parts_of_model(settings)
    part_of: dict[str, str] = {}
    grafts = []
    for part, weights in pieces:
        if part is not None and part not in known:
            hint = did_you_mean(part, known)
            raise InputError(f"parts: {part!r} is no part of this model{hint}; it has {listed(known)}")
        names = sorted(tensors_of(None if part is None else [part], known))
        for name in names if part is not None else ():
            if name in part_of:
                raise InputError(f"parts: {name} is of {part_of[name]} and of {part}; give one of them")
            part_of[name] = str(part)
        grafts.append(Graft(names, weights))
    with reproducible(device, settings.train.precision):
        trainer = PackTrainer(settings.from_scratch(), seeds, device, grafts=grafts)
        trainer.step = step  # interventions may hold from some step on
        return trainer.evaluate()
