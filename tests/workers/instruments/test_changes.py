"""Interventions do what they say, to the heads and steps that they name, and nothing else."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.instruments.interventions import Interventions
from seedsweep.workers.instruments.patching import patched, recovered
from seedsweep.workers.instruments.reading import mean_attention
from seedsweep.workers.layout import WHOLE
from seedsweep.workers.trainer import PackTrainer
from tests.workers.instruments.conftest import BITS, ONES, SEEDS, Cell

QUERIES = torch.arange(BITS - 1, 2 * BITS - 1)
KINDS: list[dict[str, Any]] = [
    {"do": "bias", "pattern": "true", "strength": 3.0},
    {"do": "block", "pattern": "true"},
    {"do": "clamp", "pattern": "true"},
    {"do": "ablate", "heads": [1]},
]
DIALECTS = [
    {"dialect": "gpt-neox"},
    {"dialect": "post-ln", "dropout": 0.0},
    {"dialect": "post-ln", "dropout": 0.1},
]


def attention(cell: Cell, steps: int = 6, **settings: Any) -> np.ndarray:
    """(S, L, H, Q, T) of the pack after these steps, as it is evaluated."""
    trainer = PackTrainer(cell(**settings), SEEDS, "cpu")
    trainer.train_to(steps)
    return mean_attention(as_evaluated(trainer), trainer.task.reading_rows(), QUERIES)


def as_evaluated(trainer: PackTrainer) -> StackedDecoder:
    return trainer.gradient.interventions.trained(trainer.decoder, trainer._active_NI[trainer.step])


def parents(cell: Cell, name: str = "true") -> np.ndarray:
    return PackTrainer(cell(), SEEDS[:1], "cpu").task.patterns()[name].parents_QT.numpy()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["do"])
@pytest.mark.parametrize("model", DIALECTS, ids=str)
def test_one_that_does_not_hold_changes_no_bit(cell: Cell, kind: dict[str, Any], model: dict[str, Any]) -> None:
    plain = PackTrainer(cell(model=model), SEEDS, "cpu")
    changed = PackTrainer(cell(model=model, interventions=[kind | {"from_step": 10}]), SEEDS, "cpu")
    for stop in (5, 9):
        plain.train_to(stop)
        changed.train_to(stop)
        assert torch.equal(plain.decoder.flat_SP, changed.decoder.flat_SP)
        values = plain.evaluate()
        assert all(value.tobytes() == values[key].tobytes() for key, value in changed.evaluate().items())
    for trainer in (plain, changed):
        trainer.train_to(12)
    assert not torch.equal(plain.decoder.flat_SP, changed.decoder.flat_SP)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["do"])
@pytest.mark.parametrize("model", DIALECTS, ids=str)
def test_a_seed_is_the_same_alone_packed_and_resumed(
    cell: Cell, kind: dict[str, Any], model: dict[str, Any]
) -> None:
    settings = cell(model=model, interventions=[kind | {"until_step": 9}], streams=["attention"])
    packed, resumed = PackTrainer(settings, SEEDS, "cpu"), PackTrainer(settings, SEEDS, "cpu")
    packed.train_to(7)
    resumed.load_state(packed.state())
    for trainer in (packed, resumed):
        trainer.train_to(12)
    values = packed.evaluate()
    assert torch.equal(packed.decoder.flat_SP, resumed.decoder.flat_SP)
    for row, seed in enumerate(SEEDS):
        alone = PackTrainer(settings, [seed], "cpu")
        alone.train_to(12)
        assert torch.equal(alone.decoder.flat_SP[0], packed.decoder.flat_SP[row])
        found = alone.evaluate()
        for key in values.keys() - {("train", "loss")}:  # of which the resumed and the packed have summed others
            assert found[key][0].tobytes() == values[key][row].tobytes(), key


def test_a_bias_gives_the_parents_the_share_it_should(cell: Cell) -> None:
    """Where all scores are 0: s e^c / (s e^c + S + i − s), of the sheet of arXiv 2606.25010."""
    strength = 3.0
    settings = cell(interventions=[{"do": "bias", "pattern": "true", "strength": strength}])
    trainer = PackTrainer(settings, SEEDS, "cpu")
    with torch.no_grad():
        for name, tensor in trainer.decoder.parameters.items():
            if "qkv" in name:
                tensor.zero_()
    found = mean_attention(as_evaluated(trainer), trainer.task.reading_rows(), QUERIES)
    mass = (found * parents(cell)).sum(-1)
    boosted = ONES * math.exp(strength)
    expected = boosted / (boosted + BITS + np.arange(BITS) - ONES)
    np.testing.assert_allclose(mass, np.broadcast_to(expected, mass.shape), rtol=1e-6)


def test_a_blocked_edge_carries_no_gradient(cell: Cell) -> None:
    settings = cell(
        model={"depth": 1},
        interventions=[{"do": "block", "pattern": "true"}, {"do": "block", "pattern": "outputs"}],
    )
    trainer = PackTrainer(settings, SEEDS, "cpu")
    blocked = parents(cell) | parents(cell, "outputs")
    tokens = trainer.task.reading_rows()[:16].expand(len(SEEDS), -1, -1)
    offsets = torch.arange(len(SEEDS))[:, None, None] * 2
    table = trainer.decoder.parameters["embed_VD"].flatten(0, 1)
    decoder = as_evaluated(trainer)
    for output in range(BITS):
        query = BITS - 1 + output
        embedded = F.embedding(tokens + offsets, table).detach().requires_grad_()
        decoder.attention.begin(tokens)
        hidden = decoder.dialect.forward(decoder._weights, embedded, WHOLE, None, decoder.attention)
        hidden[:, :, query].square().sum().backward()
        assert embedded.grad is not None
        moved = embedded.grad.abs().amax(dim=(0, 1, 3)) > 0
        assert not moved[np.flatnonzero(blocked[output] & (np.arange(2 * BITS) != query))].any()
        assert moved[query]  # which its own way around the attention reaches


def test_a_clamped_query_reads_its_parents_in_equal_parts(cell: Cell) -> None:
    found = attention(cell, interventions=[{"do": "clamp", "pattern": "true", "heads": [0, 2], "layers": [1]}])
    free = attention(cell)
    expected = parents(cell) / ONES
    np.testing.assert_allclose(
        found[:, 1, [0, 2]], np.broadcast_to(expected, found[:, 1, [0, 2]].shape), atol=1e-7
    )
    assert not np.allclose(found[:, 1, [1, 3]], expected, atol=0.1)
    assert not np.allclose(free[:, 1, [0, 2]], expected, atol=0.1)


def test_patterns_that_every_task_has_and_ones_own(cell: Cell) -> None:
    eye = np.eye(2 * BITS)
    for name, expected in (("previous", np.roll(eye, -1, axis=1)), ("self", eye)):
        found = attention(cell, interventions=[{"do": "clamp", "pattern": name}])
        np.testing.assert_allclose(found, np.broadcast_to(expected[BITS - 1 : -1], found.shape), atol=1e-7)
    own = attention(cell, interventions=[{"do": "clamp", "pattern": {BITS: [0, 3], BITS + 2: [1]}}])
    np.testing.assert_allclose(own[..., 1, [0, 3]], 0.5)
    np.testing.assert_allclose(own[..., 3, 1], 1)
    assert (own[..., 2, :].max(-1) < 0.99).all()


def test_an_ablated_head_reads_nothing(cell: Cell) -> None:
    found = attention(cell, interventions=[{"do": "ablate", "heads": [1], "layers": [0]}])
    assert (found[:, 0, 1] == 0).all()
    assert (found[:, 0, [0, 2, 3]].sum(-1) > 0.99).all()
    assert (found[:, 1].sum(-1) > 0.99).all()


@pytest.mark.parametrize("model", DIALECTS, ids=str)
def test_what_is_read_is_what_is_changed(cell: Cell, model: dict[str, Any]) -> None:
    """An ablated layer moves nothing: its values can be anything."""
    settings = cell(model=model, interventions=[{"do": "ablate", "layers": [0]}])
    trainer = PackTrainer(settings, SEEDS, "cpu")
    before = trainer.evaluate()
    with torch.no_grad():
        trainer.decoder.parameters["layer0.qkv.weight_DX"].mul_(-3)
    after = trainer.evaluate()
    np.testing.assert_allclose(after["test", "loss"], before["test", "loss"], rtol=1e-5)


def test_those_of_evaluations_alone_leave_training_as_it_is(cell: Cell) -> None:
    plain = PackTrainer(cell(), SEEDS, "cpu")
    changed = PackTrainer(
        cell(
            interventions=[
                {"do": "ablate", "heads": "best", "at": "evaluation"},
                {"do": "ablate", "heads": "worst", "at": "evaluation"},
                {"do": "clamp", "pattern": "true", "at": "evaluation", "name": "solved"},
            ]
        ),
        SEEDS,
        "cpu",
    )
    for trainer in (plain, changed):
        trainer.train_to(12)
    values, with_changes = plain.evaluate(), changed.evaluate()
    assert torch.equal(plain.decoder.flat_SP, changed.decoder.flat_SP)
    assert all(values[key].tobytes() == with_changes[key].tobytes() for key in values)
    assert {split for split, _ in with_changes} - {split for split, _ in values} == {
        "test+ablate-best",
        "test+ablate-worst",
        "test+solved",
    }


def test_the_best_head_is_the_one_with_the_most_of_its_attention_on_the_pattern(cell: Cell) -> None:
    settings = cell(interventions=[{"do": "ablate", "heads": "best", "at": "evaluation"}])
    trainer = PackTrainer(settings, SEEDS, "cpu")
    trainer.train_to(12)
    interventions = trainer.gradient.interventions
    (best,) = interventions.of_evaluation
    rows = trainer.task.reading_rows()
    free = mean_attention(trainer.decoder, rows, QUERIES)
    mass = (free * parents(cell)).sum(-1).mean(-1).reshape(len(SEEDS), -1)
    changed = mean_attention(
        interventions.evaluated(trainer.decoder, trainer._active_NI[12], best), rows, QUERIES
    ).reshape(len(SEEDS), -1, BITS, 2 * BITS)
    silent = (changed == 0).all(axis=(2, 3))
    assert (silent.sum(1) == 1).all()
    assert (silent.argmax(1) == mass.argmax(1)).all()


@pytest.mark.parametrize("heads", [None, [[True, False, True, False]] * 2])
def test_a_model_patched_with_its_own_pattern_is_unchanged(cell: Cell, heads: list[list[bool]] | None) -> None:
    trainer = PackTrainer(cell(), SEEDS, "cpu")
    trainer.train_to(5)
    chosen = torch.tensor(heads) if heads is not None else None
    with torch.no_grad():
        own = trainer.task.evaluate(patched(trainer.decoder, trainer.decoder, chosen))
        values = trainer.task.evaluate(trainer.decoder)
    assert all(own[key].tobytes() == values[key].tobytes() for key in values)


def test_a_patched_model_attends_as_its_donor(cell: Cell) -> None:
    early, late = (
        PackTrainer(cell(model={"depth": 1}), SEEDS, "cpu"),
        PackTrainer(cell(model={"depth": 1}), SEEDS, "cpu"),
    )
    late.train_to(20)
    rows = late.task.reading_rows()
    both = patched(early.decoder, late.decoder, torch.tensor([[True, True, False, False]]))
    found, donor, own = (mean_attention(d, rows, QUERIES) for d in (both, late.decoder, early.decoder))
    np.testing.assert_allclose(found[:, :, :2], donor[:, :, :2], rtol=1e-6)
    np.testing.assert_array_equal(found[:, :, 2:], own[:, :, 2:])
    with torch.no_grad():
        assert (
            early.task.evaluate(both)["test", "loss"] != early.task.evaluate(early.decoder)["test", "loss"]
        ).all()


def test_the_share_that_a_patch_recovers() -> None:
    share = recovered(np.array([0.5, 0.5, 0.9]), np.array([0.5, 0.75, 1.0]), np.array([1.0, 1.0, 0.95]))
    np.testing.assert_allclose(share, [0, 0.5, np.nan])


@torch.no_grad()
def test_a_snapshot_stays_as_it_was(cell: Cell) -> None:
    trainer = PackTrainer(cell(), SEEDS, "cpu")
    with torch.enable_grad():
        trainer.train_to(3)
    kept, before = trainer.decoder.snapshot(), trainer.task.evaluate(trainer.decoder)
    with torch.enable_grad():
        trainer.train_to(9)
    after = trainer.task.evaluate(kept)
    assert all(after[key].tobytes() == before[key].tobytes() for key in before)


def test_of_a_donor_of_another_shape(cell: Cell) -> None:
    one, other = PackTrainer(cell(), SEEDS, "cpu"), PackTrainer(cell(), SEEDS[:1], "cpu")
    with pytest.raises(ValueError, match="as many seeds"):
        patched(one.decoder, other.decoder)


def test_when_they_hold(cell: Cell) -> None:
    settings = cell(
        interventions=[
            {"do": "block", "pattern": "true", "until_step": 3},
            {"do": "ablate", "heads": 0, "from_step": 2, "until_step": 4},
        ]
    )
    trainer = PackTrainer(settings, SEEDS, "cpu")
    found = Interventions(settings, trainer.task, torch.device("cpu")).active(torch.arange(5))
    assert found.tolist() == [[True, False], [True, False], [True, True], [False, True], [False, False]]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"do": "bias", "pattern": "true"}, "strength: give it with bias"),
        ({"do": "block", "pattern": "true", "strength": 1.0}, "strength: give it with bias"),
        ({"do": "block"}, "pattern: give one"),
        ({"do": "ablate", "pattern": "true"}, "with ablate or a circuit give none"),
        (
            {"do": "block", "pattern": "tru"},
            "'tru' is not one of linear-map's: true, wrong, outputs, previous, self (did you mean",
        ),
        ({"do": "ablate", "heads": [4]}, "heads: there is no 4; the model has 0 to 3"),
        ({"do": "clamp", "pattern": {3: [4]}}, "position 3 cannot look at 4; it sees 0 to 3"),
        ({"do": "clamp", "pattern": {3: []}}, "names no position to look at"),
        ({"do": "clamp", "pattern": {16: [0]}}, "there is no position 16; rows are 0 to 15"),
        ({"do": "ablate", "layers": 2}, "layers: there is no 2; the model has 0 to 1"),
        ({"do": "ablate", "heads": "best"}, "for evaluations alone"),
        ({"do": "ablate", "from_step": 5, "until_step": 5}, "is not after from_step"),
        ({"do": "ablate", "heads": []}, "give at least one"),
        ({"do": "ablate", "heads": [True]}, "is none"),
        ({"do": "ablate", "name": "x"}, "give it with at: evaluation"),
    ],
)
def test_what_cannot_be_is_said(cell: Cell, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        cell(interventions=[given])


def test_two_of_evaluations_are_not_called_the_same(cell: Cell) -> None:
    same = {"do": "ablate", "heads": "best", "at": "evaluation"}
    with pytest.raises(ValueError, match="ablate-best is given twice"):
        cell(interventions=[same, same])
