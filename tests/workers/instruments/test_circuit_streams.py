"""Streams of an induction circuit are what Hugging Face's model attends to and answers, and what a computation by
hand gives; they are the same alone, packed and resumed, and change no bit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from seedsweep.cell import Metrics
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.instruments.patching import patched
from seedsweep.workers.trainer import PackTrainer
from tests.workers.instruments.conftest import SEEDS, induction_cell, linear_cell
from tests.workers.reference import attention_only

HEADS, SIZE, QUERY = 4, 8, 4
WIDTH, ROWS = HEADS * SIZE, 96
STREAMS = ("induction", "heads", {"name": "paths", "rows": 96})
PRE_LN = {"dialect": "pre-ln"}
CLAMPED = [
    {"do": "clamp", "pattern": "previous", "layers": [0]},
    {"do": "clamp", "pattern": "match", "layers": [1]},
]


def trained(settings: CellSettings, steps: int = 12) -> PackTrainer:
    """With weights that no initial value is left in."""
    trainer = PackTrainer(settings, SEEDS, "cpu")
    with torch.enable_grad():
        trainer.train_to(steps)
    shaken = torch.randn(trainer.decoder.flat_SP.shape, generator=torch.Generator().manual_seed(0)) * 0.3
    with torch.no_grad():
        trainer.decoder.flat_SP.add_(shaken)
    return trainer


def rows_of(trainer: PackTrainer, split: str = "test") -> Tensor:
    """(B, T), the answers last."""
    return trainer.task.split_rows(split)[:ROWS].long()


def embedded(trainer: PackTrainer, row: int, tokens_BT: Tensor) -> Tensor:
    found: Tensor = trainer.decoder._embed(tokens_BT.expand(len(SEEDS), -1, -1))[row].detach()
    return found


def sorted_values(values: Metrics, metric: str, heads: int) -> np.ndarray:
    """(S, H)."""
    return np.stack([values[f"heads-sorted-{rank}", metric] for rank in range(heads)], axis=1)


def by_context(logits_BV: Tensor, rows_BT: Tensor, first: int) -> float:
    """Share of rows in which the answer is the likelier of the two labels, counted row by row."""
    right = 0
    for logits_V, row in zip(logits_BV, rows_BT.tolist(), strict=True):
        one, other = row[1] - first, row[3] - first
        right += (row[1] if logits_V[one] > logits_V[other] else row[3]) == row[5]
    return right / len(rows_BT)


@torch.no_grad()
def test_induction_is_read_from_hugging_faces_attention() -> None:
    trainer = trained(induction_cell(streams=["induction"], model={"active_heads": 3}))
    values, rows_BT = trainer.evaluate(), rows_of(trainer)
    for row in range(len(SEEDS)):
        theirs = attention_only(trainer.decoder, row)
        found = theirs(inputs_embeds=embedded(trainer, row, rows_BT[:, :-1]), output_attentions=True).attentions
        first_BHTT, second_BHTT = (layer.double() for layer in found)
        previous_H = (first_BHTT[:, :, 1, 0] + first_BHTT[:, :, 3, 2]).mean(0) / 2
        self_H = (first_BHTT[:, :, 1, 1] + first_BHTT[:, :, 3, 3]).mean(0) / 2
        strength_H = torch.zeros(HEADS, dtype=torch.float64)
        for tokens, a_HTT in zip(rows_BT.tolist(), second_BHTT, strict=True):
            correct, other = (1, 3) if tokens[0] == tokens[QUERY] else (3, 1)
            assert tokens[correct] == tokens[5]
            strength_H += (a_HTT[:, QUERY, correct] - a_HTT[:, QUERY, other]) / ROWS
        expected = {
            "previous_token": previous_H,
            "previous_token_rescaled": (previous_H - 0.375) / 0.625,
            "self_attention": self_H,
            "induction_strength": strength_H[:3],
        }
        for metric, of_heads_H in expected.items():
            of_heads_H = of_heads_H.sort(descending=True).values.numpy()
            np.testing.assert_allclose(
                sorted_values(values, metric, len(of_heads_H))[row], of_heads_H, atol=1e-6, err_msg=metric
            )
            np.testing.assert_allclose(values["heads-sum", metric][row], of_heads_H.sum(), atol=1e-6)
            assert values["heads-count", metric][row] == (of_heads_H > 0.5).sum()
    assert ("heads-sorted-3", "induction_strength") not in values


@pytest.mark.parametrize("pairs", [2, 8])
def test_a_perfect_circuit_and_equal_attention(pairs: int) -> None:
    task = {} if pairs == 2 else {"name": "bursty", "pairs": pairs, "bursty": 1.0, "classes": 20}
    perfect = PackTrainer(induction_cell(task=task, streams=["induction"], interventions=CLAMPED), SEEDS, "cpu")
    values = perfect.evaluate()
    ends = {
        "previous_token": 1.0,
        "previous_token_rescaled": 1.0,
        "self_attention": 0.0,
        "induction_strength": 1.0,
    }
    for metric, end in ends.items():
        np.testing.assert_allclose(sorted_values(values, metric, HEADS), end, atol=1e-12)
        np.testing.assert_array_equal(values["heads-count", metric], HEADS * end)
    blind = PackTrainer(induction_cell(task=task, streams=["induction"]), SEEDS, "cpu")
    with torch.no_grad():
        for name, tensor in blind.decoder.parameters.items():
            if "qkv" in name:
                tensor.zero_()
    values = blind.evaluate()
    equal = np.mean([1 / place for place in range(2, 2 * pairs + 1, 2)])
    assert pairs != 2 or equal == 0.375
    np.testing.assert_allclose(sorted_values(values, "previous_token", HEADS), equal, rtol=1e-6)
    np.testing.assert_allclose(sorted_values(values, "previous_token_rescaled", HEADS), 0.0, atol=1e-6)
    np.testing.assert_allclose(sorted_values(values, "self_attention", HEADS), equal, rtol=1e-6)
    # Of two pairs one is right; of eight in a burst three are.
    of_labels = 0.0 if pairs == 2 else (3 - 5) / 17
    np.testing.assert_allclose(sorted_values(values, "induction_strength", HEADS), of_labels, atol=1e-6)


def test_one_layer_has_no_induction_heads() -> None:
    values = trained(induction_cell(streams=["induction"], model={"depth": 1})).evaluate()
    assert ("heads-sorted-0", "previous_token") in values
    assert not any(metric == "induction_strength" for _, metric in values)


def test_rows_of_the_split_that_is_named() -> None:
    """Where labels are exchanged a head that looks at the query's class looks at what is beside it."""
    task = {"name": "coopetition", "exemplars": 3}
    flip, own = (
        trained(induction_cell(task=task, streams=[{"name": "induction", "split": split}, "heads"])).evaluate()
        for split in ("flip", "test")
    )
    assert (flip["heads-sum", "induction_strength"] != own["heads-sum", "induction_strength"]).all()
    np.testing.assert_array_equal(own["heads-all", "context_accuracy"], own["test", "accuracy"])


