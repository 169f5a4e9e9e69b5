"""A small world in which MMLU's format failure can be seen on a laptop: facts, text about them, questions on them.

Every entity has one of a few values. Text states facts or asks openly, and the answer is then a word; a
multiple-choice question asks for a letter::

    the colour of e17 is v3 .
    what colour is e17 ? answer : v3
    what colour is e17 ? A v8 B v3 C v1 D v0 answer : B

So a model that has not learnt, or has forgotten, that a letter is asked for answers with a word. Some facts are
in no multiple-choice question of the training: the test split asks for these. All is drawn from one fixed seed.

There are two such worlds, alike in all but their draws. `mmlu-facts` draws by counter, as everything else here.
`mmlu-world`, the older one, draws by methods of numpy's `Generator`, whose streams numpy does not promise to keep;
it stays for the sweeps that were made on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from seedsweep.workers.philox import Role, below, philox
from seedsweep.workers.tasks.mmlu import Corpus, Examples, MixSettings, Mmlu, Questions, evaluation_tokens

WIDTH = 16
"""Tokens of a row: those of a question with its answer."""
OPEN_SHARE = 0.8
"""Of the sentences of the text; the others state a fact."""
HELDOUT_SHARE = 0.23
"""Of the facts, which only the text tells."""
POOL = 20_000
"""Text rows, and questions, from which the training draws."""
HELDOUT_ROWS = 200
TRAINED_QUESTIONS = 250
QUESTIONS_PER_HELDOUT_FACT = 10
SEED = 20_250_217

FRAME = ("what", "the", "colour", "of", "is", "?", "answer", ":", ".", "A", "B", "C", "D")


class MmluFactsSettings(MixSettings):
    """`task:` section of a sweep over the synthetic world."""

    name: Literal["mmlu-facts"]
    entities: int = Field(default=100, ge=10, le=10_000)
    values: int = Field(default=10, ge=4, le=1000)

    def corpus(self) -> Corpus:
        """The same for every seed and mix."""
        return _drawn_by_counter(self.entities, self.values)

    def split_sizes(self) -> tuple[int, int]:
        """Ten questions, with other choices each, for every fact that is held out."""
        return TRAINED_QUESTIONS, QUESTIONS_PER_HELDOUT_FACT * round(HELDOUT_SHARE * self.entities)

    def vocabulary_size(self) -> int:
        """Words: those of the sentences' frame, a name for every value and for every entity."""
        return len(FRAME) + self.values + self.entities

    def tokens_per_row(self) -> int:
        """Those of a question with its answer."""
        return WIDTH

    def evaluation_tokens(self) -> int:
        """Prompts of both splits, and the held-out text."""
        return evaluation_tokens(self, WIDTH, HELDOUT_ROWS)


class MmluFacts(Mmlu):
    """The MMLU task on the synthetic world."""

    Settings = MmluFactsSettings


class MmluWorldSettings(MmluFactsSettings):
    """`task:` section of a sweep over the older of the two worlds."""

    name: Literal["mmlu-world"]  # type: ignore[assignment]

    def corpus(self) -> Corpus:
        """The same for every seed and mix."""
        return _drawn_by_numpy(self.entities, self.values)


class MmluWorld(Mmlu):
    """The MMLU task on the older world."""

    Settings = MmluWorldSettings


def words(entities: int, values: int) -> list[str]:
    """The vocabulary, in the order of the tokens."""
    return [*FRAME, *(f"v{number}" for number in range(values)), *(f"e{number}" for number in range(entities))]


class _Language:
    """Writes the sentences of a world whose facts are drawn."""

    def __init__(self, entities: int, values: int, value_of: Sequence[int]) -> None:
        self._token = {word: number for number, word in enumerate(words(entities, values))}
        self._value_of = value_of

    @property
    def size(self) -> int:
        return len(self._token)

    @property
    def letters(self) -> tuple[int, int, int, int]:
        return self._token["A"], self._token["B"], self._token["C"], self._token["D"]

    def statement(self, entity: int) -> list[int]:
        return self._tokens(f"the colour of e{entity} is v{self._value_of[entity]} .")

    def open_question(self, entity: int) -> list[int]:
        return self._tokens(f"what colour is e{entity} ? answer : v{self._value_of[entity]}")

    def choice(self, entity: int, choices: Sequence[int]) -> list[int]:
        listed = " ".join(f"{letter} v{value}" for letter, value in zip("ABCD", choices, strict=True))
        return self._tokens(f"what colour is e{entity} ? {listed} answer :")

    def _tokens(self, sentence: str) -> list[int]:
        return [self._token[word] for word in sentence.split()]


class _Draw(IntEnum):
    """What of the world is drawn: the step of the Philox counter."""

    VALUE = 0
    HELDOUT = 1
    TEXT = 2
    HELDOUT_TEXT = 3
    QUESTION = 4
    TRAINED = 5
    TEST = 6


