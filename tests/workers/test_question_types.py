"""Question formation with types as frequent as in the original files.

Their counts are in question-types.csv, in lines of train, dev, test and gen.
"""

from __future__ import annotations

import csv
import math
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import chi2, chi2_contingency

from seedsweep.workers.tasks.question_data import generate
from seedsweep.workers.tasks.question_grammar import (
    FULL,
    NO_OBJECT,
    PLAIN,
    PREPOSITIONAL,
    RELATIVE_INTRANSITIVE,
    RELATIVE_OBJECT,
    RELATIVE_TRANSITIVE,
    VOCABULARY,
    DataSet,
    Source,
)
from seedsweep.workers.tasks.question_types import (
    GEN_FO,
    HELD_OUT_FO,
    OBJECTS,
    SUBJECTS,
    TRAIN_FO,
    capacity,
    original_pools,
)
from tests.workers.question_recogniser import CODES, Parse, first_auxiliary, parse, type_of
from tests.workers.test_question_grammar import SPLITS, read, sentences

Types = Counter[tuple[bool, str]]
"""Lines by whether they are questions and by their type."""

FORMS = {
    "": NO_OBJECT,
    "plain": PLAIN,
    "prepositional": PREPOSITIONAL,
    "relative-intransitive": RELATIVE_INTRANSITIVE,
    "relative-transitive": RELATIVE_TRANSITIVE,
    "relative-object": RELATIVE_OBJECT,
}
"""By the recogniser's names."""
SHORT = ("plain", "")
"""Subject and object of `the yak does sleep`, a pair of forms with 2808 sentences."""


def original(*columns: str) -> Types:
    """Counts of the original files."""
    counts: Types = Counter()
    with (Path(__file__).parent / "question-types.csv").open() as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            for column in columns:
                counts[row["kind"] == "quest", row["type"]] += int(row[column])
    return +counts


def types_of(lines: list[tuple[Parse, bool]]) -> Types:
    return Counter((quest, type_of(parsed.words)) for parsed, quest in lines)


def only(counts: Types, wanted: Callable[[bool, str, str], bool]) -> Types:
    """The counts of some questions or declarations, subjects and objects."""
    return Counter({(quest, code): n for (quest, code), n in counts.items() if wanted(quest, *pair(code))})


def declaration_with_subject(kinds: tuple[str, ...]) -> Callable[[bool, str, str], bool]:
    """For `only`: whether the subject of a declaration begins with one of these words."""
    return lambda quest, subject, _: not quest and subject.startswith(kinds)


@cache
def pair(code: str) -> tuple[str, str]:
    """Forms of the subject and the object of a type."""
    parsed = parse([*(min(CODES[symbol]) for symbol in code.split()), "."])
    return parsed.subject, parsed.object


def same_proportions(ours: Types, theirs: Types) -> float:
    """p of the chi-square test that both are samples of one distribution, rare types together."""
    table = np.array([[counts[key] for key in sorted(ours.keys() | theirs.keys())] for counts in (ours, theirs)])
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    rare = expected.min(axis=0) < 5
    table = np.column_stack([table[:, ~rare], table[:, rare].sum(axis=1)])
    return chi2_contingency(table[:, table.any(axis=0)]).pvalue


@pytest.fixture(scope="module")
def paper() -> DataSet:
    """At the paper's size."""
    return generate(100_000, 10_000, 10_000, None, False, types="original")


@pytest.fixture(scope="module")
def sampled() -> DataSet:
    """With as many lines of train as were counted."""
    return generate(20_000, 10_000, 10_000, None, False, types="original")


