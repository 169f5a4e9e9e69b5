"""The linear map: its rows, its matrix, what it measures and the patterns that it names."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from seedsweep.seeds import Seed
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.device import reproducible
from seedsweep.workers.dialects.pre_ln import PreLNSettings
from seedsweep.workers.settings import EvaluateSettings, TrainSettings
from seedsweep.workers.tasks.linear_map import LinearMap, LinearMapSettings
from seedsweep.workers.tasks.linear_map_matrix import NoCleanMatrix, drawn_matrix, other_matrix, shortest_ways
from seedsweep.workers.trainer import PackTrainer

CPU = torch.device("cpu")


def settings(**given: Any) -> LinearMapSettings:
    return LinearMapSettings(**{"name": "linear-map", "bits": 8, "ones": 3, "evaluation_examples": 64, **given})


def rows_of(task: LinearMapSettings, seeds: list[int], steps: list[int], batch: int) -> np.ndarray:
    return LinearMap(task, CPU).rows(torch.tensor(seeds), torch.tensor(steps), batch).tokens_NSBT.numpy()


@pytest.mark.parametrize(("bits", "ones"), [(2, 1), (8, 3), (16, 16), (70, 5), (300, 40)])
def test_outputs_are_the_parities_that_the_matrix_names(bits: int, ones: int) -> None:
    task = settings(bits=bits, ones=ones, pattern_seed=4)
    rows_NSBT = rows_of(task, [3, 9], [0, 7], 20)
    assert rows_NSBT.shape == (2, 2, 20, 2 * bits)
    assert (task.matrix().sum(axis=1) == ones).all()
    for row in rows_NSBT.reshape(-1, 2 * bits):
        for output, parents in enumerate(task.matrix()):
            assert row[bits + output] == sum(row[np.flatnonzero(parents)]) % 2
    mask_NSBT = LinearMap(task, CPU).rows(torch.tensor([3]), torch.tensor([0]), 2).mask_NSBT
    assert mask_NSBT[0, 0, 0].tolist() == [False] * bits + [True] * bits


def test_rows_follow_seed_and_step_alone() -> None:
    task = settings()
    both = rows_of(task, [3, 9], [5, 6], 32)
    assert (rows_of(task, [9], [6], 32)[0, 0] == both[1, 1]).all()
    assert (rows_of(task, [9], [6], 16)[0, 0] == both[1, 1, :16]).all()
    assert len({row.tobytes() for row in both.reshape(4, -1)}) == 4
    # The matrix is none of the seeds': it decides outputs alone.
    other = rows_of(settings(pattern_seed=1), [3, 9], [5, 6], 32)
    assert (other[..., :8] == both[..., :8]).all()
    assert (other[..., 8:] != both[..., 8:]).any()


def test_inputs_are_uniform() -> None:
    inputs = rows_of(settings(bits=6), [1], list(range(50)), 256)[..., :6].reshape(-1, 6)
    counts = np.bincount(inputs @ (2 ** np.arange(6)), minlength=64)
    expected = len(inputs) / 64
    assert ((counts - expected) ** 2 / expected).sum() < 120  # 63 degrees of freedom: p 2e-5
    joined = inputs[:-1, 5] * 2 + inputs[1:, 0]  # neighbours in a batch are independent, too
    assert np.bincount(joined, minlength=4) == pytest.approx(np.full(4, len(joined) / 4), rel=0.06)


def test_random_targets_tell_nothing_of_the_inputs() -> None:
    random = rows_of(settings(targets="random"), [1], list(range(50)), 256)[0:, 0].reshape(-1, 16) * 2.0 - 1
    parities = np.prod(np.where(settings().matrix()[None], random[:, None, :8], 1), axis=2)
    assert np.abs((parities * random[:, 8:]).mean(axis=0)).max() < 5 / math.sqrt(len(random))
    assert np.abs(random.T @ random / len(random) - np.eye(16)).max() < 5 / math.sqrt(len(random))


def test_columns_of_the_matrix_are_uniform() -> None:
    share_SS = np.mean([drawn_matrix(8, 3, seed) for seed in range(400)], axis=0)
    assert np.abs(share_SS - 3 / 8).max() < 5 * math.sqrt(3 / 8 * 5 / 8 / 400)


@pytest.mark.parametrize(("bits", "ones"), [(8, 2), (12, 3), (16, 3), (16, 4)])
def test_a_clean_matrix_has_no_other_way_as_short(bits: int, ones: int) -> None:
    matrix_SS = drawn_matrix(bits, ones, 5, clean=True)
    assert (matrix_SS.sum(axis=1) == ones).all()
    words = [int("".join(map(str, row.astype(int))), 2) for row in matrix_SS]
    for row in range(bits):
        ways = [
            chosen.bit_count() + (words[row] ^ _sum(words, chosen)).bit_count() for chosen in range(1, 2**row)
        ][: 2**12]
        assert min(ways, default=bits) > ones


def _sum(words: list[int], chosen: int) -> int:
    total = 0
    for number, word in enumerate(words):
        if chosen >> number & 1:
            total ^= word
    return total


def test_shortcuts_are_as_frequent_as_computed_elsewhere() -> None:
    """Shares of outputs with a way shorter than s, over random matrices (facts of the project, S 16 and 8)."""
    for bits, ones, share in [(16, 3, 0.01), (16, 4, 0.20), (16, 6, 0.53), (16, 12, 0.94), (8, 3, 0.06)]:
        found = np.mean([shortest_ways(drawn_matrix(bits, ones, seed)) < ones for seed in range(30)])
        assert found == pytest.approx(share, abs=0.06), (bits, ones)


def test_where_there_is_no_clean_matrix_the_field_is_named() -> None:
    with pytest.raises(NoCleanMatrix):
        drawn_matrix(6, 4, 0, clean=True)
    with pytest.raises(ValidationError, match=r"clean: no clean matrix of 6 bits with 4 ones .*; give it up, or"):
        settings(bits=6, ones=4, clean=True)
    with pytest.raises(ValidationError, match="clean: for at most 63 bits"):
        settings(bits=64, ones=2, clean=True)
    with pytest.raises(ValidationError, match="ones: 9 inputs of an output are more than the 8 bits"):
        settings(ones=9)


def test_patterns_are_what_the_outputs_depend_on() -> None:
    task = LinearMap(settings(), CPU)
    patterns = task.patterns()
    assert tuple(patterns) == task.settings.pattern_names()
    true, wrong, outputs = patterns.values()
    for pattern in patterns.values():
        assert pattern.queries_Q.tolist() == list(range(7, 15))
        positions_T = torch.arange(16)
        assert not (pattern.parents_QT & (positions_T > pattern.queries_Q[:, None])).any()  # nothing ahead
        assert torch.equal(pattern.inputs_QT, (positions_T < 8).expand(8, -1))
    rows_BT = task.reading_rows()
    parity_BQ = (rows_BT.float() @ true.parents_QT.T.float()).long() % 2
    assert torch.equal(parity_BQ, rows_BT[:, true.queries_Q + 1])
    assert (wrong.parents_QT.sum(1) == 3).all()
    assert not (wrong.parents_QT == true.parents_QT).all(dim=1).any()
    assert outputs.parents_QT[0].sum() == 0
    assert outputs.parents_QT[5].nonzero().flatten().tolist() == [8, 9, 10, 11, 12]


def test_another_matrix_is_another_wherever_there_is_one() -> None:
    for seed in range(50):
        matrix_SS = drawn_matrix(4, 2, seed)  # six possible rows
        other_SS = other_matrix(matrix_SS, seed)
        assert (other_SS.sum(axis=1) == 2).all()
        assert not (other_SS == matrix_SS).all(axis=1).any()
    assert other_matrix(np.ones((4, 4), bool), 0).all()


class Oracle(StackedDecoder):
    """Knows some outputs for certain and nothing of the others."""

    def __init__(self, known_SO: np.ndarray, matrix_SS: np.ndarray) -> None:
        bits = len(matrix_SS)
        super().__init__(
            PreLNSettings(depth=1, heads=1, d_model=bits * 4).for_rows(2 * bits), 2, len(known_SO), CPU
        )
        self._known_SO, self._matrix_SS = torch.from_numpy(known_SO), torch.tensor(matrix_SS)

    def hidden(self, tokens_SBT: Tensor, *args: Any, **options: Any) -> Tensor:
        bits = len(self._matrix_SS)
        parity_SBO = (tokens_SBT[..., :bits].float() @ self._matrix_SS.T.float()) % 2
        sure_SBO = torch.where(self._known_SO[:, None], 40.0 * (2 * parity_SBO - 1), -0.01)
        start = torch.zeros(*tokens_SBT.shape[:2], bits - 1)
        return torch.cat([start, sure_SBO], dim=2)[..., None]

    def logits(self, hidden_SBTD: Tensor) -> Tensor:
        return torch.cat([torch.zeros_like(hidden_SBTD), hidden_SBTD], dim=-1)


@pytest.mark.parametrize(("bits", "passes"), [(8, False), (12, True), (16, True)])
def test_learned_outputs_make_up_loss_and_accuracy(bits: int, passes: bool) -> None:
    """r of S learned: accuracy ½ + r/2S, loss (1 − r/S) ln 2."""
    task = LinearMap(settings(bits=bits, evaluation_examples=4096), CPU)
    known_SO = np.arange(bits) < np.array([[0], [bits // 2], [bits - 1], [bits]])
    oracle = Oracle(known_SO, task.settings.matrix())
    found = {metric: value_S for (_, metric), value_S in task.evaluate(oracle).items()}
    learned_S = known_SO.mean(axis=1)
    assert found["loss"] == pytest.approx((1 - learned_S) * math.log(2), abs=1e-3)
    assert found["token_accuracy"] == pytest.approx(0.5 + learned_S / 2, abs=0.02)
    assert found["probability"] == pytest.approx(0.5 + learned_S / 2, abs=1e-3)
    assert found["outputs_learned"] == pytest.approx(learned_S)
    assert found["exact_match"] == pytest.approx(0.5 ** (bits * (1 - learned_S)), abs=0.03)
    assert (found["token_accuracy"][2] > 0.95) == passes
    scores = task.output_scores(oracle)
    assert scores["nll"] == pytest.approx(np.where(known_SO, 0, math.log(2)), abs=0.02)
    assert (scores["accuracy"] >= 0.95).tolist() == known_SO.tolist()
    assert scores["probability"] == pytest.approx(np.where(known_SO, 1, 0.5), abs=0.02)


def cell(task: LinearMapSettings, **given: Any) -> CellSettings:
    train = {"steps": 300, "batch_tokens": 256, "learning_rate": 3e-3, "warmup": 50, "schedule": "constant"}
    model = {"depth": 1, "heads": 4, "d_model": 32, "init_std": 0.1}
    return CellSettings(
        task=task,
        model=PreLNSettings(**model | given),
        train=TrainSettings(**train, weight_decay=0.01),
        evaluate=EvaluateSettings(every=50),
    )


def test_before_an_output_is_learned_its_loss_is_that_of_a_coin() -> None:
    with reproducible("cpu", "float32"), torch.no_grad():
        trainer = PackTrainer(cell(settings(evaluation_examples=512)), [Seed(1, 1), Seed(2, 2)], "cpu")
        with torch.enable_grad():
            trainer.train_to(60)
        scores = trainer.task.output_scores(trainer.decoder)
    assert scores["nll"] == pytest.approx(np.full((2, 8), math.log(2)), abs=0.05)


def test_a_small_map_is_learned() -> None:
    with reproducible("cpu", "float32"):
        trainer = PackTrainer(cell(settings(bits=4, ones=2, pattern_seed=3)), [Seed(1, 1), Seed(2, 2)], "cpu")
        trainer.train_to(300)
        values = trainer.evaluate()
    assert values["test", "exact_match"].tolist() == [1.0, 1.0]
    assert values["test", "outputs_learned"].tolist() == [1.0, 1.0]
    assert (values["test", "loss"] < 0.05).all()


def test_random_targets_stay_at_the_entropy_of_a_coin() -> None:
    """Whatever a model could read of the bit that it predicts would show as a loss under ln 2."""
    task = settings(bits=4, ones=2, pattern_seed=3, targets="random", evaluation_examples=1024)
    with reproducible("cpu", "float32"):
        trainer = PackTrainer(cell(task), [Seed(1, 1), Seed(2, 2)], "cpu")
        trainer.train_to(300)
        values = trainer.evaluate()
    assert (values["test", "loss"] > math.log(2) - 0.005).all()
    assert (values["train", "loss"] > math.log(2) - 0.005).all()
    assert values["test", "outputs_learned"].tolist() == [0.0, 0.0]
