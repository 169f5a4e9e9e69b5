"""What a tokenizer offers to prompts: which tokens are real, and which words are one token.

Nothing is assumed of the tokenizer but that it reads text; words and numbers are taken as they stand inside a
sentence, which for byte-level tokenizers is behind a space.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from tokenizers import Tokenizer

from seedsweep.errors import InputError
from seedsweep.formats import counted

FILE = "tokenizer.json"
ABOVE = 3
"""Folders above a checkpoint in which its tokenizer may lie."""
NUMBERS = range(10, 100)
_WORD = re.compile(r"[a-z]{3,8}")


@dataclass(frozen=True)
class Vocabulary:
    """The tokens of a tokenizer."""

    path: Path
    tokenizer: Tokenizer = field(repr=False)

    @property
    def size(self) -> int:
        """One more than the last real token: rows of an embedding beyond it are padding."""
        return 1 + max(self.tokenizer.get_vocab(with_added_tokens=True).values())

    @cached_property
    def ordinary(self) -> list[int]:
        """Tokens of text, ascending: none that were added to the tokenizer, nor the one for what is unknown."""
        not_text = {*self.tokenizer.get_added_tokens_decoder(), self._unknown}
        return sorted({*self.tokenizer.get_vocab(with_added_tokens=True).values()} - not_text)

    @cached_property
    def words(self) -> list[int]:
        """Tokens that are a word of 3 to 8 lower-case letters behind a space, ascending: in byte-pair encodings
        the most frequent first."""
        texts = self.tokenizer.decode_batch([[token] for token in self.ordinary])
        named = [(token, text.strip()) for token, text in zip(self.ordinary, texts, strict=True)]
        named = [(token, word) for token, word in named if _WORD.fullmatch(word)]
        encoded = self.tokenizer.encode_batch([f" {word}" for _, word in named], add_special_tokens=False)
        return [token for (token, _), code in zip(named, encoded, strict=True) if code.ids == [token]]

    @cached_property
    def numbers(self) -> list[int]:
        """Tokens of the numbers of two digits that are one token behind a space."""
        return self.tokens_of([str(number) for number in NUMBERS])

    def tokens_of(self, words: Sequence[str]) -> list[int]:
        """Of those words that are one token behind a space, in their order."""
        encoded = self.tokenizer.encode_batch([f" {word}" for word in words], add_special_tokens=False)
        return [code.ids[0] for code in encoded if len(code.ids) == 1 and code.ids[0] != self._unknown]

    def encode(self, text: str) -> list[int]:
        """Without special tokens. Raises InputError if a word is unknown to the tokenizer."""
        code = self.tokenizer.encode(text, add_special_tokens=False)
        if self._unknown in code.ids:
            start, end = code.offsets[code.ids.index(self._unknown)]
            raise InputError(f"{self.path}: has no token for {text[start:end]!r} in the prompt {text!r}")
        return list(code.ids)

    def text(self, token: int) -> str:
        """As it stands in a sentence, without the space."""
        return str(self.tokenizer.decode([token])).strip()

    def enough(self, probe: str, what: str, tokens: list[int], least: int) -> list[int]:
        """The tokens, if there are so many. Raises InputError that says what a probe would need."""
        if len(tokens) < least:
            raise InputError(
                f"{self.path}: has {counted(len(tokens), 'single token')} for {what}, and the probe {probe} needs "
                f"{least}; leave it out of --suite"
            )
        return tokens

    @cached_property
    def _unknown(self) -> int | None:
        name = getattr(self.tokenizer.model, "unk_token", None)
        return None if name is None else self.tokenizer.token_to_id(name)


def find_tokenizer(checkpoint: Path) -> Path:
    """The nearest `tokenizer.json`: beside a checkpoint, of its seed, of its model, of all. Raises InputError."""
    folders = [checkpoint, *checkpoint.absolute().parents[:ABOVE]]
    for folder in folders:
        if (folder / FILE).is_file():
            return folder / FILE
    raise InputError(f"{checkpoint}: has no {FILE}, and none of the {ABOVE} folders above has one")


def read_vocabulary(path: Path) -> Vocabulary:
    """Raises InputError if the file is no tokenizer."""
    try:
        return Vocabulary(path, Tokenizer.from_file(str(path)))
    except Exception as error:  # the library raises nothing more specific
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"{path}: not a tokenizer: {reason}") from None
