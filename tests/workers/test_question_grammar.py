"""The data set of question formation, read by an independent parser."""

from __future__ import annotations

import hashlib
from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from seedsweep.errors import InputError
from seedsweep.workers.tasks import question_grammar
from seedsweep.workers.tasks.question_data import generate, remix
from seedsweep.workers.tasks.question_grammar import VOCABULARY, WORDS, DataSet, Lines, encode
from tests.workers.question_recogniser import Parse, first_auxiliary, front, parse

SPLITS = ("train", "dev", "test", "gen")


def read(lines: Lines) -> list[tuple[Parse, bool]]:
    """Every encoded line, parsed, its format and output checked: (sentence, whether it is a question)."""
    found = []
    for row in encode(lines).tolist():
        line = [VOCABULARY[token] for token in row]
        used = line.index("<end>") + 1
        assert set(line[used:]) <= {"<pad>"}
        assert line[0] == "<begin>"
        marker = next(place for place, word in enumerate(line) if word in ("quest", "decl"))
        sentence, output = line[1:marker], line[marker + 1 : used - 1]
        parsed = parse(sentence)
        assert output == (front(sentence, parsed.main) if line[marker] == "quest" else sentence)
        found.append((parsed, line[marker] == "quest"))
    return found


def sentences(data: DataSet, split: str) -> list[bytes]:
    return [row.tobytes() for row in getattr(data, split).sentences_NW]


@pytest.fixture(scope="module")
def full() -> DataSet:
    """At the paper's size; it takes about a second."""
    return generate(100_000, 10_000, 10_000, None, False)


def test_the_vocabulary_has_the_datas_68_words() -> None:
    assert len(WORDS) == len(set(WORDS)) == 68
    assert len(VOCABULARY) == len(set(VOCABULARY)) == 71


def test_sizes_and_uniqueness_within_and_across_splits(full: DataSet) -> None:
    assert [len(getattr(full, split)) for split in SPLITS] == [100_000, 1_000, 10_000, 10_000]
    assert len({sentence for split in SPLITS for sentence in sentences(full, split)}) == 121_000


def test_every_line_is_of_the_grammar_and_questions_are_ambiguous(full: DataSet) -> None:
    lines = read(Lines(full.train.sentences_NW[:20_000], full.train.quest_N[:20_000])) + read(full.dev)
    lines += read(full.test)
    assert np.mean([quest for _, quest in lines]) == pytest.approx(0.41, abs=0.01)
    declarations = [parsed for parsed, quest in lines if not quest]
    assert np.mean([parsed.centre_embedded for parsed in declarations]) == pytest.approx(0.29, abs=0.01)
    assert {len(parsed.auxiliaries) for parsed in declarations} == {1, 2, 3}
    for parsed, quest in lines:
        if quest:
            assert not parsed.centre_embedded
            assert first_auxiliary(parsed.words) == parsed.main
    assert any(parsed.object.startswith("relative") for parsed, quest in lines if quest)
    assert max(len(parsed.words) for parsed in declarations) == question_grammar.FULL.longest
    assert {word for parsed, _ in lines for word in parsed.words} == set(WORDS) - {"?", "quest", "decl"}


def test_gen_tells_the_rules_apart_and_its_six_types_are_balanced(full: DataSet) -> None:
    types: Counter[tuple[str, str]] = Counter()
    for parsed, quest in read(full.gen):
        assert quest
        assert parsed.centre_embedded
        assert not parsed.object.startswith("relative")
        first, second = parsed.auxiliaries
        assert {first, second} in ({"do", "don't"}, {"does", "doesn't"})
        assert parsed.words[parsed.main] == second
        types[parsed.number, parsed.subject] += 1
    assert len(types) == 6
    assert set(types.values()) == {1666, 1667}


def test_the_data_set_is_a_pure_function_of_the_settings(full: DataSet) -> None:
    again = generate(100_000, 10_000, 10_000, None, False)
    for split in SPLITS:
        assert sentences(again, split) == sentences(full, split)
        assert np.array_equal(getattr(again, split).quest_N, getattr(full, split).quest_N)


