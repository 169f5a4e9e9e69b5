"""Reading the weights that a sweep has kept of its seeds."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from seedsweep.errors import ArgumentError, InputError, MissingPackageError, listed
from seedsweep.measures import scale_text
from seedsweep.seeds import Seed
from seedsweep.sweep.parent import ParentSweep

_NEEDS = ("torch", "safetensors")


def load_checkpoint(
    path: str | os.PathLike[str], *, step: int, seed: int | Sequence[int], scale: float | None = None
) -> dict[str, Any]:
    """The weights of one seed at a step that its sweep has kept (`keep_checkpoints` of the spec).

    Parameters
    ----------
    path : str or path
        The sweep's directory, or its URL.
    step : int
        Optimiser steps taken.
    seed : int or (int, int)
        As the column `seed` has it, or the pair (init, data).
    scale : float, optional
        The value of the swept field; need not be given if the sweep has one scale only.

    Returns
    -------
    dict of str to torch.Tensor
        Every tensor of the model by its name, in float32 on the CPU: `layer0.qkv.weight_DX` is (D, 3 D), the
        letters of a name are its axes. `seedsweep.workers.parts` says which tensors `layer1` or `output` are.

    Raises
    ------
    InputError
        If there is no such sweep, scale, step or seed, or the file is damaged.
    MissingPackageError
        If torch is not installed.

    Examples
    --------
    >>> import seedsweep as ss
    >>> weights = ss.load_checkpoint("runs/parent", scale=2, seed=0, step=100)  # doctest: +SKIP
    >>> weights["unembed_DV"].norm()  # doctest: +SKIP
    """
    for package in _NEEDS:
        if find_spec(package) is None:
            raise MissingPackageError(f"weights need {package}: pip install 'seedsweep[train]'", name=package)
    from safetensors.torch import load

    pair = seed_pair(seed)
    sweep = ParentSweep(os.fspath(path))
    scale = sweep.only_scale(scale)
    there = f"{sweep.store.location} ({sweep.record.ladder.field} = {scale_text(scale)})"
    steps = sweep.steps(scale)
    if step not in steps:
        raise ArgumentError("step", step, f"is not kept in {there}; kept are {listed(map(str, steps))}")
    file, row = sweep.rows(scale, step, [pair]).get(pair, (None, 0))
    if file is None or file.header.info.pairs[row] != pair:
        raise InputError(f"seed={seed}: step {step} is not kept of it in {there}")
    tensors = load(sweep.store.kept.read(file.file))
    return {name: tensor[row].clone() for name, tensor in tensors.items()}


def seed_pair(seed: int | Sequence[int]) -> Seed:
    """The seed that the column `seed` has as this number, or a pair (init, data)."""
    if isinstance(seed, Sequence):
        init, data = seed
        return Seed(int(init), int(data))
    return Seed(seed, seed) if seed < 1 << 32 else Seed((seed >> 32) - 1, seed & (1 << 32) - 1)
