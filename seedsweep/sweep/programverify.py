"""The same promise for a user's program: a seed that is run again gives the same numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from seedsweep.cell import CellError, Pack, Recipe
from seedsweep.errors import ArgumentError, InputError
from seedsweep.measures import scale_text
from seedsweep.seeds import Seed
from seedsweep.sweep.spec import SweepSpec
from seedsweep.workers.programs.repeat import Place, run_aside

SEEDS: Final = 2


@dataclass(frozen=True)
class RepeatedScale:
    """Seeds of one scale, each run twice.

    Attributes
    ----------
    scale : float
        The value of the ladder.
    seeds : int
        How many were run.
    values : int
        Compared per run, at the seed that has the most.
    differing : int
        Seeds whose two runs are not bitwise the same.
    first_difference : str or None
        Where the first of them begins to differ, in words.
    """

    scale: float
    seeds: int
    values: int
    differing: int
    first_difference: str | None


@dataclass(frozen=True)
class Repetition:
    """What `verify` found of a program.

    Attributes
    ----------
    scales : tuple of RepeatedScale
        In the order of the ladder.
    """

    scales: tuple[RepeatedScale, ...]

    @property
    def kept(self) -> bool:
        """Whether every seed gave the same numbers twice."""
        return not any(scale.differing for scale in self.scales)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "kept": self.kept}


def verify_program(
    spec: SweepSpec,
    seeds: int | None = None,
    steps: int | None = None,
    *,
    on_progress: Callable[[float], None] | None = None,
) -> Repetition:
    """Run the first seeds of every scale twice, one after the other, and compare all that they write but clocks.

    Parameters are those of `verify`. A program cannot be stopped after some `steps`, so they are refused. Raises
    InputError also if the program fails.
    """
    if steps is not None:
        raise ArgumentError("steps", steps, "a program runs to its own end; make it shorter by a parameter")
    there = spec.seeds.pairs()
    wanted = min(SEEDS, len(there)) if seeds is None else seeds
    if not 1 <= wanted <= len(there):
        raise ArgumentError("seeds", wanted, f"the spec has {len(there)} seeds; give 1 to {len(there)}")
    recipes = spec.resolve().recipes
    runs, done = 2 * wanted * len(recipes), 0

    def run(recipe: Recipe, pack: Pack) -> dict[Place, float]:
        nonlocal done
        try:
            values = run_aside(recipe, pack, spec.execution.device_here(), lambda: False)
        except CellError as error:
            raise InputError(f"program: seed {pack.seeds[0].id} at {scale_text(pack.scale)}: {error}") from None
        done += 1
        if on_progress is not None:
            on_progress(done / runs)
        return values

    scales = []
    for scale, recipe in recipes.items():
        pairs = {}
        for seed in there[:wanted]:
            pack = Pack(spec.scale.field, scale, (seed,), "")
            pairs[seed] = run(recipe, pack), run(recipe, pack)
        differences = {seed: _difference(*pair) for seed, pair in pairs.items()}
        scales.append(_of_scale(scale, pairs, {seed: text for seed, text in differences.items() if text}))
    return Repetition(tuple(scales))


def _of_scale(
    scale: float,
    pairs: Mapping[Seed, tuple[dict[Place, float], dict[Place, float]]],
    differences: Mapping[Seed, str],
) -> RepeatedScale:
    first = next(iter(differences), None)
    return RepeatedScale(
        scale=scale,
        seeds=len(pairs),
        values=max(len(values) for pair in pairs.values() for values in pair),
        differing=len(differences),
        first_difference=None if first is None else f"seed {first.id}: {differences[first]}",
    )


def _difference(a: Mapping[Place, float], b: Mapping[Place, float]) -> str | None:
    """Where two runs begin to differ."""
    for place in sorted({*a, *b}):
        step, split, metric = place
        one, other = a.get(place), b.get(place)
        if one is None or other is None:
            return f"only one of two runs has {metric} ({split}) at step {step}"
        if one != other and not (math.isnan(one) and math.isnan(other)):
            return f"{metric} ({split}) at step {step} is {one!r}, then {other!r}"
    return None
