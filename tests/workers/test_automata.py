"""Cellular automata: rows that follow their rule, splits by state, and the patterns that the task names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from seedsweep.seeds import Seed
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.device import reproducible
from seedsweep.workers.dialects.pre_ln import PreLNSettings
from seedsweep.workers.instrumentsettings import InterventionSettings
from seedsweep.workers.settings import EvaluateSettings, TrainSettings
from seedsweep.workers.tasks.automata import Automata, AutomataSettings, drawn_tables
from seedsweep.workers.tasks.automata_ceilings import ceilings
from seedsweep.workers.trainer import PackTrainer

CPU = torch.device("cpu")


def settings(**given: Any) -> AutomataSettings:
    small = {"name": "automata", "colours": 3, "cells": 6, "states": 5, "evaluation_examples": 16}
    return AutomataSettings(**small | given)


def states_of(task: AutomataSettings, seeds: list[int], steps: list[int], batch: int) -> np.ndarray:
    rows = Automata(task, CPU).rows(torch.tensor(seeds), torch.tensor(steps), batch)
    return rows.tokens_NSBT.numpy().reshape(len(steps), len(seeds), batch, task.states, task.cells)


def rule_of(states_TS: np.ndarray, window: int) -> dict[tuple[int, ...], int]:
    """The entries that a row shows, found by looking at it cell by cell. Fails if it has none."""
    cells, reach = states_TS.shape[1], window // 2
    found: dict[tuple[int, ...], int] = {}
    for before, after in pairwise(states_TS):
        for place in range(cells):
            around = tuple(int(before[(place + d) % cells]) for d in range(-reach, reach + 1))
            assert found.setdefault(around, int(after[place])) == after[place]
    return found


@pytest.mark.parametrize(
    "changes", [{}, {"colours": 2, "cells": 8}, {"colours": 4}, {"applications": 2}, {"tables": 1}, {"tables": 5}]
)
def test_every_row_follows_one_rule(changes: dict[str, Any]) -> None:
    task = settings(**changes)
    states_NSBTS = states_of(task, [3, 8], [0, 5], 12)
    assert states_NSBTS.min() == 0
    assert states_NSBTS.max() == task.colours - 1
    rules = [rule_of(row, task.window) for row in states_NSBTS.reshape(-1, task.states, task.cells)]
    if task.tables == 1:
        for rule in rules:
            assert all(rules[0].get(around, colour) == colour for around, colour in rule.items())
    if task.tables and task.applications == 1:
        tables_NE = drawn_tables(task).numpy()
        weights = task.colours ** np.array([2, 1, 0])
        for rule in rules:  # one of the pool says the same
            assert any(all(table[np.dot(a, weights)] == c for a, c in rule.items()) for table in tables_NE)


def test_two_applications_are_one_twice() -> None:
    """Every second state of the rows of k 1 is a row of k 2: same draws, same rule."""
    once = states_of(settings(states=9), [3], [2], 8)
    twice = states_of(settings(states=5, applications=2), [3], [2], 8)
    assert (once[..., ::2, :] == twice).all()


def test_rows_follow_seed_and_step_alone() -> None:
    for tables in (0, 4):
        both = states_of(settings(tables=tables), [3, 9], [5, 6], 8)
        assert (states_of(settings(tables=tables), [9], [6], 4)[0, 0] == both[1, 1, :4]).all()
        assert len({row.tobytes() for row in both.reshape(4, -1)}) == 4
    other = states_of(settings(tables=4, pattern_seed=1), [3, 9], [5, 6], 8)
    assert (other[..., 0, :] == both[..., 0, :]).all()
    assert (other[..., 1, :] != both[..., 1, :]).any()


def test_first_states_and_rules_are_uniform() -> None:
    states = states_of(settings(colours=2, cells=3, states=2), [1], list(range(40)), 256).reshape(-1, 2, 3)
    counts = np.bincount(states.reshape(-1, 6) @ (2 ** np.arange(6)), minlength=64).reshape(8, 8)
    # States 0 and 7 have one neighbourhood only, all cells alike: what follows is of two kinds.
    assert counts.sum(axis=0) == pytest.approx(np.full(8, len(states) / 8), rel=0.1)
    follows_0 = counts[:, 0] / counts[:, 0].sum()
    assert follows_0[[0, 7]] == pytest.approx([0.5, 0.5], abs=0.07)
    follows_1 = counts[:, 1] / counts[:, 1].sum()
    assert follows_1 == pytest.approx(np.full(8, 1 / 8), abs=0.05)
    used = np.bincount(drawn_tables(settings(colours=3, tables=2000)).numpy().ravel(), minlength=3)
    assert used / used.sum() == pytest.approx(np.full(3, 1 / 3), abs=0.01)


def test_only_states_after_the_first_count() -> None:
    mask = Automata(settings(), CPU).rows(torch.tensor([0]), torch.tensor([0]), 1).mask_NSBT.flatten()
    assert mask.tolist() == [False] * 6 + [True] * 24


def test_patterns_are_what_the_cells_depend_on() -> None:
    task = Automata(settings(cells=7), CPU)
    patterns = task.patterns()
    assert tuple(patterns) == task.settings.pattern_names()
    true, wrong, outputs = patterns.values()
    positions_T = torch.arange(35)
    for pattern in patterns.values():
        assert pattern.queries_Q.tolist() == list(range(6, 34))
        assert not (pattern.parents_QT & (positions_T > pattern.queries_Q[:, None])).any()  # nothing ahead
    # The rule of a row, read at the true parents, is one: at the wrong ones the same cells contradict it.
    rows_BT = task.reading_rows()
    assert _contradictions(rows_BT, true.parents_QT) == 0
    assert _contradictions(rows_BT, wrong.parents_QT) > 0
    assert (wrong.parents_QT.sum(1) == 3).all()
    assert not (wrong.parents_QT & ~wrong.inputs_QT).any()
    assert not (wrong.parents_QT == true.parents_QT).all(1).any()
    assert true.parents_QT[7].nonzero().flatten().tolist() == [7, 8, 13]  # place 0 of state 2, in a ring
    assert outputs.parents_QT[7].sum() == 0
    assert outputs.parents_QT[9].nonzero().flatten().tolist() == [14, 15]
    assert true.inputs_QT[9].nonzero().flatten().tolist() == list(range(7, 14))


def _contradictions(rows_BT: torch.Tensor, parents_QT: torch.Tensor) -> int:
    """Pairs of cells of a row whose parents have as many of every colour, in a rule that looks at that alone."""
    found = 0
    for row_T in rows_BT:
        seen: dict[tuple[int, ...], set[int]] = {}
        for query, parents_T in enumerate(parents_QT, start=6):
            places = parents_T.nonzero().flatten()
            start = (query + 1) // 7 * 7 - 7
            place = (query + 1) % 7
            ordered = sorted(places.tolist(), key=lambda at: (at - start - place + 3) % 7)
            seen.setdefault(tuple(row_T[ordered].tolist()), set()).add(int(row_T[query + 1]))
        found += sum(len(colours) > 1 for colours in seen.values())
    return found


def test_a_window_wider_than_a_state_is_refused() -> None:
    with pytest.raises(
        ValidationError, match=r"applications: 3 make a cell depend on 7 cells, a state has 6; .* 2"
    ):
        settings(applications=3)


def cell(
    task: AutomataSettings, steps: int = 150, tokens: int = 512, interventions: Sequence[InterventionSettings] = ()
) -> CellSettings:
    return CellSettings(
        task=task,
        model=PreLNSettings(depth=2, heads=4, d_model=32, init_std=0.1),
        train=TrainSettings(
            steps=steps, batch_tokens=tokens, learning_rate=3e-3, warmup=50, schedule="constant", weight_decay=0.01
        ),
        evaluate=EvaluateSettings(every=50),
        interventions=tuple(interventions),
    )


def test_splits_are_the_states_and_make_up_the_whole() -> None:
    task = settings(colours=2, cells=4, states=4, evaluation_examples=64)
    with reproducible("cpu", "float32"):
        trainer = PackTrainer(cell(task), [Seed(1, 1), Seed(2, 2)], "cpu")
        trainer.train_to(20)
        values = trainer.evaluate()
        with torch.no_grad():
            scores = trainer.task.output_scores(trainer.decoder)
    assert [split.name for split in task.splits()] == ["state-1", "state-2", "state-3", "last", "all"]
    for metric in ("loss", "token_accuracy", "probability"):
        states = [values[f"state-{number}", metric] for number in (1, 2, 3)]
        assert np.mean(states, axis=0) == pytest.approx(values["all", metric])
        assert (values["last", metric] == states[-1]).all()
    assert scores["nll"].mean(axis=1) == pytest.approx(values["last", "loss"])
    assert scores["accuracy"].mean(axis=1) == pytest.approx(values["last", "token_accuracy"])
    assert scores["probability"].mean(axis=1) == pytest.approx(values["last", "probability"])
    assert (values["all", "exact_match"] <= values["last", "exact_match"]).all()


def test_one_rule_for_all_rows_is_learned_at_once() -> None:
    """There is nothing to infer: the first state's successor is known as well as the last one."""
    task = settings(colours=2, cells=8, states=4, tables=1, evaluation_examples=128)
    with reproducible("cpu", "float32"):
        trainer = PackTrainer(cell(task, 300), [Seed(1, 1), Seed(2, 2)], "cpu")
        trainer.train_to(300)
        values = trainer.evaluate()
    assert (values["state-1", "loss"] < 0.1 * math.log(2)).all()
    assert (values["last", "loss"] < 0.1 * math.log(2)).all()


