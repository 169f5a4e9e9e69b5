"""What can be known at best of the cells of an automaton's row, by observers who know the task but for the rule.

A model is compared with the *table observer*: it notes which colour followed each neighbourhood, in all cells
before the one it predicts, is certain of those it has noted and guesses the others. With one application and a
fresh table for every row nobody can do better, since entries not seen yet are uniform whatever was seen. Where
the window is wider its entries are the composed rule's, and one who knew that they are composed could do a
little better. The *pool observer* also knows which rules there are and leaves out those that what it saw rules
out. Two that know less: colours in proportion to how often they have occurred (rule of succession), and the cell
above.

Values are expectations given a row, averaged over rows. Those are all there are, every rule with every first
state, if there are at most 2^20 (two colours and up to 12 cells): then they are exact. Else they are drawn, with
numpy's generator and not the engine's, and `error_T` says how far off that may be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from seedsweep.workers.tasks.automata import AutomataSettings, drawn_tables

ALL_ROWS = 2**20
"""Rows that are enumerated at most."""
ROWS_AT_ONCE = 2**14

Values = tuple[np.ndarray, np.ndarray]
"""Accuracy and cross entropy of every row and state after the first: (W, T − 1) each."""


class Ceiling(NamedTuple):
    """What an observer scores on the states 1 … T − 1, entry 0 being that of state 1."""

    accuracy_T: np.ndarray
    cross_entropy_T: np.ndarray
    """Nats. Infinite for who is certain and may be wrong."""
    accuracy_error_T: np.ndarray
    """Standard errors; 0 if all rows were looked at."""
    cross_entropy_error_T: np.ndarray
    rows: int
    exact: bool
    """Whether these were all the rows there are."""

    @property
    def accuracy(self) -> float:
        """Mean over the states, as the split `all` has it."""
        return float(self.accuracy_T.mean())

    @property
    def cross_entropy(self) -> float:
        """Mean over the states."""
        return float(self.cross_entropy_T.mean())


def ceilings(settings: AutomataSettings, *, rows: int = 16384, seed: int = 0) -> dict[str, Ceiling]:
    """What each observer scores: `table`, `colours`, `copy`, and `pool` if the rules are known or can be listed.

    Parameters
    ----------
    settings : AutomataSettings
        The task. Whose rules are fresh has a pool if it has two colours: all 256.
    rows : int
        Rows that are drawn, where there are too many to look at them all.
    seed : int
        Of numpy's generator, which draws them.
    """
    pool_NE = _pool(settings)
    observers: dict[str, Callable[[np.ndarray, np.ndarray], Values]] = {
        "table": lambda seen_WTS, states_WTS: _table(seen_WTS, settings),
        "colours": lambda seen_WTS, states_WTS: _colours(states_WTS, settings.colours),
        "copy": lambda seen_WTS, states_WTS: _copy(states_WTS),
    }
    if pool_NE is not None:
        observers["pool"] = lambda seen_WTS, states_WTS: _of_pool(states_WTS, pool_NE, settings)
    exact = pool_NE is not None and len(pool_NE) * settings.colours**settings.cells <= ALL_ROWS
    parts: dict[str, list[Values]] = {name: [] for name in observers}
    for table_WE, first_WS in _rows(settings, pool_NE, rows, seed, exact):
        states_WTS = _run(table_WE, first_WS, settings)
        places_WTS = _neighbourhoods(states_WTS[:, :-1], settings)
        for name, observer in observers.items():
            parts[name].append(observer(places_WTS, states_WTS))
    return {name: _ceiling(found, exact) for name, found in parts.items()}


def _pool(settings: AutomataSettings) -> np.ndarray | None:
    """The rules (N, C³), those of two colours if they are fresh; None if there are too many to list."""
    if settings.tables:
        return drawn_tables(settings).numpy()
    if settings.colours == 2:
        return np.arange(256)[:, None] >> np.arange(8) & 1
    return None


def _rows(
    settings: AutomataSettings, pool_NE: np.ndarray | None, rows: int, seed: int, exact: bool
) -> Iterator[Values]:
    """Rules and first states of rows, some at a time."""
    c, s = settings.colours, settings.cells
    if exact:
        assert pool_NE is not None
        first_XS = np.arange(c**s)[:, None] // c ** np.arange(s) % c
        many = max(1, ROWS_AT_ONCE // len(first_XS))
        for some_NE in np.split(pool_NE, range(many, len(pool_NE), many)):
            yield np.repeat(some_NE, len(first_XS), axis=0), np.tile(first_XS, (len(some_NE), 1))
        return
    generator = np.random.default_rng(seed)
    for first in range(0, rows, ROWS_AT_ONCE):
        count = min(ROWS_AT_ONCE, rows - first)
        fresh_WE = generator.integers(c, size=(count, c**3))
        table_WE = fresh_WE if pool_NE is None else pool_NE[generator.integers(len(pool_NE), size=count)]
        yield table_WE, generator.integers(c, size=(count, s))


def _run(table_WE: np.ndarray, first_WS: np.ndarray, settings: AutomataSettings) -> np.ndarray:
    """All states (W, T, S)."""
    c, states = settings.colours, [first_WS]
    for _ in range(settings.states - 1):
        state_WS = states[-1]
        for _ in range(settings.applications):
            left_WS, right_WS = np.roll(state_WS, 1, axis=1), np.roll(state_WS, -1, axis=1)
            state_WS = np.take_along_axis(table_WE, (left_WS * c + state_WS) * c + right_WS, axis=1)
        states.append(state_WS)
    return np.stack(states, axis=1)


def _neighbourhoods(states_WTS: np.ndarray, settings: AutomataSettings) -> np.ndarray:
    """The cells that the one below each depends on, as one number with as many digits as the window has cells."""
    number = np.zeros_like(states_WTS)
    for offset in range(-settings.applications, settings.applications + 1):
        number = number * settings.colours + np.roll(states_WTS, -offset, axis=-1)
    return number


def _table(places_WTS: np.ndarray, settings: AutomataSettings) -> Values:
    """Certain of every neighbourhood that was there before, without a clue of any other."""
    new_WT = _first_times(places_WTS).mean(axis=2)
    return 1 - new_WT * (1 - 1 / settings.colours), new_WT * np.log(settings.colours)


def _first_times(places_WTS: np.ndarray) -> np.ndarray:
    """Whether a number stands there for the first time in its row, in the order of the tokens."""
    flat_WA = places_WTS.reshape(len(places_WTS), -1)
    order_WA = flat_WA.argsort(axis=1, kind="stable")
    sorted_WA = np.take_along_axis(flat_WA, order_WA, axis=1)
    first_WA = np.ones_like(flat_WA, dtype=bool)
    first_WA[:, 1:] = sorted_WA[:, 1:] != sorted_WA[:, :-1]
    found_WA = np.empty_like(first_WA)
    np.put_along_axis(found_WA, order_WA, first_WA, axis=1)
    return found_WA.reshape(places_WTS.shape)


def _of_pool(states_WTS: np.ndarray, pool_NE: np.ndarray, settings: AutomataSettings) -> Values:
    """Colours in proportion to the rules of the pool that gave all the cells so far; guesses the likeliest."""
    rows, states, cells = states_WTS.shape
    accuracy_WT, entropy_WT = np.zeros((2, rows, states - 1))
    for some in np.array_split(np.arange(rows), -(-rows * len(pool_NE) // 2**20)):
        rules_WNE = np.broadcast_to(pool_NE, (len(some), *pool_NE.shape)).reshape(-1, pool_NE.shape[1])
        possible_WN = np.ones((len(some), len(pool_NE)))
        for state in range(1, states):
            before_WNS = np.repeat(states_WTS[some, state - 1], len(pool_NE), axis=0)
            two = settings.model_copy(update={"states": 2})
            next_WNS = _run(rules_WNE, before_WNS, two)[:, 1].reshape(len(some), len(pool_NE), cells)
            for cell in range(cells):
                votes_WN = next_WNS[:, :, cell]
                share_WC = np.stack(
                    [(possible_WN * (votes_WN == colour)).sum(1) for colour in range(settings.colours)], axis=1
                )
                share_WC /= share_WC.sum(axis=1, keepdims=True)
                # What may be expected of one who knows these shares: they are the true ones.
                accuracy_WT[some, state - 1] += share_WC.max(axis=1) / cells
                logs_WC = np.log(share_WC, where=share_WC > 0, out=np.zeros_like(share_WC))
                entropy_WT[some, state - 1] -= (share_WC * logs_WC).sum(axis=1) / cells
                possible_WN = possible_WN * (votes_WN == states_WTS[some, state, cell][:, None])
    return accuracy_WT, entropy_WT


def _colours(states_WTS: np.ndarray, colours: int) -> Values:
    """Colours in proportion to one more than their number before, those of the first state included."""
    rows, states, cells = states_WTS.shape
    is_WAC = states_WTS.reshape(rows, -1)[..., None] == np.arange(colours)
    before_WAC = is_WAC.cumsum(axis=1) - is_WAC + 1
    share_WA = (before_WAC * is_WAC).sum(axis=2) / before_WAC.sum(axis=2)
    # Of several that are as frequent any may be guessed.
    likeliest_WAC = before_WAC == before_WAC.max(axis=2, keepdims=True)
    right_WA = (likeliest_WAC * is_WAC).sum(axis=2) / likeliest_WAC.sum(axis=2)
    shape = (rows, states - 1, cells)
    return right_WA[:, cells:].reshape(shape).mean(axis=2), -np.log(share_WA[:, cells:]).reshape(shape).mean(
        axis=2
    )


def _copy(states_WTS: np.ndarray) -> Values:
    same_WT = (states_WTS[:, 1:] == states_WTS[:, :-1]).mean(axis=2)
    return same_WT, np.where(same_WT == 1, 0.0, np.inf)


def _ceiling(parts: list[Values], exact: bool) -> Ceiling:
    accuracy_WT, entropy_WT = (np.concatenate(column) for column in zip(*parts, strict=True))
    rows = len(accuracy_WT)

    def error(values_WT: np.ndarray) -> np.ndarray:
        if exact or not np.isfinite(values_WT).all():
            return np.zeros(values_WT.shape[1])
        return np.asarray(values_WT.std(axis=0, ddof=1) / np.sqrt(rows))

    return Ceiling(
        accuracy_WT.mean(axis=0),
        entropy_WT.mean(axis=0),
        error(accuracy_WT),
        error(entropy_WT),
        rows,
        exact,
    )
