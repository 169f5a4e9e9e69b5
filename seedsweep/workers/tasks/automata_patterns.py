"""Which tokens the cells of an automaton depend on, and which they do not.

Letters: Q positions that look, S cells of a state, D places that each looks at, T tokens of a row.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seedsweep.workers.philox import Role, philox
from seedsweep.workers.tasks import Pattern


def patterns(cells: int, states: int, window: int, seed: int) -> dict[str, Pattern]:
    """Parents of all cells that count, at the queries S − 1 … S · states − 2, among the cells of the state before.

    true
        The `window` cells around its place in the state before, which is a ring.
    wrong
        As many cells of the state before, drawn from the pattern's seed for every query; never the true ones all
        of them, unless there are no others.
    outputs
        The cells that were written before it in its own state, the query's own token included.
    """
    length = cells * states
    queries_Q, positions_T = torch.arange(cells - 1, length - 1), torch.arange(length)
    state_Q, place_Q = (queries_Q + 1) // cells, (queries_Q + 1) % cells
    around_QD = (place_Q[:, None] + torch.arange(-(window // 2), window // 2 + 1)) % cells
    start_Q1 = ((state_Q - 1) * cells)[:, None]
    before_QT = (positions_T >= start_Q1) & (positions_T < start_Q1 + cells)
    parents = {
        "true": _at(start_Q1 + around_QD, length),
        "wrong": _at(start_Q1 + _other_places(around_QD, cells, seed), length),
        "outputs": (positions_T >= start_Q1 + cells) & (positions_T <= queries_Q[:, None]),
    }
    return {name: Pattern(queries_Q, parents_QT, before_QT) for name, parents_QT in parents.items()}


def _other_places(around_QD: Tensor, cells: int, seed: int) -> Tensor:
    """As many places of a state, of which not all are those."""
    queries, window = around_QD.shape
    positions_QS = torch.arange(queries * cells).view(queries, cells)
    found_QD = torch.empty_like(around_QD)
    open_Q, draw = torch.ones(queries, dtype=torch.bool), 0
    while bool(open_Q.any()):
        key = (-1 - seed, Role.PATTERN)  # no pattern's seed is negative
        ranks_QS = philox(key, (positions_QS, draw))[..., 0].argsort(dim=1, stable=True)
        found_QD[open_Q] = ranks_QS[open_Q, :window]
        same_Q = (found_QD.sort(dim=1).values == around_QD.sort(dim=1).values).all(dim=1)
        open_Q, draw = same_Q & (window < cells), draw + 1
    return found_QD


def _at(positions_QD: Tensor, length: int) -> Tensor:
    """True at those positions of rows of that length."""
    marked_QT = torch.zeros(len(positions_QD), length, dtype=torch.bool)
    return marked_QT.scatter_(1, positions_QD, True)
