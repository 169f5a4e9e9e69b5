"""Sentences in the proportions of the original files of question formation (McCoy, Frank & Linzen 2020).

A sentence's *type* is what is left of it without its words: the form of its subject, the form of its object, and
the number of every noun. The files come from their authors' own sampling, and the grammar's weights do not give
their proportions: by the weights half of the sentences have no object, in train a fifth.

The tables count pairs of forms. In the files every noun is singular as often as plural, whatever the rest, and
questions have the proportions of the declarations with the same subjects. So a pair's types are equally frequent,
and equally so in questions and declarations; the tests hold this against the counts of all types.

Letters beyond those of `question_grammar`: F forms of the subject, O forms of the object and none, C = F · O.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from seedsweep.workers.tasks.question_grammar import (
    AUXILIARIES,
    NO_OBJECT,
    PLAIN,
    PREPOSITIONAL,
    PREPOSITIONS,
    RELATIVE_INTRANSITIVE,
    RELATIVE_OBJECT,
    RELATIVE_TRANSITIVE,
    Grammar,
    Pools,
    Rows,
    Source,
    distinct,
    noun_phrase,
    sentence,
    unambiguous,
)

SUBJECTS = (PLAIN, PREPOSITIONAL, RELATIVE_INTRANSITIVE, RELATIVE_TRANSITIVE, RELATIVE_OBJECT)
OBJECTS = (NO_OBJECT, PLAIN, PREPOSITIONAL, RELATIVE_INTRANSITIVE, RELATIVE_TRANSITIVE, RELATIVE_OBJECT)

# Lines of the files at github.com/tommccoy1/rnn-hierarchical-biases: a row for every form of the subject, in the
# order of SUBJECTS, and in it a number for every form of the object, in the order of OBJECTS.
TRAIN_FO = np.array(
    [
        [2158, 2896, 2813, 1949, 954, 908],
        [1077, 1127, 1158, 795, 371, 357],
        [181, 204, 211, 127, 67, 57],
        [168, 194, 191, 143, 63, 75],
        [411, 400, 408, 260, 157, 120],
    ]
)
"""Of 20,000 lines of `question.train`. There are only 2808 sentences of the first pair, `the yak does sleep`: a
larger train has nearly all of them, and more of the others instead."""
HELD_OUT_FO = np.array(
    [
        [65, 1708, 1812, 1154, 595, 571],
        [721, 693, 722, 454, 244, 235],
        [104, 120, 128, 81, 41, 42],
        [115, 116, 111, 83, 38, 49],
        [216, 217, 248, 152, 86, 79],
    ]
)
"""Of the 11,000 lines of `question.dev` and `question.test`. The first pair has few here: train has the others."""
GEN_FO = np.array(
    [
        [0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0],
        [1883, 636, 685, 0, 0, 0],
        [2053, 708, 702, 0, 0, 0],
        [1985, 658, 690, 0, 0, 0],
    ]
)
"""Of the 10,000 lines of `question.gen`."""

CENTRE_F = np.isin(SUBJECTS, (RELATIVE_INTRANSITIVE, RELATIVE_TRANSITIVE, RELATIVE_OBJECT))


def original_pools(source: Source, gen: int, held_out: int, train: int, embedding: int) -> Pools:
    """Pools of these sizes; `held_out` and `train` are the right-branching sentences, in this order.

    The forms of every sentence are drawn, so that the counts scatter about the proportions as those of the files,
    which are a sample too. What is held out is drawn before train, which may use up a pair of forms.
    """
    seen: set[bytes] = set()
    gen_NW, used_C = _draw(source, gen, GEN_FO, capacity(source.grammar, True), seen, of_gen=True)
    room_C = capacity(source.grammar, False) - used_C
    branching = []
    for count, table_FO in ((held_out, HELD_OUT_FO), (train, TRAIN_FO)):
        rows_NW, used_C = _draw(source, count, table_FO * ~CENTRE_F[:, None], room_C, seen)
        room_C = room_C - used_C
        branching.append(source.shuffle(rows_NW))
    table_FO = (TRAIN_FO + HELD_OUT_FO) * CENTRE_F[:, None]
    embedding_NW, _ = _draw(source, embedding, table_FO, room_C, seen)
    return Pools(gen_NW, np.concatenate(branching), source.shuffle(embedding_NW))


def capacity(grammar: Grammar, of_gen: bool) -> NDArray[np.int64]:
    """(C,) how many sentences of every pair of forms there are; `of_gen`: of those that gen may have."""
    noun = len(grammar.determiners) * 2 * len(grammar.nouns)
    clause = len(grammar.relatives) * len(AUXILIARIES) // 2
    intransitive, transitive = len(grammar.intransitives), len(grammar.transitives)
    phrases = {
        PLAIN: noun,
        PREPOSITIONAL: noun * len(PREPOSITIONS) * noun,
        RELATIVE_INTRANSITIVE: noun * clause * intransitive,
        RELATIVE_TRANSITIVE: noun * clause * transitive * noun,
        RELATIVE_OBJECT: noun * clause * transitive * noun,
    }
    verbs = {form: transitive * phrases[form] for form in phrases} | {NO_OBJECT: intransitive}
    count_FO = np.array([[phrases[subject] * 2 * verbs[form] for form in OBJECTS] for subject in SUBJECTS])
    if of_gen:
        # The main auxiliary follows from the clause's; the noun in an object relative has the subject's number.
        count_FO //= np.where(np.array(SUBJECTS) == RELATIVE_OBJECT, 4, 2)[:, None]
    return count_FO.ravel()


def _draw(
    source: Source,
    count: int,
    table_FO: NDArray[np.int64],
    room_C: NDArray[np.int64],
    seen: set[bytes],
    of_gen: bool = False,
) -> tuple[Rows, NDArray[np.int64]]:
    """Sentences that are not in `seen`, which they join, and how many of every pair of forms (C,) they are."""
    lines_C = _share_out(source, count, table_FO.ravel(), room_C)
    pairs = [(subject, form) for subject in SUBJECTS for form in OBJECTS]
    rows = [
        distinct(lines, seen, partial(_sentences, source, *pair, of_gen), exist=True)
        for pair, lines in zip(pairs, lines_C.tolist(), strict=True)
        if lines
    ]
    return np.concatenate(rows), lines_C


def _share_out(
    source: Source, count: int, weight_C: NDArray[np.int64], room_C: NDArray[np.int64]
) -> NDArray[np.int64]:
    """How many of `count` lines every pair of forms gets, drawn by its weight, but no more than it has room for.

    Lines for which there is no room are drawn again, among those that have some.
    """
    lines_C, weight_C = np.zeros_like(weight_C), weight_C.copy()
    while missing := count - int(lines_C.sum()):
        lines_C += np.bincount(source.weighted(weight_C, missing), minlength=len(weight_C))
        lines_C = np.minimum(lines_C, room_C)
        weight_C[lines_C == room_C] = 0
    return lines_C


def _sentences(source: Source, subject: int, form: int, of_gen: bool, count: int) -> Rows:
    """Sentences of these forms, all words and numbers equally frequent."""
    plural_N = source.below(2, count)
    if of_gen:
        columns, auxiliary_N = unambiguous(source, plural_N, subject)
    else:
        columns = noun_phrase(source, plural_N, np.full(count, subject), source.below(2, count))
        auxiliary_N = source.auxiliary(plural_N)
    transitive_N = np.full(count, int(form != NO_OBJECT))
    return sentence(source, columns, auxiliary_N, np.full(count, form), transitive_N)
