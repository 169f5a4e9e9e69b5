"""Question formation (McCoy, Frank & Linzen 2018, 2020): the grammar, its sentences, and how they are drawn.

A declarative becomes a question by fronting an auxiliary. The linear rule takes the first one, the hierarchical
rule (English) that of the main clause. The two differ only where the subject has a relative clause, which has an
auxiliary of its own: such sentences are *centre-embedded*, all others here *right-branching*.

Sentences are rows of token ids, `uint8`, padded on the right. Letters: N sentences or lines, W tokens of a
sentence, T tokens of a line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from seedsweep.errors import InputError

Rows = NDArray[np.uint8]
_Item = TypeVar("_Item", bound=np.generic)

DETERMINERS = ("the", "some", "my", "your", "our", "her")
RELATIVES = ("who", "that")
AUXILIARIES = ("does", "doesn't", "do", "don't")
"""Singular, then plural; of each the positive, then the negative."""
PREPOSITIONS = ("around", "near", "with", "upon", "by", "behind", "above", "below")
NOUNS = (
    *("newt", "orangutan", "peacock", "quail", "raven", "salamander", "tyrannosaurus", "unicorn", "vulture"),
    *("walrus", "xylophone", "yak", "zebra"),
)
PLURALS = tuple(noun + ("es" if noun.endswith("s") else "s") for noun in NOUNS)
INTRANSITIVES = ("giggle", "smile", "sleep", "swim", "wait", "move", "change", "read", "eat")
TRANSITIVES = ("entertain", "amuse", "high_five", "applaud", "confuse", "admire", "accept", "remember", "comfort")

PAD, BEGIN, END = 0, 1, 2
SPECIALS = ("<pad>", "<begin>", "<end>")
WORDS = (
    *(*DETERMINERS, *RELATIVES, *AUXILIARIES, *PREPOSITIONS, *NOUNS, *PLURALS, *INTRANSITIVES, *TRANSITIVES),
    *(".", "?", "quest", "decl"),
)
VOCABULARY = (*SPECIALS, *WORDS)
"""By token id."""
TOKEN = {word: token for token, word in enumerate(VOCABULARY)}
AUXILIARY_TOKENS = tuple(TOKEN[word] for word in AUXILIARIES)
STOP, ASK, QUEST, DECL = (TOKEN[word] for word in (".", "?", "quest", "decl"))

RELATIVE_AT = 2
"""A relative clause follows its noun, the second word: where one is on the subject, its pronoun stands here."""

DATA_SET_SEED = 0
"""Of all generated data sets: every seed and every cell of a sweep learns from the same sentences."""

PLAIN, PREPOSITIONAL, RELATIVE_INTRANSITIVE, RELATIVE_TRANSITIVE, RELATIVE_OBJECT = range(5)
"""Forms of a noun phrase. Its clauses: `who does sleep`, `who does amuse the yak`, `who the yak does amuse`."""
NO_OBJECT = -1
"""In place of a form, where the verb is intransitive."""


@dataclass(frozen=True)
class Grammar:
    """Which words and forms there are. All grammars have the same tokens."""

    determiners: tuple[str, ...]
    nouns: tuple[str, ...]
    """In the singular; their plurals are in it too."""
    relatives: tuple[str, ...]
    intransitives: tuple[str, ...]
    transitives: tuple[str, ...]
    phrases: tuple[int, ...]
    """Forms of a noun phrase without a clause; all of these and *one* with a clause are equally frequent."""
    clauses: tuple[int, ...]
    """Forms with a relative clause, equally frequent among themselves."""
    longest: int
    """Tokens of the longest sentence: two noun phrases, an auxiliary, a verb and the full stop."""


FULL = Grammar(
    determiners=DETERMINERS,
    nouns=NOUNS,
    relatives=RELATIVES,
    intransitives=INTRANSITIVES,
    transitives=TRANSITIVES,
    phrases=(PLAIN, PREPOSITIONAL),
    clauses=(RELATIVE_INTRANSITIVE, RELATIVE_TRANSITIVE, RELATIVE_OBJECT),
    longest=2 * 7 + 3,
)
"""That of the original data."""
SMALL = Grammar(
    determiners=DETERMINERS[:2],
    nouns=NOUNS[:6],
    relatives=RELATIVES[:1],
    intransitives=INTRANSITIVES[:4],
    transitives=TRANSITIVES[:4],
    phrases=(PLAIN,),
    clauses=(RELATIVE_INTRANSITIVE,),
    longest=2 * 5 + 3,
)
"""The same structure with few words, no prepositions and one kind of clause, `who does sleep`."""
GRAMMARS = {"full": FULL, "small": SMALL}


@dataclass(frozen=True)
class Lines:
    """Lines of a data file: declaratives, and whether each is to become a question or to be repeated."""

    sentences_NW: Rows
    quest_N: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.quest_N)

    def questions(self) -> Lines:
        """Only the lines that become questions."""
        return Lines(self.sentences_NW[self.quest_N], self.quest_N[self.quest_N])


@dataclass(frozen=True)
class DataSet:
    """The four splits; `gen` is the one out of distribution."""

    train: Lines
    dev: Lines
    test: Lines
    gen: Lines


class Pools(NamedTuple):
    """Distinct sentences that a data set's lines are taken from."""

    gen_NW: Rows
    branching_NW: Rows
    embedding_NW: Rows


