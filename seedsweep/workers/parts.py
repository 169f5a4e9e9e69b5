"""The parts of a model by name, of every dialect: what a branch takes or freezes, and what weight decay acts on.

Every tensor is in exactly one *place*: `embedding`, `positions`, `layer1` to `layerN` (counted from 1, as papers
do; the tensors of `layer1` are called `layer0.…`), and `output`, which is what stands behind the last layer: the
final norm, the unembedding and its bias. Across the places lie the *kinds*: `attention` (`mixing` where there is
that instead), `mlp` and `norms`, the final one included. A model in which nothing is of a part does not have it.
Where the embedding is the output layer too (tied) it is in `embedding`.

Shape letters: S seeds, P parameters of a seed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import torch
from torch import Tensor

from seedsweep.errors import did_you_mean, listed
from seedsweep.workers import dialects
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.dialects import ParameterShape

_KINDS = {
    "qkv": "attention",
    "attention_out": "attention",
    "mixing_in": "mixing",
    "mixing_out": "mixing",
    "mlp_in": "mlp",
    "mlp_out": "mlp",
    "gate_up": "mlp",
    "attention_norm": "norms",
    "mixing_norm": "norms",
    "mlp_norm": "norms",
    "final_norm": "norms",
}
"""By the name of a layer of any dialect."""
_PLACES = {
    "embed": "embedding",
    "features": "embedding",
    "positions": "positions",
    "final_norm": "output",
    "unembed": "output",
}
"""By the beginning of a name, outside the layers."""


def parts_of(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Names of the tensors of every part, places first, of a model with tensors of these names."""
    places: dict[str, list[str]] = {}
    kinds: dict[str, list[str]] = {"attention": [], "mixing": [], "mlp": [], "norms": []}
    for name in names:
        block, _, inside = name.partition(".")
        layered = block.startswith("layer")
        places.setdefault(f"layer{int(block[5:]) + 1}" if layered else _place(name), []).append(name)
        kind = _KINDS.get(inside.partition(".")[0] if layered else block)
        if kind is not None:
            kinds[kind].append(name)
    found = places | kinds
    return {part: tuple(tensors) for part, tensors in found.items() if tensors}


def _place(name: str) -> str:
    for beginning, place in _PLACES.items():
        if name.startswith(beginning):
            return place
    raise KeyError(f"{name} is of no part: say of which in seedsweep/workers/parts.py")


def parts_of_model(settings: CellSettings) -> dict[str, tuple[str, ...]]:
    """The same of the model of these settings, whose sizes are known. Asks nothing of the task that files tell."""
    size = None if settings.task.features is None else 1
    return parts_of(shape.name for shape in dialects.shapes_of(settings.model.for_rows(1), 1, 1, size))


def shapes_of(settings: CellSettings) -> list[ParameterShape]:
    """The tensors of one seed, as the decoder has them."""
    features = settings.task.features
    size = None if features is None else features.size
    return dialects.shapes_of(settings.decoder, settings.embedded, settings.predicted, size)


def tensors_of(parts: Collection[str] | None, known: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """Names of the tensors of some parts; None stands for all."""
    return frozenset(name for part in (known if parts is None else parts) for name in known[part])


def unknown_part(settings: CellSettings) -> str | None:
    """What is wrong with a part that the settings name and the model does not have, its field first."""
    given: dict[str, Sequence[str]] = {
        "train.weight_decay_parts": settings.train.weight_decay_parts or (),
        "train.l2_parts": settings.train.l2_parts or (),
    }
    if settings.start is not None:
        given |= {"start.take": settings.start.take or (), "start.freeze": settings.start.freeze}
    if not any(given.values()):
        return None
    known = parts_of_model(settings)
    for field, parts in given.items():
        for part in parts:
            if part not in known:
                hint = did_you_mean(part, known)
                return f"{field}: {part!r} is no part of this model{hint}; it has {listed(known)}"
    return None


def elements(shapes: Sequence[ParameterShape], names: Collection[str], like_SP: Tensor) -> Tensor:
    """Which of the P parameters that lie in a row of such a buffer are of these tensors: bool (P,)."""
    marked_P = torch.zeros(like_SP.shape[1], dtype=torch.bool)
    offset = 0
    for shape in shapes:
        marked_P[offset : offset + shape.size] = shape.name in names
        offset += shape.size
    return marked_P.to(like_SP.device)
