"""The promise that packing changes nothing, checked on a spec of yours.

On a CPU in float32 the promise is bitwise, and a few seeds show it. On CUDA a product of matrices may be rounded
otherwise in a pack, and training amplifies that until a seed ends somewhere else. Promised and checked there is:

* The same pack, trained twice, is bitwise the same.
* In the first steps, while differences of rounding are small, every seed goes the same way alone and packed: no
  place in the pack gets other data, weights or gradients.
* In the end alone and packed do not differ systematically, in the success metric and in the training loss. See
  `seedsweep.sweep.paired`: a shift of one standard deviation over seeds is found with a probability of 90 %, and
  harmless rounding is blamed with one of at most 1 %, over both metrics at all scales. This takes some fifty
  seeds (`fewest_seeds`); fewer are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from seedsweep.cell import Recipe
from seedsweep.errors import ArgumentError, InputError
from seedsweep.sweep.paired import PairedDifference, fewest_seeds, paired_difference
from seedsweep.sweep.spec import SweepSpec

SEEDS_ON_CPU: Final = 3
METRICS: Final = 2
"""Tested at every scale: the success metric and the training loss."""
SAME_WAY: Final = 0.25
"""How far apart the first steps may lead. Measured with the pocket presets on a CPU: weights perturbed in their
last bits go 0.01 (float32) to 0.11 (bfloat16) apart, a seed with the data of another one 0.41 to 0.92."""


@dataclass(frozen=True)
class ScaleVerification:
    """Seeds of one scale, trained alone and packed.

    Attributes
    ----------
    scale : float
        The value of the ladder.
    seeds, steps : int
        How many were trained, and how far.
    bitwise : bool
        Every weight and every metric of every seed is the same alone and packed.
    repeats : bool
        The same packs trained twice are bitwise the same.
    first_steps : float
        How far apart the first two steps led the weights of a seed, alone and packed, at the worst seed: 0 is
        the same, 1 is as far as it moved.
    largest_difference : float
        Of any metric of any seed, between alone and packed.
    success, loss : PairedDifference
        Of the success metric, and of the training loss (mean over all steps).
    """

    scale: float
    seeds: int
    steps: int
    bitwise: bool
    repeats: bool
    first_steps: float
    largest_difference: float
    success: PairedDifference
    loss: PairedDifference

    @property
    def same_way(self) -> bool:
        """Whether every seed's first steps are the same but for rounding."""
        return self.first_steps < SAME_WAY

    @property
    def only_rounding(self) -> bool:
        """Whether packs repeat, and differ from seeds alone by no more than rounding explains."""
        return self.repeats and self.same_way and not (self.success.systematic or self.loss.systematic)


@dataclass(frozen=True)
class Verification:
    """What `verify` found.

    Attributes
    ----------
    device : str
        `cpu` or `cuda`.
    metric, split : str
        The success metric of the spec.
    scales : tuple of ScaleVerification
        In the order of the ladder.
    """

    device: str
    metric: str
    split: str
    scales: tuple[ScaleVerification, ...]

    @property
    def kept(self) -> bool:
        """Whether the promise holds: on a CPU all is bitwise the same; elsewhere a pack repeats bitwise, and alone
        and packed differ neither in the first steps nor, systematically, in the end."""
        return all(scale.bitwise if self.device == "cpu" else scale.only_rounding for scale in self.scales)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "kept": self.kept}


def verify(
    spec: SweepSpec,
    seeds: int | None = None,
    steps: int | None = None,
    *,
    on_progress: Callable[[float], None] | None = None,
) -> Verification:
    """Train the first seeds of every scale alone and packed and compare.

    Parameters
    ----------
    seeds : int, optional
        How many; by default 3 on a CPU, and elsewhere `fewest_seeds` for the scales of the spec.
    steps : int, optional
        Stop every training after so many steps of its schedule; by default train to the end.
    on_progress : callable, optional
        Is told the share (0 to 1) of the trainings that are done.

    Raises
    ------
    InputError
        If the spec has fewer seeds or fewer steps than asked for, or if the seeds are too few to find anything.

    Notes
    -----
    On a CPU all seeds make one pack. On CUDA the packs are those of the spec, so that they fit into memory.
    """
    device = spec.execution.device_here()
    tests = METRICS * len(spec.scale.values)
    chosen = spec.seeds.pairs()[: _count(spec, seeds, device, 2 if device == "cpu" else fewest_seeds(tests))]
    recipes: Mapping[float, Recipe] = spec.resolve().recipes
    for recipe in recipes.values():
        recipe.check_device(device)
    lengths = {value: _steps(recipe) for value, recipe in recipes.items()}
    shortest = min(lengths.values())
    if steps is not None and not 1 <= steps <= shortest:
        raise ArgumentError("steps", steps, f"the shortest training has {shortest} steps; give 1 to {shortest}")
    packs = {}
    for value, recipe in recipes.items():
        size = len(chosen) if device == "cpu" else spec.execution.pack_size(recipe, device)
        packs[value] = [chosen[first : first + size] for first in range(0, len(chosen), size)]
    done, trainings = 0, sum(len(chosen) + 2 * len(some) for some in packs.values())

    def one_more() -> None:
        nonlocal done
        done += 1
        if on_progress is not None:
            on_progress(done / trainings)

    scales = []
    success, loss = (spec.success.split, spec.success.metric), ("train", "loss")
    higher = spec.success.criterion.higher_is_better
    for value, recipe in recipes.items():
        wanted = lengths[value] if steps is None else steps
        runs = recipe.train_alone_and_packed(packs[value], device, wanted, one_more)
        packed, alone = runs.packed, runs.alone
        differences = [np.abs(packed[key] - alone[key]) for key in packed]
        equal = all(np.array_equal(packed[key], alone[key], equal_nan=True) for key in packed)
        scales.append(
            ScaleVerification(
                scale=value,
                seeds=len(chosen),
                steps=wanted,
                bitwise=runs.weights_equal and equal,
                repeats=runs.repeat_equal,
                first_steps=float(runs.first_steps_S.max()),
                largest_difference=float(np.nan_to_num(np.concatenate(differences)).max()),
                success=paired_difference(packed[success], alone[success], higher_is_better=higher, tests=tests),
                loss=paired_difference(packed[loss], alone[loss], higher_is_better=False, tests=tests),
            )
        )
    return Verification(device, spec.success.metric, spec.success.split, tuple(scales))


def _steps(recipe: Recipe) -> int:
    if recipe.steps is None:
        raise InputError("verify: how long these cells train is not known beforehand")
    return recipe.steps


def _count(spec: SweepSpec, wanted: int | None, device: str, fewest: int) -> int:
    """How many of the spec's seeds to train, if so few can show anything and the spec has so many."""
    there = len(spec.seeds.pairs())
    reason = "" if device == "cpu" else ", to find a shift of one standard deviation over seeds"
    if there < fewest:
        raise InputError(f"seeds: the spec has {there}, but verify needs {fewest} of them on {device}{reason}")
    if wanted is None:
        return max(fewest, min(SEEDS_ON_CPU, there))
    if wanted < fewest:
        raise ArgumentError("seeds", wanted, f"give at least {fewest} on {device}{reason}")
    if wanted > there:
        raise ArgumentError("seeds", wanted, f"the spec has {there} seeds only; give at most so many")
    return wanted