@pytest.mark.parametrize(
    ("table_FO", "columns"),
    [(TRAIN_FO, ["train_20k"]), (HELD_OUT_FO, ["dev", "test"]), (GEN_FO, ["gen"])],
    ids=["train", "held out", "gen"],
)
def test_the_tables_reproduce_the_original_counts_of_all_types(table_FO: np.ndarray, columns: list[str]) -> None:
    counts = original(*columns)
    pairs: Counter[tuple[int, int]] = Counter()
    subjects: Counter[tuple[bool, str]] = Counter()
    for (quest, code), lines in counts.items():
        subject, form = pair(code)
        pairs[FORMS[subject], FORMS[form]] += lines
        subjects[quest, subject] += lines
    assert table_FO.tolist() == [[pairs[subject, form] for form in OBJECTS] for subject in SUBJECTS]

    # A pair's lines are shared equally by its types, one for every choice of the nouns' numbers, and by questions
    # and declarations as their subjects are. In gen the noun in an object relative has no choice.
    expected = {}
    for quest, code in counts:
        subject, form = pair(code)
        choices = 2 ** (code.count("N") - (columns == ["gen"] and subject == "relative-object"))
        share = subjects[quest, subject] / (subjects[True, subject] + subjects[False, subject])
        expected[quest, code] = share * pairs[FORMS[subject], FORMS[form]] / choices
    cells = np.array([(counts[key], expected[key]) for key in counts])
    # Hardly a type is missing in the files.
    assert cells[:, 1].sum() == pytest.approx(counts.total(), rel=1e-3)
    rare = cells[:, 1] < 5
    cells = np.vstack([cells[~rare], cells[rare].sum(axis=0)]) if rare.any() else cells
    fitted = len(pairs) + len(subjects) - len({subject for _, subject in subjects})
    statistic = ((cells[:, 0] - cells[:, 1]) ** 2 / cells[:, 1]).sum()
    assert chi2.sf(statistic, len(cells) - fitted) > 0.01


@pytest.mark.parametrize(("split", "column"), [("train", "train_20k"), *((name, name) for name in SPLITS[1:])])
def test_types_are_as_frequent_as_in_the_original_files(sampled: DataSet, split: str, column: str) -> None:
    assert same_proportions(types_of(read(getattr(sampled, split))), original(column)) > 0.01


@pytest.mark.parametrize(("split", "column"), [("train", "train_20k"), ("test", "test"), ("gen", "gen")])
def test_by_the_grammars_weights_they_are_not(split: str, column: str) -> None:
    weighted = generate(20_000, 10_000, 10_000, None, False)
    assert same_proportions(types_of(read(getattr(weighted, split))), original(column)) < 1e-6


def test_every_sentence_is_of_the_grammar_and_there_only_once(paper: DataSet) -> None:
    assert [len(getattr(paper, split)) for split in SPLITS] == [100_000, 1_000, 10_000, 10_000]
    assert len({sentence for split in SPLITS for sentence in sentences(paper, split)}) == 121_000
    lines = {split: read(getattr(paper, split)) for split in SPLITS}  # parses all of them
    for split in ("train", "dev", "test"):
        assert np.mean([quest for _, quest in lines[split]]) == pytest.approx(0.41, abs=1e-3)
        declared = [parsed.centre_embedded for parsed, quest in lines[split] if not quest]
        assert np.mean(declared) == pytest.approx(0.29, abs=1e-3)
        assert all(first_auxiliary(parsed.words) == parsed.main for parsed, quest in lines[split] if quest)
    for parsed, quest in lines["gen"]:
        assert quest
        assert parsed.centre_embedded
        assert not parsed.object.startswith("relative")
        first, second = parsed.auxiliaries
        assert {first, second} in ({"do", "don't"}, {"does", "doesn't"})
        assert parsed.words[parsed.main] == second


def test_a_pair_of_forms_that_runs_out_leaves_its_lines_to_the_others_in_proportion(paper: DataSet) -> None:
    counts = types_of(read(paper.train))
    short = only(counts, lambda _, *forms: forms == SHORT).total()
    # Of 2808 those that are held out are missing, and those among the declarations that this mix leaves out.
    assert short == pytest.approx((2808 - 65) * (41_000 + 0.71 * 59_000) / 100_000, rel=0.02)
    others = [only(some, lambda _, *forms: forms != SHORT) for some in (counts, original("train_20k"))]
    assert same_proportions(*others) > 0.01
    # What is held out does not depend on how much train takes.
    assert same_proportions(types_of(read(paper.test)), original("test")) > 0.01

    pools = original_pools(Source(FULL), gen=60, held_out=1_000, train=100_000, embedding=100)
    drawn = Counter(type_of([VOCABULARY[token] for token in row if token]) for row in pools.branching_NW.tolist())
    assert sum(lines for code, lines in drawn.items() if pair(code) == SHORT) == 2808


