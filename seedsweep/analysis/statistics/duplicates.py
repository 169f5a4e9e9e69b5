"""Are two seeds one run? Learning curves or final values that agree where chance would not make them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from seedsweep.analysis.statistics.coincidence import Chance
from seedsweep.analysis.statistics.results import Result
from seedsweep.analysis.statistics.samples import FloatArray, errors_name

IMPROBABLE: Final = 0.01
"""Pairs expected by chance, in the whole population, below which a match is no chance."""

Seed: TypeAlias = int | str


@dataclass(frozen=True)
class IdenticalCurves(Result):
    """Seeds with one and the same curve.

    Attributes
    ----------
    scales : tuple of float
        Of each of the seeds; most often the same.
    seeds : tuple of int or str
        The seeds, two or more, ascending by scale and seed.
    same_run : bool
        Whether this is a duplicate: no chance, but one run under several names. False for curves that agree
        innocently: constant ones, and those that take few values of a coarse metric.
    distinct_values : int
        Different values along the curve.
    expected_by_chance : float
        Pairs of seeds of the population that would agree like this by chance; see `identical_curves`.
    """

    scales: tuple[float, ...]
    seeds: tuple[Seed, ...]
    same_run: bool
    distinct_values: int
    expected_by_chance: float

    @property
    def scale(self) -> float:
        """The smallest of the scales."""
        return self.scales[0]


def identical_curves(
    curves: Mapping[float, tuple[npt.ArrayLike, npt.ArrayLike]],
    *,
    steps: Mapping[float, npt.ArrayLike] | None = None,
) -> tuple[IdenticalCurves, ...]:
    """Find the seeds that have one learning curve, or one final value, between them.

    Two runs with the same seed by accident, or one run stored twice, make a population look larger than it is.

    Parameters
    ----------
    curves : mapping from scale to (seeds, values)
        Ids of the seeds, shape (n,), and their curves, shape (n, t); `nan` where there is no value. With t = 1
        these are final values.
    steps : mapping from scale to array_like, shape (t,), optional
        Steps of the evaluations; without them evaluations are compared by their number.

    Returns
    -------
    tuple of IdenticalCurves
        Sorted by scale and seeds. Curves of one scale that are equal in every digit are always in it, unless they
        are single values. Those that agree to one millionth of the range of all values, at all evaluations that
        both have, are in it if that is no chance: copies with noise in the last digits, shorter copies, copies at
        another scale.

    Raises
    ------
    ValueError
        If shapes do not match or a seed is given twice; the message names the scale.

    Notes
    -----
    Accuracies take few values, and a seed that generalises is a few steps up from many equal evaluations: innocent
    seeds then agree everywhere. A match is `same_run` if fewer than 0.01 such pairs are expected by chance in the
    population, by either of two bounds that let the other curves say how seeds of this population agree:

    *Nearest curves.* Were the curves a family with one parameter, which is where chance matches are likeliest,
    the number of curves within a distance would grow in proportion to it. So from the five curves nearest to this
    one, by their largest difference, the number within the resolution of the metric is inferred. The resolution
    is the decimal or the 1/m that all values are multiples of, and at least twice the difference of the two
    curves. This is what tells floats apart, in final values too; it says nothing of a whole number at either end
    of the range, which may be a bound, nor where different curves share most values.

    *Agreeing evaluations.* A curve that changes at K evaluations agrees there with a copy in all K. Let N_k pairs
    of different curves agree in k such evaluations or more: the expected pairs at K are the last of these numbers
    that is not 0, plus 1, times the largest of their last three ratios for every further evaluation. Where curves
    are determined by little, many pairs agree in nearly all evaluations, and a match in all is no surprise.

    Examples
    --------
    >>> accuracies = [[0.0, 0.5, 0.5], [0.0, 0.5, 1.0], [0.0, 0.5, 0.5]]
    >>> for group in identical_curves({2: ([7, 8, 9], accuracies)}):
    ...     print(group.seeds, group.same_run)
    (7, 9) False
    >>> losses = [[4.6151231, 2.5012311, 1.2], [4.6312317, 2.7761121, 1.9], [4.6151231, 2.5012311, 1.2]]
    >>> identical_curves({2: ([7, 8, 9], losses)})[0].same_run
    True
    """
    names, values = _stacked(curves, steps or {})
    if len(names) < 2 or np.isnan(values).all():
        return ()
    chance = Chance(values)
    pairs = dict(_improbable_pairs(values, chance))
    joined = _joined(list(pairs))
    in_one_run = [set(group) for group in joined]
    groups = [
        (group, False, _expected(group, pairs, chance))
        for group in _equal(names, values)
        if not any(set(group) <= known for known in in_one_run)
    ]
    groups += [
        (group, True, max(expected for pair, expected in pairs.items() if set(pair) <= set(group)))
        for group in joined
    ]
    found = [
        IdenticalCurves(
            scales=tuple(names[i][0] for i in group),
            seeds=tuple(names[i][1] for i in group),
            same_run=same_run,
            distinct_values=max(1, np.unique(values[group[0]][~np.isnan(values[group[0]])]).size),
            expected_by_chance=expected,
        )
        for group, same_run, expected in groups
    ]
    return tuple(sorted(found, key=lambda one: (one.scale, one.seeds, one.scales)))


def _stacked(
    curves: Mapping[float, tuple[npt.ArrayLike, npt.ArrayLike]], steps: Mapping[float, npt.ArrayLike]
) -> tuple[list[tuple[float, Seed]], FloatArray]:
    """Scale and seed of every curve, ascending, and the curves over all steps of all scales, shape (n, t)."""
    names: list[tuple[float, Seed]] = []
    parts: list[tuple[FloatArray, FloatArray]] = []
    for scale in sorted(curves):
        seeds, values = np.asarray(curves[scale][0]), np.array(curves[scale][1], dtype=np.float64)
        with errors_name(scale):
            if values.ndim != 2 or values.shape[1] == 0 or seeds.shape != values.shape[:1]:
                raise ValueError(
                    "seeds of shape (n,) and values of shape (n, t), t > 0, are needed, not "
                    f"{seeds.shape} and {values.shape}"
                )
            if np.unique(seeds).size != seeds.size:
                raise ValueError("a seed is given twice; every seed has one curve")
        order = np.argsort(seeds, kind="stable")
        names += [(float(scale), seed) for seed in seeds[order].tolist()]
        at = np.asarray(steps.get(scale, np.arange(values.shape[1])), dtype=np.float64)
        parts.append((at, values[order] + 0.0))  # no negative zero
    every = np.unique(np.concatenate([at for at, _ in parts])) if parts else np.empty(0)
    stacked = np.full((len(names), every.size), np.nan)
    first = 0
    for at, values in parts:
        stacked[first : first + len(values), np.searchsorted(every, at)] = values
        first += len(values)
    return names, stacked


def _equal(names: list[tuple[float, Seed]], values: FloatArray) -> Iterator[tuple[int, ...]]:
    """Groups of curves of one scale that are equal in every digit; `nan` equals `nan`."""
    if values.shape[1] == 1:
        return
    members: defaultdict[tuple[float, bytes], list[int]] = defaultdict(list)
    for i, ((scale, _), curve) in enumerate(zip(names, np.where(np.isnan(values), np.nan, values), strict=True)):
        members[scale, curve.tobytes()].append(i)
    yield from (tuple(group) for group in members.values() if len(group) > 1)


def _expected(group: tuple[int, ...], pairs: Mapping[tuple[int, int], float], chance: Chance) -> float:
    """The pairs like those of a group of equal curves that are expected."""
    first, second = group[:2]
    return pairs[first, second] if (first, second) in pairs else chance.expected(first, second)


def _improbable_pairs(values: FloatArray, chance: Chance) -> Iterator[tuple[tuple[int, int], float]]:
    """Pairs of curves that agree wherever both have a value, and by chance would not."""
    columns = np.argsort(-np.nan_to_num(np.nanvar(np.where(np.isnan(values).all(axis=0), 0.0, values), axis=0)))
    for i in np.flatnonzero(chance.changes.any(axis=1)).tolist():
        others = np.arange(i + 1, len(values))
        for column in columns.tolist():
            apart = np.abs(values[others, column] - values[i, column]) > chance.tolerance
            others = others[~apart]
            if not others.size:
                break
        for j in others.tolist():
            if (expected := chance.expected(i, j)) < IMPROBABLE:
                yield (i, j), expected


def _joined(pairs: list[tuple[int, int]]) -> list[tuple[int, ...]]:
    """The groups that pairs link, each ascending."""
    group_of: dict[int, set[int]] = {}
    for pair in pairs:
        merged = set(pair).union(*(group_of.get(member, set()) for member in pair))
        group_of.update(dict.fromkeys(merged, merged))
    return sorted({tuple(sorted(group)) for group in group_of.values()})
