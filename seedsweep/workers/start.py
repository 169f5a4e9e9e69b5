"""What seeds start from besides what they draw, and which of their weights training then reaches.

Shape letters: S seeds, P parameters of a seed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from torch import Tensor

from seedsweep.seeds import Seed
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.kept import Graft
from seedsweep.workers.optimiser import EVERYTHING, Reach
from seedsweep.workers.parts import elements, parts_of, parts_of_model, shapes_of, tensors_of


def grafts_of(settings: CellSettings, seeds: Sequence[Seed]) -> list[Graft]:
    """The weights that these seeds take of kept checkpoints; CellError, in a line, if they cannot be had."""
    if settings.start is None:
        return []
    names = tensors_of(settings.start.take, parts_of_model(settings))
    return [Graft(sorted(names), settings.start.parent.weights(seeds))]


def shapes_taken(settings: CellSettings) -> dict[str, tuple[int, ...]]:
    """The tensors that a seed takes of a kept checkpoint."""
    assert settings.start is not None
    shapes = shapes_of(settings)
    names = tensors_of(settings.start.take, parts_of(shape.name for shape in shapes))
    return {shape.name: shape.shape for shape in shapes if shape.name in names}


def reach(settings: CellSettings, decoder: StackedDecoder) -> Reach:
    """Which parameters are trained, decay and are penalised."""
    train, start = settings.train, settings.start
    if start is None and train.weight_decay_parts is None and not train.l2:
        return EVERYTHING
    known = parts_of(shape.name for shape in decoder.shapes)
    frozen = tensors_of(start.freeze, known) if start is not None else frozenset()
    decayed, squared = tensors_of(train.weight_decay_parts, known), tensors_of(train.l2_parts, known)

    def mark(names: Collection[str]) -> Tensor:
        return elements(decoder.shapes, names, decoder.flat_SP)

    return Reach(
        frozen_P=mark(frozen) if frozen else None,
        decayed_P=mark(decayed - frozen) if frozen or train.weight_decay_parts is not None else None,
        squared_P=mark(squared - frozen) if train.l2 else None,
    )
