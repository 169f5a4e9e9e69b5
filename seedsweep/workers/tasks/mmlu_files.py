"""MMLU and text from files: C4, or whatever has the same columns, and a tokenizer.

Questions are Parquet or JSON lines with `question`, `choices` (four), `answer` (0 to 3, or A to D) and, if there
is one, `subject`; text has `text`. Both may be a file, a directory, a pattern with `*`, or a URL that fsspec
knows, such as `hf://datasets/cais/mmlu/all/test-00000-of-00001.parquet` (needs `seedsweep[llm]`). Lines may be
compressed (`.gz`). The prompt is that of Hendrycks et al. (2021), zero-shot.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Self

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from seedsweep import jsontext
from seedsweep.errors import InputError, did_you_mean
from seedsweep.workers.pretrained import file_digest, locate
from seedsweep.workers.tasks.mmlu import Corpus, Examples, MixSettings, Mmlu, Questions, evaluation_tokens

LETTERS = "ABCD"
HELDOUT_ROWS = 200
"""Rows of the held-out text on which the loss is measured, if there are so many."""
SEPARATOR = "<|endoftext|>"
"""Stands between two documents, where the tokenizer has it."""
_ENDINGS = (".parquet", ".jsonl", ".jsonl.gz", ".json", ".json.gz")


class MmluFilesSettings(MixSettings):
    """`task:` section of an MMLU sweep over files."""

    name: Literal["mmlu"]
    tokenizer: str
    """A `tokenizer.json`, a directory that has one, or a model on the hub."""
    questions: str
    """Training questions; MMLU's `auxiliary_train`."""
    test_questions: str
    text: str
    """Training text."""
    heldout_text: str
    """Text on which the loss is measured."""
    context: int = Field(ge=16, le=131_072)
    """Tokens per row. A longer question loses its beginning."""
    evaluation_examples: int = Field(ge=1, le=100_000)
    """Questions evaluated: of the test set, and of the training questions, the first ones of each."""

    def resolve(self) -> Self:
        """With local places absolute, after everything was read, checked and tokenised."""
        places = {name: getattr(self, name) for name in ("tokenizer", *_PLACES)}
        local = {
            name: str(Path(place).expanduser().resolve())
            for name, place in places.items()
            if _is_local_pattern(place)
        }
        resolved = self.model_copy(update=local)
        resolved.corpus()
        return resolved

    def identity(self) -> dict[str, Any]:
        """Of files their content counts, not their place."""
        return super().identity() | dict(self._contents())

    def corpus(self) -> Corpus:
        """Read, checked and tokenised. Raises InputError that names field, file, line and what is wrong."""
        return _read(self.model_copy(update={"mix": 0.0}), self._contents())

    def _contents(self) -> tuple[tuple[str, str], ...]:
        contents = {name: _content(_files(name, getattr(self, name))) for name in _PLACES}
        contents["tokenizer"] = file_digest(_tokenizer_file(self.tokenizer))[:16]
        return tuple((name, f"sha256:{content}") for name, content in contents.items())

    def split_sizes(self) -> tuple[int, int]:
        """As many of either."""
        return self.evaluation_examples, self.evaluation_examples

    def tokens_per_row(self) -> int:
        """The context."""
        return self.context

    def evaluation_tokens(self) -> int:
        """Prompts of both splits, and the held-out text."""
        return evaluation_tokens(self, self.context, HELDOUT_ROWS)


class MmluFiles(Mmlu):
    """The MMLU task on files."""

    Settings = MmluFilesSettings


_PLACES = ("questions", "test_questions", "text", "heldout_text")


def prompt(question: str, choices: list[str], subject: str = "") -> str:
    """The zero-shot prompt of Hendrycks et al. 2021; the answer that belongs behind it begins with a space."""
    about = f" about {subject.replace('_', ' ')}" if subject else ""
    head = f"The following are multiple choice questions (with answers){about}.\n\n"
    listed = "".join(f"\n{letter}. {choice}" for letter, choice in zip(LETTERS, choices, strict=True))
    return f"{head}{question}{listed}\nAnswer:"


