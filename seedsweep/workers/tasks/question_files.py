"""The data files of McCoy, Frank & Linzen (github.com/tommccoy1/rnn-hierarchical-biases, `data/`).

A directory with `question.train`, `question.dev`, `question.test` and `question.gen`. Every line is a declarative
and `quest` or `decl`, a tab, and the question or the declarative again::

    my newt does sleep . quest	does my newt sleep ?
    my newt does sleep . decl	my newt does sleep .
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from seedsweep.errors import InputError, did_you_mean
from seedsweep.workers.tasks.question_grammar import (
    AUXILIARIES,
    RELATIVE_AT,
    RELATIVES,
    TOKEN,
    WORDS,
    DataSet,
    Lines,
)

SPLITS = ("train", "dev", "test", "gen")


@dataclass(frozen=True)
class Files:
    """What a directory holds."""

    data: DataSet
    digest: str
    """Hash of the files' bytes."""


@lru_cache(maxsize=2)
def read_files(directory: str) -> Files:
    """Read and check the four files. Raises InputError that names the file, the line and what is wrong with it."""
    paths = {split: Path(directory) / f"question.{split}" for split in SPLITS}
    digest = hashlib.sha256()
    words: dict[str, list[list[str]]] = {}
    for split, path in paths.items():
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}") from None
        digest.update(hashlib.sha256(content).digest())
        words[split] = _read(path, content)
    longest = max(len(line) for lines in words.values() for line in lines) - 1
    return Files(
        DataSet(**{split: _rows(lines, longest) for split, lines in words.items()}), digest.hexdigest()[:16]
    )


def _read(path: Path, content: bytes) -> list[list[str]]:
    """The words in front of the tab of every line."""
    lines = []
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            lines.append(_check(line.decode()))
        except UnicodeDecodeError:
            raise InputError(f"{path} line {number}: not text in UTF-8") from None
        except InputError as error:
            raise InputError(f"{path} line {number}: {error}") from None
    if not any(line[-1] == "quest" for line in lines):
        raise InputError(f"{path}: has no line with `quest`")
    return lines


def _check(line: str) -> list[str]:
    given, tab, output = line.partition("\t")
    if not tab or "\t" in output:
        raise InputError("one tab is wanted, between the sentence with `quest` or `decl` and the output")
    words = given.split()
    for word in [*words, *output.split()]:
        if word not in TOKEN:
            raise InputError(f"{word!r} is not a word of the grammar{did_you_mean(word, WORDS)}")
    if words[-2:] not in ([".", "quest"], [".", "decl"]) or "." in words[:-2]:
        raise InputError("in front of the tab stand a sentence, a full stop, and `quest` or `decl`")
    sentence, asked = words[:-1], words[-1] == "quest"
    auxiliaries = [place for place, word in enumerate(sentence) if word in AUXILIARIES]
    main = 1 if len(sentence) > RELATIVE_AT and sentence[RELATIVE_AT] in RELATIVES else 0
    if len(auxiliaries) <= main:
        raise InputError("the sentence has no main auxiliary")
    place = auxiliaries[main]
    question = [sentence[place], *sentence[:place], *sentence[place + 1 : -1], "?"]
    if output.split() != (question if asked else sentence):
        kind = "question of the sentence" if asked else "sentence itself"
        raise InputError(
            f"behind the tab stands {output!r}, not the {kind}: {' '.join(question if asked else sentence)!r}"
        )
    return words


def _rows(lines: list[list[str]], longest: int) -> Lines:
    sentences_NW = np.zeros((len(lines), longest), np.uint8)
    for row, words in zip(sentences_NW, lines, strict=True):
        row[: len(words) - 1] = [TOKEN[word] for word in words[:-1]]
    return Lines(sentences_NW, np.array([words[-1] == "quest" for words in lines]))
