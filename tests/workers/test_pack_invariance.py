"""A seed's whole run is bitwise the same alone, packed, at another place, and resumed (CPU, float32)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from seedsweep.cell import Pack
from seedsweep.seeds import Seed
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.device import reproducible
from seedsweep.workers.dialects.attention_only import AttentionOnlySettings
from seedsweep.workers.dialects.mixer import MixerSettings
from seedsweep.workers.dialects.pre_ln import PreLNSettings
from seedsweep.workers.tasks.addition import AdditionSettings
from seedsweep.workers.tasks.automata import AutomataSettings
from seedsweep.workers.tasks.bursty import BurstySettings
from seedsweep.workers.tasks.coopetition import CoopetitionSettings
from seedsweep.workers.tasks.induction import InductionSettings
from seedsweep.workers.tasks.linear_map import LinearMapSettings
from seedsweep.workers.train import train_pack
from seedsweep.workers.trainer import PackTrainer

Cell = Callable[..., CellSettings]
SEEDS = [Seed(0, 0), Seed(1, 1), Seed(5, 2), Seed(2, 5), Seed(7, 7)]


class MemorySink:
    """Keeps what a pack writes; can be asked to stop the training after some steps."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.blocks: dict[int, pa.Table] = {}
        self.last: set[int] = set()
        self.checkpoint: bytes | None = None
        self.reports: list[int] = []
        self.kept: dict[int, bytes] = {}
        self.stop_after = stop_after

    def cell_folder(self, cell: str) -> Path:
        raise AssertionError("only programs have folders")

    def keep_log(self, cell: str, text: bytes) -> str:
        raise AssertionError("only programs have logs")

    def load_base(self) -> bytes | None:
        raise AssertionError("these settings have no base")

    def load_checkpoint(self) -> bytes | None:
        return self.checkpoint

    def refuse_checkpoint(self, problem: str) -> None:
        raise AssertionError(problem)

    def save_checkpoint(self, state: bytes) -> None:
        self.checkpoint = state

    def keep_checkpoint(self, step: int, content: bytes) -> None:
        assert self.kept.setdefault(step, content) == content, "once more is the same"

    def write_block(
        self, number: int, table: pa.Table, *, last: bool, steps: tuple[int, int], provenance: dict[str, Any]
    ) -> None:
        assert table["step"].combine_chunks()[0].as_py() == steps[0]
        assert table["step"].combine_chunks()[-1].as_py() == steps[1]
        assert provenance["torch"] == torch.__version__
        self.blocks[number] = table
        if last:
            self.last.add(number)

    def report(self, step: int, steps: int, **measured: Any) -> None:
        self.reports.append(step)

    def should_stop(self) -> bool:
        return self.stop_after is not None and len(self.reports) >= self.stop_after

    def rows(self) -> dict[tuple[int, int, str, str], float]:
        """(seed, step, split, metric) → value over all blocks; every key once."""
        table = pa.concat_tables(self.blocks[number] for number in sorted(self.blocks)).to_pylist()
        rows = {(r["seed"], r["step"], r["split"], r["metric"]): r["value"] for r in table}
        assert len(rows) == len(table)
        return rows


def train(settings: CellSettings, seeds: list[Seed], sink: MemorySink | None = None, **options: Any) -> MemorySink:
    sink = sink or MemorySink()
    pack = Pack("model.depth", settings.model.depth, tuple(seeds), "fingerprint")
    finished = train_pack(settings, pack, sink, should_stop=sink.should_stop, **options)
    assert finished == (not sink.should_stop())
    return sink


# fmt: off
SHAPES: dict[str, dict[str, Any]] = {
    "pocket": {"depth": 3, "heads": 2, "head_dim": 16, "batch": 8, "context": 64, "vocabulary": 60},
    "paper": {"depth": 1, "heads": 2, "head_dim": 64, "batch": 2, "context": 256, "vocabulary": 150},
    # Sizes that fill neither vector registers nor cache lines.
    "odd": {"depth": 2, "heads": 3, "head_dim": 4, "rotary_fraction": 0.5, "batch": 3, "context": 19,
            "vocabulary": 17},
    "one row": {"depth": 1, "heads": 1, "head_dim": 4, "rotary_fraction": 0, "batch": 1, "context": 31,
                "vocabulary": 23},
    "odd heads": {"depth": 2, "heads": 4, "head_dim": 5, "rotary_fraction": 0.4, "batch": 5, "context": 37},
}
# fmt: on