@pytest.mark.heavy
def test_a_rule_of_its_own_takes_far_longer_and_is_known_the_better_the_later_in_the_row() -> None:
    losses = {}
    for tables in (1, 0):
        task = settings(colours=2, cells=8, states=8, tables=tables, evaluation_examples=256)
        with reproducible("cpu", "float32"):
            trainer = PackTrainer(cell(task, 400), [Seed(1, 1), Seed(2, 2)], "cpu")
            trainer.train_to(400)
            values = trainer.evaluate()
        losses[tables] = [values[f"state-{state}", "loss"] for state in range(1, 8)]
    assert np.max(losses[1]) < 0.1
    assert np.min(losses[0]) > 0.2
    fresh_TS = np.array(losses[0])
    assert (fresh_TS[0] > fresh_TS[1]).all()
    assert (fresh_TS[1] > fresh_TS[3]).all()
    assert (fresh_TS[0] > fresh_TS[-1] + 0.1).all()
    # Nobody knows more than the table observer, up to what 256 rows vary by.
    table = ceilings(task)["table"]
    assert (fresh_TS > table.cross_entropy_T[:, None] - 0.05).all()


def last_losses(settings: CellSettings) -> np.ndarray:
    """Of two seeds after all steps, on the last state."""
    with reproducible("cpu", "float32"):
        trainer = PackTrainer(settings, [Seed(1, 1), Seed(2, 2)], "cpu")
        trainer.train_to(settings.train.steps)
        return trainer.evaluate()["last", "loss"]


@pytest.mark.heavy
def test_a_rule_that_is_applied_twice_takes_longer() -> None:
    """Of four colours. With two, rows that a rule has been applied to twice as often have mostly come to rest."""
    once, twice = (
        last_losses(cell(settings(colours=4, cells=8, states=4, tables=1, applications=k), steps=500))
        for k in (1, 2)
    )
    assert once.max() < 0.1
    assert twice.min() > 0.5


@pytest.mark.heavy
def test_states_that_are_too_long_are_learned_with_attention_on_their_parents() -> None:
    """After arXiv 2606.25010: what is missing is where to look."""
    task = settings(colours=2, cells=32, states=4, tables=1)
    bias = InterventionSettings(do="bias", pattern="true", strength=3.0)
    free, biased = (last_losses(cell(task, 200, 1024, given)) for given in ((), (bias,)))
    assert free.min() > 0.5
    assert biased.max() < 0.2