def centre_embedded(sentences_NW: Rows) -> NDArray[np.bool_]:
    """(N,) whether the subject has a relative clause."""
    return np.isin(sentences_NW[:, RELATIVE_AT], [TOKEN[word] for word in RELATIVES])


def questions(sentences_NW: Rows) -> Rows:
    """The questions of declaratives by the hierarchical rule: the main auxiliary in front, `?` at the end."""
    auxiliary_NW = np.isin(sentences_NW, AUXILIARY_TOKENS)
    # The subject's relative clause has exactly one auxiliary, so the main one is the second there.
    main_N = np.argmax(np.cumsum(auxiliary_NW, axis=1) == 1 + centre_embedded(sentences_NW)[:, None], axis=1)
    order_NW = np.tile(np.arange(1, sentences_NW.shape[1] + 1), (len(sentences_NW), 1))
    np.put_along_axis(order_NW, main_N[:, None], 0, axis=1)
    fronted_NW = np.take_along_axis(sentences_NW, np.argsort(order_NW, axis=1, kind="stable"), axis=1)
    return np.where(fronted_NW == STOP, ASK, fronted_NW).astype(np.uint8)


def encode(lines: Lines) -> Rows:
    """(N, T) with T = 2·W + 3: begin, the sentence, quest or decl, the output, end, and padding."""
    sentences_NW, quest_N1 = lines.sentences_NW, lines.quest_N[:, None]
    outputs_NW = np.where(quest_N1, questions(sentences_NW), sentences_NW)
    column_N1 = np.ones((len(lines), 1), np.uint8)
    marker_N1 = np.where(quest_N1, QUEST, DECL)
    parts = (column_N1 * BEGIN, sentences_NW, marker_N1, outputs_NW, column_N1 * END)
    return _close_gaps(np.concatenate(parts, axis=1))


class Source:
    """Draws from numpy's Philox. Its raw words only: they are the same in every version of numpy."""

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        self._bits = np.random.Philox(key=[DATA_SET_SEED, 0])

    def below(self, bound: int, count: int) -> NDArray[np.int64]:
        """Uniform in [0, bound)."""
        return (((self._bits.random_raw(count) >> np.uint64(32)) * np.uint64(bound)) >> np.uint64(32)).astype(
            np.int64
        )

    def word(self, words: tuple[str, ...], count: int) -> NDArray[np.int64]:
        """Tokens of neighbouring words."""
        return TOKEN[words[0]] + self.below(len(words), count)

    def noun(self, plural_N: NDArray[np.int64]) -> NDArray[np.int64]:
        return self.word(self.grammar.nouns, len(plural_N)) + len(NOUNS) * plural_N

    def form(self, forms: tuple[int, ...], count: int) -> NDArray[np.int64]:
        return np.array(forms)[self.below(len(forms), count)]

    def auxiliary(self, plural_N: NDArray[np.int64]) -> NDArray[np.int64]:
        return TOKEN["does"] + 2 * plural_N + self.below(2, len(plural_N))

    def weighted(self, weights: NDArray[np.int64], count: int) -> NDArray[np.int64]:
        """Places of weights, each as frequent as its weight says."""
        last = np.cumsum(weights)
        return np.searchsorted(last, self.below(int(last[-1]), count), side="right").astype(np.int64)

    def shuffle(self, rows: NDArray[_Item]) -> NDArray[_Item]:
        return rows[np.argsort(self._bits.random_raw(len(rows)), kind="stable")]


