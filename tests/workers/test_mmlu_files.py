"""MMLU from files: prompts, letters, mix and metrics with a real tokenizer file; and what is wrong with files."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from seedsweep.errors import InputError
from seedsweep.sweep.reader import load
from seedsweep.sweep.run import run
from seedsweep.sweep.specfile import read_spec
from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.dialects.qwen2_settings import Qwen2Settings
from seedsweep.workers.tasks.mmlu_files import MmluFiles, MmluFilesSettings, prompt

NAMES = ("Rome", "Oslo", "Lima", "Bonn", "Cairo", "Delhi", "Quito", "Tunis")


def question(number: int, **changes: Any) -> dict[str, Any]:
    choices = [NAMES[(number + place) % len(NAMES)] for place in range(4)]
    return {
        "question": f"Which city is number {number}?",
        "choices": choices,
        "answer": number % 4,
        "subject": "world_geography",
        **changes,
    }


def write_lines(path: Path, records: list[Any]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A fixture corpus: byte-level BPE as Qwen's, Parquet and JSON lines, plain and compressed."""
    text = [f"The city of {name} has number {number}. " * 3 for number, name in enumerate(NAMES * 5)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    asked = [prompt(**_prompt_of(question(n))) + " " + "ABCD"[n % 4] for n in range(40)]
    tokenizer.train_from_iterator([*text, *asked], trainer)
    tokenizer.save(str(tmp_path / "tokenizer.json"))

    pq.write_table(pa.Table.from_pylist([question(n) for n in range(20)]), tmp_path / "questions.parquet")
    write_lines(tmp_path / "test.jsonl", [question(n, answer="ABCD"[n % 4]) for n in range(20, 32)])
    (tmp_path / "text").mkdir()
    write_lines(tmp_path / "text/a.jsonl", [{"text": one, "url": "x"} for one in text[:20]])
    with gzip.open(tmp_path / "text/b.jsonl.gz", "wt") as compressed:
        compressed.write("".join(json.dumps({"text": one}) + "\n" for one in text[20:]))
    write_lines(tmp_path / "heldout.jsonl", [{"text": one} for one in text[::4]])
    return tmp_path


def _prompt_of(record: dict[str, Any]) -> dict[str, Any]:
    return {key: record[key] for key in ("question", "choices", "subject")}


def settings(directory: Path, **changes: Any) -> MmluFilesSettings:
    given = {
        "name": "mmlu",
        "mix": 0.5,
        "tokenizer": str(directory / "tokenizer.json"),
        "questions": str(directory / "questions.parquet"),
        "test_questions": str(directory / "test.jsonl"),
        "text": str(directory / "text"),
        "heldout_text": str(directory / "heldout.jsonl"),
        "context": 96,
        "evaluation_examples": 10,
    }
    return MmluFilesSettings(**given | changes)


def test_the_prompt_is_hendrycks() -> None:
    assert prompt("What is 2 + 2?", ["1", "2", "3", "4"], "abstract_algebra") == (
        "The following are multiple choice questions (with answers) about abstract algebra.\n\n"
        "What is 2 + 2?\nA. 1\nB. 2\nC. 3\nD. 4\nAnswer:"
    )
    assert prompt("Q", list("wxyz")).startswith(
        "The following are multiple choice questions (with answers).\n\nQ\n"
    )


def test_rows_are_the_files_content(files: Path) -> None:
    given = settings(files)
    tokenizer = Tokenizer.from_file(str(files / "tokenizer.json"))
    corpus = given.corpus()
    assert [tokenizer.decode([letter]) for letter in corpus.letters] == [" A", " B", " C", " D"]
    for questions, first in ((corpus.questions, 0), (corpus.test, 20)):
        examples = questions.with_answers(corpus.letters)
        for number, (tokens_T, length) in enumerate(
            zip(examples.tokens_ET, examples.lengths_E, strict=True), first
        ):
            expected = prompt(**_prompt_of(question(number))) + " " + "ABCD"[number % 4]
            assert tokenizer.decode(tokens_T[:length].tolist()) == expected
    text = "".join(tokenizer.decode(row.tolist(), skip_special_tokens=False) for row in corpus.text.tokens_ET)
    assert text.startswith("The city of Rome has number 0. The city of Rome has number 0.")
    assert ". <|endoftext|>The city of Oslo" in text

    rows = MmluFiles(given, torch.device("cpu")).rows(torch.tensor([4, 5]), torch.arange(30), 6)
    lines = [
        tokenizer.decode(tokens[mask].tolist())
        for tokens, mask in zip(rows.tokens_NSBT.flatten(0, 2), rows.mask_NSBT.flatten(0, 2), strict=True)
    ]
    asked = {prompt(**_prompt_of(question(n))) + " " + "ABCD"[n % 4] for n in range(20)}
    assert sum(line in asked for line in lines) == 30 * 2 * 3
    assert {line for line in lines if "Answer:" in line} == asked


def test_a_question_that_is_too_long_loses_its_beginning(files: Path) -> None:
    tokenizer = Tokenizer.from_file(str(files / "tokenizer.json"))
    corpus = settings(files, context=20).corpus()
    examples = corpus.test.with_answers(corpus.letters)
    assert set(examples.lengths_E) == {20}
    assert tokenizer.decode(examples.tokens_ET[1].tolist()).endswith("Answer: B")


def test_the_hubs_nested_training_questions_are_read(files: Path) -> None:
    nested = pa.Table.from_pylist([{"train": question(n)} for n in range(20)])
    pq.write_table(nested, files / "nested.parquet")
    flat, deep = settings(files).corpus(), settings(files, questions=str(files / "nested.parquet")).corpus()
    assert deep.questions.prompts.tokens_ET.tolist() == flat.questions.prompts.tokens_ET.tolist()


def test_a_sweep_over_files_and_a_checkpoint_end_to_end(files: Path) -> None:
    model = Qwen2Settings(depth=2, heads=2, kv_heads=1, d_model=16, feed_forward=20, vocabulary=416)
    decoder = StackedDecoder(model, 416, 1, torch.device("cpu"))
    decoder.initialise([1])
    (files / "checkpoint").mkdir()
    (files / "checkpoint/model.safetensors").write_bytes(decoder.to_base().weights)
    (files / "checkpoint/config.json").write_bytes(decoder.to_base().config)
    (files / "tokenizer.json").rename(files / "checkpoint/tokenizer.json")
    spec = files / "mmlu.yaml"
    spec.write_text(f"""\
task:
  name: mmlu
  tokenizer: {files}/checkpoint
  questions: {files}/questions.parquet
  test_questions: {files}/test.jsonl
  text: {files}/text/*
  heldout_text: {files}/heldout.jsonl
  context: 64
  evaluation_examples: 12
model: {{dialect: qwen2, checkpoint: {files}/checkpoint}}
train: {{steps: 4, batch: 4, learning_rate: 1.0e-2}}
scale: {{field: task.mix, values: [0.25, 1]}}
seeds: 0:3
success: {{metric: accuracy, split: test, at_least: 0.1}}
execution: {{device: cpu, pack: 2}}
""")
    result = run(read_spec(spec).spec, files / "out", executor="inline")
    assert (result.trained, result.failed) == (6, 0)
    population = load(files / "out")
    loss = population.final("loss", split="text")
    assert loss.values.shape == (2, 3)
    assert len(set(loss.values.ravel())) == 6
    assert ((population.final("format_rate").values >= 0) & (population.final("format_rate").values <= 1)).all()
    before = population.curves("gold_nll", split="test")[0.25].values[:, 0]
    assert len(set(before)) == 3  # drawn anew, each seed its own

    # The same files elsewhere are the same sweep; other content is not.
    (files / "text/a.jsonl").write_text((files / "text/a.jsonl").read_text().replace("Rome", "Ulm"))
    with pytest.raises(InputError, match=r"other settings: task.text"):
        run(read_spec(spec).spec, files / "out", executor="inline")


def _word_tokenizer(directory: Path) -> None:
    words = Tokenizer(
        models.WordLevel({"[UNK]": 0, "Answer": 1, ":": 2, "A": 3, "B": 4, "C": 5}, unk_token="[UNK]")
    )
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.save(str(directory / "tokenizer.json"))


def _byte_tokenizer(directory: Path) -> None:
    alphabet = {letter: number for number, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    merged = Tokenizer(models.BPE({**alphabet, "ĠA": 256}, [("Ġ", "A")]))
    merged.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    merged.decoder = decoders.ByteLevel()
    merged.save(str(directory / "tokenizer.json"))


class Unreachable(fsspec.AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """A remote store whose client fails in its own way."""

    def info(self, path: str, **options: Any) -> Any:
        raise RuntimeError("no route to host\nfor reasons of its own")

    exists = isdir = info


def test_a_remote_place_that_cannot_be_reached_is_said(files: Path) -> None:
    fsspec.register_implementation("unreachable", Unreachable, clobber=True)
    for place, message in (
        ("unreachable://bucket/q.parquet", "task.questions: unreachable://.*: cannot be read: no route to host$"),
        ("nosuch://bucket/q.parquet", "task.questions: nosuch://.*: cannot be read: Protocol not known: nosuch"),
    ):
        with pytest.raises(InputError, match=message):
            settings(files, questions=place).resolve()


def test_files_may_lie_in_a_remote_store(files: Path) -> None:
    here = settings(files).corpus()
    with fsspec.open("memory://bucket/test.jsonl", "wb") as remote:
        remote.write((files / "test.jsonl").read_bytes())
    there = settings(files, test_questions="memory://bucket/test.jsonl").corpus()
    assert there.test.prompts.tokens_ET.tolist() == here.test.prompts.tokens_ET.tolist()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda d: (d / "test.jsonl").unlink(), r"task.test_questions: .*test.jsonl: no such file"),
        (lambda d: (d / "test.jsonl").write_text(""), r"task.test_questions: .*test.jsonl: is empty"),
        (lambda d: (d / "test.jsonl").write_text('{"question": 1}\n'), r"test.jsonl line 1: has no 'choices'"),
        (
            lambda d: write_lines(d / "test.jsonl", [question(1), question(2, choices=["a", "b"])]),
            r"test.jsonl line 2: choices: must be a list of four texts",
        ),
        (lambda d: write_lines(d / "test.jsonl", [question(1, answer=4)]), r"line 1: answer: 4 is not a"),
        (lambda d: write_lines(d / "test.jsonl", [question(1, question=" ")]), r"question: ' ' is not a text"),
        (lambda d: (d / "test.jsonl").write_text("nonsense\n"), r"test.jsonl line 1: not JSON"),
        (lambda d: write_lines(d / "test.jsonl", [[1, 2]]), r"test.jsonl line 1: not a JSON object"),
        (lambda d: write_lines(d / "test.jsonl", [question(1)]), r"evaluation_examples: 10 are more than .* 1 q"),
        (lambda d: write_lines(d / "heldout.jsonl", [{"txt": "a"}]), r"line 1: has no 'text' \(did you"),
        (lambda d: write_lines(d / "heldout.jsonl", [{"text": "a"}]), r"task.heldout_text: .* less than one row"),
        (lambda d: (d / "questions.parquet").write_bytes(b"PAR1 torn"), r"questions.parquet: cannot be read"),
        (lambda d: (d / "tokenizer.json").write_text("{}"), r"task.tokenizer: .*tokenizer.json: not a tokenizer"),
        (lambda d: (d / "tokenizer.json").unlink(), r"task.tokenizer: .*tokenizer.json: not a directory"),
        (_word_tokenizer, r"' D' behind 'Answer:' is .*UNK.*, not one token"),
        (_byte_tokenizer, r"' B' behind 'Answer:' is 'Ġ', 'B', not one token of its own"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_said(files: Path, damage: Callable[[Path], Any], message: str) -> None:
    damage(files)
    with pytest.raises(InputError, match=message) as caught:
        settings(files).resolve()
    assert "\n" not in str(caught.value)
