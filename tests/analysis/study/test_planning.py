"""Seeds that a question needs at every scale of a ladder."""

from __future__ import annotations

import numpy as np
import pytest

from seedsweep.analysis.statistics.groups import group_test
from seedsweep.analysis.statistics.samples import generator
from seedsweep.analysis.study.planning import Question, seeds_by_scale


def test_without_a_pilot_every_scale_needs_as_many() -> None:
    one, other = seeds_by_scale(Question(p_success=0.1, difference=0.3), [1.0, 2.0])
    assert (one.share, one.spread, one.piloted, one.split) == (0.5, None, False, None)
    assert one.precision is not None
    assert one.difference is not None
    assert one.n == other.n == max(one.precision.fixed, one.difference.n or 0)


def test_a_pilot_tells_shares_and_spreads() -> None:
    pilot = {1.0: [0.1] * 20, 2.0: list(generator(1).normal(0.6, 0.05, 20))}
    question = Question(p_success=0.1, split=0.2, distance=0.5)
    first, second, third = seeds_by_scale(question, [1, 2, 3], pilot=pilot, threshold=0.6)
    assert first.share == pytest.approx(2 / 24)  # none of 20, drawn towards one half
    assert (first.piloted, third.piloted, third.share) == (True, False, 0.5)
    assert first.precision is not None
    assert third.precision is not None
    assert first.precision.fixed < third.precision.fixed
    assert second.spread == pytest.approx(np.std(pilot[2.0], ddof=1))
    assert first.spread == third.spread == second.spread  # equal seeds have none, and scale 3 has no seeds


def test_a_spread_that_is_said_counts_and_else_it_is_a_sixth_of_the_distance() -> None:
    [said] = seeds_by_scale(Question(split=0.3, distance=0.5, spread=0.05), [1.0])
    [guessed] = seeds_by_scale(Question(split=0.3, distance=0.6), [1.0])
    assert said.spread == 0.05
    assert guessed.spread == pytest.approx(0.1)
    assert said.n is not None
    assert guessed.n is not None
    assert said.n < guessed.n


def test_so_many_seeds_find_the_split() -> None:
    """By the very test, on fresh samples."""
    [needs] = seeds_by_scale(Question(split=0.25, distance=0.5, spread=0.07), [1.0])
    assert needs.n is not None
    random, found = generator(3), []
    for _ in range(60):
        groups = 0.5 * (random.random(needs.n) < 0.25)
        found.append(group_test(random.normal(0.2, 0.07, needs.n) + groups).pvalue <= 0.05)
    assert np.mean(found) == pytest.approx(0.8, abs=0.15)


def test_what_no_number_shows_has_no_number() -> None:
    [needs] = seeds_by_scale(Question(p_success=0.1, split=0.05, distance=0.1, spread=0.2), [1.0])
    assert needs.split is not None
    assert needs.split.n is None
    assert needs.n is None
