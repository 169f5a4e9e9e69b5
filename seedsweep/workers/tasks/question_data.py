"""The data set of question formation: how many lines of what kind, of sentences that are drawn for it."""

from __future__ import annotations

from functools import partial

import numpy as np

from seedsweep.errors import InputError
from seedsweep.workers.tasks.question_grammar import (
    FULL,
    GRAMMARS,
    DataSet,
    Lines,
    Pools,
    Rows,
    Source,
    centre_embedded,
    distinct,
    noun_phrase,
    sentence,
    unambiguous,
)
from seedsweep.workers.tasks.question_types import original_pools

QUEST_SHARE = 0.41
"""Questions among the lines of the original train, dev and test files; the rest are declarations."""
CENTRE_SHARE = 0.29
"""Centre-embedded sentences among the original's declarations. By the grammar alone they would be more."""
DEV_LINES = 1000


def generate(
    train: int,
    test: int,
    gen: int,
    mix: float | None,
    quest_only: bool,
    grammar: str = "full",
    quest_share: float = QUEST_SHARE,
    types: str = "grammar",
) -> DataSet:
    """The data set of these sizes (lines), a pure function of the arguments; `grammar` is one of `GRAMMARS`.

    `types` says how frequent which sentences are: as the grammar's weights say (`grammar`), or as in the original
    files (`original`, see `question_types`), which are of the full grammar.

    No sentence occurs twice, within a split or across. All mixes have the same questions, dev, test and gen, and
    as many declarations; the centre-embedded ones of a lower mix are among those of a higher. With `quest_only`
    the declarations are left out of train.

    Raises InputError when the grammar does not give that many distinct sentences.
    """
    source = Source(GRAMMARS[grammar])
    centre = CENTRE_SHARE if mix is None else mix
    quest = {lines: round(quest_share * lines) for lines in (train, DEV_LINES, test)}
    declarations = train - quest[train]
    embedded = {lines: round(CENTRE_SHARE * (lines - quest[lines])) for lines in (DEV_LINES, test)}

    # Enough of both kinds for every mix, and never none.
    draw = original_pools if types == "original" else _weighted_pools
    gen_NW, branching_NW, embedding_NW = draw(
        source,
        gen=gen,
        held_out=sum(lines - embedded[lines] for lines in (DEV_LINES, test)),
        train=train,
        embedding=max(1, declarations + sum(embedded.values())),
    )

    def take(rows_NW: Rows, count: int) -> tuple[Rows, Rows]:
        return rows_NW[:count], rows_NW[count:]

    held_out = []
    for lines in (DEV_LINES, test):
        asked_NW, branching_NW = take(branching_NW, quest[lines])
        plain_NW, branching_NW = take(branching_NW, lines - quest[lines] - embedded[lines])
        centre_NW, embedding_NW = take(embedding_NW, embedded[lines])
        held_out.append(_lines(source, asked_NW, plain_NW, centre_NW))
    asked_NW, branching_NW = take(branching_NW, quest[train])
    many = 0 if quest_only else round(centre * declarations)
    few = 0 if quest_only else declarations - many
    return DataSet(
        train=_lines(source, asked_NW, branching_NW[:few], embedding_NW[:many]),
        dev=held_out[0],
        test=held_out[1],
        gen=_lines(source, source.shuffle(gen_NW)),
    )


def remix(lines: Lines, mix: float) -> Lines:
    """The lines with all their questions and as many declarations at every mix: as the rarer kind has.

    Raises InputError when there are no declarations of one kind.
    """
    centre_N = centre_embedded(lines.sentences_NW)
    branching_N, embedding_N = (np.flatnonzero(~lines.quest_N & kind) for kind in (~centre_N, centre_N))
    available = min(len(branching_N), len(embedding_N))
    if available == 0:
        kind = "centre-embedded" if len(branching_N) else "right-branching"
        raise InputError(f"a mix takes declarations of both kinds, and there are no {kind} ones among the lines")
    source, many = Source(FULL), round(mix * available)
    branching_N, embedding_N = source.shuffle(branching_N), source.shuffle(embedding_N)
    kept_N = np.concatenate([np.flatnonzero(lines.quest_N), branching_N[: available - many], embedding_N[:many]])
    return Lines(lines.sentences_NW[kept_N], lines.quest_N[kept_N])


def _weighted_pools(source: Source, gen: int, held_out: int, train: int, embedding: int) -> Pools:
    """Pools of these sizes by the grammar's weights; `held_out` and `train` are the right-branching sentences."""
    seen: set[bytes] = set()
    kinds = [(number, form) for number in (0, 1) for form in source.grammar.clauses]
    sizes = [gen // len(kinds) + (rank < gen % len(kinds)) for rank in range(len(kinds))]
    gen_NW = np.concatenate(
        [
            distinct(size, seen, partial(_unambiguous, source, number, form))
            for size, (number, form) in zip(sizes, kinds, strict=True)
        ]
    )
    # Short sentences run out first, so the order is shuffled before it is cut.
    branching_NW = source.shuffle(distinct(held_out + train, seen, partial(_sentences, source, False)))
    embedding_NW = source.shuffle(distinct(embedding, seen, partial(_sentences, source, True)))
    return Pools(gen_NW, branching_NW, embedding_NW)


def _sentences(source: Source, embed: bool, count: int) -> Rows:
    """Any sentences with a relative clause on the subject, or with none there, by the grammar's weights.

    Forms are equally frequent, and so are the kinds of relative clause: in the full grammar 2 : 2 : 1 + 1.
    Half of the sentences have an object.
    """
    grammar, plural_N = source.grammar, source.below(2, count)
    form_N = source.form(grammar.clauses if embed else grammar.phrases, count)
    clause = -1
    object_form_N = source.form((*grammar.phrases, clause), count)
    object_form_N = np.where(object_form_N == clause, source.form(grammar.clauses, count), object_form_N)
    subject = noun_phrase(source, plural_N, form_N, source.below(2, count))
    return sentence(source, subject, source.auxiliary(plural_N), object_form_N, source.below(2, count))


def _unambiguous(source: Source, number: int, form: int, count: int) -> Rows:
    """Sentences of gen, half of them with an object, which has no clause."""
    subject, auxiliary_N = unambiguous(source, np.full(count, number), form)
    return sentence(
        source, subject, auxiliary_N, source.form(source.grammar.phrases, count), source.below(2, count)
    )


def _lines(source: Source, asked_NW: Rows, *declared: Rows) -> Lines:
    """Lines in a random order, the first group as questions."""
    sentences_NW = np.concatenate([asked_NW, *declared])
    order_N = source.shuffle(np.arange(len(sentences_NW)))
    return Lines(sentences_NW[order_N], order_N < len(asked_NW))