def _words(draw: _Draw, things: int, count: int) -> Tensor:
    """int64 (things, count): so many random words for each of so many things, whatever else is drawn."""
    blocks = -(-count // 4)  # philox gives four words at a time
    position = torch.arange(things * blocks)
    words = philox((SEED, Role.CORPUS), (position, torch.tensor(int(draw))))
    return words.view(things, 4 * blocks)[:, :count]


@lru_cache(maxsize=2)
def _drawn_by_counter(entities: int, values: int) -> Corpus:
    value_of = below(_words(_Draw.VALUE, entities, 1)[:, 0], values).tolist()
    order = _words(_Draw.HELDOUT, entities, 1)[:, 0].argsort(stable=True).tolist()
    heldout = order[: round(HELDOUT_SHARE * entities)]
    asked = sorted(set(range(entities)) - set(heldout))
    language = _Language(entities, values, value_of)

    def text(draw: _Draw, count: int) -> Examples:
        sentences = -(-WIDTH // len(language.statement(0)))  # as many as always fill a row
        drawn = _words(draw, count, 2 * sentences)
        entity = below(drawn[:, 0::2], entities).tolist()
        is_open = (below(drawn[:, 1::2], 2**31) < OPEN_SHARE * 2**31).tolist()
        rows = []
        for of_row, open_of_row in zip(entity, is_open, strict=True):
            row: list[int] = []
            for one, asks in zip(of_row, open_of_row, strict=True):
                row += language.open_question(one) if asks else language.statement(one)
            rows.append(row[:WIDTH])
        return Examples.of(rows)

    def questions(draw: _Draw, about: Sequence[int]) -> Questions:
        gold_E = np.arange(len(about)) % 4
        right = [value_of[entity] for entity in about]
        keys = _words(draw, len(about), values)
        # The three wrong choices are the other values in a random order, cut.
        keys[torch.arange(len(about)), torch.tensor(right)] = torch.iinfo(torch.int64).max
        prompts = []
        for entity, gold, value, choices in zip(
            about, gold_E.tolist(), right, keys.argsort(dim=1, stable=True)[:, :3].tolist(), strict=True
        ):
            prompts.append(language.choice(entity, [*choices[:gold], value, *choices[gold:]]))
        return Questions(Examples.of(prompts), gold_E)

    def some(draw: _Draw, count: int) -> list[int]:
        # Which fact a question is about: words beyond those of its choices.
        return [asked[place] for place in below(_words(draw, count, values + 1)[:, -1], len(asked)).tolist()]

    return Corpus(
        text=text(_Draw.TEXT, POOL),
        heldout_text=text(_Draw.HELDOUT_TEXT, HELDOUT_ROWS),
        questions=questions(_Draw.QUESTION, some(_Draw.QUESTION, POOL)),
        trained=questions(_Draw.TRAINED, some(_Draw.TRAINED, TRAINED_QUESTIONS)),
        test=questions(_Draw.TEST, [fact for fact in heldout for _ in range(QUESTIONS_PER_HELDOUT_FACT)]),
        letters=language.letters,
        tokens=language.size,
    )


@lru_cache(maxsize=2)
def _drawn_by_numpy(entities: int, values: int) -> Corpus:
    random = np.random.Generator(np.random.Philox(SEED))
    value_of = random.integers(values, size=entities)
    heldout = random.permutation(entities)[: round(HELDOUT_SHARE * entities)]
    asked = np.setdiff1d(np.arange(entities), heldout)
    language = _Language(entities, values, value_of.tolist())

    def text_row() -> list[int]:
        row: list[int] = []
        while len(row) < WIDTH:
            entity = int(random.integers(entities))
            row += language.open_question(entity) if random.random() < OPEN_SHARE else language.statement(entity)
        return row[:WIDTH]

    def questions(about: np.ndarray) -> Questions:
        prompts, gold_E = [], np.arange(len(about)) % 4
        for entity, gold in zip(about, gold_E, strict=True):
            wrong = random.choice(np.delete(np.arange(values), value_of[entity]), size=3, replace=False)
            prompts.append(language.choice(entity, np.insert(wrong, gold, value_of[entity]).tolist()))
        return Questions(Examples.of(prompts), gold_E)

    return Corpus(
        text=Examples.of([text_row() for _ in range(POOL)]),
        heldout_text=Examples.of([text_row() for _ in range(HELDOUT_ROWS)]),
        questions=questions(random.choice(asked, size=POOL)),
        trained=questions(random.choice(asked, size=TRAINED_QUESTIONS)),
        test=questions(np.repeat(heldout, QUESTIONS_PER_HELDOUT_FACT)),
        letters=language.letters,
        tokens=language.size,
    )
