"""The clamps that docs/how-to/circuits.md lists pin what the page says, as its entries of a spec."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ruamel.yaml import YAML
from torch import Tensor

from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.instruments.reading import ReadAttention, mean_attention
from seedsweep.workers.step import Batch
from seedsweep.workers.trainer import PackTrainer
from tests.workers.instruments.conftest import SEEDS, induction_cell

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "circuits.md"
LISTED = re.findall(r"^\| (`[^|]*) \|.*`(\[\{do: .*\}\])` \|$", PAGE.read_text(), re.MULTILINE)
ENTRIES = {name.replace("`", ""): YAML(typ="safe", pure=True).load(given) for name, given in LISTED}
CLAMPS = {name: entries for name, entries in ENTRIES.items() if "at" not in entries[0]}
HEADS, SIZE, QUERY = 4, 8, 4
POSITIONS = torch.arange(QUERY + 1)
each_clamp = pytest.mark.parametrize("clamp", CLAMPS)


def cell(clamp: str | None, *more: dict[str, Any], **given: Any) -> CellSettings:
    """One head of the second layer writes."""
    listed = CLAMPS[clamp] if clamp is not None else []
    return induction_cell(model={"active_heads": 1}, interventions=[*listed, *more], **given)


def trained(settings: CellSettings, steps: int = 6) -> PackTrainer:
    trainer = PackTrainer(settings, SEEDS, "cpu")
    trainer.train_to(steps)
    return trainer


def as_evaluated(trainer: PackTrainer) -> StackedDecoder:
    return trainer.gradient.interventions.trained(trainer.decoder, trainer._active_NI[trainer.step])


def test_the_page_lists_all() -> None:
    assert list(CLAMPS) == ["previous", "layer1", "match", "copy", "layer1 and copy", "no_previous"]
    assert list(ENTRIES)[6:] == ["previous and match", "match in the head that has most of it"]


def test_previous_is_read_by_the_first_head_of_the_first_layer_alone() -> None:
    trainer = trained(cell("previous"))
    found = mean_attention(as_evaluated(trainer), trainer.task.reading_rows()[:, :-1], POSITIONS)
    before = np.eye(QUERY + 1)[[0, 0, 1, 2, 3]]
    assert (found[:, 0, 0] == before).all()
    others = np.concatenate([found[:, 0, 1:], found[:, 1]], axis=1)
    assert (np.abs(others - before).max((2, 3)) > 0.1).all()


def test_the_query_reads_the_correct_label() -> None:
    trainer = trained(cell("match", streams=["induction"]))
    rows_BT = trainer.task.split_rows("test")[:40].long()
    reading = ReadAttention(as_evaluated(trainer).attention, POSITIONS)
    trainer.decoder.with_attention(reading).hidden(rows_BT[:, :-1].expand(len(SEEDS), -1, -1))
    shares_SBTT = reading.noted[1].unflatten(0, (len(SEEDS), -1))[:, :, 0]
    for row, tokens in enumerate(rows_BT.tolist()):
        label = 1 if tokens[0] == tokens[QUERY] else 3
        assert tokens[label] == tokens[5]
        assert (shares_SBTT[:, row, QUERY, label] == 1).all()
        assert (shares_SBTT[:, row, QUERY].sum(-1) == 1).all()
    assert not ((shares_SBTT[:, :, 3] == 0) | (shares_SBTT[:, :, 3] == 1)).all()
    assert (trainer.evaluate()["heads-sorted-0", "induction_strength"] == 1).all()


def test_no_head_of_the_first_layer_reads_the_position_before() -> None:
    trainer = trained(cell("no_previous"))
    found = mean_attention(as_evaluated(trainer), trainer.task.reading_rows()[:, :-1], POSITIONS)
    assert (found[:, 0, :, POSITIONS[1:], POSITIONS[:-1]] == 0).all()
    assert (found[:, 1, :, POSITIONS[1:], POSITIONS[:-1]] > 0.01).all()
    np.testing.assert_allclose(found.sum(-1), 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("clamp", "unread"),
    [
        ("layer1", ("layer0.",)),
        ("copy", ("layer1.attention_out", "final_norm", "unembed")),
        ("layer1 and copy", ("layer0.", "layer1.attention_out", "final_norm", "unembed", "embed_VD")),
    ],
)
def test_nothing_depends_on_what_is_pinned(clamp: str, unread: tuple[str, ...]) -> None:
    trainer = trained(cell(clamp))
    before = trainer.evaluate()
    with torch.no_grad():
        for name, tensor in trainer.decoder.parameters.items():
            if name.startswith(unread):
                tensor.mul_(-3).add_(0.1)
    after = trainer.evaluate()
    np.testing.assert_allclose(after["test", "loss"], before["test", "loss"], rtol=1e-5)


@pytest.mark.parametrize("clamp", ["copy", "layer1 and copy"])
def test_only_the_two_labels_of_the_row_can_be_the_answer(clamp: str) -> None:
    values = PackTrainer(cell(clamp), SEEDS, "cpu").evaluate()
    np.testing.assert_allclose(values["test", "context_mass"], 1, rtol=1e-6)
    assert (values["test", "accuracy"] == values["test", "context_accuracy"]).all()
    # Of two that can be: with scores that are not yet small, a little more than ln 2, and far less than ln L + ½.
    assert ((values["test", "loss"] > 0.6) & (values["test", "loss"] < 1.1)).all()


REMOVED = {
    "previous": {"layer0.q.0", "layer0.k.0"},
    "layer1": {"layer0"},
    "match": {"layer1.q.0", "layer1.k.0"},
    "copy": {"layer1.v.0", "layer1.attention_out", "final_norm", "unembed"},
    "layer1 and copy": {"layer0", "layer1.v.0", "layer1.attention_out", "final_norm", "unembed", "embed_VD"},
    "no_previous": set[str](),
}


@each_clamp
def test_what_is_pinned_is_not_trained_and_all_else_is(clamp: str) -> None:
    free, clamped = _with_gradients(cell(None)), _with_gradients(cell(clamp))
    removed = {part for part in free if part.startswith(tuple(REMOVED[clamp]))}
    assert {part.split(".")[0] for part in free} == {
        *("embed_VD", "features", "layer0", "layer1", "final_norm", "unembed_DV", "unembed_bias_V")
    }
    assert clamped == free - removed
    assert all(any(part.startswith(one) for part in free) for one in REMOVED[clamp])


def _with_gradients(settings: CellSettings) -> set[str]:
    """Tensors, those of attention head by head, with a gradient that is not zero in any seed."""
    trainer = PackTrainer(settings, SEEDS, "cpu")
    read = trainer.inputs(0)
    batch = Batch(read.tokens_SBT, read.mask_SBT, read.keys_S, read.active_I)
    found: dict[str, Tensor] = {}
    for name, grad in trainer.decoder.views(trainer.gradient(batch).grad_SP.detach()).items():
        if "qkv" not in name:
            found[name] = grad
            continue
        grad_SD3HK = grad.unflatten(2, (3, HEADS, SIZE))
        for place, part in enumerate("qkv"):
            found |= {f"{name[:6]}.{part}.{head}": grad_SD3HK[:, :, place, head] for head in range(HEADS)}
    moved = {name: grad.flatten(1).any(1) for name, grad in found.items()}
    assert all(bool(seeds_S.all()) == bool(seeds_S.any()) for seeds_S in moved.values())
    return {name for name, seeds_S in moved.items() if bool(seeds_S.any())}


@each_clamp
def test_a_clamp_that_is_what_the_model_does_already_changes_no_bit(clamp: str) -> None:
    again = [one | {"at": "evaluation", "name": f"again-{n}"} for n, one in enumerate(CLAMPS[clamp])]
    values = trained(cell(clamp, *again)).evaluate()
    for one in again:
        for metric in ("loss", "accuracy", "context_mass"):
            assert values[f"test+{one['name']}", metric].tobytes() == values["test", metric].tobytes()
    free = trained(cell(None, *again)).evaluate()
    assert any((free[f"test+{one['name']}", "loss"] != free["test", "loss"]).all() for one in again)


@each_clamp
def test_a_seed_is_the_same_alone_packed_and_resumed(clamp: str) -> None:
    settings = cell(clamp)
    packed, resumed = trained(settings, 7), PackTrainer(settings, SEEDS, "cpu")
    resumed.load_state(packed.state())
    for trainer in (packed, resumed):
        trainer.train_to(12)
    assert torch.equal(packed.decoder.flat_SP, resumed.decoder.flat_SP)
    values = packed.evaluate()
    for row, seed in enumerate(SEEDS):
        alone = PackTrainer(settings, [seed], "cpu")
        alone.train_to(12)
        assert torch.equal(alone.decoder.flat_SP[0], packed.decoder.flat_SP[row])
        found = alone.evaluate()
        assert all(found[key][0].tobytes() == values[key][row].tobytes() for key in values)


@each_clamp
def test_a_step_asks_for_no_value(clamp: str) -> None:
    """So that it can be captured and compiled."""
    # torch 2.13 knows no `meta` form of this one; it changes its arguments and gives nothing.
    library = torch.library.Library("aten", "IMPL")
    library.impl("_fused_adamw_.tensor_lr", lambda *args, **kwargs: None, "Meta")
    try:
        PackTrainer(cell(clamp), SEEDS, "meta").train_to(2)
    finally:
        library._destroy()


@pytest.mark.heavy
@pytest.mark.timeout(1800)
@pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")  # torch's, of its compiler
@pytest.mark.parametrize("clamps", [("match", "no_previous"), ("layer1", "copy")], ids=" and ".join)
def test_compiled_seeds_are_the_same_alone_and_packed_and_near_the_plain_ones(clamps: tuple[str, str]) -> None:
    """Every operation of a clamp is in one of these, and one seed stands for all: two sizes of a pack are two
    compilations, each of half a minute or more."""
    first, second = clamps
    settings = cell(first, *CLAMPS[second], train={"compile": True})
    packed, plain = trained(settings, 6), trained(cell(first, *CLAMPS[second]), 6)
    torch.testing.assert_close(packed.decoder.flat_SP, plain.decoder.flat_SP, rtol=1e-3, atol=1e-4)
    row = len(SEEDS) - 1
    alone = PackTrainer(settings, SEEDS[row:], "cpu")
    alone.train_to(6)
    assert torch.equal(alone.decoder.flat_SP[0], packed.decoder.flat_SP[row])


def test_progress_measures_leave_training_as_it_is() -> None:
    plain = trained(cell(None))
    measured = trained(cell(None, *ENTRIES["previous and match"]))
    assert torch.equal(plain.decoder.flat_SP, measured.decoder.flat_SP)
    values, with_measures = plain.evaluate(), measured.evaluate()
    assert all(with_measures[key].tobytes() == values[key].tobytes() for key in values)
    assert {split for split, _ in with_measures} - {split for split, _ in values} == {
        f"{split}+{name}" for split in ("test", "exemplars", "relabel") for name in ("previous", "match")
    }
    for name in ("previous", "match"):
        assert (with_measures[f"test+{name}", "loss"] != values["test", "loss"]).all()


@pytest.mark.parametrize(("which", "active"), [("best", 4), ("worst", 4), ("best", 2), ("worst", 2)])
def test_the_best_head_reads_most_of_what_matches(which: str, active: int) -> None:
    off = {"do": "ablate", "layers": [1], "heads": which, "at": "evaluation"}
    settings = induction_cell(interventions=[off], model={"active_heads": active})
    trainer = trained(settings, 12)
    interventions = trainer.gradient.interventions
    rows_BT = trainer.task.reading_rows()[:64].long()
    free_SBHT, changed_SBHT = (
        _query_shares(decoder, rows_BT)
        for decoder in (
            trainer.decoder,
            interventions.evaluated(trainer.decoder, trainer._active_NI[12], interventions.of_evaluation[0]),
        )
    )
    correct_B = torch.where(rows_BT[:, 0] == rows_BT[:, QUERY], 1, 3)
    mass_SH = free_SBHT[:, torch.arange(len(rows_BT)), :, correct_B].mean(0)[:, :active]
    expected_S = mass_SH.argmax(1) if which == "best" else mass_SH.argmin(1)
    silent_SH = (changed_SBHT == 0).all(3).all(1)
    assert (silent_SH.sum(1) == 1).all()
    assert torch.equal(silent_SH.long().argmax(1), expected_S)


@torch.no_grad()
def _query_shares(decoder: StackedDecoder, rows_BT: Tensor) -> Tensor:
    """(S, B, H, T) of the second layer."""
    reading = ReadAttention(decoder.attention, torch.tensor([QUERY]))
    decoder.with_attention(reading).hidden(rows_BT[:, :-1].expand(decoder.seeds, -1, -1))
    shares_SBHT: Tensor = reading.noted[1].unflatten(0, (decoder.seeds, -1))[:, :, :, 0]
    return shares_SBHT
