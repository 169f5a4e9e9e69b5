"""Ceilings of the automata: computed elsewhere, counted by brute force, and two observers that must agree."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from seedsweep.workers.tasks.automata import AutomataSettings
from seedsweep.workers.tasks.automata_ceilings import ceilings


def settings(**given: Any) -> AutomataSettings:
    return AutomataSettings(**{"name": "automata", "colours": 2, "cells": 8, "states": 8, **given})


@pytest.mark.parametrize(
    ("colours", "cells", "states", "accuracy", "last"),
    [(4, 16, 16, 0.82, 0.97), (4, 8, 16, 0.71, 0.92), (4, 8, 8, 0.54, 0.74), (3, 8, 12, 0.84, 0.99)],
)
def test_they_are_those_computed_elsewhere(
    colours: int, cells: int, states: int, accuracy: float, last: float
) -> None:
    found = ceilings(settings(colours=colours, cells=cells, states=states), rows=4000)
    table = found["table"]
    assert table.accuracy == pytest.approx(accuracy, abs=0.01)
    assert table.accuracy_T[-1] == pytest.approx(last, abs=0.01)
    assert not table.exact
    if (colours, cells, states) == (4, 16, 16):
        assert table.cross_entropy == pytest.approx(0.33, abs=0.01)
        assert found["colours"].cross_entropy == pytest.approx(1.36, abs=0.01)


def test_the_pool_observer_knows_more() -> None:
    """C 4, S 16, T 16, 256 rules: .99 of all cells, 1.0 of the last state's, cross entropy .02."""
    found = ceilings(settings(colours=4, cells=16, states=16, tables=256), rows=64)
    assert found["pool"].accuracy == pytest.approx(0.99, abs=0.01)
    assert found["pool"].accuracy_T[-1] == pytest.approx(1.0, abs=1e-6)
    assert found["pool"].cross_entropy == pytest.approx(0.02, abs=0.01)
    assert found["table"].accuracy == pytest.approx(0.82, abs=0.03)


def brute_force(states: int, cells: int) -> np.ndarray:
    """Accuracy (T − 1,) of the table observer of two colours, over all rules and first states, cell by cell."""
    right = np.zeros(states - 1)
    for rule, first in itertools.product(
        itertools.product((0, 1), repeat=8), itertools.product((0, 1), repeat=cells)
    ):
        known: dict[tuple[int, int, int], int] = {}
        before = first
        for state in range(states - 1):
            after = []
            for place in range(cells):
                around = (before[place - 1], before[place], before[(place + 1) % cells])
                colour = rule[4 * around[0] + 2 * around[1] + around[2]]
                right[state] += 1.0 if around in known else 0.5
                known[around] = colour
                after.append(colour)
            before = tuple(after)
    return np.asarray(right / (256 * 2**cells * cells))


def test_enumerated_rows_give_what_counting_by_hand_gives() -> None:
    table = ceilings(settings(cells=4, states=5))["table"]
    assert table.exact
    assert table.rows == 256 * 16
    by_hand = brute_force(5, 4)
    assert table.accuracy_T == pytest.approx(by_hand, abs=1e-12)
    assert table.cross_entropy_T == pytest.approx(2 * (1 - by_hand) * math.log(2), abs=1e-12)


def test_who_knows_all_rules_of_two_colours_knows_no_more_than_the_table() -> None:
    """Of a fresh rule the entries not seen yet are uniform, so the table observer is the best there is."""
    found = ceilings(settings(cells=4, states=4))
    assert found["pool"].exact
    for one, other in zip(found["pool"][:2], found["table"][:2], strict=True):
        assert one == pytest.approx(other, abs=1e-12)
    wider = ceilings(settings(cells=5, states=3, applications=2))
    assert (wider["pool"].accuracy_T > wider["table"].accuracy_T).all()  # composed rules are fewer


def test_of_one_rule_nothing_is_left_to_know() -> None:
    found = ceilings(settings(tables=1, cells=6, states=4))
    assert found["pool"].accuracy_T == pytest.approx([1, 1, 1])
    assert found["pool"].cross_entropy_T == pytest.approx([0, 0, 0], abs=1e-12)
    assert found["table"].accuracy < 1


def test_drawn_rows_are_off_by_what_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = ceilings(settings(cells=5, states=4, tables=40))
    monkeypatch.setattr("seedsweep.workers.tasks.automata_ceilings.ALL_ROWS", 0)
    drawn = ceilings(settings(cells=5, states=4, tables=40), rows=1500)
    for name in ("table", "pool", "colours", "copy"):
        one, all_rows = drawn[name], exact[name]
        assert (one.exact, all_rows.exact) == (False, True)
        apart_T = np.abs(one.accuracy_T - all_rows.accuracy_T)
        assert (apart_T < 4.5 * one.accuracy_error_T).all(), name
        assert (all_rows.accuracy_error_T == 0).all()