@pytest.mark.parametrize(
    ("arguments", "digest"),
    [
        ((2_000, 500, 60, None, False), "47f601bb8cc723ce"),
        ((2_000, 500, 60, 0.9, False), "4afe58af434d17da"),
        ((2_000, 500, 60, None, True), "b39ee9d64f530b46"),
        ((2_000, 500, 60, 0.5, False, "full", 0.7), "5cfbd9a42a9b145a"),
        ((100_000, 10_000, 10_000, None, False), "dfa32537832c1459"),
        ((5_000, 1_000, 120, 0, False, "small", 0.15), "ee1985c32d38b2a3"),
        ((5_000, 1_000, 120, 0.5, False, "small", 0.15), "b78e42baa1c765fc"),
        ((5_000, 1_000, 120, 1, False, "small", 0.15), "c64d1def23ca81e5"),
        ((2_000, 500, 60, None, False, "full", 0.41, "original"), "c7467fb9ed7bc5e0"),
        ((2_000, 500, 60, 0.9, False, "full", 0.41, "original"), "12d8880a118fb8d1"),
        ((2_000, 500, 60, None, True, "full", 0.41, "original"), "281176d9a14ac373"),
    ],
)
def test_a_data_set_never_changes(arguments: tuple[Any, ...], digest: str) -> None:
    """Digests of the first release, those of the grammar's weights from before there were other types."""
    data, found = generate(*arguments), hashlib.sha256()
    for split in SPLITS:
        lines = getattr(data, split)
        found.update(lines.sentences_NW.tobytes() + lines.quest_N.tobytes())
    assert found.hexdigest()[:16] == digest


def test_mixes_differ_in_their_declarations_only() -> None:
    mixes = {mix: generate(2_000, 500, 60, mix, False) for mix in (0, 0.1, 0.29, 0.5, 1)}
    asked, embedded = [], []
    for mix, data in mixes.items():
        assert len(data.train) == 2_000
        lines = read(data.train)
        declarations = [parsed for parsed, quest in lines if not quest]
        assert np.mean([parsed.centre_embedded for parsed in declarations]) == pytest.approx(mix, abs=1e-3)
        asked.append({" ".join(parsed.words) for parsed, quest in lines if quest})
        embedded.append({" ".join(parsed.words) for parsed in declarations if parsed.centre_embedded})
        for split in ("dev", "test", "gen"):
            assert set(sentences(data, split)) == set(sentences(mixes[0], split))
    assert all(some == asked[0] for some in asked)
    assert all(fewer <= more for fewer, more in pairwise(embedded))
    only = generate(2_000, 500, 60, None, True)
    assert only.train.quest_N.all()
    assert {" ".join(parsed.words) for parsed, _ in read(only.train)} == asked[0]


@pytest.mark.parametrize("types", ["grammar", "original"])
def test_there_may_be_no_declarations(types: str) -> None:
    data = generate(100, 100, 6, None, False, quest_share=0.9995, types=types)
    assert data.train.quest_N.all()
    assert [len(getattr(data, split)) for split in SPLITS] == [100, 1_000, 100, 6]


def test_too_few_distinct_sentences() -> None:
    with pytest.raises(InputError, match="too few distinct sentences for 50000 of a kind; ask for fewer lines"):
        generate(1_000, 1_000, 100_000, None, False, "small")


def test_the_small_grammar_has_the_same_structure_with_fewer_words() -> None:
    data = generate(4_000, 500, 100, 0.5, False, "small", 0.15)
    full = question_grammar.FULL
    lines = read(data.train) + read(data.dev) + read(data.test)
    assert np.mean([quest for _, quest in lines]) == pytest.approx(0.15, abs=0.01)
    used = {word for parsed, _ in lines for word in parsed.words}
    assert used < set(WORDS)
    assert {word for parsed, _ in lines for word in (parsed.subject, parsed.object)} == {
        *("plain", "relative-intransitive", "")
    }
    assert max(len(parsed.words) for parsed, _ in lines) == question_grammar.SMALL.longest < full.longest
    assert all(not parsed.centre_embedded for parsed, quest in lines if quest)
    assert any(parsed.object.startswith("relative") for parsed, quest in lines if quest)
    types: Counter[str] = Counter()
    for parsed, quest in read(data.gen):
        assert quest
        assert parsed.centre_embedded
        assert parsed.object in ("", "plain")
        first, second = parsed.auxiliaries
        assert {first, second} in ({"do", "don't"}, {"does", "doesn't"})
        assert parsed.words[parsed.main] == second
        types[parsed.number] += 1
    assert types == {"singular": 50, "plural": 50}
    distinct = {sentence for split in SPLITS for sentence in sentences(data, split)}
    assert len(distinct) == 4_000 + 1_000 + 500 + 100


@pytest.mark.parametrize("mix", [0, 0.25, 1])
def test_remixing_lines_keeps_the_number_of_declarations(full: DataSet, mix: float) -> None:
    lines = remix(full.test, mix)
    asked = full.test.quest_N.sum()
    assert lines.quest_N.sum() == asked
    declared = Lines(lines.sentences_NW[~lines.quest_N], lines.quest_N[~lines.quest_N])
    assert len(declared) == round(0.29 * 5_900)
    assert question_grammar.centre_embedded(declared.sentences_NW).mean() == pytest.approx(mix, abs=1e-3)
    assert len({row.tobytes() for row in lines.sentences_NW}) == len(lines)


def test_remixing_takes_both_kinds(full: DataSet) -> None:
    with pytest.raises(InputError, match="there are no right-branching ones"):
        remix(full.test.questions(), 0.5)
