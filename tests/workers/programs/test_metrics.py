"""What programs write, in the formats that they write it in, read while it grows and after it was cut off."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest

from seedsweep.workers.programs.attempts import Attempt, begin, rewound
from seedsweep.workers.programs.files import MetricsFiles
from seedsweep.workers.programs.reading import Version
from seedsweep.workers.programs.rows import MetricsError, Row, is_clock
from seedsweep.workers.programs.settings import ProgramSettings


def settings(metrics: Any = "metrics.jsonl", **more: Any) -> ProgramSettings:
    return ProgramSettings.model_validate({"command": "train", "metrics": metrics, **more})


def read(folder: Path, metrics: Any = "metrics.jsonl", **more: Any) -> dict[tuple[int, str, str], float]:
    files = MetricsFiles(folder, settings(metrics, **more), {})
    files.read(ended=True)
    return {(row.step, row.split, row.metric): row.value for row in files.rows()}


ALL = "all rows"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "a.jsonl",
            '{"step": 1, "loss": 0.5}\n{"step": 2, "loss": 1}',
            {(1, ALL, "loss"): 0.5, (2, ALL, "loss"): 1.0},
        ),
        ("a.jsonl", '{"step": 1, "split": "test", "loss": 0.5}', {(1, "test", "loss"): 0.5}),
        ("a.jsonl", '{"step": 1, "test/acc/top1": 0.5}', {(1, "test", "acc/top1"): 0.5}),
        ("a.jsonl", '{"step": 1, "test": {"acc": 0.5}, "run": "mlp"}', {(1, "test", "acc"): 0.5}),
        ("a.jsonl", '{"global_step": 3, "epoch": 1, "acc": true}', {(3, ALL, "acc"): 1}),
        ("a.jsonl", '{"epoch": 1, "acc": "0.25", "none": null, "list": [1]}', {(1, ALL, "acc"): 0.25}),
        ("a.jsonl", "\ufeff\n" + '{"_step": 1, "acc": 0.5}\r\n\r\n', {(1, ALL, "acc"): 0.5}),
        ("a.csv", "step,acc,loss\n0,0.5,\n1,,2e-3\n", {(0, ALL, "acc"): 0.5, (1, ALL, "loss"): 0.002}),
        ("a.csv", "epoch;test/acc;phase\r\n4;0.5;late\r\n", {(4, "test", "acc"): 0.5}),
        ("a.tsv", "iter\tacc\n10\t0.5", {(10, ALL, "acc"): 0.5}),
        ("a.csv", ",step,acc\n0,1,0.5\n,2,1\n", {(1, ALL, "acc"): 0.5, (2, ALL, "acc"): 1}),
        ("log.txt", '"step","acc, top 1"\n1,0.5\n', {(1, ALL, "acc, top 1"): 0.5}),
        (
            "a.json",
            '[{"step": 1, "acc": 0.5},\n {"step": 2, "acc": 1}]',
            {(1, ALL, "acc"): 0.5, (2, ALL, "acc"): 1},
        ),
        ("a.json", '{"step": 1, "acc": 0.5}\n{"step": 2, "acc": 1}', {(1, ALL, "acc"): 0.5, (2, ALL, "acc"): 1}),
    ],
)
def test_usual_forms(tmp_path: Path, name: str, text: str, expected: dict[Any, float]) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert read(tmp_path, name) == expected


def test_final_results_without_a_step_are_those_of_the_declared_end(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text('{\n  "accuracy": 0.9\n}')
    assert read(tmp_path, "results.json", steps=100) == {(100, ALL, "accuracy"): 0.9}
    with pytest.raises(MetricsError, match="no column counts the steps"):
        read(tmp_path, "results.json")


def test_the_step_may_be_named_and_the_examples_counted(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("step,tokens,acc,examples_seen\n1,500,0.5,32\n")
    assert read(tmp_path, {"file": "a.csv", "step": "tokens"}) == {(500, ALL, "acc"): 0.5}
    files = MetricsFiles(tmp_path, settings("a.csv"), {})
    files.read()
    assert [row.examples for row in files.rows()] == [32, 32]


def test_values_that_are_not_finite_are_nan(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"step": 1, "a": NaN, "b": Infinity, "c": -Infinity, "d": "nan"}')
    assert all(math.isnan(value) for value in read(tmp_path, "a.jsonl").values())
    assert len(read(tmp_path, "a.jsonl")) == 4


def test_clocks_are_known_by_their_names() -> None:
    clocks = ["time", "_timestamp", "_runtime", "train_runtime", "samples_per_second", "wall_time", "a/elapsed"]
    assert all(map(is_clock, clocks))
    assert not any(map(is_clock, ["loss", "times_right", "sometime_acc", "timed_out", "accuracy"]))


def test_a_file_is_read_as_it_grows_and_half_a_line_waits(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    files = MetricsFiles(tmp_path, settings(), {})
    files.read()
    assert files.rows() == []
    lines = [json.dumps({"step": step, "a": step / 3}) + "\n" for step in range(5)]
    text = "".join(lines)
    for end in range(1, len(text) + 1):
        path.write_text(text[:end])
        files.read()
        assert len(files.rows()) == text[:end].count("\n")
    assert files.last_step == 4


def test_a_file_that_is_written_anew_while_it_is_read_counts_as_it_is_then(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"  # as Lightning's logger does when a new metric comes up
    files = MetricsFiles(tmp_path, settings("metrics.csv"), {})
    path.write_text("step,loss\n1,0.5\n2,0.25\n")
    files.read()
    path.write_text("step,loss,acc\n1,0.5,\n2,0.25,\n3,,1\n")
    files.read()
    assert [row[:1] + row[3:] for row in files.rows()] == [(1, "loss", 0.5), (2, "loss", 0.25), (3, "acc", 1)]


def test_a_csv_to_which_a_second_attempt_adds_with_its_header_again(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("step,acc\n0,0.1\n1,0.2\n2,0.")
    second = begin(Attempt(1), tmp_path, settings("metrics.csv"))
    assert [row.value for row in second.earlier] == [0.1, 0.2]
    with path.open("a") as file:
        file.write("step,acc\n1,0.2\n2,0.3\n")
    files = MetricsFiles(tmp_path, settings("metrics.csv"), second.begun)
    files.read(ended=True)
    assert [(row.step, row.value) for row in second.rows(files.rows())] == [(0, 0.1), (1, 0.2), (2, 0.3)]


def test_a_second_attempt_may_begin_its_csv_with_other_columns(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("step,acc\n0,0.1\n1,0.2\n")
    second = begin(Attempt(1), tmp_path, settings("metrics.csv"))
    with path.open("a") as file:
        file.write("step,loss,acc\n1,3,0.2\n")
    files = MetricsFiles(tmp_path, settings("metrics.csv"), second.begun)
    files.read(ended=True)
    assert [(row.metric, row.value) for row in second.rows(files.rows())] == [
        ("acc", 0.1),
        ("loss", 3),
        ("acc", 0.2),
    ]


def test_a_document_counts_for_the_attempt_that_has_written_it_last(tmp_path: Path) -> None:
    path = tmp_path / "log.json"

    def attempt(before: Attempt, steps: range) -> Attempt:
        now = begin(before, tmp_path, settings("log.json"))
        if steps:
            path.write_text(json.dumps([{"step": step, "a": now.number} for step in steps]))
        return now

    third = attempt(attempt(attempt(Attempt(), range(3)), range(5)), range(0))
    files = MetricsFiles(tmp_path, settings("log.json"), third.begun)
    files.read(ended=True)
    assert files.rows() == []  # it has written nothing itself
    assert [(row.step, row.value) for row in third.rows([])] == [(step, 2) for step in range(5)]


def test_an_attempt_reads_back_from_its_checkpoint_with_its_nan(tmp_path: Path) -> None:
    row = Row(1, 1, "test", "a", math.nan)
    back = Attempt.from_bytes(Attempt(2, 3.5, [row], {"a": Version(1, 2)}, [row]).to_bytes())
    assert (back.number, back.seconds, back.begun) == (2, 3.5, {"a": Version(1, 2)})
    assert str(back.earlier) == str([row]) == str(back.written)
    assert Attempt.from_bytes(None) == Attempt()


def test_where_the_folder_is_gone_the_rows_that_were_kept_stand_for_it(tmp_path: Path) -> None:
    """On an object store a retry may come to another machine."""
    before = Attempt(1, 0.0, [], {}, [Row(step, step, ALL, "a", 1.0) for step in range(3)])
    assert [row.step for row in begin(before, tmp_path, settings()).earlier] == [0, 1, 2]


def test_from_where_a_later_attempt_writes_nothing_earlier_counts() -> None:
    earlier = [Row(step, step, split, "a", 0.0) for step in range(5) for split in ("train", "test")]
    later = [Row(step, step, "train", "a", 1.0) for step in (3, 4)]
    assert rewound(earlier, later) == [*earlier[:6], *later]
    assert rewound(earlier, []) == earlier
    assert rewound([], later) == later


def test_hugging_faces_trainer_state_is_read_as_it_is(tmp_path: Path) -> None:
    """Written by its own class."""
    from transformers.trainer_callback import TrainerState

    history: list[dict[str, float]] = []
    for step in (10, 20):
        history.append(
            {"loss": 1 / step, "grad_norm": 1.0, "learning_rate": 0.1, "epoch": step / 10, "step": step}
        )
        history.append({"eval_loss": 2 / step, "eval_runtime": 0.3, "epoch": step / 10, "step": step})
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        TrainerState(log_history=history, global_step=step).save_to_json(str(folder / "trainer_state.json"))
    found = read(tmp_path, "checkpoint-*/trainer_state.json")
    assert found[10, "train", "loss"] == 0.1
    assert found[20, "eval", "loss"] == 0.1
    assert found[20, "train", "learning_rate"] == 0.1
    assert len(found) == 10


def test_a_csv_of_lightnings_kind(tmp_path: Path) -> None:
    with (tmp_path / "metrics.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["epoch", "step", "train_loss", "val_acc"])
        writer.writeheader()
        writer.writerow({"epoch": 0, "step": 49, "train_loss": 0.5})
        writer.writerow({"epoch": 0, "step": 49, "val_acc": 0.75})
    assert read(tmp_path, "*.csv") == {(49, ALL, "train_loss"): 0.5, (49, ALL, "val_acc"): 0.75}
