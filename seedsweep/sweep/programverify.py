"""The same promise for a user's program: a seed that is run again gives the same numbers.

Of a function that trains several seeds in one call, a seed gives among others what it gives alone. A product of
matrices may be rounded otherwise for several seeds than for one, and training amplifies that: so this need not be
bitwise, but at the first two steps that are reported no value may differ by more than rounding explains.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from seedsweep.cell import CellError, Pack, Recipe
from seedsweep.errors import ArgumentError, InputError
from seedsweep.measures import scale_text
from seedsweep.seeds import Seed
from seedsweep.sweep.spec import SweepSpec
from seedsweep.workers.programs.functionrecipe import FunctionRecipe
from seedsweep.workers.programs.repeat import Values, run_aside

SEEDS: Final = 2
EARLY_STEPS: Final = 2
ROUNDING: Final = 1e-3
"""Largest difference between a seed alone and among others at the first steps, of values up to 1; of larger ones
relative to them."""


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
    together : int or None
        Seeds that one call of the function for all of them trains bitwise as alone; None if it takes one seed.
    apart : float
        The largest difference of a value between a seed alone and among others.
    mixed : str or None
        Where a seed among others differs, at the first steps already, by more than rounding explains.
    """

    scale: float
    seeds: int
    values: int
    differing: int
    first_difference: str | None
    together: int | None = None
    apart: float = 0.0
    mixed: str | None = None


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
        """Whether every seed gave the same numbers twice, and, but for rounding, also among others."""
        return not any(scale.differing or scale.mixed for scale in self.scales)

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
    several = wanted > 1 and any(
        isinstance(recipe, FunctionRecipe) and recipe.takes_several for recipe in recipes.values()
    )
    runs, done = (2 * wanted + several) * len(recipes), 0

    def run(recipe: Recipe, pack: Pack) -> dict[int, Values]:
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
        chosen = tuple(there[:wanted])
        pairs = {}
        for seed in chosen:
            pack = Pack(spec.scale.field, scale, (seed,), "")
            pairs[seed] = run(recipe, pack)[seed.id], run(recipe, pack)[seed.id]
        found = _of_scale(scale, pairs)
        if several:
            packed = run(recipe, Pack(spec.scale.field, scale, chosen, ""))
            found = _with_packed(found, {seed: (pairs[seed][0], packed[seed.id]) for seed in chosen})
        scales.append(found)
    return Repetition(tuple(scales))


def _of_scale(scale: float, pairs: Mapping[Seed, tuple[Values, Values]]) -> RepeatedScale:
    differences = {seed: text for seed, pair in pairs.items() if (text := _difference(*pair))}
    first = next(iter(differences), None)
    return RepeatedScale(
        scale=scale,
        seeds=len(pairs),
        values=max(len(values) for pair in pairs.values() for values in pair),
        differing=len(differences),
        first_difference=None if first is None else f"seed {first.id}: {differences[first]}",
    )


def _with_packed(found: RepeatedScale, pairs: Mapping[Seed, tuple[Values, Values]]) -> RepeatedScale:
    """With what seeds alone and in one call have come to."""
    mixed = {seed: text for seed, pair in pairs.items() if (text := _mixed(*pair))}
    first = next(iter(mixed), None)
    return replace(
        found,
        together=sum(_difference(*pair) is None for pair in pairs.values()),
        apart=max(
            (
                abs(alone[place] - packed[place])
                for alone, packed in pairs.values()
                for place in alone.keys() & packed
            ),
            default=0.0,
            key=lambda gap: -1.0 if math.isnan(gap) else gap,
        ),
        mixed=None if first is None else f"seed {first.id}: {mixed[first]}",
    )


def _mixed(alone: Values, packed: Values) -> str | None:
    """The first value, of the first steps, that differs by more than rounding explains."""
    early = sorted({step for step, _, _ in (*alone, *packed)})[:EARLY_STEPS]
    for place in sorted({*alone, *packed}):
        step, split, metric = place
        one, other = alone.get(place), packed.get(place)
        if step in early and (one is None or other is None or not _close(one, other)):
            return f"{metric} ({split}) at step {step} is {one!r} alone and {other!r} among others"
    return None


def _close(one: float, other: float) -> bool:
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return abs(one - other) <= ROUNDING * max(1.0, abs(one))


def _difference(a: Values, b: Values) -> str | None:
    """Where two runs begin to differ."""
    for place in sorted({*a, *b}):
        step, split, metric = place
        one, other = a.get(place), b.get(place)
        if one is None or other is None:
            return f"only one of two runs has {metric} ({split}) at step {step}"
        if one != other and not (math.isnan(one) and math.isnan(other)):
            return f"{metric} ({split}) at step {step} is {one!r}, then {other!r}"
    return None
