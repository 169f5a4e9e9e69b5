"""Are the groups that the test finds the seeds that succeed and those that fail?"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

import numpy as np

from seedsweep.analysis.statistics.clusters import SuccessCluster
from seedsweep.analysis.statistics.groups import GroupTest, group_test
from seedsweep.analysis.statistics.results import Result
from seedsweep.analysis.statistics.samples import FloatArray, observed
from seedsweep.analysis.statistics.spread import at_ends
from seedsweep.analysis.statistics.success import SuccessRate, success_rate
from seedsweep.criterion import Criterion

SplitKind: TypeAlias = Literal["successes and failures", "elsewhere", "two values"]

MISPLACED: Final = 0.1
"""Share of the seeds up to which the groups may differ from successes and failures; our choice."""

SATURATED: Final = 0.1
"""Share of the seeds at a bound of the metric from which on they may be one of the groups; our choice."""


@dataclass(frozen=True)
class GroupSplit(Result):
    """How the seeds of a scale part, where the test refutes a single group.

    Attributes
    ----------
    kind : str
        "successes and failures", "elsewhere" or "two values"; the rule is in `group_split`.
    line : float
        What divides the groups, in the unit of the metric: `SuccessCluster.line`; `nan` if no one line does.
    better : SuccessRate or None
        Share of all seeds on the better side of the line; None without one.
    misplaced : int
        Seeds of the better group that fail, and of the other one that succeed: those between line and threshold.
    lowest, highest : float
        The bounds of the metric.
    at_lowest, at_highest : int
        Seeds at exactly these.
    rest : GroupTest
        Of the other seeds alone.
    at_bounds : bool
        Whether these are what the test sees: they are at least 10 % of the seeds, and among the others the test
        does not refute a single group at .05.
    """

    kind: SplitKind
    line: float
    better: SuccessRate | None
    misplaced: int
    lowest: float
    highest: float
    at_lowest: int
    at_highest: int
    rest: GroupTest
    at_bounds: bool


def group_split(
    sample: FloatArray,
    cluster: SuccessCluster,
    success: SuccessRate,
    criterion: Criterion,
    *,
    lattice: float | None,
    bounds: tuple[float, float],
    two_values: bool,
    level: float,
) -> GroupSplit:
    """How the seeds of a scale part, given that they do.

    Parameters
    ----------
    sample : ndarray, shape (n,)
        Final values; `nan` for a diverged seed.
    cluster : SuccessCluster
        Of the sample, in the unit of the metric.
    success : SuccessRate
        Of the sample.
    criterion : Criterion
        What success is.
    lattice : float or None
        Step between the values that the metric can take.
    bounds : tuple of two floats
        The range of the metric.
    two_values : bool
        Whether the metric can take two values only.
    level : float
        Of the test among the seeds that are not at a bound.

    Returns
    -------
    GroupSplit
        Of the kind

        * "two values": the metric knows no third, so that the groups are of its making;
        * "successes and failures": the threshold lies between the means of the two groups, the share of the better
          group lies within the interval of P(success), and at most 10 % of the seeds lie between the line that
          divides the groups and the threshold;
        * "elsewhere": otherwise. The threshold then cuts through one of the groups.

    Notes
    -----
    The two shares are of the same seeds, so their difference is no chance: the interval of P(success) is a measure
    of what matters at this n, and 10 % keeps it from excusing everything where n is small.
    """
    inside = observed(sample)
    low, high = at_ends(inside, bounds)
    at_lowest, at_highest = int(low.sum()), int(high.sum())
    rest = group_test(inside[~low & ~high], lattice=lattice, bounds=bounds)
    at_bounds = 0 < at_lowest + at_highest >= SATURATED * inside.size and not rest.pvalue <= level
    better, misplaced, agrees = None, 0, False
    if not math.isnan(cluster.line):
        values = criterion.oriented(sample)
        line = float(criterion.oriented(cluster.line))
        above, there = values >= line, values >= criterion.least
        better = success_rate(values, line)
        misplaced = int((above != there).sum())
        seen = observed(values)
        agrees = bool(
            np.any(above)
            and np.any(seen < line)
            and seen[seen < line].mean() < criterion.least <= seen[seen >= line].mean()
            and success.low <= better.rate <= success.high
            and misplaced <= MISPLACED * success.n
        )
        better = replace(better, threshold=cluster.line)
    return GroupSplit(
        kind="two values" if two_values else "successes and failures" if agrees else "elsewhere",
        line=cluster.line,
        better=better,
        misplaced=misplaced,
        lowest=bounds[0],
        highest=bounds[1],
        at_lowest=at_lowest,
        at_highest=at_highest,
        rest=rest,
        at_bounds=at_bounds,
    )