@lru_cache(maxsize=2)
def _read(settings: MmluFilesSettings, contents: tuple[tuple[str, str], ...]) -> Corpus:
    """`contents` is there for the cache: files may change while a notebook is open."""
    tokenizer = _tokenizer(settings.tokenizer)
    letters = _letter_tokens(tokenizer, settings.tokenizer)
    count = settings.evaluation_examples
    questions = _questions(settings, "questions", tokenizer)
    test = _questions(settings, "test_questions", tokenizer)
    for name, found in (("questions", questions), ("test_questions", test)):
        if len(found.gold_E) < count:
            raise InputError(
                f"task.evaluation_examples: {count} are more than task.{name} has, {len(found.gold_E)} questions"
            )
    heldout = _text(settings, "heldout_text", tokenizer)
    return Corpus(
        text=_text(settings, "text", tokenizer),
        heldout_text=Examples(heldout.tokens_ET[:HELDOUT_ROWS], heldout.lengths_E[:HELDOUT_ROWS]),
        questions=questions,
        trained=questions.first(count),
        test=test.first(count),
        letters=letters,
        tokens=tokenizer.get_vocab_size(with_added_tokens=True),
    )


def _questions(settings: MmluFilesSettings, name: str, tokenizer: Any) -> Questions:
    prompts, gold = [], []
    for where, record in _records(name, getattr(settings, name)):
        question, choices, answer, subject = _question(record, where)
        prompts.append(prompt(question, choices, subject))
        gold.append(answer)
    most = settings.context - 1  # the letter needs a place
    rows = [encoding.ids[-most:] for encoding in tokenizer.encode_batch(prompts, add_special_tokens=False)]
    return Questions(Examples.of(rows), np.array(gold))


def _question(record: dict[str, Any], where: str) -> tuple[str, list[str], int, str]:
    # The hub's auxiliary_train has its columns one level down.
    record = record["train"] if set(record) == {"train"} and isinstance(record["train"], dict) else record
    question, choices = _field(record, "question", where), _field(record, "choices", where)
    answer, subject = _field(record, "answer", where), record.get("subject") or ""
    if not isinstance(question, str) or not question.strip():
        raise InputError(f"{where}: question: {question!r} is not a text")
    if not isinstance(choices, list) or len(choices) != 4 or not all(isinstance(one, str) for one in choices):
        raise InputError(f"{where}: choices: must be a list of four texts, not {choices!r}")
    if answer in tuple(LETTERS):
        answer = LETTERS.index(answer)
    if answer not in (0, 1, 2, 3):
        raise InputError(f"{where}: answer: {answer!r} is not a number from 0 to 3, nor a letter from A to D")
    return question, choices, int(answer), subject


def _text(settings: MmluFilesSettings, name: str, tokenizer: Any) -> Examples:
    """All documents one after the other, cut into rows of the context's length; what is left over is dropped."""
    documents = []
    for where, record in _records(name, getattr(settings, name)):
        text = _field(record, "text", where)
        if not isinstance(text, str):
            raise InputError(f"{where}: text: {text!r} is not a text")
        documents.append(text)
    separator = tokenizer.token_to_id(SEPARATOR)
    between = [] if separator is None else [separator]
    encoded = tokenizer.encode_batch(documents, add_special_tokens=False)
    tokens_N = np.concatenate([np.array(encoding.ids + between, dtype=np.int32) for encoding in encoded])
    rows = len(tokens_N) // settings.context
    if rows == 0:
        raise InputError(
            f"task.{name}: {getattr(settings, name)}: {len(tokens_N)} tokens are less than one row of task.context"
        )
    tokens_ET = tokens_N[: rows * settings.context].reshape(rows, settings.context)
    return Examples(tokens_ET, np.full(rows, settings.context))


