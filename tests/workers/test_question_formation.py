"""The question-formation task: its order of lines, its metrics by oracles, and training with dropout."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from pydantic import ValidationError
from torch import Tensor

from seedsweep.seeds import Seed
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.device import reproducible
from seedsweep.workers.dialects.post_ln import PostLNSettings
from seedsweep.workers.dropout import dropout_keys
from seedsweep.workers.settings import EvaluateSettings, TrainSettings
from seedsweep.workers.step import Batch
from seedsweep.workers.tasks.question_formation import QuestionFormation, QuestionFormationSettings
from seedsweep.workers.tasks.question_grammar import TOKEN, VOCABULARY, encode
from seedsweep.workers.trainer import PackTrainer
from tests.workers.question_recogniser import first_auxiliary, front, parse
from tests.workers.test_pack_invariance import MemorySink, train

CPU = torch.device("cpu")
SEEDS = [Seed(0, 0), Seed(1, 1), Seed(5, 2)]


def settings(**changes: Any) -> QuestionFormationSettings:
    small = {"name": "question-formation", "train_lines": 200, "test_lines": 200, "gen_lines": 60}
    return QuestionFormationSettings.model_validate(small | changes)


def cell(batch: int = 4, **changes: Any) -> CellSettings:
    model = {"depth": 2, "heads": 2, "head_dim": 8, "dropout": 0.1} | changes
    optimiser: dict[str, Any] = {"learning_rate": 1e-3, "warmup": 4, "schedule": "linear", "adam_epsilon": 1e-7}
    return CellSettings(
        task=settings(evaluation_examples=12),
        model=PostLNSettings(**model),
        train=TrainSettings(steps=12, batch=batch, weight_decay=0.0, **optimiser),
        evaluate=EvaluateSettings(every=5),
    )


class Oracle:
    """Stands in for a decoder: fabricated logits that say what a rule would."""

    def __init__(self, rule: str) -> None:
        self.rule = rule
        self.flat_SP = torch.zeros(1, 1)

    def hidden(self, tokens_SBT: Tensor, **asked: Tensor) -> Tensor:
        """One-hot of the next token of every row, by the rule behind `quest`, as the row has it before."""
        rows = []
        for row in tokens_SBT[0].tolist():
            words = [VOCABULARY[token] for token in row]
            marker = words.index("quest")
            sentence = words[1:marker]
            place = first_auxiliary(sentence) if self.rule == "linear" else parse(sentence).main
            told = [*words[: marker + 1], *front(sentence, place), "<end>"]
            rows.append([TOKEN[word] for word in [*told, *["<pad>"] * len(words)][1 : len(words) + 1]])
        return F.one_hot(torch.tensor(rows), len(VOCABULARY))[None].float() * 5.0

    def logits(self, hidden_SBTV: Tensor) -> Tensor:
        return hidden_SBTV


@pytest.mark.parametrize(("rule", "gen"), [("linear", 0.0), ("hierarchical", 1.0)])
def test_oracles(rule: str, gen: float) -> None:
    task = QuestionFormation(settings(gen_lines=None, test_lines=None), CPU)
    values = task.evaluate(Oracle(rule))  # type: ignore[arg-type]
    for metric in ("first_auxiliary", "exact_match"):
        assert values["test", metric].tolist() == [1.0]
        assert values["gen", metric].tolist() == [gen]
    others = len(VOCABULARY) - 1
    right, wrong = math.log1p(others * math.exp(-5)), math.log(math.exp(5) + others)
    assert values["gen", "first_auxiliary_nll"] == pytest.approx(right if gen else wrong)
    right, wrong = math.log1p(3 * math.exp(-5)), math.log(math.exp(5) + 3)
    assert values["gen", "first_auxiliary_nll_of_four"] == pytest.approx(right if gen else wrong)
    assert values["test", "first_auxiliary_nll_of_four"] == pytest.approx(right)


def test_metrics_of_single_mistakes() -> None:
    """A wrong word inside the question, behind it, or before it."""

    class Wrong(Oracle):
        def __init__(self, offset: int) -> None:
            super().__init__("hierarchical")
            self.offset = offset

        def hidden(self, tokens_SBT: Tensor, **asked: Tensor) -> Tensor:
            logits_SBTV = super().hidden(tokens_SBT, **asked)
            for row, tokens in enumerate(tokens_SBT[0].tolist()):
                marker = tokens.index(TOKEN["quest"])
                place = marker + self.offset if self.offset < 90 else 2 * marker - 2 + self.offset - 90
                logits_SBTV[0, row, place] = F.one_hot(torch.tensor(TOKEN["decl"]), len(VOCABULARY))
            return logits_SBTV

    task = QuestionFormation(settings(evaluation_examples=5), CPU)
    expected = {0: (1.0, 0.0), 1: (1.0, 0.0), -1: (1.0, 1.0), 90: (1.0, 0.0), 91: (1.0, 1.0)}
    for offset, (first, exact) in expected.items():
        values = task.evaluate(Wrong(offset))  # type: ignore[arg-type]
        # Where all four auxiliaries are equally likely the first of them is taken.
        if offset:
            assert values["gen", "first_auxiliary"].tolist() == [first]
        assert values["gen", "exact_match"].tolist() == [exact], offset


def test_types_are_part_of_the_identity_unless_they_are_the_grammars() -> None:
    old, new = settings(), settings(types="original")
    assert "types" not in old.identity()
    assert settings(types="grammar").identity() == old.identity()
    assert new.identity() == {**old.identity(), "types": "original"}
    assert new.splits() == old.splits()
    assert not np.array_equal(new.data_set().train.sentences_NW, old.data_set().train.sentences_NW)


def test_evaluation_is_capped() -> None:
    capped = settings(evaluation_examples=50)
    assert [split.examples for split in capped.splits()] == [50, 50]
    assert [split.examples for split in settings().splits()] == [82, 60]
    assert capped.evaluation_tokens() == 100 * 37


def test_every_seed_reads_every_line_once_an_epoch_in_its_own_order() -> None:
    task = QuestionFormation(settings(), CPU)
    lines = {tuple(row) for row in encode(settings().data_set().train).tolist()}
    rows = task.rows(torch.tensor([3, 8]), torch.arange(100), 4)  # two epochs of 200 lines
    assert rows.tokens_NSBT.shape == (100, 2, 4, 37)
    orders = []
    for seed in (0, 1):
        for epoch in (slice(0, 50), slice(50, 100)):
            read = [tuple(row) for row in rows.tokens_NSBT[epoch, seed].flatten(0, 1).tolist()]
            assert len(read) == 200
            assert set(read) == lines
            orders.append(read)
    assert len({tuple(order) for order in orders}) == 4
    alone = task.rows(torch.tensor([8]), torch.arange(60, 63), 4)
    assert torch.equal(alone.tokens_NSBT[:, 0], rows.tokens_NSBT[60:63, 1])


def test_the_loss_is_on_all_tokens_but_the_first_and_the_parts_are_the_halves() -> None:
    task = QuestionFormation(settings(), CPU)
    tokens, mask = task.rows(torch.tensor([3]), torch.arange(3), 4)
    parts = task.loss_parts(tokens[0])
    for row, counts, sentence, output in zip(
        tokens[0, 0].tolist(), mask[0, 0], parts["loss_sentence"][0], parts["loss_output"][0], strict=True
    ):
        words = [VOCABULARY[token] for token in row]
        marker = next(place for place, word in enumerate(words) if word in ("quest", "decl"))
        assert counts.tolist() == [word != "<pad>" for word in words]
        assert sentence.tolist() == [place <= marker for place in range(len(words))]
        assert torch.equal(output, ~sentence)


def test_training_reports_the_loss_of_both_halves() -> None:
    with reproducible("cpu", "float32"):
        trainer = PackTrainer(cell(dropout=0), SEEDS, "cpu")
        before = {name: tensor.detach().clone() for name, tensor in trainer.decoder.parameters.items()}
        tokens, mask, *_ = trainer.inputs(0)
        trainer.train_to(1)
        values = trainer.evaluate()
        with torch.no_grad():
            for name, tensor in trainer.decoder.parameters.items():
                tensor.copy_(before[name])
            keys = dropout_keys(torch.zeros(3, dtype=torch.int64), torch.tensor(0))
            batch = Batch(tokens, mask, keys, torch.zeros(0, dtype=torch.bool))
            nll = trainer.gradient.token_nll(trainer.decoder, batch)[..., :-1]
    parts = trainer.task.loss_parts(tokens)
    for name, part in {"loss": torch.ones_like(mask), **parts}.items():
        counts = (mask & part)[..., 1:]
        expected = [(nll[s] * counts[s]).sum() / counts[s].sum() for s in range(3)]
        assert values["train", name] == pytest.approx([value.item() for value in expected], rel=1e-5), name


def test_a_run_with_dropout_is_bitwise_the_same_alone_packed_moved_and_resumed() -> None:
    packed = train(cell(), SEEDS).rows()
    assert {key[2:] for key in packed} == {
        *(("train", name) for name in ("loss", "loss_sentence", "loss_output", "diverged")),
        *((split.name, metric.name) for split in settings().splits() for metric in settings().metrics()),
    }
    moved = train(cell(), [*SEEDS[::-1], Seed(7, 7)]).rows()
    alone = {key: value for seed in SEEDS for key, value in train(cell(), [seed]).rows().items()}
    assert packed == alone
    assert packed.items() <= moved.items()
    for stop_after in (3, 5, 6):
        sink = train(cell(), SEEDS, MemorySink(stop_after))
        sink.stop_after = None
        assert train(cell(), SEEDS, sink).rows() == packed
    without = train(cell(dropout=0), SEEDS).rows()
    assert without[0, 12, "train", "loss"] != packed[0, 12, "train", "loss"]
    assert without[0, 0, "gen", "first_auxiliary_nll"] == packed[0, 0, "gen", "first_auxiliary_nll"]


@pytest.mark.parametrize(("batch", "heads", "head_dim"), [(1, 5, 4), (1, 2, 8), (3, 1, 12)])
def test_awkward_shapes_are_pack_invariant(batch: int, heads: int, head_dim: int) -> None:
    """One row of one seed is a batch of one, for which kernels have paths of their own."""
    settings = cell(batch=batch, heads=heads, head_dim=head_dim, depth=1)
    with reproducible("cpu", "float32"):
        packed = PackTrainer(settings, SEEDS, "cpu")
        packed.train_to(6)
        for row, seed in enumerate(SEEDS):
            alone = PackTrainer(settings, [seed], "cpu")
            alone.train_to(6)
            assert torch.equal(alone.decoder.flat_SP[0], packed.decoder.flat_SP[row])


def test_it_learns() -> None:
    """Twelve steps in the right direction."""
    with reproducible("cpu", "float32"):
        trainer = PackTrainer(cell(dropout=0, depth=1), SEEDS[:1], "cpu")
        first = trainer.evaluate()
        trainer.train_to(12)
        last = trainer.evaluate()
    assert np.all(last["test", "first_auxiliary_nll"] < first["test", "first_auxiliary_nll"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mix": 1.5}, "mix\n.*less than or equal to 1"),
        ({"mix": -0.1}, "mix\n.*greater than or equal to 0"),
        ({"mix": 0.5, "quest_only": True}, "mix: with quest_only there are no declarations to mix"),
        (
            {"types": "original", "grammar": "small"},
            "types: the original files are of the full grammar; with grammar",
        ),
        ({"types": "uniform"}, "types\n.*'original' or 'grammar'"),
        ({"train_lines": 10}, "train_lines\n.*greater than or equal to 100"),
        ({"train_lines": 10**9}, "train_lines\n.*less than or equal to 1000000"),
        ({"evaluation_examples": 0}, "evaluation_examples\n.*greater than or equal to 1"),
        ({"data": "/nowhere"}, "train_lines: the files of data decide"),
        ({"data": 3}, "data\n.*string"),
    ],
)
def test_bad_settings_say_what_would_be_right(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        settings(**changes)
