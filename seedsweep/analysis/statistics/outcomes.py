"""Competing outcomes over time: the share of seeds that never had it yet, have it, have lost it, have it again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedsweep.analysis.statistics.rows import Cell, Rows
from seedsweep.analysis.statistics.samples import FloatArray, as_sample, require_share
from seedsweep.analysis.statistics.states import OUTCOMES
from seedsweep.analysis.statistics.success import wilson

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class OutcomeShares(Rows):
    """Shares of the seeds in every state at every evaluation; they add up to 1.

    Attributes
    ----------
    steps : ndarray of float, shape (t,)
    never, there, gone, back : ndarray of float, shape (t,)
        Not yet; for the first time; lost; again.
    low, high : ndarray of float, shape (4, t)
        Pointwise intervals of these four.
    observed : ndarray of int, shape (t,)
        Seeds that were not stopped before.
    n : int
        All seeds.
    confidence : float
    """

    steps: FloatArray
    never: FloatArray
    there: FloatArray
    gone: FloatArray
    back: FloatArray
    low: FloatArray
    high: FloatArray
    observed: Ints
    n: int
    confidence: float

    def _rows(self) -> list[dict[str, Cell]]:
        names = ("never", "there", "gone", "back")
        columns = {"step": self.steps, "observed": self.observed} | {name: getattr(self, name) for name in names}
        for name, low, high in zip(names, self.low, self.high, strict=True):
            columns |= {f"{name}_low": low, f"{name}_high": high}
        return [
            dict(zip(columns, row, strict=True))
            for row in zip(*(c.tolist() for c in columns.values()), strict=True)
        ]

    @property
    def stacked(self) -> FloatArray:
        """The four shares, shape (4, t)."""
        return np.stack([self.never, self.there, self.gone, self.back])


def outcome_shares(steps: npt.ArrayLike, states: npt.ArrayLike, *, confidence: float = 0.95) -> OutcomeShares:
    """Shares of competing outcomes as functions of time, seeds that were stopped on the way allowed for.

    Parameters
    ----------
    steps : array_like, shape (t,)
        Steps of the evaluations.
    states : array_like of int, shape (n, t)
        0 to 3 for never, there, gone, back; -1 from where a seed was stopped (`RiseAndFall.states`).
    confidence : float
        Of the pointwise intervals.

    Returns
    -------
    OutcomeShares
        `nan` without seeds.

    Raises
    ------
    ValueError
        If the shapes do not match, a state is another number, or `confidence` is not between 0 and 1.

    Notes
    -----
    The Aalen–Johansen estimate [1]_: from one evaluation to the next each state hands on its share as the seeds do
    that were seen at both. Without stopped seeds these are the plain shares of the seeds; with some it is
    consistent if they were stopped regardless of what they would have done, whether or not the states are a Markov
    chain [2]_. "Never" is then the Kaplan–Meier curve of emergence. A state of which all seeds were stopped keeps
    its share.

    The intervals are Wilson's for as many seeds as were still observed, which is a little wider than need be.

    References
    ----------
    .. [1] O. O. Aalen and S. Johansen, "An Empirical Transition Matrix for Non-Homogeneous Markov Chains Based on
       Censored Observations", Scandinavian Journal of Statistics 5 (1978), 141-150.
    .. [2] S. Datta and G. A. Satten, "Validity of the Aalen-Johansen Estimators of Stage Occupation Probabilities
       and Nelson-Aalen Estimators of Integrated Transition Hazards for Non-Markov Models", Statistics &
       Probability Letters 55 (2001), 403-411.

    Examples
    --------
    >>> shares = outcome_shares([0, 1, 2], [[0, 1, 2], [0, 0, 1], [0, 1, -1], [0, 0, 0]])
    >>> shares.never, shares.gone, shares.observed
    (array([1.  , 0.5 , 0.25]), array([0. , 0. , 0.5]), array([4, 4, 3]))
    """
    require_share(confidence=confidence)
    at = as_sample(steps)
    seen = np.asarray(states, dtype=np.int64).reshape(-1, at.size)
    known = seen >= 0
    if seen.size and (seen.max() >= len(OUTCOMES) or (known[:, 1:] & ~known[:, :-1]).any()):
        raise ValueError("states are 0 to 3, and -1 from where a seed was stopped")
    n, observed = len(seen), known.sum(axis=0)
    shares = np.full((len(OUTCOMES), at.size), np.nan)
    if n and at.size:
        shares[:, 0] = np.bincount(seen[:, 0], minlength=len(OUTCOMES)) / n
    for k in range(1, at.size if n else 0):
        moves = np.zeros((len(OUTCOMES), len(OUTCOMES)))
        both = known[:, k]
        np.add.at(moves, (seen[both, k - 1], seen[both, k]), 1)
        leaving = moves.sum(axis=1, keepdims=True)
        handed_on = np.where(leaving > 0, moves / np.maximum(leaving, 1), np.eye(len(OUTCOMES)))
        shares[:, k] = shares[:, k - 1] @ handed_on
    ends = [
        [wilson(min(share, 1.0), max(int(many), 1), confidence) for share, many in zip(row, observed, strict=True)]
        for row in shares
    ]
    limits = np.array(ends).reshape(len(OUTCOMES), at.size, 2)
    return OutcomeShares(
        steps=at,
        **dict(zip(OUTCOMES, shares, strict=True)),
        low=limits[..., 0],
        high=limits[..., 1],
        observed=observed,
        n=n,
        confidence=confidence,
    )
