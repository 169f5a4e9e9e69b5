"""How many seeds each scale of a ladder needs for a question, before there is a population or after a pilot."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from seedsweep.analysis.statistics.planning import (
    SeedsForDifference,
    SeedsForPrecision,
    seeds_for_difference,
    seeds_for_precision,
)
from seedsweep.analysis.statistics.power import SeedsNeeded, seeds_needed
from seedsweep.analysis.statistics.results import Result
from seedsweep.analysis.statistics.samples import FloatArray, observed
from seedsweep.analysis.statistics.success import succeeds
from seedsweep.analysis.study.parts import LEVEL

SPREADS_APART: Final = 6.0
"""Standard deviations from a group to the others, if nobody says how far seeds spread; our choice. Closer groups
overlap so much that small ones are hardly seen."""


@dataclass(frozen=True)
class Question:
    """What shall be found; what is None is not asked.

    Attributes
    ----------
    p_success : float, optional
        Half-width to which P(success) shall be known.
    split : float, optional
        Share of the seeds in a group that shall be found.
    distance : float, optional
        Of that group from the others, in the unit of the metric.
    spread : float, optional
        Standard deviation within a group; by default that of the pilot, or a sixth of the distance.
    difference : float, optional
        Of P(success) between two scales, or two sweeps.
    """

    p_success: float | None = None
    split: float | None = None
    distance: float | None = None
    spread: float | None = None
    difference: float | None = None


@dataclass(frozen=True)
class ScaleNeeds(Result):
    """Seeds that one scale needs.

    Attributes
    ----------
    scale : float
    share : float
        P(success) that is assumed.
    spread : float or None
        Standard deviation within a group that is assumed; None if no split is asked for.
    piloted : bool
        Whether the pilot has told them.
    precision : SeedsForPrecision or None
    split : SeedsNeeded or None
    difference : SeedsForDifference or None
        Of what was asked.
    """

    scale: float
    share: float
    spread: float | None
    piloted: bool
    precision: SeedsForPrecision | None
    split: SeedsNeeded | None
    difference: SeedsForDifference | None

    @property
    def n(self) -> int | None:
        """Seeds for all that was asked; None if no number that was tried is enough."""
        asked = [part.n for part in (self.split, self.difference) if part is not None]
        asked += [] if self.precision is None else [self.precision.fixed]
        known = [n for n in asked if n is not None]
        return max(known) if len(known) == len(asked) else None


def seeds_by_scale(
    question: Question,
    scales: Sequence[float],
    *,
    lattice: Mapping[float, float | None] | None = None,
    pilot: Mapping[float, npt.ArrayLike] | None = None,
    threshold: float = 0.0,
) -> tuple[ScaleNeeds, ...]:
    """Seeds that every scale of a ladder needs for a question.

    Parameters
    ----------
    question : Question
    scales : sequence of float
        The ladder.
    lattice : mapping from scale to float, optional
        Step between the values that the metric can take.
    pilot : mapping from scale to array_like, shape (n,), optional
        One value per seed that there is already, higher is better. Its share of successes, drawn towards one half
        as the centre of Wilson's interval is, and its standard deviation are taken for those of the population.
        Without one P(success) is one half, the hardest case.
    threshold : float
        From which value on a seed of the pilot succeeds.

    Returns
    -------
    tuple of ScaleNeeds

    Notes
    -----
    Each is for a power of 80 % at the level of .05 divided by the number of scales, the first step of Holm's
    correction, by simulation of the test that the analysis uses: `group_test` for a split, Fisher's exact test for
    a difference.

    Examples
    --------
    >>> (need,) = seeds_by_scale(Question(p_success=0.1), [2.0])
    >>> need.scale
    2.0
    """
    samples = {scale: np.asarray(x, dtype=np.float64) for scale, x in (pilot or {}).items()}
    spreads = {scale: _spread(sample) for scale, sample in samples.items()}
    alpha = LEVEL / len(scales)
    needs = []
    for scale in scales:
        sample = samples.get(scale, np.array([]))
        share = (float(succeeds(sample, threshold).sum()) + 2) / (sample.size + 4)
        spread = _assumed(question, spreads, scale)
        group = difference = None
        if question.split is not None and question.distance is not None and spread is not None:
            of_spread = [0.0, spread * math.sqrt(2)]  # only their standard deviation counts
            step = (lattice or {}).get(scale)
            group = seeds_needed(
                of_spread, distance=question.distance, share=question.split, lattice=step, alpha=alpha
            )
        if question.difference is not None:
            difference = seeds_for_difference(question.difference, share=share, alpha=alpha)
        precision = None if question.p_success is None else seeds_for_precision(question.p_success, share=share)
        piloted = sample.size > 0
        needs.append(ScaleNeeds(scale, share, spread, piloted, precision, group, difference))
    return tuple(needs)


def _assumed(question: Question, spreads: Mapping[float, float], scale: float) -> float | None:
    """Standard deviation within a group: what was said, the pilot's at this scale or its largest, or a guess."""
    if question.distance is None:
        return None
    if question.spread is not None:
        return question.spread
    known = spreads.get(scale, 0.0) or max(spreads.values(), default=0.0)
    return known or question.distance / SPREADS_APART


def _spread(sample: FloatArray) -> float:
    values = observed(sample)
    # Of equal values rounding leaves something.
    return float(values.std(ddof=1)) if values.size > 1 and np.ptp(values) > 0 else 0.0