def assert_alone_packed_moved_and_resumed_are_bitwise_equal(settings: CellSettings) -> None:
    alone = {seed.id: train(settings, [seed]).rows() for seed in SEEDS}
    packs = (SEEDS[:3], SEEDS[2::-1], SEEDS[::-1])
    packed = [train(settings, seeds).rows() for seeds in packs]
    for seeds, rows in zip(packs, packed, strict=True):
        for seed in seeds:
            mine = {key: value for key, value in rows.items() if key[0] == seed.id}
            assert mine == alone[seed.id]
    stopped = train(settings, SEEDS[:3], MemorySink(stop_after=settings.train.steps // 2))
    stopped.stop_after = None
    assert train(settings, SEEDS[:3], stopped).rows() == packed[0]
    values = [rows[id, settings.train.steps, "train", "loss"] for id, rows in alone.items()]
    assert len(set(values)) == len(values)  # the comparison means something: seeds do differ


@pytest.mark.parametrize(
    "shape", [name if name != "paper" else pytest.param(name, marks=pytest.mark.heavy) for name in SHAPES]
)
def test_alone_packed_moved_and_resumed_are_bitwise_equal(shape: str, cell: Cell) -> None:
    assert_alone_packed_moved_and_resumed_are_bitwise_equal(cell(**SHAPES[shape], every=5))


def test_addition_alone_packed_moved_and_resumed_is_bitwise_equal(cell: Cell) -> None:
    task = AdditionSettings(
        name="addition", train_lengths=(1, 3), test_lengths=(4, 5), context=61, hints=7, evaluation_examples=29
    )
    assert_alone_packed_moved_and_resumed_are_bitwise_equal(cell(every=5).model_copy(update={"task": task}))


def test_linear_map_alone_packed_moved_and_resumed_is_bitwise_equal(cell: Cell) -> None:
    """A vocabulary of two, heads of one dimension, learned positions, a batch in tokens."""
    task = LinearMapSettings(name="linear-map", bits=11, ones=3, evaluation_examples=37)
    model = PreLNSettings(depth=1, heads=12, head_dim=1, init_std=0.2)
    train = cell().train.model_copy(update={"batch": None, "batch_tokens": 70})
    settings = cell(every=5).model_copy(update={"task": task, "model": model, "train": train})
    assert settings.batch == 3
    assert_alone_packed_moved_and_resumed_are_bitwise_equal(settings)
    table = train_pack_rows(settings)
    assert {(row["step"], row["examples_seen"]) for row in table} >= {(0, 0), (5, 15), (12, 36)}


@pytest.mark.parametrize(("heads", "batch"), [(4, 3), (1, 1), (16, 1)])
def test_a_mixer_alone_packed_moved_and_resumed_is_bitwise_equal(heads: int, batch: int, cell: Cell) -> None:
    """Rows of 26 tokens; a single row, and heads of one channel, of which some kernel might make a vector."""
    task = LinearMapSettings(name="linear-map", bits=13, ones=3, evaluation_examples=37)
    model = MixerSettings(dialect="mixer", depth=2, heads=heads, d_model=16, init_std=0.2)
    settings = cell(every=5, batch=batch).model_copy(update={"task": task, "model": model})
    assert_alone_packed_moved_and_resumed_are_bitwise_equal(settings)


def train_pack_rows(settings: CellSettings) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = train(settings, SEEDS[:1]).blocks[0].to_pylist()
    return rows


@pytest.mark.parametrize(("colours", "tables"), [(2, 0), (3, 5)])
def test_automata_alone_packed_moved_and_resumed_are_bitwise_equal(colours: int, tables: int, cell: Cell) -> None:
    task = AutomataSettings(
        name="automata", colours=colours, cells=5, states=4, tables=tables, evaluation_examples=37
    )
    model = PreLNSettings(depth=2, heads=2, head_dim=10)
    assert_alone_packed_moved_and_resumed_are_bitwise_equal(
        cell(every=5).model_copy(update={"task": task, "model": model})
    )


PAIRS = {
    "induction": InductionSettings(
        name="induction", classes=9, labels=5, exemplars=2, noise=0.5, heldout_classes=3, evaluation_examples=37
    ),
    "one-hot": InductionSettings(name="induction", classes=9, labels=3, vectors="one-hot", evaluation_examples=37),
    "coopetition": CoopetitionSettings(
        name="coopetition", classes=13, exemplars=3, noise=1, matched=0.4, evaluation_examples=37
    ),
    "bursty": BurstySettings(
        name="bursty", classes=11, bursty=0.6, zipf=1, labels_per_class=2, feature_size=63, evaluation_examples=37
    ),
}


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("positions", ["learned", "rotary"])
def test_rows_of_pairs_alone_packed_moved_and_resumed_are_bitwise_equal(
    name: str, positions: str, cell: Cell
) -> None:
    model = AttentionOnlySettings.model_validate(
        {"dialect": "attention-only", "depth": 2, "heads": 3, "head_dim": 4, "positions": positions}
    )
    assert_alone_packed_moved_and_resumed_are_bitwise_equal(
        cell(every=5).model_copy(update={"task": PAIRS[name], "model": model})
    )


def test_weights_are_bitwise_equal_too(cell: Cell) -> None:
    settings = cell(steps=40)
    with reproducible("cpu", "float32"):
        packed = PackTrainer(settings, SEEDS, "cpu")
        packed.train_to(40)
        for row, seed in enumerate(SEEDS):
            alone = PackTrainer(settings, [seed], "cpu")
            alone.train_to(40)
            assert torch.equal(alone.decoder.flat_SP[0], packed.decoder.flat_SP[row])


@pytest.mark.parametrize("stop_after", [1, 4, 5, 7, 11])
def test_a_resumed_run_is_bitwise_an_undisturbed_one(stop_after: int, cell: Cell) -> None:
    settings = cell(every=5)
    undisturbed = train(settings, SEEDS[:3]).rows()
    sink = train(settings, SEEDS[:3], MemorySink(stop_after))
    assert sink.checkpoint is not None
    sink.stop_after = None
    before = len(sink.reports)
    assert train(settings, SEEDS[:3], sink).rows() == undisturbed
    assert sink.reports[before] == stop_after + 1  # it went on, it did not start again


def test_blocks_have_fixed_boundaries(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seedsweep.workers.recorder.ROWS_PER_BLOCK", 100)  # 17 columns × 3 seeds: two evaluations
    settings = cell(every=2)
    undisturbed = train(settings, SEEDS[:3])
    assert len(undisturbed.blocks) > 2
    assert undisturbed.last == {max(undisturbed.blocks)}
    disturbed = train(settings, SEEDS[:3], MemorySink(stop_after=7))
    disturbed.stop_after = None
    train(settings, SEEDS[:3], disturbed, checkpoint_seconds=0.0)
    assert disturbed.blocks == undisturbed.blocks


def test_a_diverged_seed_is_recorded_and_harms_no_other(cell: Cell) -> None:
    settings = cell(steps=20)
    with reproducible("cpu", "float32"):
        healthy = PackTrainer(settings, SEEDS[:3], "cpu")
        healthy.train_to(20)
        sick = PackTrainer(settings, SEEDS[:3], "cpu")
        sick.train_to(10)
        with torch.no_grad():
            sick.decoder.parameters["layer1.mlp_in.weight_DF"][1, 0, 0] = torch.nan
        sick.train_to(20)
        expected, found = healthy.evaluate(), sick.evaluate()
    for row in (0, 2):
        assert torch.equal(sick.decoder.flat_SP[row], healthy.decoder.flat_SP[row])
        for key, values in expected.items():
            assert found[key][row] == values[row]
    assert found["train", "diverged"].tolist() == [0.0, 1.0, 0.0]
    assert all(np.isnan(values[1]) for key, values in found.items() if key != ("train", "diverged"))


def test_a_checkpoint_of_other_seeds_is_refused(cell: Cell) -> None:
    state = PackTrainer(cell(), SEEDS[:2], "cpu").state()
    with pytest.raises(ValueError, match="other seeds"):
        PackTrainer(cell(), SEEDS[1:3], "cpu").load_state(state)


@pytest.mark.usefixtures("two_threads")
def test_nothing_global_outlives_the_training(cell: Cell) -> None:
    threads = torch.get_num_threads()
    generator = torch.get_rng_state()
    train(cell(), SEEDS[:1])
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), generator)
    assert torch.tensor(1e-39) * 1.0 != 0.0  # denormals are back
