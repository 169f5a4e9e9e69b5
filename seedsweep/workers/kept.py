"""Kept checkpoints on the device's side: a pack's weights as a file, and weights of such files put into a pack.

Shape letter: S seeds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import torch
from safetensors.torch import load, save
from torch import Tensor

from seedsweep.cell import CellError, KeptWeights, Pack
from seedsweep.keptfile import KeptInfo, header_of
from seedsweep.seeds import Seed
from seedsweep.workers.decoder import StackedDecoder


def to_bytes(decoder: StackedDecoder, alive_S: Tensor, step: int, pack: Pack, origin: dict[str, Any]) -> bytes:
    """The content of the file that keeps a pack's weights as they are now: a tensor (S, …) under each name.

    `origin` is what the weights depend on besides the sweep and the step.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in decoder.parameters.items()}
    alive = alive_S.tolist()
    info = KeptInfo(
        fingerprint=pack.fingerprint,
        pack=pack.name,
        scale_name=pack.scale_name,
        scale=pack.scale,
        seeds=tuple((seed.init, seed.data) for seed in pack.seeds),
        step=step,
        diverged=tuple(seed.id for seed, lives in zip(pack.seeds, alive, strict=True) if not lives),
        provenance=origin,
    )
    stored = (
        (name, "F32", tuple(tensor.shape), tensor.numpy().data.cast("B")) for name, tensor in tensors.items()
    )
    return save(tensors, metadata=info.to_metadata(stored))


class Graft(NamedTuple):
    """Weights that take the place of a model's own."""

    names: Collection[str]
    """Of the tensors that are taken."""
    weights: Sequence[KeptWeights]
    """Of all the seeds."""


@torch.no_grad()
def graft(decoder: StackedDecoder, seeds: Sequence[Seed], grafts: Sequence[Graft]) -> Tensor:
    """Put weights into the models of these seeds, one graft after the other.

    Returns
    -------
    Tensor
        bool (S,): the seeds that had diverged where weights were taken from.

    Raises
    ------
    CellError
        If a file does not have a tensor of that shape.
    """
    diverged = [False] * len(seeds)
    row_of = {seed: row for row, seed in enumerate(seeds)}
    for names, weights in grafts:
        for content, rows in weights:
            info, tensors = header_of(content).info, load(content)
            for seed, there in rows.items():
                here = row_of[seed]
                diverged[here] |= info.pairs[there].id in info.diverged
                for name in names:
                    target, source = decoder.parameters[name][here], tensors.get(name)
                    if source is None or source.shape[1:] != target.shape:
                        problem = f"start: {name} is not of the shape {tuple(target.shape)} there"
                        raise CellError(problem, hopeless=True)
                    target.copy_(source[there])
    return torch.tensor(diverged, device=decoder.flat_SP.device)


def grafted_digest(decoder: StackedDecoder, row: int, names: Collection[str]) -> str:
    """Hash of the tensors that a seed has taken, as they are now."""
    content, tensors = hashlib.sha256(), decoder.tensors(row)
    for name in sorted(names):
        content.update(tensors[name].contiguous().numpy().tobytes())
    return content.hexdigest()[:16]