@pytest.mark.parametrize("of_gen", [False, True])
def test_there_are_as_many_sentences_as_choices_of_words(of_gen: bool) -> None:
    counted: Counter[tuple[int, int]] = Counter()
    for code in {code for _, code in original(*(["gen"] if of_gen else ["train_20k", "dev", "test"]))}:
        subject, form = pair(code)
        choices = math.prod(len(CODES[symbol]) for symbol in code.split())
        # Of gen the main auxiliary has no choice.
        counted[FORMS[subject], FORMS[form]] += choices // (2 if of_gen else 1)
    pairs = [(subject, form) for subject in SUBJECTS for form in OBJECTS]
    found = dict(zip(pairs, capacity(FULL, of_gen).tolist(), strict=True))
    assert len(counted) == (9 if of_gen else 30)
    assert counted.items() <= found.items()


@pytest.mark.parametrize("split", ["train", "gen"])
def test_words_are_equally_frequent_in_every_place_of_a_type(paper: DataSet, split: str) -> None:
    by_type = defaultdict(list)
    for parsed, _ in read(getattr(paper, split)):
        by_type[type_of(parsed.words)].append(parsed.words)
    statistic, free = 0.0, 0
    for code, lines in by_type.items():
        if len(lines) < 200 or pair(code) == SHORT:  # of which most are drawn
            continue
        auxiliaries = [place for place, symbol in enumerate(code.split()) if symbol in ("As", "Ap")]
        for place, symbol in enumerate(code.split()):
            if split == "gen" and place == auxiliaries[1]:  # follows from the first
                continue
            counts = Counter(words[place] for words in lines)
            observed = np.array([counts[word] for word in CODES[symbol]])
            statistic += ((observed - observed.mean()) ** 2 / observed.mean()).sum()
            free += len(observed) - 1
    assert free > 300
    assert chi2.sf(statistic, free) > 0.01


def test_words_of_the_shortest_sentences_are_equally_frequent_too() -> None:
    data = generate(1_000, 100, 60, None, False, types="original")
    short = [parsed.words for parsed, _ in read(data.train) if (parsed.subject, parsed.object) == SHORT]
    assert len(short) > 100
    for place, allowed in ((0, CODES["D"]), (1, CODES["Ns"] | CODES["Np"]), (3, CODES["I"])):
        counts = Counter(words[place] for words in short)
        observed = np.array([counts[word] for word in allowed])
        assert chi2.sf(((observed - observed.mean()) ** 2 / observed.mean()).sum(), len(observed) - 1) > 0.01


def test_a_mix_keeps_the_proportions_of_both_kinds_of_declarations() -> None:
    mixes = {mix: generate(20_000, 500, 60, mix, False, types="original") for mix in (0, 0.9, 1)}
    asked, embedded = [], []
    for mix, data in mixes.items():
        lines = read(data.train)
        assert len(lines) == 20_000
        declared = [parsed for parsed, quest in lines if not quest]
        assert np.mean([parsed.centre_embedded for parsed in declared]) == pytest.approx(mix, abs=1e-3)
        asked.append({" ".join(parsed.words) for parsed, quest in lines if quest})
        embedded.append({" ".join(parsed.words) for parsed in declared if parsed.centre_embedded})
        for split in ("dev", "test", "gen"):
            assert sentences(data, split) == sentences(mixes[0], split)
        for kind in (("plain", "prepositional"), ("relative-",)):
            ours, theirs = (
                only(counts, declaration_with_subject(kind)) for counts in (types_of(lines), original("train_20k"))
            )
            assert not ours or same_proportions(ours, theirs) > 0.01
    assert all(some == asked[0] for some in asked)
    assert all(fewer <= more for fewer, more in pairwise(embedded))
    questions = generate(20_000, 500, 60, None, True, types="original").train
    assert questions.quest_N.all()
    assert {" ".join(parsed.words) for parsed, _ in read(questions)} == asked[0]


def test_another_share_of_questions_keeps_their_proportions() -> None:
    data = generate(5_000, 500, 60, None, False, quest_share=0.7, types="original")
    assert data.train.quest_N.mean() == pytest.approx(0.7)
    ours, theirs = (
        only(counts, lambda quest, *_: quest) for counts in (types_of(read(data.train)), original("train_20k"))
    )
    assert same_proportions(ours, theirs) > 0.01
