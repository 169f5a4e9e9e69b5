"""Prompts are what the definitions say, for a tokenizer of words and for one of byte pairs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.trainers import BpeTrainer

from seedsweep.errors import ArgumentError, InputError
from seedsweep.workers.probing.prompts import (
    DEFAULT,
    NAMES,
    OBJECTS,
    PLACES,
    PROMPTS,
    SUITE,
    Prompts,
    check_suite,
    make_prompts,
)
from seedsweep.workers.probing.vocabulary import NUMBERS, Vocabulary, read_vocabulary
from tests.workers.probing.conftest import FURTHER, TEMPLATE, WORDS, word_level

SPECIAL = "<|endoftext|>"


def byte_pairs() -> Tokenizer:
    """As GPT-2's and GPT-NeoX's are made, of a text that has every word of the prompts often."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = ByteLevelDecoder()
    words = [*TEMPLATE, *NAMES, *PLACES, *OBJECTS, *FURTHER, *map(str, NUMBERS)]
    text = [f"{word} {word} {word}\n1. {word}\n2. {word}\n" for word in words for _ in range(20)]
    trainer = BpeTrainer(
        vocab_size=2000, special_tokens=[SPECIAL], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(text, trainer)
    return tokenizer


@pytest.fixture(scope="module", params=["words", "byte pairs"])
def vocabulary(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    file = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    (word_level() if request.param == "words" else byte_pairs()).save(str(file))
    return read_vocabulary(file)


def read(vocabulary: Vocabulary, prompts: Prompts) -> list[str]:
    """Each prompt as a person reads it, up to its last query."""
    return [
        " ".join(vocabulary.text(token) for token in row[: last + 1])
        for row, last in zip(prompts.tokens_BT.tolist(), prompts.query_BQ[:, -1], strict=True)
    ]


def answers(vocabulary: Vocabulary, prompts: Prompts) -> list[str]:
    return [vocabulary.text(token) for token in prompts.answer_BQ[:, -1].tolist()]


def test_copy_is_eight_numbers_and_seven_of_them_again(vocabulary: Vocabulary) -> None:
    prompts = make_prompts("copy", vocabulary, 0, None)
    for text, answer in zip(read(vocabulary, prompts), answers(vocabulary, prompts), strict=True):
        numbers = text.split()
        assert len(numbers) == 15
        assert numbers[:7] == numbers[8:]
        assert numbers[7] == answer
        assert len(set(numbers)) == 8
        assert {int(number) for number in numbers} <= set(NUMBERS)
    assert prompts.earlier_BQT.sum() == PROMPTS
    assert (prompts.earlier_BQT.argmax(axis=2) == 7).all()


def test_repeat_is_25_tokens_twice(vocabulary: Vocabulary) -> None:
    prompts = make_prompts("repeat", vocabulary, 0, None)
    once_BL, again_BL = np.split(prompts.tokens_BT, 2, axis=1)
    assert once_BL.shape == (PROMPTS, 25)
    assert (once_BL == again_BL).all()
    assert all(len(set(row)) == 25 for row in once_BL.tolist())
    assert set(once_BL.ravel().tolist()) <= set(vocabulary.ordinary)
    assert prompts.first_BQ is not None
    for query_BQ in (prompts.query_BQ, prompts.first_BQ):  # what comes behind either query is the answer
        assert (np.take_along_axis(prompts.tokens_BT, query_BQ + 1, axis=1) == prompts.answer_BQ).all()
    # Prefix matching: from t to t − L + 1.
    assert (prompts.earlier_BQT.sum(axis=2) == 1).all()
    assert (prompts.earlier_BQT.argmax(axis=2) == prompts.query_BQ - 25 + 1).all()


def test_pattern_goes_on(vocabulary: Vocabulary) -> None:
    prompts = make_prompts("pattern", vocabulary, 0, None)
    seen = set()
    for text, answer in zip(read(vocabulary, prompts), answers(vocabulary, prompts), strict=True):
        words = text.split()
        period = len(set(words))
        assert words[period:] == words[:-period]
        assert answer == words[-period]
        assert 3 * period <= len(words) < 4 * period
        seen.add((period, len(words) - 3 * period))
    assert seen == {(2, 0), (2, 1), (3, 0), (3, 1), (3, 2)}
    assert (prompts.earlier_BQT.sum(axis=2) == 3).all()


def test_ioi_names_either_first(vocabulary: Vocabulary) -> None:
    prompts = make_prompts("ioi", vocabulary, 0, None)
    assert prompts.rival_BQ is not None
    a_is_first = 0
    for text, answer, rival in zip(
        read(vocabulary, prompts), answers(vocabulary, prompts), prompts.rival_BQ[:, 0].tolist(), strict=True
    ):
        when, first, and_, second, *went, place, comma, giver, gave, a, thing, to = text.split()
        assert [when, and_, *went, comma, gave, a, to] == "When and went to the , gave a to".split()  # noqa: SIM905
        assert (place in PLACES, thing in OBJECTS) == (True, True)
        assert giver == vocabulary.text(rival)
        assert {answer, giver} == {first, second}
        a_is_first += answer == first
    assert a_is_first == PROMPTS / 2
    assert (prompts.earlier_BQT.sum(axis=2) == 1).all()


def test_list_goes_on_with_what_stood_nowhere(vocabulary: Vocabulary) -> None:
    prompts = make_prompts("list", vocabulary, 0, None)
    assert set(answers(vocabulary, prompts)) == {"4"}
    assert [text.split()[0] for text in read(vocabulary, prompts)] == ["1"] * PROMPTS
    assert not prompts.earlier_BQT.any()


@pytest.mark.parametrize("probe", SUITE)
def test_bos_comes_first_and_moves_everything(vocabulary: Vocabulary, probe: str) -> None:
    without, with_bos = (make_prompts(probe, vocabulary, 3, bos) for bos in (None, 1))
    assert (with_bos.tokens_BT[:, 0] == 1).all()
    assert (with_bos.tokens_BT[:, 1:] == without.tokens_BT).all()
    assert (with_bos.query_BQ == without.query_BQ + 1).all()
    assert (with_bos.answer_BQ == without.answer_BQ).all()
    if without.first_BQ is not None:
        assert with_bos.first_BQ is not None
        assert (with_bos.first_BQ == without.first_BQ + 1).all()


@pytest.mark.parametrize("probe", SUITE)
def test_prompts_follow_from_their_seed(vocabulary: Vocabulary, probe: str) -> None:
    first, same, other = (make_prompts(probe, vocabulary, seed, None) for seed in (0, 0, 1))
    assert (first.tokens_BT == same.tokens_BT).all()
    assert first.tokens_BT.shape != other.tokens_BT.shape or (first.tokens_BT != other.tokens_BT).any()
    assert len({tuple(row) for row in first.tokens_BT.tolist()}) > PROMPTS * 0.9


def test_words_are_tokens_of_the_tokenizer(vocabulary: Vocabulary) -> None:
    names = [vocabulary.text(token) for token in vocabulary.tokens_of(NAMES)]
    assert names == [name for name in NAMES if name in names]
    assert len(names) == (12 if "[UNK]" in vocabulary.tokenizer.get_vocab() else len(NAMES))
    assert {"office", "park", "blue"} <= {vocabulary.text(token) for token in vocabulary.words}
    assert vocabulary.size == vocabulary.tokenizer.get_vocab_size(with_added_tokens=True)
    assert not set(vocabulary.ordinary) & {vocabulary.tokenizer.token_to_id(name) for name in ("[BOS]", SPECIAL)}


def without(*words: str) -> list[str]:
    return [word for word in WORDS if word not in words]


@pytest.mark.parametrize(
    ("words", "probe", "message"),
    [
        (without(*map(str, range(10, 18))), "copy", "has 6 single tokens for numbers of two digits, and"),
        (WORDS[:20], "repeat", "has 18 single tokens for text, and the probe repeat needs 25; leave it out of"),
        (without(*FURTHER), "pattern", "single tokens for words of 3 to 8 lower-case letters, and the probe"),
        (without(*NAMES[:8]), "ioi", "has 4 single tokens for first names, and the probe ioi needs 8"),
        (without("gave"), "ioi", "has no token for 'gave' in the prompt 'When "),
        (without("4"), "list", "has no token for '4' in the prompt '1. "),
    ],
)  # fmt: skip
def test_too_few_words_are_one_line(tmp_path: Path, words: list[str], probe: str, message: str) -> None:
    file = tmp_path / "tokenizer.json"
    word_level(words).save(str(file))
    with pytest.raises(InputError) as refused:
        make_prompts(probe, read_vocabulary(file), 0, None)
    assert str(refused.value).startswith(f"{file}: ")
    assert message in str(refused.value)


def test_a_suite_is_checked() -> None:
    assert check_suite(["list", "copy", "copy"]) == ("copy", "list")
    assert check_suite(DEFAULT) == ("copy", "repeat", "pattern", "ioi")
    with pytest.raises(ArgumentError, match=r"suite=coppy: is not one of copy, .* \(did you mean 'copy'\?\)"):
        check_suite(["coppy"])
    with pytest.raises(ArgumentError, match="names no probe"):
        check_suite([])


def test_no_tokenizer_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "tokenizer.json"
    file.write_text("{}")
    with pytest.raises(InputError, match=r"tokenizer\.json: not a tokenizer: "):
        read_vocabulary(file)
