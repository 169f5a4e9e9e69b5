"""A small world in which MMLU's format failure can be seen on a laptop: facts, text about them, questions on them.

Every entity has one of a few values. Text states facts or asks openly, and the answer is then a word; a
multiple-choice question asks for a letter::

    the colour of e17 is v3 .
    what colour is e17 ? answer : v3
    what colour is e17 ? A v8 B v3 C v1 D v0 answer : B

So a model that has not learnt, or has forgotten, that a letter is asked for answers with a word. Some facts are
in no multiple-choice question of the training: the test split asks for these. All is drawn from one fixed seed.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
from pydantic import Field

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


class MmluWorldSettings(MixSettings):
    """`task:` section of a sweep over the synthetic world."""

    name: Literal["mmlu-world"]
    entities: int = Field(default=100, ge=10, le=10_000)
    values: int = Field(default=10, ge=4, le=1000)

    def corpus(self) -> Corpus:
        """The same for every seed and mix."""
        return _world(self.entities, self.values)

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


class MmluWorld(Mmlu):
    """The MMLU task on the synthetic world."""

    Settings = MmluWorldSettings


def words(entities: int, values: int) -> list[str]:
    """The vocabulary, in the order of the tokens."""
    return [*FRAME, *(f"v{number}" for number in range(values)), *(f"e{number}" for number in range(entities))]


@lru_cache(maxsize=2)
def _world(entities: int, values: int) -> Corpus:
    random = np.random.Generator(np.random.Philox(SEED))
    token = {word: number for number, word in enumerate(words(entities, values))}
    value_of = random.integers(values, size=entities)
    heldout = random.permutation(entities)[: round(HELDOUT_SHARE * entities)]
    asked = np.setdiff1d(np.arange(entities), heldout)

    def tokens(sentence: str) -> list[int]:
        return [token[word] for word in sentence.split()]

    def text_row() -> list[int]:
        row: list[int] = []
        while len(row) < WIDTH:
            entity = random.integers(entities)
            if random.random() < OPEN_SHARE:
                row += tokens(f"what colour is e{entity} ? answer : v{value_of[entity]}")
            else:
                row += tokens(f"the colour of e{entity} is v{value_of[entity]} .")
        return row[:WIDTH]

    def questions(about: np.ndarray) -> Questions:
        prompts, gold_E = [], np.arange(len(about)) % 4
        for entity, gold in zip(about, gold_E, strict=True):
            wrong = random.choice(np.delete(np.arange(values), value_of[entity]), size=3, replace=False)
            choices = np.insert(wrong, gold, value_of[entity])
            listed = " ".join(f"{letter} v{value}" for letter, value in zip("ABCD", choices, strict=True))
            prompts.append(tokens(f"what colour is e{entity} ? {listed} answer :"))
        return Questions(Examples.of(prompts), gold_E)

    return Corpus(
        text=Examples.of([text_row() for _ in range(POOL)]),
        heldout_text=Examples.of([text_row() for _ in range(HELDOUT_ROWS)]),
        questions=questions(random.choice(asked, size=POOL)),
        trained=questions(random.choice(asked, size=TRAINED_QUESTIONS)),
        test=questions(np.repeat(heldout, QUESTIONS_PER_HELDOUT_FACT)),
        letters=(token["A"], token["B"], token["C"], token["D"]),
        tokens=len(token),
    )