@torch.no_grad()
def test_heads_one_by_one_are_what_hugging_faces_model_answers() -> None:
    trainer = trained(induction_cell(streams=["heads"]))
    values, rows_BT = trainer.evaluate(), rows_of(trainer)
    first = trainer.settings.vocabulary_size - trainer.settings.predicted
    for row in range(len(SEEDS)):
        theirs, own = attention_only(trainer.decoder, row), trainer.decoder.tensors(row)
        x_BTD = embedded(trainer, row, rows_BT[:, :-1])
        found: dict[str, list[float]] = {}
        for head in range(HEADS):
            for name, off in (("keep_one", [h for h in range(HEADS) if h != head]), ("knock_out", [head])):
                logits_BV = _with_heads_off(theirs, own, x_BTD, off)
                right = (logits_BV.argmax(1) + first == rows_BT[:, 5]).double().mean().item()
                found.setdefault(f"{name}_accuracy", []).append(right)
                found.setdefault(f"{name}_context_accuracy", []).append(by_context(logits_BV, rows_BT, first))
        for metric, of_heads in found.items():
            np.testing.assert_allclose(sorted_values(values, metric, HEADS)[row], sorted(of_heads)[::-1])
            assert values["heads-count", metric][row] == sum(value > 0.9 for value in of_heads)
        for split, off in (("heads-all", []), ("heads-none", list(range(HEADS)))):
            logits_BV = _with_heads_off(theirs, own, x_BTD, off)
            loss = F.cross_entropy(logits_BV, rows_BT[:, 5] - first).item()
            np.testing.assert_allclose(values[split, "loss"][row], loss, rtol=1e-4)
    assert len({*sorted_values(values, "knock_out_accuracy", HEADS)[0].tolist()}) > 1


def _with_heads_off(theirs: Any, own: dict[str, Tensor], x_BTD: Tensor, off: list[int]) -> Tensor:
    """Logits at the query, with zeros in place of what these heads of the last layer have read."""

    def zeroed(module: object, inputs: tuple[Tensor]) -> tuple[Tensor]:
        read_BTHK = inputs[0].clone().unflatten(-1, (HEADS, SIZE))
        read_BTHK[:, :, off] = 0.0
        return (read_BTHK.flatten(2),)

    hook = theirs.layers[-1].attention.dense.register_forward_pre_hook(zeroed)
    hidden_BD = theirs(inputs_embeds=x_BTD).last_hidden_state[:, QUERY]
    hook.remove()
    logits_BV: Tensor = hidden_BD @ own["unembed_DV"] + own["unembed_bias_V"]
    return logits_BV


