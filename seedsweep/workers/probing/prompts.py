"""The prompts of every probe: what a model reads, which token is right, and where it stood before.

    copy      eight numbers, then the first seven again                       → the eighth
    repeat    25 random tokens twice, scored from the copy's second on        → each token of the copy
    pattern   two or three words in turn, four times, cut before a word       → that word
    ioi       When A and B went to the PLACE, B gave a OBJECT to              → A; half begin When B and A
    list      1. w↵2. w↵3. w↵ with three words                                → 4, which stands nowhere before

Answers are one token. Which numbers, words and names are used follows from the tokenizer; which of them a prompt
has is a pure function of (prompt seed, probe, number of the prompt).

Shape letters: B prompts, T tokens of the longest prompt, Q scored answers of a prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from seedsweep.errors import ArgumentError, InputError, did_you_mean, listed
from seedsweep.workers.philox import Role
from seedsweep.workers.probing.vocabulary import Vocabulary

Ints = npt.NDArray[np.int64]
T = TypeVar("T")

PROMPTS = 64
"""B, of every probe."""
NUMBERS = 8
REPEATED = 25
TURNS = 4
FEWEST_WORDS = 50
"""Of a tokenizer that serves for `pattern` and `list`."""
FEWEST_NAMES, FEWEST_THINGS = 8, 4

NAMES = (
    "James", "John", "Robert", "Michael", "William", "David", "Richard", "Joseph", "Thomas", "Charles",
    "Daniel", "Matthew", "Anthony", "Mark", "Paul", "Steven", "Andrew", "Joshua", "Kevin", "Brian", "George",
    "Edward", "Jason", "Ryan", "Jacob", "Eric", "Jonathan", "Stephen", "Scott", "Benjamin", "Samuel", "Frank",
    "Patrick", "Alexander", "Jack", "Henry", "Peter", "Adam", "Mary", "Jennifer", "Linda", "Elizabeth",
    "Barbara", "Susan", "Jessica", "Sarah", "Karen", "Lisa", "Nancy", "Sandra", "Margaret", "Ashley", "Emily",
    "Michelle", "Carol", "Amanda", "Laura", "Rebecca", "Helen", "Amy", "Anna", "Emma", "Maria", "Rachel",
    "Kate", "Alice", "Julia",
)  # fmt: skip
PLACES = (
    "store", "park", "school", "office", "house", "station", "market", "garden", "library", "hospital",
    "church", "beach", "restaurant",
)  # fmt: skip
OBJECTS = (
    "book", "ring", "drink", "ball", "box", "letter", "key", "gift", "bottle", "phone", "card", "picture",
    "map", "flower", "coin", "camera",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Prompts:
    """All prompts of one probe. A prompt that is shorter than the longest has anything behind its end."""

    probe: str
    tokens_BT: Ints
    query_BQ: Ints
    """From which position an answer is predicted."""
    answer_BQ: Ints
    rival_BQ: Ints | None = None
    """The wrong answer that is compared with the right one."""
    first_BQ: Ints | None = None
    """From where the same answers are predicted when they come for the first time."""

    @property
    def earlier_BQT(self) -> npt.NDArray[np.bool_]:
        """Where the answer stood before, up to the query; nowhere if it is new."""
        places_T = np.arange(self.tokens_BT.shape[1])
        is_answer = self.tokens_BT[:, None] == self.answer_BQ[..., None]
        earlier: npt.NDArray[np.bool_] = is_answer & (places_T <= self.query_BQ[..., None])
        return earlier


def make_prompts(probe: str, vocabulary: Vocabulary, seed: int, bos: int | None) -> Prompts:
    """The prompts of a probe, behind `bos` if there is one.

    Raises InputError that names the tokenizer, if it has too few tokens of a kind.
    """
    made = SUITE[probe](vocabulary, _Draw(seed, list(SUITE).index(probe)))
    if bos is None:
        return made
    moved = {name: getattr(made, name) + 1 for name in ("query_BQ", "first_BQ") if getattr(made, name) is not None}
    tokens_BT = np.pad(made.tokens_BT, ((0, 0), (1, 0)), constant_values=bos)
    return Prompts(probe, tokens_BT, answer_BQ=made.answer_BQ, rival_BQ=made.rival_BQ, **moved)


@dataclass(frozen=True)
class _Draw:
    """Draws without a state: by the raw words of numpy's Philox, which no version of numpy changes."""

    seed: int
    probe: int

    def __call__(self, prompt: int, of: Sequence[T], count: int, part: int = 0) -> list[T]:
        """So many different ones; parts of a prompt are drawn independently."""
        key: Any = [self.seed, Role.EVALUATION]
        words = np.random.Philox(key=key, counter=[0, prompt, self.probe, part]).random_raw(len(of))
        return [of[place] for place in np.argsort(words, kind="stable")[:count]]


def _copy(vocabulary: Vocabulary, draw: _Draw) -> Prompts:
    numbers = vocabulary.enough("copy", "numbers of two digits", vocabulary.numbers, NUMBERS)
    rows = [draw(prompt, numbers, NUMBERS) for prompt in range(PROMPTS)]
    return _with_last("copy", [row + row[:-1] for row in rows], [row[-1] for row in rows])