def _field(record: dict[str, Any], name: str, where: str) -> Any:
    if name not in record:
        raise InputError(
            f"{where}: has no {name!r}{did_you_mean(name, map(str, record))}; it has {', '.join(record)}"
        )
    return record[name]


# Files


def _is_local_pattern(place: str) -> bool:
    return "://" not in place and (Path(place).expanduser().exists() or "*" in place)


def _files(name: str, place: str) -> list[Any]:
    """The files of a place, as fsspec's. Raises InputError that names the field if there are none."""
    try:
        if Path(place).is_dir():
            files = [
                file
                for ending in _ENDINGS
                for file in fsspec.open_files(f"{place}/*{ending}", compression="infer")
            ]
        else:
            files = fsspec.open_files(place, compression="infer")
        files = [file for file in files if file.fs.exists(file.path)]
    except Exception as error:  # a remote store's client raises whatever its network library does
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"task.{name}: {place}: cannot be read: {reason}") from error
    if not files:
        raise InputError(f"task.{name}: {place}: no such file, nor a directory with {', '.join(_ENDINGS)} files")
    return files


def _records(name: str, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every record with where it stands."""
    empty = True
    for file in _files(name, place):
        shown = f"task.{name}: {file.path}"
        try:
            with file as opened:
                if file.path.endswith(".parquet"):
                    for row, record in enumerate(pq.read_table(opened).to_pylist(), start=1):
                        empty = False
                        yield f"{shown} row {row}", record
                else:
                    for number, line in enumerate(opened, start=1):
                        empty = False
                        yield f"{shown} line {number}", _json_line(line, f"{shown} line {number}")
        except (pa.ArrowException, OSError, EOFError) as error:
            raise InputError(f"{shown}: cannot be read: {' '.join(str(error).split())}") from None
    if empty:
        raise InputError(f"task.{name}: {place}: is empty")


def _json_line(line: bytes, where: str) -> dict[str, Any]:
    try:
        record = jsontext.loads(line)
    except ValueError as error:
        raise InputError(f"{where}: not JSON: {error}") from None
    if not isinstance(record, dict):
        raise InputError(f"{where}: not a JSON object")
    return record


def _content(files: list[Any]) -> str:
    """Hash of the files' bytes; of remote files, of what their store says identifies them."""
    parts = []
    for file in files:
        local = Path(file.path)
        parts.append(file_digest(local) if local.is_file() else str(file.fs.checksum(file.path)))
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:16]


# The tokenizer


def _tokenizer_file(place: str) -> Path:
    path = Path(place)
    if path.is_file():
        return path
    try:
        path = locate(place) / "tokenizer.json"
    except InputError as error:
        raise InputError(f"task.tokenizer: {error}") from None
    if not path.is_file():
        raise InputError(f"task.tokenizer: {place}: has no tokenizer.json")
    return path


@lru_cache(maxsize=2)
def _tokenizer(place: str) -> Any:
    path = _tokenizer_file(place)
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise InputError("task.name: mmlu needs a tokenizer: pip install 'seedsweep[llm]'") from None
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing more specific
        raise InputError(f"task.tokenizer: {path}: not a tokenizer: {error}") from None


def _letter_tokens(tokenizer: Any, place: str) -> tuple[int, int, int, int]:
    """The tokens of the answers ` A` … ` D`. Raises InputError if one is not a token of its own."""
    before = tokenizer.encode("Answer:", add_special_tokens=False).ids
    found = []
    for letter in LETTERS:
        alone = tokenizer.encode(f" {letter}", add_special_tokens=False).ids
        behind = tokenizer.encode(f"Answer: {letter}", add_special_tokens=False).ids
        if len(alone) != 1 or behind != [*before, *alone] or tokenizer.decode(alone).strip() != letter:
            tokens = ", ".join(repr(tokenizer.id_to_token(token)) for token in behind[len(before) :])
            raise InputError(
                f"task.tokenizer: {place}: ' {letter}' behind 'Answer:' is {tokens}, not one token of its own"
            )
        found.append(alone[0])
    a, b, c, d = found
    return a, b, c, d