def test_all_heads_kept_is_the_model_and_no_heads_is_an_ablated_layer() -> None:
    off = {"do": "ablate", "layers": [1], "at": "evaluation", "name": "off"}
    trainer = trained(induction_cell(streams=["heads"], interventions=[off], model={"active_heads": 1}))
    values = trainer.evaluate()
    for ours, theirs in (("heads-all", "test"), ("heads-none", "test+off")):
        for metric in ("loss", "accuracy", "context_accuracy"):
            np.testing.assert_allclose(values[ours, metric], values[theirs, metric], rtol=1e-5)
    # With one head that is there, it alone is all of them.
    for metric in ("accuracy", "context_accuracy"):
        alone, without = (values["heads-sorted-0", f"{name}_{metric}"] for name in ("keep_one", "knock_out"))
        assert alone.tobytes() == values["heads-all", metric].tobytes()
        assert without.tobytes() == values["heads-none", metric].tobytes()
    assert ("heads-sorted-1", "keep_one_accuracy") not in values


class ByHand:
    """Two layers of one seed, of which the second can be given parts of another reading; in float64."""

    def __init__(self, trainer: PackTrainer, row: int, tokens_BT: Tensor) -> None:
        self.own = {name: tensor.double() for name, tensor in trainer.decoder.tensors(row).items()}
        self.x0_BTD = embedded(trainer, row, tokens_BT).double()
        y_BTD = self.read(*self.projected(0, self.x0_BTD))
        self.x1_BTD = self.x0_BTD + y_BTD @ self.own["layer0.attention_out.weight_DD"]

    def projected(self, layer: int, x_BTD: Tensor) -> list[Tensor]:
        """Turned queries, turned keys, and values (B, T, H, K)."""
        q, k, v = (
            self.normed(f"layer{layer}.attention_norm", x_BTD) @ self.own[f"layer{layer}.qkv.weight_DX"]
        ).chunk(3, -1)
        angle_TK = torch.arange(QUERY + 1)[:, None] * 10000.0 ** -(torch.arange(SIZE // 2) / (SIZE // 2))
        turn_TK = torch.polar(torch.ones_like(angle_TK), angle_TK)
        turned = []
        for part_BTHK in (q.unflatten(-1, (HEADS, SIZE)), k.unflatten(-1, (HEADS, SIZE))):
            real, imaginary = part_BTHK.chunk(2, -1)
            product = torch.complex(real, imaginary) * turn_TK[:, None]
            turned.append(torch.cat([product.real, product.imag], dim=-1))
        return [*turned, v.unflatten(-1, (HEADS, SIZE))]

    def read(self, q_BTHK: Tensor, k_BTHK: Tensor, v_BTHK: Tensor) -> Tensor:
        scores_BHTT = torch.einsum("bqhk,bthk->bhqt", q_BTHK, k_BTHK) / math.sqrt(SIZE)
        seen = torch.ones(QUERY + 1, QUERY + 1, dtype=torch.bool).tril()
        return torch.einsum(
            "bhqt,bthk->bqhk", scores_BHTT.masked_fill(~seen, -math.inf).softmax(-1), v_BTHK
        ).flatten(2)

    def logits(self, kept: str) -> Tensor:
        """Of the query, with these parts of the first reading and none of the first layer's otherwise."""
        first, second = self.projected(1, self.x1_BTD), self.projected(1, self.x0_BTD)
        parts = [
            of_first if name in kept else of_second
            for name, of_first, of_second in zip("qkv", first, second, strict=True)
        ]
        carried_BTD = self.x1_BTD if kept == "qkv+" else self.x0_BTD
        x_BTD = carried_BTD + self.read(*parts) @ self.own["layer1.attention_out.weight_DD"]
        return self.normed("final_norm", x_BTD[:, QUERY]) @ self.own["unembed_DV"] + self.own["unembed_bias_V"]

    def normed(self, name: str, x_BTD: Tensor) -> Tensor:
        return F.layer_norm(x_BTD, (WIDTH,), self.own[f"{name}.weight_D"], self.own[f"{name}.bias_D"])


@torch.no_grad()
def test_ways_of_the_first_layer_by_hand() -> None:
    trainer = trained(induction_cell(streams=[STREAMS[2]]))
    values, rows_BT = trainer.evaluate(), rows_of(trainer)
    first = trainer.settings.vocabulary_size - trainer.settings.predicted
    kept = {"all": "qkv+", "none": "", "q": "q", "k": "k", "v": "v", "qk": "qk", "qkv": "qkv"}
    for row in range(len(SEEDS)):
        hand = ByHand(trainer, row, rows_BT[:, :-1])
        for name, parts in kept.items():
            logits_BV = hand.logits(parts)
            expected = {
                "loss": F.cross_entropy(logits_BV, rows_BT[:, 5] - first).item(),
                "accuracy": (logits_BV.argmax(1) + first == rows_BT[:, 5]).double().mean().item(),
                "context_accuracy": by_context(logits_BV, rows_BT, first),
            }
            for metric, value in expected.items():
                np.testing.assert_allclose(values[f"paths-{name}", metric][row], value, rtol=1e-4, err_msg=name)
    losses = np.stack([values[f"paths-{name}", "loss"] for name in kept])
    assert (np.diff(np.sort(losses, axis=0), axis=0) > 1e-4).all(), "no two ways are the same"


@torch.no_grad()
def test_ways_that_interventions_and_patches_have_too() -> None:
    off = {"do": "ablate", "layers": [0], "at": "evaluation", "name": "off"}
    trainer = trained(induction_cell(streams=[STREAMS[2]], interventions=[off]))
    values = trainer.evaluate()
    interventions = trainer.gradient.interventions
    without = interventions.evaluated(trainer.decoder, trainer._active_NI[12], interventions.of_evaluation[0])
    second = torch.tensor([[False] * HEADS, [True] * HEADS])
    patterns_kept = trainer.task.evaluate(patched(without, trainer.decoder, second))
    for metric in ("loss", "accuracy", "context_accuracy"):
        np.testing.assert_allclose(values["paths-all", metric], values["test", metric], rtol=1e-5)
        np.testing.assert_allclose(values["paths-none", metric], values["test+off", metric], rtol=1e-5)
        np.testing.assert_allclose(values["paths-qk", metric], patterns_kept["test", metric], rtol=1e-5)


@pytest.mark.parametrize(
    "interventions",
    [(), ({"do": "clamp", "circuit": "layer1"},), ({"do": "clamp", "circuit": "copy", "heads": [0]},)],
    ids=["plain", "layer1", "copy"],
)
def test_what_is_read_is_the_same_alone_packed_and_resumed_and_changes_no_bit(interventions: Any) -> None:
    settings = induction_cell(streams=STREAMS, interventions=interventions)
    packed, resumed = PackTrainer(settings, SEEDS, "cpu"), PackTrainer(settings, SEEDS, "cpu")
    packed.train_to(9)
    resumed.load_state(packed.state())
    values = packed.evaluate()
    assert all(value.tobytes() == values[key].tobytes() for key, value in resumed.evaluate().items())
    for row, seed in enumerate(SEEDS):
        alone = PackTrainer(settings, [seed], "cpu")
        alone.train_to(9)
        assert all(value[0].tobytes() == values[key][row].tobytes() for key, value in alone.evaluate().items())
    plain = PackTrainer(induction_cell(interventions=interventions), SEEDS, "cpu")
    plain.train_to(9)
    assert torch.equal(plain.decoder.flat_SP, packed.decoder.flat_SP)
    assert all(value.tobytes() == values[key].tobytes() for key, value in plain.evaluate().items())


@torch.no_grad()
def test_a_clamped_layer_leaves_the_first_one_no_way() -> None:
    """What `layer1` clamps is all that the answer depends on."""
    trainer = trained(induction_cell(streams=[STREAMS[2]], interventions=[{"do": "clamp", "circuit": "layer1"}]))
    values = trainer.evaluate()
    for name in ("none", "q", "k", "v", "qk", "qkv"):
        np.testing.assert_allclose(values[f"paths-{name}", "loss"], values["test", "loss"], rtol=1e-5)


def test_rows_are_read_in_parts_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = trained(induction_cell(streams=STREAMS))
    whole = trainer.evaluate()
    monkeypatch.setattr("seedsweep.workers.instruments.pairrows.LOGITS_AT_ONCE", 7 * 5 * 3)
    monkeypatch.setattr("seedsweep.workers.instruments.reading.FLOATS_AT_ONCE", 4 * 3 * 5 * 7)
    parts = trainer.evaluate()
    for key in whole.keys() - {("train", "loss")}:
        np.testing.assert_allclose(parts[key], whole[key], rtol=1e-6, atol=1e-9, err_msg=str(key))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"streams": ["heads"], "model": PRE_LN}, "streams: heads: model.dialect: is read of attention-only"),
        ({"streams": ["paths"], "model": {"depth": 3}}, "streams: paths: model.depth: .* the model has 3"),
        (
            {"streams": [{"name": "induction", "split": "exemplar"}]},
            "split: 'exemplar' is not one of induction's: test, exemplars, relabel .did you mean",
        ),
    ],
)
def test_what_cannot_be_is_said(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        induction_cell(**given)


def test_other_tasks_have_no_such_rows() -> None:
    with pytest.raises(ValueError, match="streams: induction: the task linear-map has no rows of exemplars"):
        linear_cell(streams=["induction"])
