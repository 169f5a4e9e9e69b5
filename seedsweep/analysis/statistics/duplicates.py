"""Are two seeds one run? Learning curves that are the same in every digit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from seedsweep.analysis.statistics.results import Result
from seedsweep.analysis.statistics.samples import FloatArray, errors_name

IMPROBABLE: Final = 0.01
"""Identical pairs expected by chance, at a scale, below which identity is no chance."""


@dataclass(frozen=True)
class IdenticalCurves(Result):
    """Seeds of one scale with one and the same curve.

    Attributes
    ----------
    scale : float
        The value on the ladder.
    seeds : tuple of int or str
        The seeds, ascending; two or more.
    same_run : bool
        Whether this is a duplicate: no chance, but one run under several names. False for curves that agree
        innocently: constant ones, and those that take few values of a coarse metric.
    distinct_values : int
        Different values along the curve.
    expected_by_chance : float
        Pairs of seeds at this scale that would follow this curve by chance; see `identical_curves`.
    """

    scale: float
    seeds: tuple[int | str, ...]
    same_run: bool
    distinct_values: int
    expected_by_chance: float


def identical_curves(
    curves: Mapping[float, tuple[npt.ArrayLike, npt.ArrayLike]],
) -> tuple[IdenticalCurves, ...]:
    """Find the seeds whose learning curves are equal at every evaluation.

    Two runs with the same seed by accident, or one run stored twice, make a population look larger than it is.

    Parameters
    ----------
    curves : mapping from scale to (seeds, values)
        Ids of the seeds, shape (n,), and their curves, shape (n, t). Values are compared exactly; `nan` equals
        `nan`.

    Returns
    -------
    tuple of IdenticalCurves
        Sorted by scale and first seed; empty if all curves differ. Ask for those with `same_run`.

    Raises
    ------
    ValueError
        If the shapes do not match or a seed is given twice; the message names the scale.

    Notes
    -----
    Curves of a metric with few values often agree: many seeds stay at exactly 0, and among 48 real
    seeds with an exact match out of 45 examples, pairs had the same two or three values at the same steps. So
    it is asked how many pairs would follow this very curve by chance. Of m other, mutually different curves at
    the scale, c have the same value at an evaluation; a seed is given the probability (c + 1) / (m + 2) to have
    it too, or 1 / (m + k) if none has it and k different values occur at the scale; evaluations are taken for
    independent; and there are n (n - 1) / 2 pairs. A group is `same_run` if that number is below 0.01 and the
    curve takes three different values or more. Evaluations are not independent, so look at a continuous metric
    (loss, minimum probability) where there is one: there any identity is a duplicate.

    Examples
    --------
    >>> accuracies = [[0.0, 0.5, 0.5], [0.0, 0.5, 1.0], [0.0, 0.5, 0.5]]
    >>> for group in identical_curves({2: ([7, 8, 9], accuracies)}):
    ...     print(group.seeds, group.same_run)
    (7, 9) False
    >>> losses = [[4.61, 2.5, 1.2, 0.7, 0.6], [4.63, 2.7, 1.9, 1.1, 1.0], [4.61, 2.5, 1.2, 0.7, 0.6]]
    >>> identical_curves({2: ([7, 8, 9], losses)})[0].same_run
    True
    """
    groups = []
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
        values = np.where(np.isnan(values), np.nan, values) + 0.0  # one nan, and no negative zero
        members: defaultdict[bytes, list[int]] = defaultdict(list)
        for i, curve in enumerate(values):
            members[curve.tobytes()].append(i)
        distinct = values[[group[0] for group in members.values()]]
        for group in members.values():
            if len(group) > 1:
                curve = values[group[0]]
                different = np.unique(curve).size
                chance = _expected_pairs(curve, distinct, seeds.size)
                groups.append(
                    IdenticalCurves(
                        scale=float(scale),
                        seeds=tuple(sorted(seeds[group].tolist())),
                        same_run=different >= 3 and chance < IMPROBABLE,
                        distinct_values=different,
                        expected_by_chance=chance,
                    )
                )
    return tuple(sorted(groups, key=lambda group: (group.scale, group.seeds)))


def _expected_pairs(curve: FloatArray, distinct: FloatArray, n: int) -> float:
    """Pairs of n seeds expected to follow `curve`, one of the `distinct` ones; see `identical_curves`."""
    same = ((distinct == curve) | (np.isnan(distinct) & np.isnan(curve))).sum(axis=0) - 1
    others = len(distinct) - 1
    unseen = 1 / (others + np.unique(distinct).size)
    return float(n * (n - 1) / 2 * np.prod(np.where(same > 0, (same + 1) / (others + 2), unseen)))