def noun_phrase(
    source: Source, plural_N: NDArray[np.int64], form_N: NDArray[np.int64], inner_plural_N: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    """Columns of noun phrases, PAD where a form has no such word.

    `inner_plural_N` is the number of the subject inside an object relative.
    """
    count, grammar = len(plural_N), source.grammar
    relative_N = form_N >= RELATIVE_INTRANSITIVE
    prepositional_N, object_N, transitive_N = (
        form_N == form for form in (PREPOSITIONAL, RELATIVE_OBJECT, RELATIVE_TRANSITIVE)
    )
    verb_N = np.where(
        form_N == RELATIVE_INTRANSITIVE,
        source.word(grammar.intransitives, count),
        source.word(grammar.transitives, count),
    )
    return [
        source.word(grammar.determiners, count),
        source.noun(plural_N),
        prepositional_N * source.word(PREPOSITIONS, count),
        prepositional_N * source.word(grammar.determiners, count),
        prepositional_N * source.noun(source.below(2, count)),
        relative_N * source.word(grammar.relatives, count),
        object_N * source.word(grammar.determiners, count),
        object_N * source.noun(inner_plural_N),
        relative_N * source.auxiliary(np.where(object_N, inner_plural_N, plural_N)),
        relative_N * verb_N,
        transitive_N * source.word(grammar.determiners, count),
        transitive_N * source.noun(source.below(2, count)),
    ]


def sentence(
    source: Source,
    subject: list[NDArray[np.int64]],
    auxiliary_N: NDArray[np.int64],
    object_form_N: NDArray[np.int64],
    transitive_N: NDArray[np.int64],
) -> Rows:
    """Sentences of a subject and a main auxiliary; the transitive ones with an object of the form given."""
    count, grammar = len(auxiliary_N), source.grammar
    verb_N = np.where(
        transitive_N, source.word(grammar.transitives, count), source.word(grammar.intransitives, count)
    )
    phrase = noun_phrase(source, source.below(2, count), object_form_N, source.below(2, count))
    columns = [*subject, auxiliary_N, verb_N, *(transitive_N * column for column in phrase), np.full(count, STOP)]
    return np.ascontiguousarray(_close_gaps(np.stack(columns, axis=1))[:, : grammar.longest])


def unambiguous(
    source: Source, plural_N: NDArray[np.int64], form: int
) -> tuple[list[NDArray[np.int64]], NDArray[np.int64]]:
    """Subjects and main auxiliaries of gen: different words of one number, so that one word tells the rule."""
    subject = noun_phrase(source, plural_N, np.full(len(plural_N), form), plural_N)
    other_N = np.max([column * np.isin(column, AUXILIARY_TOKENS) for column in subject], axis=0)
    first_N = TOKEN["does"] + 2 * plural_N
    return subject, 2 * first_N + 1 - other_N


def distinct(count: int, seen: set[bytes], draw: Callable[[int], Rows], *, exist: bool = False) -> Rows:
    """The first `count` sentences drawn that are not in `seen`, which they join.

    Raises InputError when hardly any new ones come, unless so many are known to exist.
    """
    found: list[bytes] = []
    while len(found) < count:
        before = len(found)
        drawn_NW = draw(max(1024, count))
        width = drawn_NW.shape[1]
        for sentence in drawn_NW.view(f"S{width}")[:, 0].tolist():
            if sentence not in seen and len(found) < count:
                seen.add(sentence)
                found.append(sentence)
        if not exist and len(found) < count and len(found) - before <= count // 1000:
            raise InputError(
                f"the grammar gives too few distinct sentences for {count} of a kind; ask for fewer lines"
            )
    return np.array(found, f"S{width}").view(np.uint8).reshape(count, width)


def _close_gaps(rows: NDArray[np.integer]) -> Rows:
    """Every row's tokens moved to the left, padding to the right."""
    order = np.argsort(rows == PAD, axis=1, kind="stable")
    return np.take_along_axis(rows, order, axis=1).astype(np.uint8)
