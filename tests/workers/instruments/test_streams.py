"""What is read is what the model attends to, and reading changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.instruments import Stream
from seedsweep.workers.instruments.attention_stream import AttentionSettings, AttentionStream
from seedsweep.workers.instruments.reading import mean_attention
from seedsweep.workers.settings import TOKENS_AT_ONCE
from seedsweep.workers.trainer import PackTrainer
from tests.workers.instruments.conftest import BITS, ONES, SEEDS, Cell
from tests.workers.reference import gpt_neox

STREAMS = ("attention", "outputs")


def trained(settings: object, steps: int = 12) -> PackTrainer:
    trainer = PackTrainer(settings, SEEDS, "cpu")  # type: ignore[arg-type]
    trainer.train_to(steps)
    return trainer


def test_the_attention_read_is_that_of_hugging_face(cell: Cell) -> None:
    trainer = trained(cell())
    rows = trainer.task.reading_rows()[:20]
    queries = torch.tensor([0, 3, 7, 14])
    found = mean_attention(trainer.decoder, rows, queries)
    for row in range(len(SEEDS)):
        theirs = gpt_neox(trainer.decoder, row)
        theirs.set_attn_implementation("eager")
        with torch.no_grad():
            layers = theirs(rows, output_attentions=True).attentions
        expected = torch.stack([layer.double().mean(0)[:, queries] for layer in layers])
        np.testing.assert_allclose(found[row], expected.numpy(), atol=1e-6)


def test_attention_is_read_in_parts_of_any_size(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = trained(cell())
    rows, queries = trainer.task.reading_rows(), torch.arange(BITS - 1, 2 * BITS - 1)
    whole = mean_attention(trainer.decoder, rows, queries)
    assert len(rows) * 2 * BITS < TOKENS_AT_ONCE
    monkeypatch.setattr("seedsweep.workers.instruments.reading.FLOATS_AT_ONCE", 4 * BITS * 2 * BITS * 7)
    np.testing.assert_allclose(mean_attention(trainer.decoder, rows, queries), whole, rtol=1e-6)


def test_reading_changes_no_bit(cell: Cell) -> None:
    plain, read = PackTrainer(cell(), SEEDS, "cpu"), PackTrainer(cell(streams=STREAMS), SEEDS, "cpu")
    for stop in (1, 8, 24):
        plain.train_to(stop)
        read.train_to(stop)
        without, with_streams = plain.evaluate(), read.evaluate()
        assert set(without) < set(with_streams)
        assert all(without[key].tobytes() == with_streams[key].tobytes() for key in without)
    assert torch.equal(plain.decoder.flat_SP, read.decoder.flat_SP)


def test_what_is_read_of_a_seed_is_the_same_alone_packed_and_resumed(cell: Cell) -> None:
    packed = PackTrainer(cell(streams=STREAMS), SEEDS, "cpu")
    packed.train_to(9)
    resumed = PackTrainer(cell(streams=STREAMS), SEEDS, "cpu")
    resumed.load_state(packed.state())
    values = packed.evaluate()
    assert all(value.tobytes() == values[key].tobytes() for key, value in resumed.evaluate().items())
    for row, seed in enumerate(SEEDS):
        alone = PackTrainer(cell(streams=STREAMS), [seed], "cpu")
        alone.train_to(9)
        assert all(value[0].tobytes() == values[key][row].tobytes() for key, value in alone.evaluate().items())


@pytest.mark.parametrize("stream", STREAMS)
def test_a_stream_says_what_it_reads(cell: Cell, stream: str) -> None:
    settings = cell(streams=[stream])
    (one,) = settings.streams
    told = {
        (split, name) for split, names in one.measures(settings.task, settings.model).items() for name in names
    }
    plain, read = trained(cell()).evaluate(), trained(settings).evaluate()
    assert told == read.keys() - plain.keys()
    assert {split for split, _ in plain} - {"train"} <= settings.measured.keys()
    assert {split for split, _ in told} <= settings.measured.keys()


def test_the_outputs_streams_mean_is_the_tasks(cell: Cell) -> None:
    values = trained(cell(streams=["outputs"])).evaluate()
    for metric, name in (("accuracy", "token_accuracy"), ("nll", "loss"), ("probability", "probability")):
        mean = np.mean([values[f"output-{output}", metric] for output in range(BITS)], axis=0)
        np.testing.assert_allclose(mean, values["test", name], rtol=1e-12)


def measured(cell: Cell, attention_HOT: np.ndarray) -> dict[tuple[str, str], float]:
    """What the stream says of a seed with this attention, in one layer."""
    settings = cell(streams=["attention"])
    trainer = PackTrainer(settings, SEEDS[:1], "cpu")
    return AttentionStream(AttentionSettings(), settings, trainer.task)._of_seed(attention_HOT)


def parents(cell: Cell) -> np.ndarray:
    return PackTrainer(cell(), SEEDS[:1], "cpu").task.patterns()["true"].parents_QT.numpy()


def test_attention_on_the_parents_alone(cell: Cell) -> None:
    true_OT = parents(cell)
    equal_OT = true_OT / true_OT.sum(1, keepdims=True)
    found = measured(cell, np.stack([np.zeros_like(equal_OT), equal_OT]))
    for output in range(BITS):
        assert found[f"output-{output}", "attention_mass"] == pytest.approx(1)
        assert found[f"output-{output}", "attention_coverage"] == 1
        assert found[f"output-{output}", "attention_iou"] == 1
    assert found["attention", "attention_mass"] == pytest.approx(1)
    assert found["heads-sorted-0", "attention_mass"] == pytest.approx(1)
    assert found["heads-sorted-1", "attention_mass"] < 0


def test_attention_on_one_of_the_parents(cell: Cell) -> None:
    true_OT = parents(cell)
    one_OT = np.zeros(true_OT.shape)
    one_OT[np.arange(BITS), true_OT.argmax(1)] = 1
    found = measured(cell, one_OT[None])
    assert found["output-2", "attention_mass"] == pytest.approx(1)
    assert found["output-2", "attention_coverage"] == pytest.approx(1 / ONES)
    assert found["output-2", "attention_entropy"] == 0


def test_equal_attention_to_all_that_is_seen(cell: Cell) -> None:
    seen_O = np.arange(BITS, 2 * BITS)
    equal_OT = np.where(np.arange(2 * BITS) < seen_O[:, None], 1 / seen_O[:, None], 0)
    found = measured(cell, equal_OT[None])
    for output in range(BITS):
        assert found[f"output-{output}", "attention_mass"] == pytest.approx(0, abs=1e-12)
        assert np.exp(found[f"output-{output}", "attention_entropy"]) == pytest.approx(BITS)


@pytest.mark.parametrize(("heads", "chance"), [(1, 0.12), (2, 0.19), (4, 0.27), (8, 0.34), (16, 0.42), (64, 0.55)])
def test_the_overlap_that_comes_by_chance(cell: Cell, heads: int, chance: float) -> None:
    """Of random attention at S 16, s 3, as it was computed elsewhere."""
    settings = cell(streams=["attention"])
    task = settings.task.model_copy(update={"bits": 16})
    settings = settings.model_copy(update={"task": task})
    stream = AttentionStream(AttentionSettings(), settings, PackTrainer(settings, SEEDS[:1], "cpu").task)
    random = np.random.default_rng(heads)
    mean = np.mean(
        [stream._of_seed(random.random((heads, 16, 32)))["attention", "attention_iou"] for _ in range(60)]
    )
    assert mean == pytest.approx(chance, abs=0.015)


class Norms(Stream):
    """A stream of somebody's own."""

    Settings = AttentionSettings

    def __init__(self, settings: object, cell: object, task: object) -> None:
        pass

    def read(self, decoder: StackedDecoder) -> dict[tuple[str, str], np.ndarray]:
        return {("weights", "norm"): decoder.flat_SP.norm(dim=1).double().cpu().numpy()}


def test_a_stream_of_somebodys_own(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seedsweep.workers.trainer.find_stream", lambda name: Norms)
    values = trained(cell(streams=["attention"])).evaluate()
    assert values["weights", "norm"].shape == (len(SEEDS),)
