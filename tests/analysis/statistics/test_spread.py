"""Where tied values are thought to lie."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seedsweep.analysis.statistics.spread import COPIES, spreads

ANY = (-math.inf, math.inf)


def test_values_that_occur_once_are_exact() -> None:
    (way,) = spreads(np.array([0.1, 0.2, 0.4]), None, (0, 1))
    assert way.exact
    assert way.copies().tolist() == [[0.1, 0.2, 0.4]]


def test_a_lattice_spreads_over_its_step() -> None:
    (way,) = spreads(np.array([0.1, 0.2, 0.2]), 0.1, (0, 1))
    assert way.low == pytest.approx([0.05, 0.15, 0.15])
    assert way.high == pytest.approx([0.15, 0.25, 0.25])
    copies = way.copies()
    assert copies.shape == (COPIES, 3)
    assert (np.diff(copies, axis=1) >= 0).all()
    assert (copies == way.copies()).all()


def test_unexplained_ties_reach_half_way_to_their_neighbours() -> None:
    (way,) = spreads(np.array([1.0, 1.0, 2.0, 4.0, 4.0, 4.0, 10.0]), None, ANY)
    assert way.low.tolist() == [0.5, 0.5, 2.0, 3.0, 3.0, 3.0, 10.0]
    assert way.high.tolist() == [1.5, 1.5, 2.0, 7.0, 7.0, 7.0, 10.0]


def test_values_tied_at_an_end_lie_beyond_it() -> None:
    inside = [0.2, 0.3, 0.5, 0.8]
    ways = list(spreads(np.array([0.0, 0.0, *inside, 1.0]), None, (0, 1)))
    assert [-way.low[0] for way in ways] == pytest.approx([0.2 / 2**k for k in range(7)])
    assert all((way.high[:2] == 0).all() for way in ways)
    assert all(way.low[2:].tolist() == [*inside, 1.0] for way in ways)
    both = list(spreads(np.array([0.0, 0.0, *inside, 1.0, 1.0]), 0.1, (0, 1)))
    assert len(both) == 4  # the widths of 0.2 and 0.1, at either end
    assert {(round(-way.low[0], 9), round(way.high[-1] - 1, 9)) for way in both} == {
        (a, b) for a in (0.2, 0.1) for b in (0.2, 0.1)
    }
    assert all(way.high[0] == pytest.approx(0.05) for way in both)


def test_few_values_inside_say_nothing_of_what_is_beyond() -> None:
    (way,) = spreads(np.array([0.0, 0.0, 0.5, 1.0, 1.0]), 0.1, (0, 1))
    assert way.low[0] == pytest.approx(-0.05)
    (binary,) = spreads(np.array([0.0, 0.0, 1.0, 1.0]), None, (0, 1))
    assert (binary.low[0], binary.high[0], binary.low[-1], binary.high[-1]) == (-0.5, 0.5, 0.5, 1.5)