def _repeat(vocabulary: Vocabulary, draw: _Draw) -> Prompts:
    tokens = vocabulary.enough("repeat", "text", vocabulary.ordinary, REPEATED)
    once_BL = np.array([draw(prompt, tokens, REPEATED) for prompt in range(PROMPTS)])
    first_BQ = np.tile(np.arange(REPEATED - 1), (PROMPTS, 1))
    return Prompts(
        "repeat",
        np.concatenate([once_BL, once_BL], axis=1),
        query_BQ=first_BQ + REPEATED,
        answer_BQ=once_BL[:, 1:],
        first_BQ=first_BQ,
    )


def _pattern(vocabulary: Vocabulary, draw: _Draw) -> Prompts:
    words = _words("pattern", vocabulary)
    rows, answers = [], []
    for prompt in range(PROMPTS):
        period = 2 + prompt % 2
        turn = draw(prompt, words, period)
        answer = prompt // 2 % period
        rows.append(turn * (TURNS - 1) + turn[:answer])
        answers.append(turn[answer])
    return _with_last("pattern", rows, answers)


def _ioi(vocabulary: Vocabulary, draw: _Draw) -> Prompts:
    names, places, objects = (
        [vocabulary.text(token) for token in vocabulary.enough("ioi", what, vocabulary.tokens_of(words), least)]
        for what, words, least in (
            ("first names", NAMES, FEWEST_NAMES),
            ("places", PLACES, FEWEST_THINGS),
            ("objects", OBJECTS, FEWEST_THINGS),
        )
    )
    rows, answers, rivals = [], [], []
    for prompt in range(PROMPTS):
        a, b = draw(prompt, names, 2)
        (place,), (thing,) = draw(prompt, places, 1, part=1), draw(prompt, objects, 1, part=2)
        first, second = (a, b) if prompt % 2 == 0 else (b, a)
        text = f"When {first} and {second} went to the {place}, {b} gave a {thing} to"
        rows.append(vocabulary.encode(text))
        answers.append(_one_token("ioi", vocabulary, text, f" {a}"))
        rivals.append(_one_token("ioi", vocabulary, text, f" {b}"))
    return _with_last("ioi", rows, answers, rivals)


def _list(vocabulary: Vocabulary, draw: _Draw) -> Prompts:
    words = _words("list", vocabulary)
    rows, answers = [], []
    for prompt in range(PROMPTS):
        chosen = [vocabulary.text(token) for token in draw(prompt, words, 3)]
        text = "".join(f"{number}. {word}\n" for number, word in enumerate(chosen, start=1))
        rows.append(vocabulary.encode(text))
        answers.append(_one_token("list", vocabulary, text, "4"))
    return _with_last("list", rows, answers)


SUITE: dict[str, Callable[[Vocabulary, _Draw], Prompts]] = {
    "copy": _copy,
    "repeat": _repeat,
    "pattern": _pattern,
    "ioi": _ioi,
    "list": _list,
}
"""In an order that stays: a prompt's draw depends on it."""

DEFAULT = ("copy", "repeat", "pattern", "ioi")


def check_suite(probes: Sequence[str]) -> tuple[str, ...]:
    """In the order of `SUITE`, each once. Raises ArgumentError if a probe is unknown or none is named."""
    for probe in probes:
        if probe not in SUITE:
            raise ArgumentError("suite", probe, f"is not one of {listed(SUITE)}{did_you_mean(probe, SUITE)}")
    if not probes:
        raise ArgumentError("suite", "", f"names no probe; there are {listed(SUITE)}")
    return tuple(probe for probe in SUITE if probe in probes)


def _words(probe: str, vocabulary: Vocabulary) -> list[int]:
    words = vocabulary.enough(probe, "words of 3 to 8 lower-case letters", vocabulary.words, FEWEST_WORDS)
    return words[:1000]


def _one_token(probe: str, vocabulary: Vocabulary, text: str, answer: str) -> int:
    """The token by which a prompt goes on with the answer."""
    before, behind = vocabulary.encode(text), vocabulary.encode(text + answer)
    if behind[:-1] != before:
        raise InputError(
            f"{vocabulary.path}: {answer!r} behind {text!r} is not one token of its own, as the probe {probe} "
            "needs; leave it out of --suite"
        )
    return behind[-1]


def _with_last(
    probe: str, rows: Sequence[Sequence[int]], answers: Sequence[int], rivals: Sequence[int] | None = None
) -> Prompts:
    """Prompts whose last position is asked; shorter ones are filled up with their last token."""
    longest = max(map(len, rows))
    return Prompts(
        probe,
        np.array([[*row, *[row[-1]] * (longest - len(row))] for row in rows], dtype=np.int64),
        query_BQ=np.array([[len(row) - 1] for row in rows], dtype=np.int64),
        answer_BQ=np.array(answers, dtype=np.int64)[:, None],
        rival_BQ=None if rivals is None else np.array(rivals, dtype=np.int64)[:, None],
    )
